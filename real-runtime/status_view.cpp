#include "real-runtime/status_view.hpp"

#include "real-runtime/api_text.hpp"
#include "real-runtime/cluster_json.hpp"
#include "real-runtime/job_json.hpp"
#include "real-runtime/shadow_board.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace drydock::runtime {

namespace {

using nlohmann::json;

// The newest attempts, found by their key from the end: there is no index by time, which would cost each job.
std::string status_query(const std::string& schema) {
  return fmt::format(
      "with newest as (select outcome, ended_at > clock_timestamp() - interval '{1} s' as lately from {0}.allocations "
      "where part = 0 order by job desc, attempt desc limit {2}) select json_build_object("
      "'seen', (select count(*) from newest), "
      "'completed', (select count(*) from newest where lately and outcome = 0), "
      "'failed', (select count(*) from newest where lately and outcome in (1, 5)), "
      "'oldest', (select json_build_object('job', id, 'age_s', extract(epoch from clock_timestamp() - submitted_at)) from "
      "(select id, submitted_at, state, arrival from {0}.job_states where arrival >= (select mark from {0}.intake) "
      "order by arrival limit {2}) first where state = 0 order by arrival limit 1))",
      schema, StatusView::kRateSeconds, StatusView::kMostLookedAt);
}

}  // namespace

std::int64_t StatusView::waiting() const {
  std::int64_t sum = 0;
  for (const QueueCount& queue : tally.queues) sum += queue.waiting;
  return sum;
}

std::int64_t StatusView::running() const {
  std::int64_t sum = 0;
  for (const QueueCount& queue : tally.queues) sum += queue.running;
  return sum;
}

Result<StatusView> read_status(ApiStores& stores) {
  auto cluster = read_cluster(stores);
  if (!cluster) return cluster.error();
  const auto leader = read_leader(stores);
  if (!leader) return leader.error();
  const auto tally = stores.tally();
  if (!tally) return tally.error();
  StatusView view{.leader = leader.value(), .cluster = std::move(cluster).value(), .tally = tally.value(), .rates = {}};
  // What another version left there is nothing to people who look at jobs.
  const auto shadow = stores.with_redis([](RedisClient& redis) { return read_shadow(redis); });
  if (shadow) view.shadow = shadow.value();
  const auto text = stores.with_postgres([&](PostgresClient& store) { return store.run(status_query(stores.schema())); });
  if (!text) return text.error();
  const json row = json::parse(text.value(), nullptr, false);
  if (!row.is_object()) return Error{"PostgreSQL answered in another shape than this program expects"};
  view.rates.completed_per_s = row.at("completed").get<double>() / StatusView::kRateSeconds;
  view.rates.failed_per_s = row.at("failed").get<double>() / StatusView::kRateSeconds;
  view.rates.complete = row.at("seen").get<int>() < StatusView::kMostLookedAt;
  if (const json& oldest = row.at("oldest"); oldest.is_object()) {
    view.oldest = {JobId{oldest.at("job").get<std::uint64_t>()}, oldest.at("age_s").get<double>()};
  }
  return view;
}

json to_json(const StatusView& view, const std::vector<std::string>& pools) {
  json all{{"schema", "drydock-status/1"},
           {"leader", nullptr},
           {"cpus",
            {{"has", cores_json(view.cluster.capacity().cpus())},
             {"allocated", cores(view.cluster.truth.cpus)},
             {"counter", view.cluster.counter_cpus_milli ? json(cores(*view.cluster.counter_cpus_milli)) : json()}}},
           {"jobs_waiting", view.waiting()},
           {"jobs_running", view.running()},
           {"all_jobs_counted", view.tally.complete},
           {"completed_per_s", view.rates.completed_per_s},
           {"failed_per_s", view.rates.failed_per_s},
           {"all_ends_counted", view.rates.complete},
           {"oldest_waiting", nullptr},
           {"shadow", view.shadow ? json::parse(to_json(*view.shadow)) : json()},
           {"queues", json::array()},
           {"workers", json::array()},
           {"workers_unreadable", view.cluster.unreadable}};
  if (view.leader.left > Duration{0}) {
    all["leader"] = {
        {"name", view.leader.holder}, {"epoch", view.leader.epoch}, {"lease_left_s", seconds(view.leader.left)}};
  }
  if (view.oldest) all["oldest_waiting"] = {{"job", view.oldest->job.value}, {"age_s", view.oldest->age_s}};
  for (const QueueCount& queue : view.tally.queues) all["queues"].push_back(to_json(queue));
  for (const SeenWorker& worker : view.cluster.workers) all["workers"].push_back(to_json(worker, pools));
  return all;
}

}  // namespace drydock::runtime

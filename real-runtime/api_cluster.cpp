#include "real-runtime/api_cluster.hpp"

#include "real-runtime/api_text.hpp"
#include "real-runtime/cluster_json.hpp"
#include "real-runtime/job_json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace drydock::runtime {

namespace {

using nlohmann::json;

json resources_of(const ClusterView& view, const JobTally& tally) {
  const Resources capacity = view.capacity();
  const HeldByWorker held = view.held();
  std::int64_t waiting = 0;
  std::int64_t running = 0;
  for (const QueueCount& queue : tally.queues) {
    waiting += queue.waiting;
    running += queue.running;
  }
  json resources{{"total_cpus", cores_json(capacity.cpus())},
                 {"allocated_cpus", cores(view.truth.cpus)},
                 {"available_cpus", json()},
                 {"utilization", json()},
                 {"total_memory_bytes", amount_json(capacity.memory())},
                 {"allocated_memory_bytes", held.memory_bytes},
                 {"total_gpus", amount_json(capacity.gpus())},
                 {"allocated_gpus", held.gpus},
                 {"counter_cpus", view.counter_cpus_milli ? json(cores(*view.counter_cpus_milli)) : json()},
                 {"truth_cpus", cores(view.truth.cpus)},
                 {"workers_alive", view.workers.size()},
                 {"workers_draining", view.draining()},
                 {"workers_unreadable", view.unreadable},
                 {"jobs_waiting", waiting},
                 {"jobs_running", running},
                 {"all_jobs_counted", tally.complete}};
  if (capacity.cpus() < kUnlimited) {
    resources["available_cpus"] = cores(std::max<std::int64_t>(0, capacity.cpus() - view.truth.cpus));
    if (capacity.cpus() > 0) {
      resources["utilization"] = static_cast<double>(view.truth.cpus) / static_cast<double>(capacity.cpus());
    }
  }
  return resources;
}

}  // namespace

HttpResponse list_workers(ApiStores& stores, const HttpRequest& request, const std::vector<std::string>& pools) {
  if (auto wrong = unknown_parameter(request, {})) return *wrong;
  const auto view = read_cluster(stores);
  if (!view) return store_response(request, view.error());
  json body{{"workers", json::array()}, {"unreadable", view.value().unreadable}};
  for (const SeenWorker& worker : view.value().workers) body["workers"].push_back(to_json(worker, pools));
  return json_response(200, body);
}

HttpResponse list_queues(ApiStores& stores, const HttpRequest& request) {
  if (auto wrong = unknown_parameter(request, {})) return *wrong;
  const auto tally = stores.tally();
  if (!tally) return store_response(request, tally.error());
  json body{{"queues", json::array()}, {"all_jobs_counted", tally.value().complete}};
  for (const QueueCount& queue : tally.value().queues) body["queues"].push_back(to_json(queue));
  return json_response(200, body);
}

HttpResponse show_dashboard(ApiStores& stores, const HttpRequest& request) {
  if (auto wrong = unknown_parameter(request, {})) return *wrong;
  const auto view = read_cluster(stores);
  if (!view) return store_response(request, view.error());
  const auto tally = stores.tally();
  if (!tally) return store_response(request, tally.error());
  const auto leader = read_leader(stores);
  if (!leader) return store_response(request, leader.error());
  json body{{"resources", resources_of(view.value(), tally.value())}, {"leader", nullptr}};
  if (leader.value().left > Duration{0}) {
    body["leader"] = {
        {"name", leader.value().holder}, {"epoch", leader.value().epoch}, {"lease_left_s", seconds(leader.value().left)}};
  }
  return json_response(200, body);
}

}  // namespace drydock::runtime

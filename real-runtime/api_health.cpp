#include "real-runtime/api_health.hpp"

#include "real-runtime/api_text.hpp"
#include "real-runtime/cluster_view.hpp"
#include "real-runtime/shadow_board.hpp"

#include <cmath>
#include <fmt/format.h>
#include <iterator>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace drydock::runtime {

namespace {

using nlohmann::json;

// Families of gauges, and of counters that others count, in Prometheus' text format.
class Gauges {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string>>;

  void family(std::string_view name, std::string_view help, std::string_view type = "gauge") {
    name_ = name;
    fmt::format_to(std::back_inserter(text_), "# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
  }
  void sample(double value, const Labels& labels = {}) {
    text_ += name_;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      fmt::format_to(std::back_inserter(text_), "{}{}=\"{}\"", i == 0 ? "{" : ",", labels[i].first,
                     escaped(labels[i].second));
    }
    text_ += labels.empty() ? " " : "} ";
    text_ += std::isinf(value) ? "+Inf\n" : fmt::format("{}\n", value);
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  static std::string escaped(const std::string& value) {
    std::string result;
    for (const char c : value) {
      if (c == '\\' || c == '"') result += '\\';
      if (c == '\n') result += "\\n";
      else result += c;
    }
    return result;
  }

  std::string name_;
  std::string text_;
};

// As much as anybody wants.
double or_infinite(double value, std::int64_t amount) {
  return amount >= kUnlimited ? std::numeric_limits<double>::infinity() : value;
}

void add_cluster(Gauges& gauges, const ClusterView& view) {
  const Resources capacity = view.capacity();
  const HeldByWorker held = view.held();
  gauges.family("drydock_workers", "Workers in the registry, by what they do.");
  gauges.sample(static_cast<double>(view.workers.size() - view.draining()), {{"status", "ready"}});
  gauges.sample(static_cast<double>(view.draining()), {{"status", "draining"}});
  gauges.family("drydock_worker_cpus", "Cores of all workers in the registry.");
  gauges.sample(or_infinite(cores(capacity.cpus()), capacity.cpus()));
  gauges.family("drydock_worker_gpus", "GPUs of all workers in the registry.");
  gauges.sample(or_infinite(static_cast<double>(capacity.gpus()), capacity.gpus()));
  gauges.family("drydock_allocated_cpus", "Cores allocated, by who says so: the database, or the counter in Redis.");
  gauges.sample(cores(view.truth.cpus), {{"by", "truth"}});
  if (view.counter_cpus_milli) gauges.sample(cores(*view.counter_cpus_milli), {{"by", "counter"}});
  gauges.family("drydock_allocated_gpus", "GPUs allocated, by the database.");
  gauges.sample(static_cast<double>(held.gpus));
  gauges.family("drydock_allocated_memory_bytes", "Memory allocated, by the database.");
  gauges.sample(static_cast<double>(held.memory_bytes));
}

void add_jobs(Gauges& gauges, const JobTally& tally) {
  gauges.family("drydock_jobs", "Jobs that have not ended, by queue and state.");
  for (const QueueCount& queue : tally.queues) {
    gauges.sample(static_cast<double>(queue.waiting), {{"queue", queue.name}, {"state", "waiting"}});
    gauges.sample(static_cast<double>(queue.running), {{"queue", queue.name}, {"state", "running"}});
  }
  gauges.family("drydock_jobs_all_counted", "Whether drydock_jobs has all jobs; else only the newest were looked at.");
  gauges.sample(tally.complete ? 1 : 0);
}

void add_shadow(Gauges& gauges, const ShadowReport& report) {
  const std::string& name = report.name;
  const auto count = [](std::uint64_t value) { return static_cast<double>(value); };
  gauges.family("drydock_shadow_up", "Whether the leader's shadow policy decides; 0: it was switched off.");
  gauges.sample(report.off ? 0 : 1, {{"shadow", name}});
  gauges.family("drydock_shadow_moments_total", "Moments at which the leader decided, by what its shadow policy did.",
                "counter");
  gauges.sample(count(report.equal), {{"shadow", name}, {"result", "equal"}});
  gauges.sample(count(report.different), {{"shadow", name}, {"result", "different"}});
  gauges.sample(count(report.idle), {{"shadow", name}, {"result", "idle"}});
  gauges.sample(count(report.skipped), {{"shadow", name}, {"result", "skipped"}});
  gauges.family("drydock_shadow_decisions_total", "Decisions, by who took them: each difference is counted once.",
                "counter");
  const auto add = [&](std::string_view kind, const ShadowTally& tally) {
    const std::string decision(kind);
    gauges.sample(count(tally.same), {{"shadow", name}, {"decision", decision}, {"result", "same"}});
    gauges.sample(count(tally.elsewhere), {{"shadow", name}, {"decision", decision}, {"result", "elsewhere"}});
    gauges.sample(count(tally.shadow_only), {{"shadow", name}, {"decision", decision}, {"result", "shadow_only"}});
    gauges.sample(count(tally.real_only), {{"shadow", name}, {"decision", decision}, {"result", "real_only"}});
  };
  add("start", report.starts);
  add("bind", report.binds);
  add("stop", report.stops);
  gauges.family("drydock_shadow_started_later_total", "Jobs that the shadow policy would have started earlier.", "counter");
  gauges.sample(count(report.later), {{"shadow", name}});
  gauges.family("drydock_shadow_started_later_seconds_total", "By how much, in sum.", "counter");
  gauges.sample(seconds(report.later_by), {{"shadow", name}});
}

bool redis_answers(ApiStores& stores) {
  return stores
      .with_redis([](RedisClient& redis) { return expected<redis::StoreIdentity>(redis.execute(redis::ReadIdentity{})); })
      .ok();
}

}  // namespace

HttpResponse show_health(const HttpRequest& request) {
  if (auto wrong = unknown_parameter(request, {})) return *wrong;
  return json_response(200, {{"status", "ok"}});
}

HttpResponse show_readiness(ApiStores& stores, const HttpRequest& request) {
  if (auto wrong = unknown_parameter(request, {})) return *wrong;
  std::vector<std::string> missing;
  const auto version = stores.with_postgres([&](PostgresClient& store) { return schema_version(store, stores.schema()); });
  if (!version) {
    missing.emplace_back("PostgreSQL does not answer, or its schema is not that of this version");
  } else if (version.value() != kSchemaVersion) {
    missing.push_back(fmt::format("the schema has version {}, this program needs {}", version.value(), kSchemaVersion));
  } else if (const auto leader = read_leader(stores); !leader || leader.value().left <= Duration{0}) {
    missing.emplace_back("no scheduler leads");
  }
  if (!redis_answers(stores)) missing.emplace_back("Redis does not answer");
  if (!missing.empty()) return later_response(request, 503, fmt::format("{}", fmt::join(missing, "; ")), 1);
  return json_response(200, {{"status", "ready"}});
}

HttpResponse show_metrics(ApiStores& stores, const RequestCounts& counts) {
  Gauges gauges;
  const auto leader = read_leader(stores);
  gauges.family("drydock_store_up", "Whether a store answers.");
  gauges.sample(leader ? 1 : 0, {{"store", "postgres"}});
  gauges.sample(redis_answers(stores) ? 1 : 0, {{"store", "redis"}});
  if (leader) {
    gauges.family("drydock_has_leader", "Whether a scheduler holds the lease.");
    gauges.sample(leader.value().left > Duration{0} ? 1 : 0);
    gauges.family("drydock_leader_epoch", "Epoch of the last taking of the lease: it rises with each.");
    gauges.sample(static_cast<double>(leader.value().epoch));
  }
  if (const auto view = read_cluster(stores)) add_cluster(gauges, view.value());
  if (const auto tally = stores.tally()) add_jobs(gauges, tally.value());
  const auto shadow = stores.with_redis([](RedisClient& redis) { return read_shadow(redis); });
  if (shadow && shadow.value()) add_shadow(gauges, *shadow.value());
  return {.status = 200, .body = gauges.text() + counts.text(), .content_type = "text/plain; version=0.0.4; charset=utf-8"};
}

}  // namespace drydock::runtime

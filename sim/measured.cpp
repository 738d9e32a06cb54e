#include "sim/measured.hpp"

#include <algorithm>
#include <optional>
#include <type_traits>
#include <variant>

namespace drydock::sim {
namespace {

bool has_trouble(const scenarios::Scenario& scenario) {
  const auto fails = [](const scenarios::Source& source) {
    return std::visit([](const auto& s) { return s.hazards.failure_probability > 0 || s.hazards.time_limit; }, source);
  };
  const auto has_sessions = [](const scenarios::HostGroup& group) { return group.sessions.has_value(); };
  return std::ranges::any_of(scenario.hosts, has_sessions) || !scenario.faults.empty() ||
         !scenario.scheduler.retry.type.empty() || std::ranges::any_of(scenario.workload, fails);
}

// The time that faults with a beginning and an end take in all.
std::optional<reports::MetricsConfig::Disturbance> disturbance_of(const scenarios::Scenario& scenario) {
  std::optional<reports::MetricsConfig::Disturbance> all;
  const auto take = [&](Duration at, std::optional<Duration> lasting) {
    if (!lasting) return;
    const Time from = later(kTimeZero, at);
    const Time healed = later(from, *lasting);
    if (!all) all = {from, healed};
    all = {std::min(all->from, from), std::max(all->healed, healed)};
  };
  for (const scenarios::Fault& fault : scenario.faults) {
    std::visit(
        [&](const auto& f) {
          if constexpr (requires { f.when; }) {
            if (const auto* once = std::get_if<scenarios::WorkerCrash::Once>(&f.when)) take(once->at, once->lasting);
          } else if constexpr (requires { f.lasting; } &&
                               !std::is_same_v<std::decay_t<decltype(f)>, scenarios::OrderFault>) {
            take(f.at, f.lasting);
          }
        },
        fault);
  }
  return all;
}

}  // namespace

reports::MetricsConfig metrics_config(const scenarios::Scenario& scenario, const Platform& platform,
                                      std::uint64_t warmup_jobs, bool keep_waits) {
  reports::MetricsConfig config{.queues = {}, .pools = {}, .keep_waits = keep_waits};
  for (const QueueConfig& queue : scenario.scheduler.queues) config.queues.push_back(queue.name);
  for (const PoolConfig& pool : scenario.scheduler.pools) config.pools.push_back(pool.name);
  config.trouble = has_trouble(scenario);
  config.disturbance = disturbance_of(scenario);
  config.overcommit = std::ranges::any_of(platform.hosts(), &HostFacts::overcommittable);
  config.periodic = !scenario.periodic.empty();
  config.leaders = scenario.schedulers > 1;
  if (scenario.scheduler.control_plane.statistics > Duration{0}) {
    config.alerts = {.workers = static_cast<std::uint32_t>(platform.workers().size()),
                     .utilization = scenario.alerts.utilization,
                     .counter = scenario.alerts.counter};
  }
  config.warmup_jobs = warmup_jobs;
  return config;
}

}  // namespace drydock::sim

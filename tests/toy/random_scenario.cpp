#include "tests/toy/random_scenario.hpp"

#include "policies/catalog.hpp"
#include "policies/core/rng.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>

namespace drydock::toy {
namespace {

using scenarios::HostGroup;
using scenarios::Scenario;

class Draws {
 public:
  explicit Draws(std::uint64_t seed) : rng_(seed, "random scenario") {}
  std::uint64_t below(std::uint64_t bound) { return rng_.below(bound); }
  std::uint32_t upto(std::uint32_t most) { return 1 + static_cast<std::uint32_t>(rng_.below(most)); }
  bool chance(double probability) { return rng_.uniform() < probability; }
  template <class T, std::size_t N>
  T of(const std::array<T, N>& values) {
    return values[rng_.below(N)];
  }
  // In [1 ns, most], mostly whole seconds.
  std::int64_t time(std::int64_t most_s) {
    if (chance(0.8)) return (1 + static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(most_s)))) * 1'000'000'000;
    return 1 + static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(most_s) * 1'000'000'000));
  }

 private:
  Rng rng_;
};

PolicyConfig random_policy(Draws& draws, std::string_view type) {
  const PolicyInfo& info = *find_policy(PolicyFamily::placement, type);
  PolicyConfig config = configure(info);
  for (const ParameterInfo& parameter : info.parameters) {
    ParameterValue& value = config.parameters.find(parameter.name)->second;
    if (draws.chance(0.4)) continue;
    if (std::holds_alternative<bool>(value)) value = draws.chance(0.5);
    if (std::holds_alternative<std::string>(value))
      value = std::string(parameter.choices[draws.below(parameter.choices.size())]);
    if (std::holds_alternative<std::int64_t>(value)) value = static_cast<std::int64_t>(draws.upto(5));
  }
  return config;
}

void add_machines(Draws& draws, Scenario& scenario) {
  const std::uint32_t pools = draws.upto(2);
  const std::uint32_t queues = draws.upto(3);
  for (std::uint32_t q = 0; q < queues; ++q) {
    QueueConfig queue{
        .name = "q" + std::to_string(q), .priority = static_cast<std::int32_t>(draws.below(3)), .capacity = {}};
    if (draws.chance(0.15)) queue.capacity = draws.below(8);
    scenario.scheduler.queues.push_back(queue);
  }
  for (std::uint32_t p = 0; p < pools; ++p) {
    scenarios::Pool pool{.name = "p" + std::to_string(p), .hosts = {}, .queues = {}, .slots_per_worker = {}};
    PoolConfig config{.name = pool.name, .queues = {}};
    for (std::uint32_t g = draws.upto(2); g > 0; --g) {
      HostGroup group{.name = "h" + std::to_string(p) + std::to_string(g), .count = draws.upto(4), .cpus = draws.upto(6)};
      group.speed = draws.of(std::array{1.0, 1.0, 1.0, 2.0, 0.5, 1.3, 0.7});
      if (draws.chance(0.3)) group.memory_bytes = draws.upto(8) * (std::int64_t{1} << 30);
      group.gpus = draws.chance(0.3) ? draws.upto(4) : 0;
      pool.hosts.push_back(group.name);
      scenario.hosts.push_back(group);
    }
    if (draws.chance(0.3)) pool.slots_per_worker = draws.upto(4);
    for (std::uint32_t q = 0; q < queues; ++q) {
      if (p == 0 || draws.chance(0.5)) {
        pool.queues.push_back(scenario.scheduler.queues[q].name);
        config.queues.push_back(QueueId{q});
      }
    }
    scenario.pools.push_back(pool);
    scenario.scheduler.pools.push_back(config);
  }
  for (std::uint32_t n = 0; n < draws.below(2); ++n) scenario.hosts.push_back({.name = "idle", .count = 2});
}

// Jobs that an empty first pool could run.
void add_jobs(Draws& draws, Scenario& scenario) {
  std::int64_t places = 0;
  for (const HostGroup& group : scenario.hosts) {
    if (!group.name.starts_with("h0")) continue;
    const std::int64_t slots = scenario.pools[0].slots_per_worker.value_or(group.cpus);
    places += group.count * std::min<std::int64_t>(slots, group.cpus);
  }
  for (std::uint32_t source = draws.upto(3); source > 0; --source) {
    scenarios::TraceSource trace{.name = "jobs" + std::to_string(source), .path = "", .jobs = nullptr, .shape = {}};
    trace.shape.priority = static_cast<std::int32_t>(draws.below(3));
    ResourceAmounts amounts{.cpus_milli = 1000};
    if (draws.chance(0.2)) amounts.cpus_milli = 500;
    if (draws.chance(0.2)) amounts.memory_bytes = std::int64_t{1} << 20;
    trace.shape.per_task = make_resources(amounts);
    trace.shape.on_failure = draws.of(std::array{OnInterrupt::restart, OnInterrupt::resume});
    trace.shape.on_preemption = draws.of(std::array{OnInterrupt::restart, OnInterrupt::resume});
    auto jobs = std::make_shared<std::vector<scenarios::TraceJob>>();
    const std::int64_t span = 20 + static_cast<std::int64_t>(draws.below(200));
    const double gang = draws.chance(0.5) ? 0.4 : 0.0;
    for (std::uint32_t n = 5 + draws.upto(60); n > 0; --n) {
      scenarios::TraceJob job{.submit_ns = draws.chance(0.1) ? 0 : draws.time(span), .work_ns = draws.time(30)};
      job.estimate_ns = draws.chance(0.5) ? job.work_ns : draws.time(60);
      if (draws.chance(gang)) job.tasks = draws.upto(static_cast<std::uint32_t>(std::max<std::int64_t>(1, places)));
      job.queue = static_cast<std::uint32_t>(draws.below(scenario.scheduler.queues.size()));
      jobs->push_back(job);
    }
    std::ranges::stable_sort(*jobs, {}, &scenarios::TraceJob::submit_ns);
    trace.jobs = jobs;
    scenario.workload.emplace_back(trace);
  }
}

void add_crashes(Draws& draws, Scenario& scenario) {
  if (draws.chance(0.3)) return;
  for (std::uint64_t n = draws.below(8); n > 0; --n) {
    const HostGroup& group = scenario.hosts[draws.below(scenario.hosts.size())];
    scenarios::WorkerCrash crash;
    crash.target =
        draws.chance(0.2) ? group.name : scenarios::host_name(group, static_cast<std::uint32_t>(draws.below(group.count)));
    if (draws.chance(0.05)) crash.target = "";
    scenarios::WorkerCrash::Once once{.at = Duration{draws.chance(0.05) ? 0 : draws.time(150)},
                                      .lasting = Duration{draws.time(40)}};
    if (draws.chance(0.05)) once.lasting.reset();
    crash.when = once;
    scenario.faults.emplace_back(crash);
  }
}

}  // namespace

Scenario random_scenario(std::uint64_t seed, std::string_view placement) {
  Draws draws(seed);
  Scenario scenario;
  scenario.name = "random";
  add_machines(draws, scenario);
  add_jobs(draws, scenario);
  add_crashes(draws, scenario);
  scenario.scheduler.placement = random_policy(draws, placement);
  scenario.liveness = configure(*find_policy(PolicyFamily::liveness, "oracle"));
  if (draws.chance(0.3)) {
    scenario.scheduler.control_plane.trigger = draws.of(std::array{PassTrigger::cycle, PassTrigger::event});
    scenario.scheduler.control_plane.period = Duration{draws.time(7)};
  }
  if (draws.chance(0.3)) scenario.duration = Duration{draws.time(250)};
  scenario.scheduler.max_in_flight = draws.upto(3);
  if (draws.chance(0.7)) return scenario;
  const std::uint32_t lookahead = draws.upto(6);
  scenario.scheduler.control_plane.lookahead = lookahead;
  for (QueueConfig& queue : scenario.scheduler.queues) {
    if (queue.capacity) queue.capacity = std::min<std::uint64_t>(*queue.capacity, lookahead);
  }
  return scenario;
}

}  // namespace drydock::toy

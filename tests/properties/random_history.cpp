#include "tests/properties/random_history.hpp"

#include "policies/catalog.hpp"

#include <algorithm>
#include <string>

namespace drydock::properties {

namespace {

class Generator {
 public:
  Generator(const PolicyConfig& placement, std::uint64_t seed)
      : rng_(seed, "history"), whole_(make_placement(placement)->traits().one_worker) {
    config_.seed = seed;
    config_.scheduler.placement = placement;
    config_.scheduler.seed = seed;
  }

  WorldConfig make() {
    uniform_ = chance(3);
    same_speed_ = chance(2);
    make_queues_and_pools();
    choose_isolation();
    make_control_plane();
    choose_lookahead();
    make_workers();
    make_jobs();
    config_.dangers = {.faults = chance(2), .store_faults = chance(2), .slow_store = chance(2), .cancels = chance(2)};
    config_.healed_at = config_.submissions.back() + std::chrono::seconds{10};
    return std::move(config_);
  }

 private:
  [[nodiscard]] bool chance(std::uint64_t one_in) { return rng_.below(one_in) == 0; }
  [[nodiscard]] std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(high - low + 1)));
  }

  void make_queues_and_pools() {
    const std::int64_t queues = between(1, 3);
    for (std::int64_t q = 0; q < queues; ++q) {
      QueueConfig queue{"queue" + std::to_string(q), static_cast<std::int32_t>(between(-1, 1)), {}};
      if (chance(4)) queue.capacity = rng_.below(8);
      config_.scheduler.queues.push_back(queue);
    }
    const std::int64_t pools = between(1, 2);
    for (std::int64_t p = 0; p < pools; ++p) {
      PoolConfig pool{"pool" + std::to_string(p), {}};
      for (std::uint32_t q = 0; q < queues; ++q) {
        if (p == 0 || chance(2)) pool.queues.push_back(QueueId{q});
      }
      config_.scheduler.pools.push_back(pool);
    }
  }

  // In every third history.
  void choose_lookahead() {
    Rng rng(config_.seed, "lookahead");
    if (rng.below(3) > 0) return;
    const auto lookahead = static_cast<std::uint32_t>(1 + rng.below(6));
    config_.scheduler.control_plane.lookahead = lookahead;
    for (QueueConfig& queue : config_.scheduler.queues) {
      if (queue.capacity) queue.capacity = std::min<std::uint64_t>(*queue.capacity, lookahead);
    }
  }

  // In every second history. Pools then serve all queues; as isolation policies demand, every job fits into every pool.
  void choose_isolation() {
    SchedulerConfig& scheduler = config_.scheduler;
    Rng rng(config_.seed, "isolation");
    const PlacementTraits traits = make_placement(scheduler.placement)->traits();
    const bool other_order = traits.plans_ahead || traits.preempts;
    std::vector<const PolicyInfo*> choices;
    for (const PolicyInfo& info : policy_catalog()) {
      if (info.family != PolicyFamily::isolation) continue;
      if (!other_order || make_isolation(configure(info))->traits().fixed) choices.push_back(&info);
    }
    const PolicyInfo& chosen = *choices[rng.below(choices.size())];
    if (rng.below(2) == 0) return;
    scheduler.isolation = random_policy(chosen, config_.seed);
    everywhere_ = make_isolation(scheduler.isolation)->traits().serves_all;
    for (PoolConfig& pool : scheduler.pools) {
      if (!everywhere_ || pool.queues.size() == scheduler.queues.size()) continue;
      pool.own = pool.queues;
      pool.queues = scheduler.pools.front().queues;
    }
    for (QueueConfig& queue : scheduler.queues) queue.weight = 1 + static_cast<std::int64_t>(rng.below(4));
  }

  void make_control_plane() {
    ControlPlaneConfig& control = config_.scheduler.control_plane;
    control.trigger = static_cast<PassTrigger>(chance(2) ? 0 : between(1, 2));
    control.period = Duration{between(1, 20) * 100'000'000};
    config_.scheduler.max_in_flight = static_cast<std::uint32_t>(between(1, 3));
    config_.scheduler.store_retry = Duration{between(1, 5) * 250'000'000};
  }

  void make_workers() {
    const std::int64_t count = between(static_cast<std::int64_t>(config_.scheduler.pools.size()), 9);
    for (std::int64_t w = 0; w < count; ++w) {
      const auto pools = static_cast<std::int64_t>(config_.scheduler.pools.size());
      WorkerSpec worker;
      worker.pool = PoolId{static_cast<std::uint32_t>(w < pools ? w : between(0, pools - 1))};
      worker.speed = same_speed_ ? 1.0 : std::array{0.5, 0.7, 1.0, 3.0}[rng_.below(4)];
      worker.capacity = uniform_ ? make_resources({1'000, 8, 0, 1})
                                 : make_resources({1'000 * between(1, 4), between(4, 16), between(0, 2), between(1, 5)});
      config_.workers.push_back(worker);
    }
  }

  [[nodiscard]] bool can_run(const JobSpec& job) const {
    for (std::uint32_t p = 0; p < config_.scheduler.pools.size(); ++p) {
      const auto& queues = config_.scheduler.pools[p].queues;
      if (std::ranges::find(queues, job.queue) == queues.end()) continue;
      std::int64_t tasks = 0;
      for (const WorkerSpec& worker : config_.workers) {
        if (worker.pool != PoolId{p}) continue;
        const std::int64_t here = fit_count(job.per_task, worker.capacity);
        tasks = whole_ ? std::max(tasks, here) : tasks + here;
      }
      if (everywhere_ && tasks < job.tasks) return false;
      if (!everywhere_ && tasks >= job.tasks) return true;
    }
    return everywhere_;
  }

  [[nodiscard]] JobSpec some_job(std::uint64_t id) {
    JobSpec job;
    job.id = JobId{id};
    job.queue = QueueId{static_cast<std::uint32_t>(rng_.below(config_.scheduler.queues.size()))};
    job.priority = static_cast<std::int32_t>(between(0, 2));
    job.tasks = static_cast<std::uint32_t>(chance(2) ? 1 : between(1, 5));
    job.per_task = uniform_ && !chance(50) ? make_resources({1'000, 1, 0, 1})
                                           : make_resources({500 * between(0, 4), between(0, 6), chance(5) ? 1 : 0, 1});
    job.estimate = Duration{between(1, 30) * (chance(4) ? 333'333'333 : 500'000'000)};
    job.on_failure = chance(2) ? OnInterrupt::restart : OnInterrupt::resume;
    job.on_preemption = chance(3) ? OnInterrupt::restart : OnInterrupt::resume;
    return job;
  }

  void make_jobs() {
    const std::int64_t count = between(1, 60);
    const std::int64_t gap_ms = std::array{0, 100, 1'000, 4'000}[rng_.below(4)];
    Time submitted = kTimeZero;
    while (config_.jobs.size() < static_cast<std::size_t>(count)) {
      const JobSpec job = some_job(config_.jobs.size());
      if (!can_run(job)) continue;
      if (chance(2)) submitted += Duration{between(0, 2 * gap_ms) * 1'000'000};
      config_.jobs.push_back(job);
      config_.submissions.push_back(submitted);
      config_.durations.push_back(some_duration(job.estimate));
    }
  }

  // As estimated, or less, or more.
  [[nodiscard]] Duration some_duration(Duration estimate) {
    const std::int64_t percent = chance(2) ? 100 : chance(2) ? between(1, 100) : between(100, 300);
    return std::max(Duration{1}, estimate * percent / 100);
  }

  Rng rng_;
  bool whole_;
  bool uniform_ = false;
  bool same_speed_ = false;
  bool everywhere_ = false;  // every pool serves every queue
  WorldConfig config_;
};

}  // namespace

PolicyConfig random_policy(const PolicyInfo& info, std::uint64_t seed) {
  Rng rng(seed, "policy");
  PolicyConfig config = configure(info);
  for (const ParameterInfo& parameter : info.parameters) {
    ParameterValue& value = config.parameters.find(parameter.name)->second;
    if (!parameter.choices.empty()) value = std::string(parameter.choices[rng.below(parameter.choices.size())]);
    else if (std::holds_alternative<bool>(value)) value = rng.below(2) == 0;
    else if (auto* whole = std::get_if<std::int64_t>(&value))
      *whole = rng.below(2) == 0 ? *whole : 1 + static_cast<std::int64_t>(rng.below(4));
    else if (auto* duration = std::get_if<Duration>(&value))  // as long as the jobs of a history
      *duration = rng.below(2) == 0 ? *duration : Duration{static_cast<std::int64_t>(1 + rng.below(16)) * 250'000'000};
  }
  return config;
}

WorldConfig random_history(const PolicyConfig& placement, std::uint64_t seed) { return Generator(placement, seed).make(); }

}  // namespace drydock::properties

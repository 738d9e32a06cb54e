#include "bench/busy_cluster.hpp"

#include "policies/catalog.hpp"

#include <algorithm>
#include <chrono>
#include <variant>

namespace drydock::bench {
namespace {

constexpr Duration kRound = std::chrono::milliseconds{10};

SchedulerConfig scheduler_config(const std::string& policy, std::uint32_t lookahead = 0) {
  const PolicyInfo* info = find_policy(PolicyFamily::placement, policy);
  DRYDOCK_CHECK(info != nullptr, "no such placement policy");
  SchedulerConfig config;
  config.control_plane.lookahead = lookahead;
  config.queues.push_back({.name = "default", .priority = 0, .capacity = {}});
  config.pools.push_back({.name = "main", .queues = {QueueId{0}}});
  config.placement = configure(*info);
  return config;
}

double tasks_per_job(const BusyClusterConfig& config) { return 1 + config.wide_jobs * 4; }

// Without jobs that the policy could never start: these workers hold one task each.
BusyClusterConfig possible(BusyClusterConfig config) {
  if (make_placement(scheduler_config(config.policy).placement)->traits().one_worker) config.wide_jobs = 0;
  return config;
}

}  // namespace

BusyCluster::BusyCluster(const BusyClusterConfig& given)
    : config_(possible(given)),
      scheduler_(scheduler_config(given.policy, given.lookahead), make_placement(scheduler_config(given.policy).placement)),
      rng_(1, "bench") {
  const BusyClusterConfig& config = config_;
  if (!config.shadow.empty()) {
    const SchedulerConfig shadow = scheduler_config(config.shadow, config.lookahead);
    shadow_.emplace(scheduler_, shadow, make_policies(shadow), config.shadow);
  }
  for (std::uint32_t w = 0; w < config.workers; ++w) {
    events_.emplace_back(WorkerRegistered{
        WorkerId{w}, 1, {.pool = PoolId{0}, .capacity = make_resources({.cpus_milli = 1000, .slots = 1}), .speed = 1.0}});
  }
  settle();
  std::uint64_t to_submit = config.waiting + static_cast<std::uint64_t>(config.workers / tasks_per_job(config));
  while (to_submit > 0) {
    const std::uint64_t batch = std::min<std::uint64_t>(to_submit, 10'000);
    submit(batch);
    settle();
    to_submit -= batch;
  }
}

void BusyCluster::submit(std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    JobSpec job;
    job.id = JobId{next_job_++};
    job.per_task = make_resources({.cpus_milli = 1000, .slots = 1});
    if (config_.two_demands && rng_.uniform() < 0.5) job.per_task = make_resources({.cpus_milli = 600, .slots = 1});
    if (rng_.uniform() < config_.wide_jobs) job.tasks = static_cast<std::uint32_t>(2 + rng_.below(7));
    const double true_duration =
        static_cast<double>(config_.workers) / tasks_per_job(config_) * static_cast<double>(kRound.count());
    job.estimate = Duration{static_cast<std::int64_t>(config_.estimate_least * (1 + rng_.uniform()) * true_duration)};
    if (config_.lookahead > 0) in_store_.insert(job.id);
    events_.emplace_back(JobSubmitted{job});
  }
}

void BusyCluster::settle() {
  while (!events_.empty()) {
    order_canonically(events_);
    const std::span<const Command> commands = scheduler_.step(now_, events_);
    if (journal_ != nullptr) journal_->step(now_, events_, commands, scheduler_.journal_hash());
    ++steps_;
    if (shadow_) shadow_->catch_up();
    answers_.clear();
    for (const Command& command : commands) {
      if (const auto* commit = std::get_if<Commit>(&command)) {
        answers_.emplace_back(CommitAnswered{commit->request, Answer::done});
        for (const Assignment& assignment : commit->assignments) in_store_.erase(assignment.attempt.job);
      } else if (const auto* waiting = std::get_if<AskWaiting>(&command)) {
        load(*waiting);
      } else if (const auto* dispatch = std::get_if<Dispatch>(&command)) {
        running_.push_back(dispatch->attempt);
        ++dispatched_;
      } else if (const auto* stop = std::get_if<StopAttempt>(&command)) {
        answers_.emplace_back(AttemptStopped{stop->attempt, Duration{0}});
      }
    }
    events_.swap(answers_);
  }
}

void BusyCluster::load(const AskWaiting& order) {
  WaitingLoaded answer{.request = order.request, .whole = true};
  std::uint32_t rows = 0;
  for (auto job = order.after ? in_store_.upper_bound(order.after->job) : in_store_.begin(); job != in_store_.end(); ++job) {
    JobSpec spec;
    spec.id = *job;
    spec.per_task = make_resources({.cpus_milli = 1000, .slots = 1});
    spec.estimate = kRound * config_.workers;
    answers_.emplace_back(JobLoaded{.job = spec, .submitted = kTimeZero});
    if (++rows < order.limit) continue;
    answer.whole = false;
    answer.last = {.priority = 0, .job = *job};
    break;
  }
  answers_.emplace_back(answer);
}

bool BusyCluster::is_running(AttemptId attempt) const {
  const std::optional<JobRef> ref = scheduler_.cluster().find(attempt.job);
  return ref && scheduler_.cluster().job(*ref).attempt == attempt.number;
}

std::uint64_t BusyCluster::round() {
  const std::uint64_t before = dispatched_;
  now_ += kRound;
  events_.clear();
  while (!running_.empty() && !is_running(running_.front())) running_.pop_front();  // stopped meanwhile
  if (!running_.empty()) {
    events_.emplace_back(AttemptFinished{running_.front(), Ending::succeeded});
    running_.pop_front();
  }
  submit(1);
  settle();
  return dispatched_ - before;
}

}  // namespace drydock::bench

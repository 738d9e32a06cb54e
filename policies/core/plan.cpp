#include "policies/core/plan.hpp"

#include "policies/core/isolation_policy.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace drydock {

void Plan::begin(const Round& round) {
  pool_ = round.pool;
  now_ = round.now;
  isolation_ = round.isolation;
  lending_ = round.lending;
  started_.clear();
  preempted_.clear();
  error_.reset();
}

bool Plan::start(JobRef ref, std::span<const Placement> placements) {
  if (error_ || !known(ref)) return false;
  const Job& job = cluster_.job(ref);
  if (const auto problem = problem_with(job, placements)) return refuse("start", ref, *problem);
  if (acts_ != nullptr) record_start(ref);
  cluster_.take(ref, pool_, placements, now_);
  started_.push_back(ref);
  if (isolation_ != nullptr) isolation_->started({now_, pool_, cluster_, lending_}, ref, cluster_.turns(pool_));
  return true;
}

void Plan::record_start(JobRef ref) {
  PlanAct act{.kind = PlanAct::Kind::start, .job = ref, .pool = pool_, .worker = {}};
  if (const Job& job = cluster_.job(ref); job.state == JobState::bound) {
    const std::deque<JobRef>& local = cluster_.worker(job.bound).local;
    act.worker = job.bound;
    act.from = static_cast<std::uint32_t>(std::ranges::find(local, ref) - local.begin());
  }
  acts_->push_back(act);
}

std::optional<std::string> Plan::problem_with(const Job& job, std::span<const Placement> placements) {
  if (auto problem = not_startable(job)) return problem;
  named_in_.resize(cluster_.worker_count());
  ++starts_;
  std::uint64_t tasks = 0;
  for (const Placement& p : placements) {
    if (index(p.worker) >= cluster_.worker_count()) return fmt::format("worker {} does not exist", p.worker.value);
    const Worker& worker = cluster_.worker(p.worker);
    if (!worker.serves(pool_))
      return fmt::format("worker {} is not a live worker of pool '{}'", p.worker.value, pool_name());
    if (std::exchange(named_in_[index(p.worker)], starts_) == starts_) {
      return fmt::format("worker {} is named twice", p.worker.value);
    }
    const std::int64_t room = fit_count(job.spec.per_task, worker.free);
    if (p.tasks == 0 || room < p.tasks) {
      return fmt::format("worker {} has room for {} of its tasks, not for {}", p.worker.value, room, p.tasks);
    }
    tasks += p.tasks;
  }
  if (tasks != job.spec.tasks) return fmt::format("it has {} tasks, and workers were given for {}", job.spec.tasks, tasks);
  return std::nullopt;
}

bool Plan::preempt(const Displacement& displacement) {
  const JobRef ref = displacement.victim;
  if (error_ || !known(ref) || !known(displacement.beneficiary)) return false;
  const Job& job = cluster_.job(ref);
  if (job.state != JobState::running) return refuse("preempt", ref, "it does not run");
  if (job.pool != pool_) return refuse("preempt", ref, fmt::format("it does not run in pool '{}'", pool_name()));
  const Job& beneficiary = cluster_.job(displacement.beneficiary);
  if (const auto problem = not_startable(beneficiary)) {
    return refuse("preempt", ref, fmt::format("job {} cannot take its place: {}", beneficiary.spec.id.value, *problem));
  }
  if (acts_ != nullptr) acts_->push_back({.kind = PlanAct::Kind::stop, .job = ref, .pool = pool_, .worker = {}});
  cluster_.set_state(ref, JobState::stopping);
  preempted_.push_back(displacement);
  return true;
}

bool Plan::bind(JobRef ref, WorkerId worker) {
  if (error_ || !known(ref)) return false;
  const Job& job = cluster_.job(ref);
  if (job.state != JobState::waiting) return refuse("bind", ref, "it does not wait");
  if (!cluster_.waits_for(pool_, ref)) return refuse("bind", ref, not_served(job));
  if (index(worker) >= cluster_.worker_count() || !cluster_.worker(worker).serves(pool_)) {
    return refuse("bind", ref, fmt::format("worker {} is not a live worker of pool '{}'", worker.value, pool_name()));
  }
  if (acts_ != nullptr) acts_->push_back({.kind = PlanAct::Kind::bind, .job = ref, .pool = pool_, .worker = worker});
  cluster_.bind(ref, worker);
  return true;
}

const std::string& Plan::pool_name() const { return cluster_.pool(pool_).config.name; }

std::string Plan::not_served(const Job& job) const {
  return fmt::format("pool '{}' does not serve its queue '{}'", pool_name(), cluster_.queue(job.spec.queue).config.name);
}

std::optional<std::string> Plan::not_startable(const Job& job) const {
  if (job.state != JobState::waiting && job.state != JobState::bound) return "it does not wait";
  if (cluster_.pool(pool_).turn_of[index(job.spec.queue)] == Pool::kNoTurn) return not_served(job);
  if (job.state == JobState::waiting && !Cluster::is_open(cluster_.turn(pool_, job.spec.queue), job)) {
    return fmt::format("the isolation policy leaves queue '{}' no room in pool '{}' for it",
                       cluster_.queue(job.spec.queue).config.name, pool_name());
  }
  return std::nullopt;
}

bool Plan::known(JobRef ref) {
  if (cluster_.knows(ref)) return true;
  error_ = fmt::format("a decision at {:.9f} s names job reference {}, which was never given out", seconds(now_), ref.value);
  return false;
}

bool Plan::refuse(const char* decision, JobRef ref, const std::string& why) {
  error_ = fmt::format("{} job {} at {:.9f} s: {}", decision, cluster_.job(ref).spec.id.value, seconds(now_), why);
  return false;
}

}  // namespace drydock

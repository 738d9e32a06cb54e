#include "policies/core/scheduler.hpp"

#include "policies/core/assert.hpp"
#include "policies/core/step_hash.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace drydock {

namespace {

PlacementTraits traits_of(const PlacementPolicy& placement, const IsolationTraits& isolation,
                          const ControlPlaneConfig& control_plane) {
  PlacementTraits traits = placement.traits();
  if (control_plane.aggregate) traits.fit = Fit::worst;  // no worker's cpus say no: the emptiest is next
  traits.preempts = traits.preempts || isolation.preempts;
  return traits;
}

}  // namespace

Scheduler::Scheduler(SchedulerConfig config, Policies policies)
    : config_(std::move(config)),
      placement_(std::move(policies.placement)),
      isolation_(std::move(policies.isolation)),
      isolation_traits_(isolation_ ? isolation_->traits() : IsolationTraits{.fixed = true}),
      accounting_(std::move(policies.accounting)),
      cluster_(config_.queues, config_.pools, traits_of(*placement_, isolation_traits_, config_.control_plane)),
      registry_(config_.control_plane.registry),
      retries_(std::move(policies.retry), config_.seed),
      rng_(config_.seed, "placement"),
      plan_(cluster_, PoolId{}, Time{}) {
  DRYDOCK_CHECK(!retries_.has_policy() == config_.retry.type.empty(), "the scheduler was not given its retry policy");
  if (config_.control_plane.leadership.lease > Duration{0}) leadership_.emplace(config_.control_plane.leadership);
  if (config_.control_plane.lookahead > 0) {
    std::vector<bool> held_whole;
    for (const QueueConfig& queue : config_.queues) held_whole.push_back(queue.capacity.has_value());
    lookahead_.emplace(config_.control_plane.lookahead, std::move(held_whole));
    cluster_.go_by_store();
  }
  if (config_.control_plane.statistics > Duration{0}) statistics_at_ = later(kTimeZero, config_.control_plane.statistics);
  if (config_.control_plane.aggregate) {
    DRYDOCK_CHECK(accounting_ != nullptr && config_.control_plane.trigger == PassTrigger::cycle && isolation_traits_.fixed,
                  "admission by totals goes with cycles, an accounting policy and static pools");
    auto aggregate = std::make_unique<AggregateAdmission>();
    aggregate_ = aggregate.get();
    isolation_ = std::move(aggregate);
    isolation_traits_ = isolation_->traits();
  }
  if (config_.session_margin) cluster_.mind_sessions(*config_.session_margin);
  for (std::uint32_t p = 0; isolation_ && p < config_.pools.size(); ++p) {
    isolation_->open({Time{}, PoolId{p}, cluster_}, cluster_.turns(PoolId{p}));
  }
}

Scheduler::~Scheduler() = default;

std::span<const Command> Scheduler::step(Time now, std::span<const Event> events) {
  DRYDOCK_CHECK(now >= now_, "time went back");
  now_ = now;
  cluster_.set_now(now);
  commands_.clear();
  placements_.clear();
  assignments_.clear();
  releases_.clear();
  submitted_.clear();
  promised_.clear();
  rows_.clear();
  if (!halted_ && (!leadership_ || keep_lease(events))) take_in(events);
  hash_ = hash_step(hash_, now, events, commands_);
  return commands_;
}

void Scheduler::take_in(std::span<const Event> events) {
  for (const Event& event : events) {
    std::visit([this](const auto& e) { on(e); }, event);
    if (reign_ == Reign::over) return;
  }
  if (leadership_) take_over();
  if (!leads()) return;
  keep_time();
  send_cleared();
  release_delayed();
  send_dispatches();
  decide();
  send_commit();
  send_reads();
  if (lookahead_) send_loads();
  if (is_due(statistics_at_)) note_statistics();
}

Time Scheduler::next_pass() const {
  if (changed_at_ == kNever) return kNever;
  const Duration period = config_.control_plane.period;
  switch (config_.control_plane.trigger) {
    case PassTrigger::ideal: return changed_at_;
    case PassTrigger::cycle: return Time{(changed_at_.time_since_epoch() + period - Duration{1}) / period * period};
    case PassTrigger::event: return later(changed_at_, period);
  }
  return kNever;
}

Time Scheduler::next_wakeup() const {
  if (halted_) return kNever;
  if (!leads()) return leader_wakeup();
  Time at = counting_ || (cycle_open_ && registry_.waits()) ? kNever : next_pass();
  at = std::min({at, registry_.next_wakeup(), retries_.next_due(), statistics_at_});
  if (accounting_) at = std::min(at, accounting_->next_wakeup());
  bool store_work = !to_assign_.empty() || !to_release_.empty() ||
                    std::ranges::any_of(in_flight_, [](const Batch& b) { return b.unknown && b.read.value == 0; });
  for (std::uint32_t q = 0; lookahead_ && q < config_.queues.size(); ++q) store_work = store_work || wants_load(QueueId{q});
  if (store_work && store_ready_at_ > now_) at = std::min(at, store_ready_at_);
  for (std::uint32_t p = 0; turns_change() && p < config_.pools.size(); ++p) {
    const Time wakeup = isolation_->next_wakeup(PoolId{p});
    if (wakeup > now_) at = std::min(at, wakeup);
  }
  if (leadership_) at = std::min(at, leader_wakeup());
  return at;
}

bool Scheduler::idle() const {
  return cluster_.live_jobs() == 0 && in_flight_.empty() && to_release_.empty() && (!lookahead_ || lookahead_->whole());
}

std::optional<JobRef> Scheduler::current(AttemptId attempt) const {
  const std::optional<JobRef> ref = cluster_.find(attempt.job);
  if (!ref || cluster_.job(*ref).attempt != attempt.number) return std::nullopt;
  return ref;
}

// --- the registry and the counter ---

void Scheduler::on(const RegistryRead& event) {
  if (!registry_.take(event, now_) || !accounting_) return;
  Asker ask = asker();
  accounting_->redis_forgot(ask);
}

void Scheduler::on(const CounterAnswered& event) {
  if (leadership_ && event.answer == Answer::done && event.verdict == CounterVerdict::old_epoch) {
    return step_down(StepDownReason::outranked);
  }
  if (!accounting_) return;
  Asker ask = asker();
  if (const auto clearance = accounting_->answered(event, ask)) take_clearance(*clearance);
}

void Scheduler::on(const AllocationsSummed& event) {
  if (!accounting_) return;
  Asker ask = asker();
  accounting_->summed(event, ask);
}

// What is due by the clock alone.
void Scheduler::keep_time() {
  for (const LeaseExpired& event : registry_.take_overdue()) declare_dead(event);
  // A reading that took longer than a cycle is for the pass of this one, before the next is asked for.
  if (registry_.due(now_) && !cycle_open_) {
    const RequestId request = next_request();
    commands_.emplace_back(ReadRegistry{request});
    registry_.asked(request, now_);
    cycle_open_ = config_.control_plane.trigger == PassTrigger::cycle;
  }
  if (accounting_ && is_due(accounting_->next_wakeup())) {
    Asker ask = asker();
    accounting_->wake(ask);
  }
}

// --- facts ---

void Scheduler::on(const JobSubmitted& event) {
  if (leadership_ && reign_ == Reign::loading) return takeover_.arrived(event.job);
  if (cluster_.find(event.job.id)) {
    commands_.emplace_back(RejectJob{event.job.id, RejectReason::duplicate_id});
    return;
  }
  if (index(event.job.queue) >= config_.queues.size()) {
    commands_.emplace_back(RejectJob{event.job.id, RejectReason::unknown_queue});
    return;
  }
  if (!lookahead_ || may_wait_here(event.job)) accept(event.job);
}

void Scheduler::accept(const JobSpec& job) {
  const JobRef ref = cluster_.add_job(job, now_);
  if (config_.queues[index(job.queue)].capacity) submitted_.push_back(ref);
  wait_again(ref);
  if (lookahead_) drop_excess(job.queue);
}

// The job has ended, and will not be heard of again.
void Scheduler::forget(JobRef ref) {
  if (lookahead_) lookahead_->ended(cluster_.job(ref).spec);
  cluster_.remove_job(ref);
}

void Scheduler::on(const JobCancelled& event) {
  const std::optional<JobRef> ref = cluster_.find(event.job);
  if (!ref) {
    if (lookahead_) lookahead_->ended(event.job);
    return;
  }
  const Job& job = cluster_.job(*ref);
  switch (job.state) {
    case JobState::waiting:
    case JobState::bound:
      cluster_.dequeue(*ref);
      std::erase(submitted_, *ref);
      forget(*ref);
      break;
    case JobState::running:
      cluster_.cancel(*ref);
      cluster_.set_state(*ref, JobState::stopping);
      commands_.emplace_back(StopAttempt{job.attempt_id(), ReleaseReason::cancelled});
      break;
    case JobState::committing:
      if (job.sent) {
        cluster_.cancel(*ref);
      } else {
        cluster_.give_back(*ref);
        forget(*ref);
      }
      break;
    case JobState::delayed:
      retries_.forget(*ref, job);
      cluster_.set_state(*ref, JobState::ended);
      forget(*ref);
      break;
    case JobState::committed:
    case JobState::stopping:
    case JobState::ended: cluster_.cancel(*ref); break;
  }
}

void Scheduler::on(const AttemptFinished& event) {
  const std::optional<JobRef> ref = current(event.attempt);
  if (!ref || (!takeover_.empty() && takeover_.ended(event))) return;
  const JobState state = cluster_.job(*ref).state;
  if (state == JobState::running || state == JobState::stopping) finish(*ref, event);
}

void Scheduler::finish(JobRef ref, const AttemptFinished& event) {
  if (event.ending == Ending::failed) return fail(ref);
  retries_.succeeded();
  end(ref, ReleaseReason::succeeded);
}

void Scheduler::fail(JobRef ref) {
  cluster_.count_failure(ref);
  const Job& job = cluster_.job(ref);
  const std::optional<Duration> delay = job.cancelled ? std::nullopt : retries_.after_failure(job);
  if (!delay) return end(ref, ReleaseReason::failed);
  keep_progress(ref);
  end(ref, ReleaseReason::retried);
  cluster_.set_state(ref, JobState::delayed);
  retries_.hold(ref, job, later(now_, *delay));
}

// A job comes back to its queue only in a step, so that one with no delay is there when this one decides.
void Scheduler::release_delayed() {
  while (const std::optional<JobRef> ref = retries_.take_due(now_)) {
    cluster_.set_state(*ref, JobState::ended);
    wait_again(*ref);
  }
}

// Where nobody here ordered it, the worker has declined it, or a leader before ordered it.
void Scheduler::on(const AttemptStopped& event) {
  const std::optional<JobRef> ref = current(event.attempt);
  if (!ref || (!takeover_.empty() && takeover_.ended(event))) return;
  const JobState state = cluster_.job(*ref).state;
  if (state == JobState::stopping || state == JobState::running) stopped(*ref, event);
}

void Scheduler::stopped(JobRef ref, const AttemptStopped& event) {
  if (cluster_.job(ref).cancelled) {
    end(ref, ReleaseReason::cancelled);
    return;
  }
  end(ref, cluster_.job(ref).state == JobState::running ? ReleaseReason::drained : ReleaseReason::preempted);
  cluster_.set_progress(ref, event.progress);
  wait_again(ref);
}

void Scheduler::end(JobRef ref, ReleaseReason reason) {
  release_later(ref, reason);
  if (cluster_.job(ref).state != JobState::ended) cluster_.give_back(ref);  // else it was loaded, and holds nothing here
}

// The row of its current attempt goes with the next commit.
void Scheduler::release_later(JobRef ref, ReleaseReason reason) {
  const Job& job = cluster_.job(ref);
  to_release_.push_back({{job.attempt_id(), reason}, job.cpus_in_all()});
  cluster_.open_release(ref);
}

void Scheduler::forget_or_wait(JobRef ref) {
  if (cluster_.job(ref).cancelled) forget(ref);
  else wait_again(ref);
}

void Scheduler::wait_again(JobRef ref) {
  Rank rank;
  try {
    rank = placement_->rank(cluster_.job(ref), cluster_);
  } catch (const std::exception& error) {
    halt("its rank() threw an exception: " + std::string(error.what()));
  } catch (...) {
    halt("its rank() threw something that is not a std::exception");
  }
  cluster_.set_rank(ref, rank);
  cluster_.enqueue(ref);
}

// --- decisions ---

void Scheduler::note_changes() {
  if (changed_at_ != kNever) return;
  for (const Pool& pool : cluster_.pools()) {
    if (pool.dirty) {
      changed_at_ = now_;
      return;
    }
  }
}

bool Scheduler::pass_is_due() const {
  if (changed_at_ == kNever) return false;
  if (cycle_open_) return !registry_.waits();
  return now_ >= next_pass();
}

void Scheduler::decide() {
  if (halted_) return;
  wake_pools();
  note_changes();
  if (pass_is_due() && knows_budget()) pass();
  // A job that is rejected may have blocked others: the policy is asked again.
  if (!halted_ && reject_overflow()) {
    note_changes();
    if (pass_is_due() && knows_budget()) pass();
  }
  if (!registry_.waits()) cycle_open_ = false;
}

// What was decided and may not be counted yet is taken as allocated.
bool Scheduler::knows_budget() {
  if (aggregate_ == nullptr) return true;
  if (!counting_) {
    counting_ = true;
    ask_total();
  }
  if (!accounting_->is_known()) return false;
  counting_ = false;
  const std::optional<std::int64_t> allocated = accounting_->allocated();
  std::int64_t on_their_way = 0;
  for (const Batch& batch : in_flight_) on_their_way += batch.change.assigned;
  for (const AttemptId attempt : to_assign_) {
    if (const auto ref = current(attempt)) on_their_way += cluster_.job(*ref).cpus_in_all();
  }
  aggregate_->set_budget(allocated ? cpus_open_ + cpus_draining() - *allocated - on_their_way : 0);
  return true;
}

// The budget may be another in the next cycle, although nothing here has changed.
void Scheduler::come_again() {
  for (std::uint32_t p = 0; p < config_.pools.size(); ++p) {
    const auto waits = [this](QueueId queue) { return !cluster_.queue(queue).waiting.empty(); };
    if (!std::ranges::any_of(config_.pools[p].queues, waits)) continue;
    cluster_.call_for_pass(PoolId{p});
    changed_at_ = later(now_, Duration{1});
  }
}

void Scheduler::wake_pools() {
  for (std::uint32_t p = 0; turns_change() && p < config_.pools.size(); ++p) {
    if (isolation_->next_wakeup(PoolId{p}) <= now_) cluster_.call_for_pass(PoolId{p});
  }
}

// Until no pool has changes: what one pool takes from a shared queue is a change for the others. Each round takes a job. Where
// pools lend, all of them take their own first; what a loan changes for a pool comes before its own lending. Only what then
// still waits is a reason to stop something: what another pool has room for is not.
void Scheduler::pass() {
  changed_at_ = kNever;
  if (accounting_ && aggregate_ == nullptr && config_.control_plane.trigger == PassTrigger::cycle &&
      accounting_->is_known()) {
    ask_total();
  }
  const auto is_dirty = [](const Pool& pool) { return pool.dirty; };
  while (!halted_ && std::ranges::any_of(cluster_.pools(), is_dirty)) {
    planned_.clear();
    for (std::uint32_t p = 0; p < cluster_.pools().size() && !halted_; ++p) {
      if (!cluster_.pools()[p].dirty) continue;
      plan_pool(PoolId{p}, false);
      planned_.push_back(PoolId{p});
    }
    if (!isolation_traits_.lends) continue;
    for (const PoolId pool : planned_) {
      if (!halted_ && !cluster_.pool(pool).dirty) plan_pool(pool, true);
    }
  }
  for (std::uint32_t p = 0; isolation_traits_.preempts && p < config_.pools.size() && !halted_; ++p) reclaim(PoolId{p});
  if (aggregate_ != nullptr) come_again();
}

void Scheduler::plan_pool(PoolId pool, bool lending) {
  IsolationPolicy* const isolation = turns_change() ? isolation_.get() : nullptr;
  const IsolationPass open{now_, pool, cluster_, lending};
  plan_.begin({.pool = pool, .now = now_, .isolation = isolation, .lending = lending});
  try {
    if (isolation != nullptr) isolation->open(open, cluster_.turns(pool));
    // A start may change whose turn it is, and so the job that is first: the policy is asked again until it starts nothing.
    for (bool again = true; again;) {
      const std::size_t before = plan_.started().size();
      placement_->plan(PassContext{now_, pool, cluster_, rng_}, plan_);
      again = isolation != nullptr && !plan_.error() && plan_.started().size() > before;
    }
  } catch (const std::exception& error) {
    halt("it threw an exception: " + std::string(error.what()));
  } catch (...) {
    halt("it threw something that is not a std::exception");
  }
  if (plan_.error()) halt("it broke a rule: " + *plan_.error());
  cluster_.clear_changes(pool);
  if (halted_) return;
  for (const JobRef ref : plan_.started()) to_assign_.push_back(cluster_.job(ref).attempt_id());
  take_displacements();
}

void Scheduler::reclaim(PoolId pool) {
  const IsolationPass open{now_, pool, cluster_};
  plan_.begin({.pool = pool, .now = now_});
  isolation_->open(open, cluster_.turns(pool));
  isolation_->reclaim(open, plan_);
  DRYDOCK_CHECK(!plan_.error(), "an isolation policy stopped an attempt that it must not stop");
  take_displacements();
}

void Scheduler::take_displacements() {
  for (const Displacement& displacement : plan_.preempted()) {
    commands_.emplace_back(StopAttempt{cluster_.job(displacement.victim).attempt_id(), ReleaseReason::preempted});
    promised_.push_back(displacement.beneficiary);
  }
}

void Scheduler::halt(const std::string& why) {
  if (halted_) return;
  halted_ = true;
  halt_reason_ = "placement policy '" + config_.placement.type + "' was stopped: " + why;
  commands_.emplace_back(Halt{halt_reason_});
}

bool Scheduler::still_waits(JobRef ref) const {
  const JobState state = cluster_.job(ref).state;
  return state == JobState::waiting || state == JobState::bound;
}

// Leaves in promised_ those that have not started yet, once each and sorted, and counts them by queue.
void Scheduler::sum_up_promises() {
  std::ranges::sort(promised_);
  const auto repeated = std::ranges::unique(promised_);
  promised_.erase(repeated.begin(), repeated.end());
  std::erase_if(promised_, [this](JobRef ref) { return !still_waits(ref); });
  promised_in_.assign(config_.queues.size(), 0);
  for (const JobRef ref : promised_) ++promised_in_[index(cluster_.job(ref).spec.queue)];
}

// A job for which an attempt was stopped in this step counts as starting: rejected, it would have cost that attempt its work
// for nothing. From the next step on it counts as waiting, so that a promise that somebody else's start has broken keeps the
// queue too long only until it starts: as long as it is, nothing else is accepted.
bool Scheduler::reject_overflow() {
  if (submitted_.empty()) return false;
  sum_up_promises();
  bool any = false;
  for (auto it = submitted_.rbegin(); it != submitted_.rend(); ++it) {
    if (!still_waits(*it) || std::ranges::binary_search(promised_, *it)) continue;
    const Job& job = cluster_.job(*it);
    const Queue& queue = cluster_.queue(job.spec.queue);
    const std::uint64_t wait = queue.waiting.size() + queue.bound - promised_in_[index(job.spec.queue)];
    if (!queue.config.capacity || wait <= *queue.config.capacity) continue;
    commands_.emplace_back(RejectJob{job.spec.id, RejectReason::queue_full});
    cluster_.dequeue(*it);
    forget(*it);
    any = true;
  }
  return any;
}

}  // namespace drydock

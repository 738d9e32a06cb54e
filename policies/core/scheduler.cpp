#include "policies/core/scheduler.hpp"

#include "policies/core/assert.hpp"
#include "policies/core/step_hash.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace drydock {

Scheduler::Scheduler(SchedulerConfig config, Policies policies)
    : config_(std::move(config)),
      placement_(std::move(policies.placement)),
      isolation_(std::move(policies.isolation)),
      accounting_(std::move(policies.accounting)),
      cluster_(config_.queues, config_.pools,
               cluster_traits(*placement_, isolation_.get(), config_.control_plane.aggregate)),
      registry_(config_.control_plane.registry),
      retries_(std::move(policies.retry), config_.seed) {
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
    DRYDOCK_CHECK(accounting_ != nullptr && config_.control_plane.trigger == PassTrigger::cycle &&
                      (!isolation_ || isolation_->traits().fixed),
                  "admission by totals goes with cycles, an accounting policy and static pools");
    auto aggregate = std::make_unique<AggregateAdmission>();
    aggregate_ = aggregate.get();
    isolation_ = std::move(aggregate);
  }
  if (config_.session_margin) cluster_.mind_sessions(*config_.session_margin);
  planner_.emplace(*placement_, isolation_.get(), cluster_, Rng(config_.seed, "placement"));
  planner_->open_turns();
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
  at = std::min(at, planner_->next_wakeup(now_));
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
  accounting_->counter_in_doubt(ask);
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
  planner_->wake(now_);
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

void Scheduler::pass() {
  changed_at_ = kNever;
  if (accounting_ && aggregate_ == nullptr && config_.control_plane.trigger == PassTrigger::cycle &&
      accounting_->is_known()) {
    ask_total();
  }
  const std::int64_t budget = aggregate_ != nullptr ? aggregate_->budget() : 0;
  const bool done = planner_->pass(now_);
  for (const JobRef ref : planner_->started()) to_assign_.push_back(cluster_.job(ref).attempt_id());
  for (const Displacement& displacement : planner_->displaced()) {
    commands_.emplace_back(StopAttempt{cluster_.job(displacement.victim).attempt_id(), ReleaseReason::preempted});
    promised_.push_back(displacement.beneficiary);
  }
  if (!done) halt(planner_->error());
  else if (cluster_.is_logged()) log_decisions(budget);
  if (aggregate_ != nullptr) come_again();
}

void Scheduler::log_to(ClusterLog* log) {
  cluster_.log_to(log);
  if (log != nullptr) planner_->record_acts();
}

void Scheduler::log_decisions(std::int64_t budget) {
  change::Decide decided{.now = now_, .budget = budget};
  for (const PlanAct& act : planner_->acts()) {
    decided.acts.push_back({act});
    if (act.kind != PlanAct::Kind::start) continue;
    const auto& placements = cluster_.job(act.job).placements;
    decided.acts.back().placements.assign(placements.begin(), placements.end());
  }
  cluster_.note(std::move(decided));
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

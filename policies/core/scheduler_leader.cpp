// The scheduler as one of several: asks for the lease, takes over what the leader before left, and steps down.
#include "policies/core/assert.hpp"
#include "policies/core/scheduler.hpp"

#include <algorithm>
#include <utility>

namespace drydock {

// --- the lease ---

// Returns whether this scheduler takes in facts: not as a standby, and not once it has stepped down. Answers about the lease come
// before all else, since they say whether it may go on.
bool Scheduler::keep_lease(std::span<const Event> events) {
  if (reign_ == Reign::over) return false;
  for (const Event& event : events) {
    if (const auto* answer = std::get_if<LeaseAnswered>(&event)) take_lease(*answer);
    if (reign_ == Reign::over) return false;
  }
  if (leadership_->over(now_)) step_down(StepDownReason::lease_over);
  const bool shutdown =
      std::ranges::any_of(events, [](const Event& e) { return std::holds_alternative<ShutdownRequested>(e); });
  if (shutdown && reign_ != Reign::over) step_down(StepDownReason::shutdown);
  if (reign_ == Reign::over) return false;
  if (leadership_->due(now_)) {
    const RequestId request = next_request();
    commands_.emplace_back(AskLease{request, LeaseOp::acquire, leadership_->lease()});
    leadership_->asked(request, now_);
  }
  return reign_ != Reign::standby;
}

void Scheduler::take_lease(const LeaseAnswered& event) {
  switch (leadership_->take(event, now_)) {
    case Leadership::Turn::none: break;
    case Leadership::Turn::outranked: step_down(StepDownReason::outranked); break;
    case Leadership::Turn::gained:
      reign_ = Reign::loading;
      // Numbers of batches are remembered by the counter's scripts, across leaders.
      last_batch_ = static_cast<std::uint64_t>(leadership_->epoch()) << 32U;
      break;
  }
}

// What was decided in this step is not ordered any more.
void Scheduler::step_down(StepDownReason reason) {
  if (reign_ == Reign::over) return;
  commands_.clear();
  if (reason == StepDownReason::shutdown && leadership_->epoch() > 0) {
    commands_.emplace_back(AskLease{next_request(), LeaseOp::release, Duration{0}});
  }
  commands_.emplace_back(StepDown{reason});
  reign_ = Reign::over;
}

// --- taking over ---

void Scheduler::on(const StateLoaded& event) {
  if (event.request.value == 0 || event.request != taking_over_ || reign_ != Reign::loading) return;
  taking_over_ = RequestId{};
  if (event.answer == Answer::done) {
    reign_ = Reign::asking;
    loaded_now_ = true;
  } else if (event.answer == Answer::refused) {
    step_down(StepDownReason::outranked);
  } else {
    store_ready_at_ = later(now_, config_.store_retry);
  }
}

void Scheduler::on(const JobLoaded& event) {
  if (!loaded_now_) {
    if (lookahead_) rows_.push_back(event);
    return;
  }
  if (cluster_.find(event.job.id)) return;
  if (index(event.job.queue) >= config_.queues.size()) {
    commands_.emplace_back(RejectJob{event.job.id, RejectReason::unknown_queue});
    return;
  }
  loaded_.push_back(load_job(event));
}

JobRef Scheduler::load_job(const JobLoaded& row) {
  const JobRef ref = cluster_.add_job(row.job, row.submitted);
  cluster_.set_history(ref, {.attempt = row.attempts, .failures = row.failures, .losses = row.losses});
  cluster_.set_progress(ref, std::min(row.progress, row.job.estimate));
  return ref;
}

void Scheduler::on(const AllocationLoaded& event) {
  if (loaded_now_ && event.attempt.number > 0 && current(event.attempt)) takeover_.load(event);
}

void Scheduler::on(const WorkersAsked& event) {
  if (event.request.value == 0 || event.request != taking_over_) return;
  taking_over_ = RequestId{};
  ask_again_at_ = kNever;
  if (event.answer == Answer::refused) return step_down(StepDownReason::outranked);
  if (event.answer != Answer::done) {
    store_ready_at_ = later(now_, config_.store_retry);
  } else if (reign_ == Reign::asking) {
    reign_ = Reign::leading;
    orphans_until_ = config_.control_plane.registry.guard ? later(now_, config_.control_plane.registry.hold) : now_;
    if (!accounting_) return;
    Asker ask = asker();
    accounting_->counter_in_doubt(ask);
  }
}

void Scheduler::on(const WorkerReported& event) { takeover_.reported(event); }
void Scheduler::on(const AttemptHeld& event) { takeover_.held(event); }

// After the facts of a step.
void Scheduler::take_over() {
  if (loaded_now_) line_up_loaded();
  const bool idle = taking_over_.value == 0 && now_ >= store_ready_at_;
  if (reign_ == Reign::loading && idle) {
    taking_over_ = next_request();
    commands_.emplace_back(AskState{taking_over_});
  } else if (idle && (reign_ == Reign::asking || is_due(ask_again_at_))) {
    taking_over_ = next_request();
    ask_again_at_ = kNever;
    commands_.emplace_back(AskWorkers{taking_over_});
  }
  if (reign_ == Reign::leading && !takeover_.empty()) settle_loaded();
}

// Jobs without an open attempt wait, in the order of their submission; then those that came meanwhile.
void Scheduler::line_up_loaded() {
  loaded_now_ = false;
  std::ranges::sort(loaded_, {}, [this](JobRef ref) { return cluster_.job(ref).sequence; });
  for (const JobRef ref : loaded_) {
    if (takeover_.find(cluster_.job(ref).spec.id) == nullptr) wait_again(ref);
  }
  loaded_.clear();
  if (lookahead_) note_taken_over();
  for (const JobSpec& job : takeover_.take_arrivals()) {
    if (!cluster_.find(job.id)) on(JobSubmitted{job});
  }
}

void Scheduler::settle_loaded() {
  bool silent = false;
  std::erase_if(takeover_.open(), [&](const Takeover::Open& open) {
    const std::optional<JobRef> ref = current(open.attempt);
    if (!ref) return true;
    if (open.adopted) return settle_adopted(*ref, open, silent);
    return settle_open(*ref, open);
  });
  for (Takeover::Open& open : takeover_.open()) {
    if (open.adopted) continue;
    const JobState state = cluster_.job(*current(open.attempt)).state;
    open.adopted = state == JobState::running || state == JobState::stopping;
    silent = silent || open.adopted;
  }
  if (silent && taking_over_.value == 0 && ask_again_at_ == kNever) {
    ask_again_at_ = later(now_, config_.control_plane.leadership.renew);
  }
}

// Returns whether there is nothing more to learn about it.
bool Scheduler::settle_adopted(JobRef ref, const Takeover::Open& open, bool& silent) {
  const JobState state = cluster_.job(ref).state;
  if ((state != JobState::running && state != JobState::stopping) || open.confirmed()) return true;
  if (!open.lacks()) {
    silent = true;
    return false;
  }
  cluster_.give_back(ref);
  repeat_loaded(ref);
  return true;
}

bool Scheduler::settle_open(JobRef ref, const Takeover::Open& open) {
  if (open.end) {
    if (const auto* finished = std::get_if<AttemptFinished>(&*open.end)) finish(ref, *finished);
    else stopped(ref, std::get<AttemptStopped>(*open.end));
    return true;
  }
  if (open.lacks()) return repeat_open(ref, open);
  const auto is_known = [this](const Placement& p) {
    return index(p.worker) < cluster_.worker_count() && cluster_.worker(p.worker).live;
  };
  if (std::ranges::all_of(open.placements, is_known)) {
    return adopt(ref, open) ? open.confirmed() : repeat_open(ref, open);
  }
  // A gang of which some workers are in the registry and some are not would hold room that nobody sees: it runs again.
  if (std::ranges::any_of(open.placements, is_known)) {
    commands_.emplace_back(StopAttempt{open.attempt, ReleaseReason::worker_lost});
    repeat_loaded(ref);
    return true;
  }
  if (now_ < orphans_until_) return false;
  // Its worker is in no registry, long after it should have come back.
  for (const Placement& p : open.placements) {
    if (!is_known(p)) commands_.emplace_back(DeclareDead{p.worker, 0});
  }
  repeat_loaded(ref);
  return true;
}

// Takes it as running, where its workers have room for it, as they had when it was assigned.
bool Scheduler::adopt(JobRef ref, const Takeover::Open& open) {
  const Job& job = cluster_.job(ref);
  const PoolId pool = cluster_.worker(open.placements.front().worker).spec.pool;
  if (cluster_.pool(pool).turn_of[index(job.spec.queue)] == Pool::kNoTurn) return false;
  std::uint64_t tasks = 0;
  for (const Placement& p : open.placements) {
    const Worker& worker = cluster_.worker(p.worker);
    if (worker.spec.pool != pool || !(job.spec.per_task * p.tasks).fits_in(worker.free)) return false;
    tasks += p.tasks;
  }
  if (tasks != job.spec.tasks) return false;
  const Time started = now_ - std::min(now_ - job.submitted, open.age);
  cluster_.set_history(ref, {.attempt = job.attempt - 1, .failures = job.failures, .losses = job.losses});
  wait_again(ref);
  cluster_.take(ref, pool, open.placements, started);
  cluster_.set_sent(ref);
  cluster_.set_running(ref, started);
  if (!job.cancelled) return true;
  cluster_.set_state(ref, JobState::stopping);
  commands_.emplace_back(StopAttempt{job.attempt_id(), ReleaseReason::cancelled});
  return true;
}

// Whoever has a part of it stops.
bool Scheduler::repeat_open(JobRef ref, const Takeover::Open& open) {
  if (!open.held_by.empty()) commands_.emplace_back(StopAttempt{open.attempt, ReleaseReason::worker_lost});
  repeat_loaded(ref);
  return true;
}

// It never reached its worker, or was lost with it; which one nobody can tell, so that it does not count as a loss.
void Scheduler::repeat_loaded(JobRef ref) {
  release_later(ref, ReleaseReason::worker_lost);
  if (!cluster_.job(ref).cancelled) wait_again(ref);
}

Time Scheduler::leader_wakeup() const {
  if (reign_ == Reign::over) return kNever;
  Time at = leadership_->next_wakeup();
  if (reign_ == Reign::standby) return at;
  const bool open = taking_over_.value == 0;
  if (open && reign_ != Reign::leading) at = std::min(at, std::max(now_, store_ready_at_));
  if (open && reign_ == Reign::leading && ask_again_at_ != kNever)
    at = std::min(at, std::max(ask_again_at_, store_ready_at_));
  const bool orphans = std::ranges::any_of(std::as_const(takeover_).open(), [](const auto& o) { return !o.adopted; });
  if (reign_ == Reign::leading && orphans && orphans_until_ > now_) at = std::min(at, orphans_until_);
  return at;
}

}  // namespace drydock

// The scheduler towards the store: batches that are cleared, sent, answered, read back and settled.
#include "policies/core/assert.hpp"
#include "policies/core/scheduler.hpp"

#include <algorithm>
#include <utility>

namespace drydock {

// --- answers of the store ---

void Scheduler::on(const CommitAnswered& event) {
  const auto batch = std::ranges::find(in_flight_, event.request, &Batch::commit);
  if (event.request.value == 0 || batch == in_flight_.end() || batch->unknown) return;
  const auto at = static_cast<std::size_t>(batch - in_flight_.begin());
  switch (event.answer) {
    case Answer::done: settle(at, event.version); break;
    case Answer::refused:
      if (leadership_) return step_down(StepDownReason::outranked);
      [[fallthrough]];
    case Answer::failed:
      settle(at, std::nullopt);
      store_ready_at_ = later(now_, config_.store_retry);
      break;
    case Answer::unknown: batch->unknown = true; break;  // send_reads asks; until then its jobs stay as they are
  }
}

void Scheduler::on(const BatchRead& event) {
  const auto batch = std::ranges::find(in_flight_, event.request, &Batch::read);
  if (event.request.value == 0 || batch == in_flight_.end()) return;
  if (leadership_ && event.answer == Answer::refused) return step_down(StepDownReason::outranked);
  if (event.answer != Answer::done) {
    batch->read = RequestId{};
    store_ready_at_ = later(now_, config_.store_retry);
    return;
  }
  const auto at = static_cast<std::size_t>(batch - in_flight_.begin());
  settle(at, event.found ? std::optional(event.version) : std::nullopt);
}

void Scheduler::settle(std::size_t at, std::optional<std::uint64_t> version) {
  if (version) settle_done(in_flight_[at]);
  else settle_failed(in_flight_[at]);
  const BatchChange change = in_flight_[at].change;
  retire(at);
  if (!accounting_) return;
  Asker ask = asker();
  accounting_->settled(change, version, ask);
}

void Scheduler::take_clearance(const Clearance& clearance) {
  const auto batch = std::ranges::find_if(
      in_flight_, [&](const Batch& b) { return b.change.batch == clearance.batch && b.commit.value == 0; });
  DRYDOCK_CHECK(batch != in_flight_.end(), "a batch was cleared that does not wait for it");
  batch->cleared = clearance.granted;
  if (clearance.granted) return;
  settle_failed(*batch);
  retire(static_cast<std::size_t>(batch - in_flight_.begin()));
  store_ready_at_ = later(now_, config_.store_retry);
}

// To be called when all facts are known. A batch of which something was lost or cancelled meanwhile is not sent: what is left of it
// forms another.
void Scheduler::send_cleared() {
  const auto is_whole = [this](const Batch& batch) {
    return std::ranges::all_of(batch.assignments, [this](AttemptId attempt) {
      const std::optional<JobRef> ref = current(attempt);
      return ref && !cluster_.job(*ref).lost && !cluster_.job(*ref).cancelled && !is_declined(cluster_.job(*ref));
    });
  };
  for (std::size_t at = 0; at < in_flight_.size();) {
    Batch& batch = in_flight_[at];
    if (!batch.cleared || batch.commit.value != 0) {
      ++at;
    } else if (is_whole(batch)) {
      take_releases(batch);
      send(batch);
      ++at;
    } else {
      settle(at, std::nullopt);
    }
  }
}

void Scheduler::settle_done(Batch& batch) {
  for (const AttemptId attempt : batch.assignments) {
    const std::optional<JobRef> ref = current(attempt);
    DRYDOCK_CHECK(ref, "a job was forgotten while its assignment was on its way");
    const Job& job = cluster_.job(*ref);
    if (job.lost) {
      end(*ref, ReleaseReason::worker_lost);
      if (!job.cancelled) wait_again(*ref);
    } else if (job.cancelled) {
      end(*ref, ReleaseReason::cancelled);
    } else {
      cluster_.set_state(*ref, JobState::committed);
      to_dispatch_.push_back(attempt);
    }
  }
  for (const OpenRelease& release : batch.releases) {
    const std::optional<JobRef> known = cluster_.find(release.row.attempt.job);
    if (known && cluster_.job(*known).open_releases > 0) cluster_.close_release(*known);
    const std::optional<JobRef> ref = current(release.row.attempt);
    if (ref && cluster_.job(*ref).state == JobState::ended) forget(*ref);
  }
}

void Scheduler::settle_failed(Batch& batch) {
  for (const AttemptId attempt : batch.assignments) {
    const std::optional<JobRef> ref = current(attempt);
    DRYDOCK_CHECK(ref, "a job was forgotten while its assignment was on its way");
    retract(*ref);
  }
  to_release_.insert(to_release_.begin(), batch.releases.begin(), batch.releases.end());
}

// The attempt is not in the store and never will be. A store that is read, by others or by this one again, knows nothing of its number:
// it is used again.
void Scheduler::retract(JobRef ref) {
  cluster_.give_back(ref);
  const Job& job = cluster_.job(ref);
  if (leadership_ || lookahead_)
    cluster_.set_history(ref, {.attempt = job.attempt - 1, .failures = job.failures, .losses = job.losses});
  forget_or_wait(ref);
}

void Scheduler::retire(std::size_t at) {
  Batch batch = std::move(in_flight_[at]);
  in_flight_.erase(in_flight_.begin() + static_cast<std::ptrdiff_t>(at));
  batch.assignments.clear();
  batch.releases.clear();
  batch.commit = batch.read = RequestId{};
  batch.change = {};
  batch.unknown = batch.cleared = false;
  spare_.push_back(std::move(batch));
}

// --- orders ---

bool Scheduler::may_send() const { return !halted_ && in_flight_.size() < config_.max_in_flight && now_ >= store_ready_at_; }

// What is to be cleared first waits for what was released: a counter that still holds that has no room for it, and the room
// belongs to nobody else before the release is on its way.
void Scheduler::send_commit() {
  const bool apart = accounting_ && accounting_->clears();
  if (may_send() && apart && !to_release_.empty()) send_batch(false);
  if (may_send() && !(to_assign_.empty() && to_release_.empty())) send_batch(true);
}

void Scheduler::send_batch(bool with_assignments) {
  Batch batch;
  if (!spare_.empty()) {
    batch = std::move(spare_.back());
    spare_.pop_back();
  }
  take_releases(batch);
  if (with_assignments) take_assignments(batch);
  if (batch.assignments.empty() && batch.releases.empty()) {
    spare_.push_back(std::move(batch));
    return;
  }
  batch.change.batch = ++last_batch_;
  in_flight_.push_back(std::move(batch));
  if (accounting_ && accounting_->clears() && in_flight_.back().change.assigned > 0) {
    Asker ask = asker();
    accounting_->clear(in_flight_.back().change, cpus_in_use_limit(), ask);
  } else {
    send(in_flight_.back());
  }
}

// All that is to be released now. An assignment counts on the room, so that it is never written before it.
void Scheduler::take_releases(Batch& batch) {
  for (const OpenRelease& release : to_release_) batch.change.released += release.cpus_milli;
  batch.releases.insert(batch.releases.end(), to_release_.begin(), to_release_.end());
  to_release_.clear();
}

void Scheduler::take_assignments(Batch& batch) {
  for (const AttemptId attempt : to_assign_) {
    const std::optional<JobRef> ref = current(attempt);
    if (!ref || cluster_.job(*ref).state != JobState::committing) continue;  // lost or cancelled before it was sent
    if (cluster_.job(*ref).sent) continue;                                   // retracted, and its number used again
    cluster_.set_sent(*ref);
    batch.assignments.push_back(attempt);
    batch.change.assigned += cluster_.job(*ref).cpus_in_all();
  }
  to_assign_.clear();
}

void Scheduler::send(Batch& batch) {
  if (accounting_) {
    Asker ask = asker();
    accounting_->sending(batch.change, ask);
  }
  const std::span<Assignment> assignments = assignments_.take(batch.assignments.size());
  for (std::size_t i = 0; i < assignments.size(); ++i) {
    const AttemptId attempt = batch.assignments[i];
    assignments[i] = {attempt, placements_.copy(cluster_.job(*current(attempt)).placements)};
  }
  const std::span<Release> releases = releases_.take(batch.releases.size());
  for (std::size_t i = 0; i < releases.size(); ++i) releases[i] = batch.releases[i].row;
  batch.commit = next_request();
  commands_.emplace_back(Commit{batch.commit, releases, assignments});
}

// What all pools together have, as far as scripts can count.
std::int64_t Scheduler::cpus_in_use_limit() const {
  constexpr std::int64_t kMost = (std::int64_t{1} << 53U) - 1;
  if (aggregate_ != nullptr) return cpus_open_ + cpus_draining();
  std::int64_t cpus = cpus_draining();
  for (const Pool& pool : cluster_.pools()) cpus = std::min(kMost, cpus + std::min(kMost, pool.capacity.cpus()));
  return cpus;
}

void Scheduler::send_reads() {
  if (halted_ || now_ < store_ready_at_) return;
  for (Batch& batch : in_flight_) {
    if (!batch.unknown || batch.read.value != 0) continue;
    batch.read = next_request();
    commands_.emplace_back(ReadBatch{batch.read, batch.commit});
  }
}

void Scheduler::send_dispatches() {
  if (halted_) return;
  for (const AttemptId attempt : to_dispatch_) {
    const std::optional<JobRef> ref = current(attempt);
    if (!ref || cluster_.job(*ref).state != JobState::committed) continue;  // its worker was lost in this step
    if (cluster_.job(*ref).cancelled) {                                     // likewise
      end(*ref, ReleaseReason::cancelled);
      continue;
    }
    if (is_declined(cluster_.job(*ref))) {
      end(*ref, ReleaseReason::drained);
      wait_again(*ref);
      continue;
    }
    cluster_.set_running(*ref, now_);
    commands_.emplace_back(Dispatch{attempt, placements_.copy(cluster_.job(*ref).placements)});
  }
  to_dispatch_.clear();
}

}  // namespace drydock

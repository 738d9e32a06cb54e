#include "sim/ledger.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <utility>
#include <variant>

namespace drydock::sim {
namespace {

constexpr std::uint32_t kNoLookahead = std::numeric_limits<std::int32_t>::max();

bool ends_job(ReleaseReason reason) {
  switch (reason) {
    case ReleaseReason::succeeded:
    case ReleaseReason::failed:
    case ReleaseReason::cancelled:
    case ReleaseReason::quarantined: return true;
    case ReleaseReason::preempted:
    case ReleaseReason::drained:
    case ReleaseReason::worker_lost:
    case ReleaseReason::retried: return false;
  }
  return false;
}

}  // namespace

void Ledger::submit(const JobSpec& job) {
  (void)store_.apply(common_.now, postgres::SubmitJobs{{{.spec = job, .payload = {}}}});
  submitted_.emplace(job.id.value, common_.now);
}

bool Ledger::reject(JobId job) {
  if (!is_current(sender_.epoch)) return false;
  postgres::CommitBatch batch{.fence = fence_of(sender_.epoch), .request = {}};
  batch.endings.push_back({.job = job, .reason = ReleaseReason::cancelled});
  // Not by number: it is the store's own transaction, and is not repeated.
  batch.request = RequestId{std::numeric_limits<std::int64_t>::max() - job.value};
  const auto reply = store_.apply(common_.now, batch);
  submitted_.erase(job.value);
  return std::get<postgres::Verdict>(reply).outcome == postgres::Verdict::Outcome::applied;
}

// --- commits ---

void Ledger::sent(const Commit& order) {
  OnItsWay commit{.sender = sender_, .batch = {.fence = {kLease, sender_.epoch}, .request = order.request}};
  for (const Release& release : order.releases) {
    commit.batch.releases.push_back(
        {.attempt = release.attempt, .reason = release.reason, .job_ends = ends_job(release.reason)});
  }
  for (const Assignment& assignment : order.assignments) {
    const PostgresJob* const row = store_.tables().find(assignment.attempt.job);
    postgres::AssignedAttempt assigned{.attempt = assignment.attempt};
    for (const Placement& placement : assignment.placements) {
      const Resources held = row == nullptr ? Resources{} : row->job.spec.per_task * placement.tasks;
      assigned.shares.push_back({.worker = placement.worker, .tasks = placement.tasks, .held = held});
    }
    commit.batch.assignments.push_back(std::move(assigned));
  }
  on_their_way_.emplace(order.request, std::move(commit));
}

// A row that is refused (its job ended, or is held by an attempt whose release failed) makes the commit fail: it had no effect.
Answer Ledger::apply(RequestId request) {
  const auto place = on_their_way_.find(request);
  DRYDOCK_CHECK(place != on_their_way_.end(), "a commit arrived that was not sent");
  const OnItsWay commit = std::move(place->second);
  on_their_way_.erase(place);
  postgres::CommitBatch batch = commit.batch;
  batch.fence = fence_of(commit.sender.epoch);
  batch.settled_below = request;  // they arrive in order, and Stores knows what became of those before
  const auto reply = store_.apply(common_.now, batch);
  const Answer answer = postgres::commit_answer(reply);
  if (answer == Answer::refused) common_.metrics.write_refused();
  if (answer != Answer::done) return answer;
  note_accepted(commit.sender);
  for (const postgres::ReleasedAttempt& release : batch.releases) {
    executor_.released({release.attempt, release.reason});
    if (release.job_ends) submitted_.erase(release.attempt.job.value);
  }
  return answer;
}

void Ledger::note_accepted(const Sender& sender) {
  if (last_accepted_ && last_accepted_->process != sender.process && sender.epoch <= last_accepted_->epoch) {
    breaches_.push_back(
        fmt::format("a write of scheduler process {} in epoch {} was accepted after one of process {} in epoch {}",
                    sender.process, sender.epoch, last_accepted_->process, last_accepted_->epoch));
  }
  last_accepted_ = sender;
}

bool Ledger::holds(AttemptId attempt) const {
  const PostgresJob* const row = store_.tables().find(attempt.job);
  return row != nullptr && row->held() && row->attempts.size() == attempt.number;
}

// --- the lease ---

Ledger::Held Ledger::acquire(Duration ttl) {
  const postgres::AcquireLease op{.lease = kLease, .holder = holder(), .ttl = ttl};
  const auto lease = std::get<postgres::Lease>(store_.apply(common_.now, op));
  epoch_ = lease.epoch;
  return {.by_sender = lease.holder == holder(), .epoch = lease.epoch, .left = lease.left};
}

void Ledger::release_lease() {
  (void)store_.apply(common_.now, postgres::ReleaseLease{.lease = kLease, .holder = holder(), .epoch = sender_.epoch});
}

JobLoaded Ledger::loaded(const postgres::LoadedJob& row) const {
  const auto submitted = submitted_.find(row.job.spec.id.value);
  return {.job = row.job.spec,
          .submitted = submitted == submitted_.end() ? common_.now : submitted->second,
          .attempts = row.view.attempts,
          .failures = row.view.failures,
          .losses = row.view.losses,
          .progress = row.view.progress};
}

bool Ledger::load(std::vector<Event>& facts) {
  if (!is_current(sender_.epoch)) return false;
  const postgres::LoadState op{.fence = fence_of(sender_.epoch),
                               .limit_per_queue = lookahead_ > 0 ? lookahead_ : kNoLookahead};
  const auto reply = store_.apply(common_.now, op);
  const auto* const state = std::get_if<postgres::State>(&reply);
  if (state == nullptr) return false;
  for (const postgres::LoadedJob& row : state->waiting) facts.emplace_back(loaded(row));
  for (const postgres::LoadedJob& row : state->held) facts.emplace_back(loaded(row));
  for (const postgres::Allocation& row : state->allocations) {
    facts.emplace_back(AllocationLoaded{row.attempt, row.share.worker, row.share.tasks});
  }
  return true;
}

void Ledger::load(const AskWaiting& order, std::vector<Event>& facts) {
  const auto reply = store_.apply(common_.now, postgres::LoadWaiting{order.queue, order.after, order.limit});
  const std::vector<postgres::LoadedJob>& rows = std::get<postgres::Jobs>(reply).jobs;
  for (const postgres::LoadedJob& row : rows) facts.emplace_back(loaded(row));
  WaitingLoaded answer{.request = order.request, .whole = rows.size() < order.limit};
  if (!answer.whole) answer.last = place_of(rows.back().job.spec);
  facts.emplace_back(answer);
}

}  // namespace drydock::sim

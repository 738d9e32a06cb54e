#include "sim/postgres_tables.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>

namespace drydock::sim {

using namespace postgres;

JobView PostgresJob::view() const {
  JobView view;
  view.found = true;
  view.attempts = last_number();
  view.state = held() ? JobState::held : ended() ? JobState::ended : JobState::waiting;
  for (const PostgresAttempt& attempt : attempts) {
    view.failures += attempt.outcome && is_failure(*attempt.outcome) ? 1U : 0U;
    view.losses += attempt.outcome && is_loss(*attempt.outcome) ? 1U : 0U;
    view.progress = std::max(view.progress, attempt.progress);
    if (attempt.outcome) view.last_reason = attempt.outcome;
  }
  if (ended_alone) view.last_reason = ended_alone;
  return view;
}

// --- changes ---

std::optional<std::int64_t> PostgresTables::add(const Job& job) {
  const auto [at, added] = jobs_.try_emplace(job.spec.id);
  if (!added) return std::nullopt;
  at->second.job = job;
  at->second.arrival = ++last_arrival_;
  put(at->second);
  return last_arrival_;
}

void PostgresTables::assign(AttemptId attempt, std::vector<Share> shares) {
  PostgresJob& row = take(attempt.job);
  row.attempts.emplace_back() = {.number = attempt.number, .shares = std::move(shares), .outcome = {}};
  put(row);
}

void PostgresTables::finish(JobId job, const Ending& ending) {
  PostgresJob& row = take(job);
  PostgresAttempt& attempt = row.attempts.back();
  DRYDOCK_CHECK(!attempt.outcome, "an attempt ends once");
  attempt.outcome = ending.reason;
  attempt.job_ends = ending.job_ends;
  attempt.progress = ending.progress;
  put(row);
}

void PostgresTables::release(JobId job) {
  PostgresJob& row = take(job);
  DRYDOCK_CHECK(row.held() && row.attempts.back().outcome, "what is released is held, and has ended");
  row.attempts.back().released = true;
  put(row);
}

void PostgresTables::end_alone(JobId job, ReleaseReason reason) {
  PostgresJob& row = take(job);
  row.ended_alone = reason;
  put(row);
}

void PostgresTables::commit() {
  if (!keep_ended_) {
    for (const Before& before : changed_) {
      const auto at = jobs_.find(before.job);
      if (at != jobs_.end() && at->second.ended() && !at->second.held()) jobs_.erase(at);
    }
  }
  changed_.clear();
}

void PostgresTables::roll_back() {
  for (auto before = changed_.rbegin(); before != changed_.rend(); ++before) {
    PostgresJob& row = jobs_.at(before->job);
    unindex(row);
    row.attempts = std::move(before->attempts);
    row.ended_alone = before->ended_alone;
    put(row);
  }
  changed_.clear();
}

PostgresJob& PostgresTables::take(JobId id) {
  PostgresJob& row = jobs_.at(id);
  changed_.push_back({id, row.attempts, row.ended_alone});
  unindex(row);
  return row;
}

void PostgresTables::put(const PostgresJob& row) {
  const JobId id = row.job.spec.id;
  if (row.waiting()) {
    waiting_[row.job.spec.queue].insert(place_of(row));
    waiting_by_arrival_.emplace(row.arrival, id);
  }
  if (!row.held()) return;
  count(row, 1);
  held_.insert(id);
  held_by_arrival_.emplace(row.arrival, id);
  if (row.attempts.back().outcome) to_release_.emplace(row.arrival, id);
  for (const Share& share : row.attempts.back().shares) held_on_[share.worker].insert(id);
}

void PostgresTables::unindex(const PostgresJob& row) {
  const JobId id = row.job.spec.id;
  if (row.waiting()) {
    const auto queue = waiting_.find(row.job.spec.queue);
    queue->second.erase(place_of(row));
    if (queue->second.empty()) waiting_.erase(queue);
    waiting_by_arrival_.erase(row.arrival);
  }
  if (!row.held()) return;
  count(row, -1);
  held_.erase(id);
  held_by_arrival_.erase(row.arrival);
  to_release_.erase(row.arrival);
  for (const Share& share : row.attempts.back().shares) {
    const auto on = held_on_.find(share.worker);
    on->second.erase(id);
    if (on->second.empty()) held_on_.erase(on);
  }
}

void PostgresTables::count(const PostgresJob& row, std::int64_t sign) {
  for (const Share& share : row.attempts.back().shares) {
    cpus_ += sign * share.held.cpus();
    allocations_ += sign;
  }
}

// --- reading ---

const PostgresJob* PostgresTables::find(JobId id) const {
  const auto at = jobs_.find(id);
  return at == jobs_.end() ? nullptr : &at->second;
}

LoadedJob PostgresTables::loaded(JobId id) const {
  const PostgresJob& row = jobs_.at(id);
  return {row.job, row.arrival, row.view()};
}

void PostgresTables::waiting(const LoadWaiting& which, std::vector<LoadedJob>& out) const {
  const auto queue = waiting_.find(which.queue);
  if (queue == waiting_.end()) return;
  auto at = queue->second.begin();
  if (which.after) at = queue->second.upper_bound({-std::int64_t{which.after->priority}, which.after->job});
  for (std::uint32_t n = 0; n < which.limit && at != queue->second.end(); ++n, ++at) out.push_back(loaded(at->second));
}

void PostgresTables::all_waiting(std::uint32_t limit_per_queue, std::vector<LoadedJob>& out) const {
  for (const auto& [queue, places] : waiting_) waiting({queue, std::nullopt, limit_per_queue}, out);
}

std::vector<LoadedJob> PostgresTables::arrived(const LoadArrived& which) const {
  std::vector<LoadedJob> jobs;
  auto at = waiting_by_arrival_.upper_bound(which.after);
  for (; jobs.size() < which.limit && at != waiting_by_arrival_.end(); ++at) jobs.push_back(loaded(at->second));
  return jobs;
}

std::vector<Allocation> PostgresTables::allocations(std::optional<WorkerId> worker) const {
  static const std::set<JobId> kNone;
  const std::set<JobId>* jobs = &held_;
  if (worker) {
    const auto on = held_on_.find(*worker);
    jobs = on == held_on_.end() ? &kNone : &on->second;
  }
  std::vector<Allocation> rows;
  for (const JobId id : *jobs) {
    const std::vector<PostgresAttempt>& attempts = jobs_.at(id).attempts;
    const AttemptId attempt{id, attempts.back().number};
    for (const Share& share : attempts.back().shares) {
      if (!worker || share.worker == *worker) rows.push_back({attempt, share, attempts.back().outcome.has_value()});
    }
  }
  return rows;
}

std::int64_t PostgresTables::first_unfinished() const {
  std::int64_t first = last_arrival_ + 1;
  if (!waiting_by_arrival_.empty()) first = std::min(first, waiting_by_arrival_.begin()->first);
  if (!held_by_arrival_.empty()) first = std::min(first, held_by_arrival_.begin()->first);
  return first;
}

std::pair<std::int64_t, std::int64_t> PostgresTables::recount() const {
  std::int64_t cpus = 0;
  std::int64_t allocations = 0;
  for (const auto& [id, row] : jobs_) {
    for (const PostgresAttempt& attempt : row.attempts) {
      for (const Share& share : attempt.shares) {
        cpus += attempt.released ? 0 : share.held.cpus();
        allocations += attempt.released ? 0 : 1;
      }
    }
  }
  return {cpus, allocations};
}

}  // namespace drydock::sim

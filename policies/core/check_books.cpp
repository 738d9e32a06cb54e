#include "policies/core/check_books.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace drydock::check_detail {

Amounts clamped(const Resources& resources) {
  constexpr std::int64_t kMost = std::int64_t{1} << 53U;
  Amounts result{};
  for (std::size_t k = 0; k < result.size(); ++k) {
    result[k] = std::clamp<std::int64_t>(resources.amounts[static_cast<Eigen::Index>(k)], 0, kMost);
  }
  return result;
}

std::string text_of(AttemptId id) { return fmt::format("{}.{}", id.job.value, id.number); }

std::string text_of(std::span<const Placement> placements) {
  std::string result;
  for (const Placement& p : placements)
    result += fmt::format("{}w{}x{}", result.empty() ? "" : " ", p.worker.value, p.tasks);
  return result.empty() ? "nowhere" : result;
}

WorkerBook* Books::find_worker(WorkerId id) {
  const std::size_t page = id.value / kPage;
  if (page >= pages_.size() || pages_[page] == nullptr) return nullptr;
  WorkerBook& worker = (*pages_[page])[id.value % kPage];
  return worker.generation == 0 ? nullptr : &worker;
}

WorkerBook* Books::worker_at(WorkerId id) {
  if (id.value >= kMaxWorkers) return nullptr;
  const std::size_t page = id.value / kPage;
  if (page >= pages_.size()) pages_.resize(page + 1);
  if (pages_[page] == nullptr) pages_[page] = std::make_unique<Page>();
  return &(*pages_[page])[id.value % kPage];
}

std::uint32_t Books::find_job(JobId id) const {
  const std::uint32_t* slot = slots.find(id);
  return slot == nullptr ? kNone : *slot;
}

std::uint32_t Books::find_attempt(AttemptId id) const {
  const std::uint32_t job = find_job(id.job);
  if (job == kNone) return kNone;
  std::uint32_t slot = jobs[job].open;
  while (slot != kNone && attempts[slot].number != id.number) slot = attempts[slot].next;
  return slot;
}

AttemptId Books::id_of(std::uint32_t attempt) const { return {jobs[attempts[attempt].job].id, attempts[attempt].number}; }

std::uint32_t Books::add_job(const JobSpec& spec) {
  const std::uint32_t slot = jobs.add();
  jobs[slot] = JobBook{.id = spec.id, .tasks = spec.tasks, .per_task = clamped(spec.per_task), .known = true};
  slots.insert(spec.id, slot);
  return slot;
}

std::uint32_t Books::add_attempt(std::uint32_t job, std::uint32_t number) {
  const std::uint32_t slot = attempts.add();
  AttemptBook& attempt = attempts[slot];
  attempt.holds.clear();
  attempt.number = number;
  attempt.job = job;
  attempt.next = jobs[job].open;
  attempt.phase = Phase::requested;
  attempt.outcome = Outcome::none;
  attempt.stop_requested = false;
  attempt.releasing = attempt.loaded = false;
  jobs[job].open = slot;
  return slot;
}

void Books::remove_attempt(std::uint32_t slot) {
  const std::uint32_t job = attempts[slot].job;
  std::uint32_t* link = &jobs[job].open;
  while (*link != slot) link = &attempts[*link].next;
  *link = attempts[slot].next;
  attempts.remove(slot);
}

void Books::forget_if_over(std::uint32_t job) {
  if (!jobs[job].closed || jobs[job].open != kNone) return;
  slots.erase(jobs[job].id);
  jobs[job].known = false;
  jobs.remove(job);
}

bool Books::is_lost(const AttemptBook& attempt) const {
  return std::ranges::any_of(attempt.holds, [this](const Hold& hold) {
    const WorkerBook* worker = find_worker(hold.placement.worker);
    return worker == nullptr || worker->generation != hold.generation;
  });
}

bool Books::drains(const AttemptBook& attempt) const {
  return std::ranges::any_of(attempt.holds, [this](const Hold& hold) {
    const WorkerBook* worker = find_worker(hold.placement.worker);
    if (worker == nullptr) return false;
    return (worker->draining && worker->generation == hold.generation) ||
           std::ranges::find(worker->drained, hold.generation) != worker->drained.end();
  });
}

bool Books::may_release(const AttemptBook& attempt, ReleaseReason reason) const {
  const bool cancelled = jobs[attempt.job].cancelled && reason == ReleaseReason::cancelled;
  const bool lost = reason == ReleaseReason::worker_lost || reason == ReleaseReason::quarantined;
  if (attempt.loaded && lost) return true;
  const bool drained = drains(attempt) && reason == ReleaseReason::drained;
  switch (attempt.outcome) {
    case Outcome::succeeded: return reason == ReleaseReason::succeeded || cancelled;
    case Outcome::failed: return reason == ReleaseReason::failed || reason == ReleaseReason::retried || cancelled;
    case Outcome::stopped:
      if (attempt.stop_requested) return reason == ReleaseReason::preempted || cancelled;
      if (attempt.loaded && reason == ReleaseReason::preempted) return true;
      // That its worker drained may come to be known when the worker has gone and come again.
      if (is_lost(attempt) && reason == ReleaseReason::drained) return true;
      return drained || ((drains(attempt) || attempt.loaded) && (reason == ReleaseReason::drained || cancelled));
    case Outcome::none: break;
  }
  if (is_lost(attempt) && (lost || drained)) return true;
  return attempt.phase == Phase::committed && (cancelled || drained);
}

void Books::count(const AttemptBook& attempt, std::int64_t sign) {
  const Amounts& per_task = jobs[attempt.job].per_task;
  for (const Hold& hold : attempt.holds) {
    WorkerBook* worker = find_worker(hold.placement.worker);
    if (!hold.counted || worker == nullptr || worker->generation != hold.generation) continue;
    for (std::size_t k = 0; k < per_task.size(); ++k) worker->used[k] += sign * per_task[k] * hold.placement.tasks;
  }
}

void Books::lose_worker(WorkerBook& worker) {
  if (worker.draining) worker.drained.push_back(worker.generation);
  worker.live = worker.draining = false;
  worker.used = {};
  ++worker.generation;
}

void Books::load(std::uint32_t job, const AllocationLoaded& row) {
  std::uint32_t slot = find_attempt(row.attempt);
  if (slot == kNone) {
    slot = add_attempt(job, row.attempt.number);
    loaded_.push_back(row.attempt);
  }
  AttemptBook& attempt = attempts[slot];
  attempt.loaded = true;
  attempt.phase = Phase::dispatched;
  attempt.holds.push_back({{row.worker, row.tasks}, 0, false});
}

// An attempt that has no room there is one that the scheduler takes for lost.
void Books::count_loaded(WorkerId id, WorkerBook& worker) {
  std::erase_if(loaded_, [&](AttemptId attempt_id) {
    const std::uint32_t slot = find_attempt(attempt_id);
    if (slot == kNone || attempts[slot].phase == Phase::ended || attempts[slot].releasing) return true;
    const Amounts& per_task = jobs[attempts[slot].job].per_task;
    for (Hold& hold : attempts[slot].holds) {
      if (hold.placement.worker != id || hold.counted) continue;
      hold.generation = worker.generation;
      hold.counted = true;
      for (std::size_t k = 0; k < per_task.size(); ++k) {
        const std::int64_t room = worker.capacity[k] - worker.used[k];
        if (per_task[k] > 0 && room / per_task[k] < hold.placement.tasks) hold.counted = false;
      }
      if (!hold.counted) continue;
      for (std::size_t k = 0; k < per_task.size(); ++k) worker.used[k] += per_task[k] * hold.placement.tasks;
    }
    return false;
  });
}

}  // namespace drydock::check_detail

#include "reports/story.hpp"

#include <algorithm>

namespace drydock::reports {

void RoomBook::take(std::span<const Event> events, std::span<const Command> commands) {
  reading_ = std::ranges::any_of(events, [](const Event& e) { return std::holds_alternative<RegistryRead>(e); });
  for (const Event& event : events) {
    if (const auto* job = std::get_if<JobSubmitted>(&event)) per_task_[job->job.id] = job->job.per_task;
    if (const auto* job = std::get_if<JobLoaded>(&event)) per_task_[job->job.id] = job->job.per_task;
    if (const auto* left = std::get_if<WorkerLeft>(&event)) lose(left->worker, left->incarnation);
    // What it holds is given back, but not to be had again.
    const auto* drains = std::get_if<WorkerDraining>(&event);
    if (drains != nullptr) lose(drains->worker, drains->incarnation);
    const auto* expired = std::get_if<LeaseExpired>(&event);
    if (expired != nullptr && !reading_) lose(expired->worker, expired->incarnation);
    const auto* came = std::get_if<WorkerRegistered>(&event);
    if (came == nullptr || came->incarnation <= workers_[came->worker].incarnation) continue;
    workers_[came->worker] = {came->incarnation, true, came->spec.pool, came->spec.capacity};
  }
  for (const Command& command : commands) {
    if (const auto* dead = std::get_if<DeclareDead>(&command)) lose(dead->worker, dead->incarnation);
    const auto* commit = std::get_if<Commit>(&command);
    if (commit == nullptr) continue;
    for (const Release& row : commit->releases) give_back(row.attempt);
    for (const Assignment& a : commit->assignments) {
      for (const Placement& p : a.placements) {
        const Resources amount = per_task_[a.attempt.job] * p.tasks;
        workers_[p.worker].room -= amount;
        workers_[p.worker].holds[a.attempt] = amount;
        where_[a.attempt].push_back(p.worker);
      }
    }
  }
}

void RoomBook::lose(WorkerId id, std::uint32_t incarnation) {
  WorkerRoom& worker = workers_[id];
  if (worker.incarnation == incarnation) worker.live = false;
}

void RoomBook::give_back(AttemptId attempt) {
  const auto found = where_.find(attempt);
  if (found == where_.end()) return;
  for (const WorkerId id : found->second) {
    const auto held = workers_[id].holds.find(attempt);
    if (held == workers_[id].holds.end()) continue;
    workers_[id].room += held->second;
    workers_[id].holds.erase(held);
  }
  where_.erase(found);
}

RoomBook::Room RoomBook::room_for(const JobSpec& job, const SchedulerConfig& config) const {
  Room best;
  for (std::uint32_t p = 0; p < config.pools.size(); ++p) {
    if (std::ranges::find(config.pools[p].queues, job.queue) == config.pools[p].queues.end()) continue;
    Room room;
    for (const auto& [id, worker] : workers_) {
      if (!worker.live || worker.pool.value != p) continue;
      ++room.workers;
      const auto places = static_cast<std::uint64_t>(fit_count(job.per_task, worker.room));
      room.places = std::min<std::uint64_t>(room.places + places, ~std::uint32_t{0});
    }
    best.workers += room.workers;
    best.places = std::max(best.places, room.places);
  }
  return best;
}

}  // namespace drydock::reports

#include "policies/core/takeover.hpp"

#include <algorithm>

namespace drydock {

namespace {

bool runs_on(const Takeover::Open& open, WorkerId worker) {
  return std::ranges::find(open.placements, worker, &Placement::worker) != open.placements.end();
}

void add_once(std::vector<WorkerId>& workers, WorkerId worker) {
  if (std::ranges::find(workers, worker) == workers.end()) workers.push_back(worker);
}

}  // namespace

void Takeover::load(const AllocationLoaded& row) {
  const auto place = std::ranges::lower_bound(open_, row.attempt, {}, &Open::attempt);
  const bool known = place != open_.end() && place->attempt == row.attempt;
  Open& open = known ? *place : *open_.insert(place, Open{.attempt = row.attempt});
  open.placements.push_back({row.worker, row.tasks});
}

void Takeover::reported(const WorkerReported& event) {
  for (Open& open : open_) {
    if (runs_on(open, event.worker)) add_once(open.reported, event.worker);
  }
}

void Takeover::held(const AttemptHeld& event) {
  Open* const open = find(event.attempt);
  if (open == nullptr || !runs_on(*open, event.worker)) return;
  add_once(open->held_by, event.worker);
  open->age = std::max(open->age, event.age);
}

Takeover::Open* Takeover::find(AttemptId attempt) {
  const auto place = std::ranges::lower_bound(open_, attempt, {}, &Open::attempt);
  return place != open_.end() && place->attempt == attempt ? &*place : nullptr;
}

const Takeover::Open* Takeover::find(JobId job) const {
  const auto place = std::ranges::lower_bound(open_, AttemptId{job, 0}, {}, &Open::attempt);
  return place != open_.end() && place->attempt.job == job ? &*place : nullptr;
}

}  // namespace drydock

// The honest world's workers that are about to leave.
#include "tests/properties/honest_world.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <ranges>

namespace drydock::properties {

void HonestWorld::drain(WorkerId worker) {
  WorkerTruth& truth = workers_[index(worker)];
  if (!truth.alive || truth.draining || healed()) return;
  truth.draining = true;
  tell_later(WorkerDraining{worker, truth.incarnation});
  leave_drained(worker, truth.incarnation);
}

void HonestWorld::leave_drained(WorkerId worker, std::uint32_t incarnation) {
  WorkerTruth& truth = workers_[index(worker)];
  if (!truth.alive || truth.incarnation != incarnation) return;
  if (!(truth.running == Resources{}) || chance(3)) {
    at(now_ + some_delay(4'000) + Duration{1}, [this, worker, incarnation] { leave_drained(worker, incarnation); });
    return;
  }
  truth.alive = false;
  tell(WorkerLeft{worker, truth.incarnation});
  at(now_ + some_delay(16'000) + Duration{1}, [this, worker] { come_back(worker); });
}

void HonestWorld::note(const WorkerDraining& e) {
  WorkerTruth& truth = workers_[index(e.worker)];
  if (!truth.known || truth.told != e.incarnation) return;
  truth.known_draining = true;
  for (JobTruth& job : jobs_) {
    for (auto& [number, attempt] : job.attempts) {
      const bool begun = attempt.phase != Phase::assigned && attempt.phase != Phase::stored;
      if (!begun && is_on(attempt.placements, e.worker)) attempt.declined = true;
    }
  }
}
bool HonestWorld::is_declined(const Dispatch& c) {
  std::vector<Event> facts;
  for (const Placement& p : c.placements) {
    const WorkerTruth& worker = workers_[index(p.worker)];
    if (!worker.alive) return false;
    if (worker.known_draining)
      complain(fmt::format("{} is sent to worker {}, which is known to drain", text(c.attempt), p.worker.value));
    if (worker.draining) facts.emplace_back(WorkerDraining{p.worker, worker.incarnation});
  }
  if (facts.empty()) return false;
  find(c.attempt)->phase = Phase::over;
  for (const Event& fact : facts) tell(fact);
  tell_later(AttemptStopped{c.attempt, jobs_[c.attempt.job.value].done});
  return true;
}

}  // namespace drydock::properties

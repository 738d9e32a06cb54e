// The scheduler and its workers: who came, who drains, who left or was lost, and what becomes of what they held.
#include "policies/core/assert.hpp"
#include "policies/core/scheduler.hpp"

#include <algorithm>

namespace drydock {

void Scheduler::on(const WorkerRegistered& event) {
  const bool known = index(event.worker) < cluster_.worker_count();
  if (registry_.suspects()) registry_.clear(event.worker);
  if (event.incarnation <= (known ? cluster_.worker(event.worker).incarnation : 0)) return;
  if (known && cluster_.worker(event.worker).live) {
    const std::uint32_t before = cluster_.worker(event.worker).incarnation;
    if (registry_.reads()) commands_.emplace_back(DeclareDead{event.worker, before});
    lose_worker(event.worker);
  }
  WorkerSpec spec = event.spec;
  cpus_open_ += spec.capacity.cpus();
  if (aggregate_ != nullptr) spec.capacity = AggregateAdmission::without_limit(spec.capacity);
  cluster_.add_worker(event.worker, event.incarnation, spec);
}

void Scheduler::on(const WorkerLeft& event) {
  if (index(event.worker) >= cluster_.worker_count()) return;
  const Worker& worker = cluster_.worker(event.worker);
  if (worker.live && worker.incarnation == event.incarnation) lose_worker(event.worker);
}

// What has not begun there goes elsewhere: it would be declined. Of a batch that is on its way to the store, its answer decides.
void Scheduler::on(const WorkerDraining& event) {
  if (index(event.worker) >= cluster_.worker_count()) return;
  const Worker& worker = cluster_.worker(event.worker);
  if (!worker.open() || worker.incarnation != event.incarnation) return;
  cluster_.close_worker(event.worker);
  draining_.push_back(event.worker);
  cpus_open_ -= cpus_of(worker);
  for (const JobRef ref : jobs_at(event.worker)) {
    const Job& job = cluster_.job(ref);
    if (job.state == JobState::bound) {
      cluster_.dequeue(ref);
      wait_again(ref);
    } else if (job.state == JobState::committing && !job.sent) {
      retract(ref);
    }
  }
  drop_all_excess();
}

bool Scheduler::is_declined(const Job& job) const {
  if (draining_.empty()) return false;
  return std::ranges::any_of(job.placements, [this](const Placement& p) { return cluster_.worker(p.worker).draining; });
}

void Scheduler::on(const LeaseExpired& event) {
  if (!registry_.reads()) on(WorkerLeft{event.worker, event.incarnation});
  else if (has_drained(event) || registry_.believes(event, now_)) declare_dead(event);
}

// It said that it would leave, and holds nothing.
bool Scheduler::has_drained(const LeaseExpired& event) const {
  if (index(event.worker) >= cluster_.worker_count()) return false;
  const Worker& worker = cluster_.worker(event.worker);
  return worker.draining && worker.incarnation == event.incarnation && worker.held.empty();
}

void Scheduler::declare_dead(const LeaseExpired& event) {
  if (index(event.worker) >= cluster_.worker_count()) return;
  const Worker& worker = cluster_.worker(event.worker);
  if (!worker.live || worker.incarnation != event.incarnation) return;
  commands_.emplace_back(DeclareDead{event.worker, event.incarnation});
  lose_worker(event.worker);
}

void Scheduler::lose_worker(WorkerId id) {
  cluster_.remove_worker(id);
  if (std::erase(draining_, id) == 0) cpus_open_ -= cpus_of(cluster_.worker(id));
  for (const JobRef ref : jobs_at(id)) lose_attempt(ref, id);
  drop_all_excess();
}

std::span<const JobRef> Scheduler::jobs_at(WorkerId id) {
  const Worker& worker = cluster_.worker(id);
  there_.clear();
  for (const Held& held : worker.held) there_.push_back(held.job);
  for (const JobRef ref : worker.local) there_.push_back(ref);
  std::ranges::sort(there_, {}, [this](JobRef ref) { return cluster_.job(ref).sequence; });
  return there_;
}

std::int64_t Scheduler::cpus_of(const Worker& worker) const {
  return worker.spec.capacity.cpus() - (aggregate_ != nullptr ? AggregateAdmission::kBeyond : 0);
}

std::int64_t Scheduler::cpus_draining() const {
  std::int64_t cpus = 0;
  for (const WorkerId id : draining_) cpus += cluster_.worker(id).spec.capacity.cpus() - cluster_.worker(id).free.cpus();
  return cpus;
}

void Scheduler::lose_attempt(JobRef ref, WorkerId worker) {
  const Job& job = cluster_.job(ref);
  bool poison = false;
  switch (job.state) {
    case JobState::bound:
      cluster_.dequeue(ref);
      wait_again(ref);
      return;
    case JobState::committing:
      // What is on its way to the store stays reserved until the answer.
      if (job.sent) return cluster_.lose_part(ref, worker);
      retract(ref);
      return;
    case JobState::committed: cluster_.give_back(ref); break;
    case JobState::running:
    case JobState::stopping:
      keep_progress(ref);
      cluster_.give_back(ref);
      if (cluster_.worker(worker).draining) {  // that it was asked to end is no fault of the job
        release_later(ref, ReleaseReason::drained);
        if (!job.cancelled) wait_again(ref);
        return;
      }
      cluster_.count_loss(ref);
      poison = !job.cancelled && retries_.is_poison(job.losses);
      break;
    case JobState::waiting:
    case JobState::delayed:
    case JobState::ended: DRYDOCK_CHECK(false, "a worker held a job that holds nothing");
  }
  release_later(ref, poison ? ReleaseReason::quarantined : ReleaseReason::worker_lost);
  if (!job.cancelled && !poison) wait_again(ref);  // others go when their release is written
}

void Scheduler::keep_progress(JobRef ref) {
  const Job& job = cluster_.job(ref);
  if (job.spec.on_failure != OnInterrupt::resume || job.placements.empty()) return;
  const double done = seconds(now_ - job.started) * cluster_.speed_of(job.placements);
  cluster_.set_progress(ref, std::min(job.progress + duration_of_seconds(done), job.spec.estimate));
}

}  // namespace drydock

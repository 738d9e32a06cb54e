// Cluster::sanity_check: every count and index of the bookkeeping, derived again the slow way.
#include "policies/core/assert.hpp"
#include "policies/core/cluster.hpp"

#include <algorithm>

namespace drydock {

namespace {

bool holds(const Job& job) {
  switch (job.state) {
    case JobState::committing:
    case JobState::committed:
    case JobState::running:
    case JobState::stopping: return true;
    case JobState::waiting:
    case JobState::bound:
    case JobState::ended:
    case JobState::delayed: return false;
  }
  return false;
}

}  // namespace

std::vector<JobRef> Cluster::all_jobs() const {
  std::vector<bool> gone(jobs_.size());
  for (const std::uint32_t ref : free_jobs_) gone[ref] = true;
  std::vector<JobRef> all;
  for (std::uint32_t ref = 0; ref < jobs_.size(); ++ref) {
    if (!gone[ref]) all.push_back({ref});
  }
  return all;
}

void Cluster::check_worker(const Worker& worker) const {
  Resources free = worker.spec.capacity;
  for (std::uint32_t at = 0; at < worker.held.size(); ++at) {
    const Held held = worker.held[at];
    const Job& job = this->job(held.job);
    DRYDOCK_CHECK(job.held_at[held.placement] == at, "a job does not know where it is held");
    free -= job.spec.per_task * job.placements[held.placement].tasks;
  }
  DRYDOCK_CHECK(free == worker.free && free.non_negative(), "free room is not capacity minus what is held");
  DRYDOCK_CHECK(worker.open() || worker.local.empty(), "a job waits in the own queue of a worker that is not open");
  DRYDOCK_CHECK(worker.live || (worker.held.empty() && worker.local.empty()), "a worker that is gone holds something");
}

void Cluster::check_room(PoolId id) const {
  const Pool& pool = this->pool(id);
  Resources free;
  Resources capacity;
  std::int64_t units = 0;
  std::size_t live = 0;
  for (std::uint32_t position = 0; position < pool.workers.size(); ++position) {
    const Worker& worker = this->worker(pool.workers[position]);
    if (!worker.serves(id)) {
      DRYDOCK_CHECK(!pool.fits.room(position).non_negative(), "the fit index shows room on a worker that does not serve");
      continue;
    }
    DRYDOCK_CHECK(worker.position == position, "a worker does not know its place in its pool");
    const WorkerKind& kind = pool.kinds.at(worker.kind);
    DRYDOCK_CHECK(kind.capacity == worker.spec.capacity && kind.workers.at(worker.kind_at) == pool.workers[position],
                  "a worker is not among those of its capacity");
    ++live;
    free += worker.free;
    capacity += worker.spec.capacity;
    if (pool.unit) units += fit_count(*pool.unit, worker.free);
    DRYDOCK_CHECK(pool.fits.room(position) == worker.free, "the fit index shows another room than the worker has");
  }
  DRYDOCK_CHECK(free == pool.free && capacity == pool.capacity, "a pool's sums are not those of its workers");
  for (const WorkerKind& kind : pool.kinds) live -= kind.workers.size();
  DRYDOCK_CHECK(live == 0, "a worker that is gone is still among those of its capacity");
  DRYDOCK_CHECK(units == pool.free_units, "a pool's free units are not those of its workers");
}

// The pool's jobs, as the indexes have them and as they are.
void Cluster::check_indexes(PoolId id) const {
  const Pool& pool = this->pool(id);
  std::uint64_t other_demands = 0;
  std::uint64_t holding = 0;
  std::uint64_t strangers = 0;
  Resources lent;
  for (const JobRef ref : all_jobs()) {
    const Job& job = this->job(ref);
    const bool is_served = std::ranges::count(pool.config.queues, job.spec.queue) > 0;
    if (is_served && *pool.unit != job.spec.per_task) ++other_demands;
    if (!holds(job) || job.pool != id) continue;
    ++holding;
    if (!is_served) ++strangers;
    if (turn(id, job.spec.queue).own) continue;
    for (const Placement& p : job.placements) lent += job.spec.per_task * p.tasks;
  }
  DRYDOCK_CHECK(strangers == pool.strangers, "a pool miscounts attempts of queues that it does not serve");
  DRYDOCK_CHECK(lent == pool.lent, "a pool miscounts what it lends");
  DRYDOCK_CHECK(other_demands == pool.other_demands, "a pool miscounts jobs with other demands");
  const auto check = [&](const auto& index, const auto& key_of) {
    DRYDOCK_CHECK(index.size() == holding, "an index of a pool misses an attempt, or has one too many");
    index.for_each([&](const auto& entry) {
      const Job& job = this->job(entry.value);
      DRYDOCK_CHECK(holds(job) && job.pool == id && entry.key == key_of(job),
                    "an index of a pool is wrong about an attempt");
      std::int64_t tasks = 0;
      for (const Placement& p : job.placements) tasks += p.tasks;
      DRYDOCK_CHECK(entry.summary.tasks == tasks, "an index of a pool miscounts tasks");
    });
  };
  if (traits_.by_estimated_end)
    check(pool.by_estimated_end, [](const Job& job) { return EndKey{job.estimated_end, job.sequence}; });
  if (traits_.by_order) check(pool.by_order, [](const Job& job) { return job.key(); });
}

void Cluster::check_queue(const Queue& queue) const {
  std::uint64_t waiting = 0;
  std::uint64_t bound = 0;
  std::uint64_t as_stored = 0;
  Resources held;
  for (const JobRef ref : all_jobs()) {
    const Job& job = this->job(ref);
    if (&this->queue(job.spec.queue) != &queue) continue;
    if (by_store_ && job.state == JobState::waiting && job.open_releases == 0) ++as_stored;
    if (job.state == JobState::waiting) ++waiting;
    if (job.state == JobState::bound) ++bound;
    for (const Placement& p : job.placements) held += job.spec.per_task * p.tasks;
  }
  DRYDOCK_CHECK(queue.waiting.size() == waiting && queue.bound == bound, "a queue miscounts its jobs");
  DRYDOCK_CHECK(queue.held == held, "a queue miscounts what its attempts hold");
  DRYDOCK_CHECK(queue.by_submission.size() == (traits_.by_submission ? waiting : 0),
                "the index by submission differs from the queue");
  DRYDOCK_CHECK(queue.as_stored.size() == as_stored, "a queue miscounts the jobs of which the store knows all");
  for (const auto& [place, ref] : queue.as_stored) {
    const Job& job = this->job(ref);
    DRYDOCK_CHECK(job.state == JobState::waiting && job.open_releases == 0 && place == place_of(job.spec),
                  "a queue takes a job for one of which the store knows all");
  }
  queue.waiting.for_each([this](const auto& entry) {
    const Job& job = this->job(entry.value);
    DRYDOCK_CHECK(job.state == JobState::waiting && job.key() == entry.key, "a queue holds a job that does not wait");
  });
}

void Cluster::check_job(JobRef ref) const {
  const Job& job = this->job(ref);
  DRYDOCK_CHECK(find(job.spec.id) == ref, "a job is not found by its id");
  DRYDOCK_CHECK(holds(job) || job.placements.empty(), "a job that holds nothing has placements");
  if (job.state == JobState::bound) {
    const std::deque<JobRef>& local = worker(job.bound).local;
    DRYDOCK_CHECK(std::ranges::count(local, ref) == 1, "a bound job is not once in its worker's own queue");
  }
  for (std::size_t i = 0; i < job.placements.size(); ++i) {
    const Worker& worker = this->worker(job.placements[i].worker);
    DRYDOCK_CHECK(worker.live && worker.spec.pool == job.pool, "an attempt is held by a worker that is gone");
    const Held& held = worker.held.at(job.held_at[i]);
    DRYDOCK_CHECK(held.job == ref && held.placement == i, "a worker does not hold what a job says");
  }
}

void Cluster::check_alike(const Cluster& other, bool binds) const {
  const auto alike = [&](const Job& here, const Job& there) {
    const bool waits = !binds && there.state == JobState::bound;
    const bool is_bound = there.state == JobState::bound && binds;
    return here.spec.id == there.spec.id && here.state == (waits ? JobState::waiting : there.state) &&
           here.attempt == there.attempt && here.failures == there.failures && here.losses == there.losses &&
           here.open_releases == there.open_releases && here.sequence == there.sequence && here.progress == there.progress &&
           here.served == there.served && here.cancelled == there.cancelled && (!is_bound || here.bound == there.bound) &&
           std::ranges::is_permutation(here.placements, there.placements) &&
           (there.placements.empty() || (here.pool == there.pool && here.sent == there.sent && here.lost == there.lost &&
                                         here.started == there.started && here.estimated_end == there.estimated_end));
  };
  DRYDOCK_CHECK(live_jobs() == other.live_jobs(), "clusters that should be alike differ in the number of their jobs");
  for (const JobRef ref : other.all_jobs()) {
    DRYDOCK_CHECK(alike(job(ref), other.job(ref)), "clusters that should be alike differ in a job");
  }
  DRYDOCK_CHECK(worker_count() == other.worker_count(),
                "clusters that should be alike differ in the number of their workers");
  for (std::size_t w = 0; w < workers_.size(); ++w) {
    const Worker& here = workers_[w];
    const Worker& there = other.workers_[w];
    DRYDOCK_CHECK(here.incarnation == there.incarnation && here.live == there.live && here.draining == there.draining &&
                      here.free == there.free && (!binds || here.local == there.local),
                  "clusters that should be alike differ in a worker");
  }
}

void Cluster::sanity_check() const {
  for (const Worker& worker : workers_) {
    if (worker.incarnation > 0) check_worker(worker);
  }
  for (std::uint32_t p = 0; p < pools_.size(); ++p) {
    check_room(PoolId{p});
    check_indexes(PoolId{p});
  }
  for (const Queue& queue : queues_) check_queue(queue);
  const std::vector<JobRef> jobs = all_jobs();
  DRYDOCK_CHECK(jobs.size() == live_jobs(), "jobs and ids differ in number");
  for (const JobRef ref : jobs) check_job(ref);
}

}  // namespace drydock

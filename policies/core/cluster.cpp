#include "policies/core/cluster.hpp"

#include "policies/core/assert.hpp"
#include "policies/core/cache_hint.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace drydock {

namespace {

const Resources kOutOfUse{Resources::Amounts::Constant(-1)};
const Turn kNeverItsTurn{
    .queue = {}, .order = std::numeric_limits<std::int64_t>::max(), .own = false, .limited = true, .room = {}};

}  // namespace

Cluster::Cluster(std::vector<QueueConfig> queues, std::vector<PoolConfig> pools, PlacementTraits traits) : traits_(traits) {
  for (QueueConfig& config : queues) queues_.push_back(Queue{std::move(config), {}, {}, {}, 0, {}, {}});
  for (PoolConfig& config : pools) {
    const PoolId id{static_cast<std::uint32_t>(pools_.size())};
    for (const QueueId queue : config.queues) queues_.at(index(queue)).pools.push_back(id);
    pools_.emplace_back(std::move(config), traits.fit);
    Pool& pool = pools_.back();
    pool.turn_of.assign(queues_.size(), Pool::kNoTurn);
    for (const QueueId queue : pool.config.queues) {
      const std::vector<QueueId>& own = pool.config.own;
      pool.turn_of[index(queue)] = static_cast<std::uint32_t>(pool.turns.size());
      pool.turns.push_back({.queue = queue,
                            .order = -std::int64_t{this->queue(queue).config.priority},
                            .own = own.empty() || std::ranges::find(own, queue) != own.end()});
    }
  }
}

std::optional<JobRef> Cluster::find(JobId id) const {
  const JobRef* ref = by_id_.find(id);
  return ref == nullptr ? std::nullopt : std::optional(*ref);
}

std::optional<JobRef> Cluster::head(PoolId pool_id) const {
  const Turn* best = nullptr;
  const WaitingIndex::Entry* first = nullptr;
  for (const Turn& turn : pool(pool_id).turns) {
    const auto* entry = queue(turn.queue).waiting.first();
    if (entry == nullptr || (turn.limited && !is_open(turn, job(entry->value)))) continue;
    if (best != nullptr && (best->order < turn.order || (best->order == turn.order && first->key < entry->key))) continue;
    best = &turn;
    first = entry;
  }
  return first == nullptr ? std::nullopt : std::optional(first->value);
}

bool Cluster::waits_for(PoolId pool_id, JobRef ref) const {
  return job(ref).state == JobState::waiting && pool(pool_id).turn_of[index(job(ref).spec.queue)] != Pool::kNoTurn;
}

const Turn& Cluster::turn(PoolId pool_id, QueueId queue) const {
  const Pool& pool = this->pool(pool_id);
  const std::uint32_t at = pool.turn_of[index(queue)];
  return at == Pool::kNoTurn ? kNeverItsTurn : pool.turns[at];
}

bool Cluster::ends_in_session(WorkerId id, const Job& job) const {
  const Worker& worker = this->worker(id);
  if (!session_margin_ || worker.spec.until == kNever) return true;
  const Placement there{id, 1};
  return later(estimated_end(job, {&there, 1}, now_), *session_margin_) <= worker.spec.until;
}

bool Cluster::find_workers(PoolId pool_id, const Job& job, std::vector<Placement>& out) const {
  out.clear();
  const Pool& pool = this->pool(pool_id);
  std::int64_t missing = job.spec.tasks;
  if (pool.is_scalar() ? pool.free_units < missing : pool.free.cpus() < job.cpus_in_all()) return false;
  if (traits_.fit == Fit::worst && missing > 1) {
    spread(pool, job, out);
    return !out.empty();
  }
  if (traits_.fit == Fit::dot) {
    align(pool, job, out);
    return !out.empty();
  }
  const Resources& demand = job.spec.per_task;
  pool.fits.for_each_fitting(demand, [&](std::uint32_t position, const Resources& room) {
    if (session_margin_ && !ends_in_session(pool.workers[position], job)) return true;
    const std::int64_t tasks = std::min(missing, missing == 1 ? 1 : fit_count(demand, room));
    out.push_back({pool.workers[position], static_cast<std::uint32_t>(tasks)});
    missing -= tasks;
    return missing > 0;
  });
  if (missing > 0) out.clear();
  return missing == 0;
}

// A worker is looked at when it is its turn to be the freest, so that at most one more is looked at than there are tasks.
void Cluster::spread(const Pool& pool, const Job& job, std::vector<Placement>& out) const {
  struct Open {
    std::int64_t cpus = 0;  // still free
    std::uint32_t position = 0;
    std::size_t at = 0;                                      // in out
    std::int64_t room = 0;                                   // for so many more tasks
    [[nodiscard]] bool operator<(const Open& other) const {  // the freest on top of the heap, then the first
      return cpus != other.cpus ? cpus < other.cpus : position > other.position;
    }
  };
  const Resources& demand = job.spec.per_task;
  std::vector<Open> open;
  std::int64_t missing = job.spec.tasks;
  const auto place_one = [&] {
    std::ranges::pop_heap(open, std::less<>{});
    ++out[open.back().at].tasks;
    --missing;
    open.back().cpus -= demand.cpus();
    if (--open.back().room > 0) std::ranges::push_heap(open, std::less<>{});
    else open.pop_back();
  };
  pool.fits.for_each_fitting(demand, [&](std::uint32_t position, const Resources& room) {
    if (session_margin_ && !ends_in_session(pool.workers[position], job)) return true;
    const Open next{room.cpus(), position, out.size(), fit_count(demand, room)};
    while (missing > 0 && !open.empty() && next < open.front()) place_one();
    if (missing == 0) return false;
    out.push_back({pool.workers[position], 0});
    open.push_back(next);
    std::ranges::push_heap(open, std::less<>{});
    return true;
  });
  while (missing > 0 && !open.empty()) place_one();
  if (missing > 0) out.clear();
}

// A heap of all that have room: what a task takes changes the score of its worker alone.
void Cluster::align(const Pool& pool, const Job& job, std::vector<Placement>& out) const {
  struct Open {
    double score = 0;
    std::uint32_t position = 0;
    std::uint32_t tasks = 0;
    Resources room;
    [[nodiscard]] bool operator<(const Open& other) const {  // the best on top of the heap, then the first
      return score != other.score ? score < other.score : position > other.position;
    }
  };
  const Resources& demand = job.spec.per_task;
  constexpr double kFull = -1;
  const auto score = [&](const Resources& room) {
    return demand.fits_in(room) ? alignment(demand, room, pool.capacity) : kFull;
  };
  std::vector<Open> open;
  pool.fits.for_each_fitting(demand, [&](std::uint32_t position, const Resources& room) {
    if (session_margin_ && !ends_in_session(pool.workers[position], job)) return true;
    open.push_back({score(room), position, 0, room});
    return true;
  });
  std::ranges::make_heap(open, std::less<>{});
  std::int64_t missing = job.spec.tasks;
  while (missing > 0 && !open.empty() && open.front().score != kFull) {
    std::ranges::pop_heap(open, std::less<>{});
    Open& best = open.back();
    ++best.tasks;
    --missing;
    best.room -= demand;
    best.score = score(best.room);
    std::ranges::push_heap(open, std::less<>{});
  }
  if (missing > 0) return;
  for (const Open& o : open) {
    if (o.tasks > 0) out.push_back({pool.workers[o.position], o.tasks});
  }
}

double Cluster::speed_of(std::span<const Placement> placements) const {
  double speed = std::numeric_limits<double>::infinity();
  for (const Placement& p : placements) speed = std::min(speed, worker(p.worker).spec.speed);
  return speed;
}

Time Cluster::estimated_end(const Job& job, std::span<const Placement> placements, Time now) const {
  const double speed = speed_of(placements);
  if (speed == 1.0) return later(now, job.remaining());
  return later(now, std::max(Duration{1}, duration_of_seconds(seconds(job.remaining()) / speed)));
}

JobRef Cluster::add_job(const JobSpec& spec, Time now) {
  JobRef ref;
  if (free_jobs_.empty()) {
    ref.value = jobs_.add();
  } else {
    ref.value = free_jobs_.back();
    free_jobs_.pop_back();
  }
  Job& job = jobs_[ref.value];
  job.spec = spec;
  job.state = JobState::ended;
  job.attempt = 0;
  job.failures = job.losses = job.open_releases = 0;
  job.sequence = by_store_ ? spec.id.value : next_sequence_++;
  job.rank = {};
  job.submitted = now;
  job.progress = job.served = Duration{0};
  job.cancelled = false;
  by_id_.insert(spec.id, ref);
  count_demand(job, 1);
  return ref;
}

void Cluster::remove_job(JobRef ref) {
  Job& job = jobs_[ref.value];
  DRYDOCK_CHECK(job.state == JobState::ended && job.placements.empty(), "only a job that holds nothing can be removed");
  count_demand(job, -1);
  by_id_.erase(job.spec.id);
  free_jobs_.push_back(ref.value);
}

void Cluster::set_rank(JobRef ref, Rank rank) {
  DRYDOCK_CHECK(jobs_[ref.value].state == JobState::ended, "a rank is given before the job waits");
  jobs_[ref.value].rank = rank;
}

void Cluster::rank_again(PoolId id, const std::function<Rank(const Job&)>& rank) {
  for (const Turn& turn : pool(id).turns) {
    Queue& queue = queues_[index(turn.queue)];
    if (!rank_again(queue, rank)) continue;
    for (const PoolId other : queue.pools) {
      if (other != id) pools_[index(other)].dirty = true;
    }
  }
}

// Whether any rank is another now.
bool Cluster::rank_again(Queue& queue, const std::function<Rank(const Job&)>& rank) {
  std::vector<WaitingIndex::Entry> entries;
  entries.reserve(queue.waiting.size());
  queue.waiting.for_each([&](const WaitingIndex::Entry& entry) { entries.push_back(entry); });
  bool is_same = true;
  for (WaitingIndex::Entry& entry : entries) {  // may throw: nothing has changed then
    const Rank now = rank(job(entry.value));
    is_same = is_same && now == entry.key.rank;
    entry.key.rank = now;
  }
  if (is_same) return false;
  std::ranges::sort(entries, {}, &WaitingIndex::Entry::key);
  queue.waiting.clear();
  for (const WaitingIndex::Entry& entry : entries) {
    jobs_[entry.value.value].rank = entry.key.rank;
    queue.waiting.insert(entry);
  }
  return true;
}

void Cluster::count_demand(const Job& job, std::int64_t change) {
  for (const PoolId id : queue(job.spec.queue).pools) {
    Pool& pool = pools_[index(id)];
    if (!pool.unit) {
      pool.unit = job.spec.per_task;
      pool.free_units = 0;
      for (const WorkerId w : pool.workers) {
        if (worker(w).serves(id)) pool.free_units += fit_count(*pool.unit, worker(w).free);
      }
    }
    if (*pool.unit != job.spec.per_task) pool.other_demands += static_cast<std::uint64_t>(change);
  }
}

void Cluster::count_held(Pool& pool, const Job& job, std::int64_t tasks) {
  queues_[index(job.spec.queue)].held += job.spec.per_task * tasks;
  const std::uint32_t at = pool.turn_of[index(job.spec.queue)];
  if (at == Pool::kNoTurn || !pool.turns[at].own) pool.lent += job.spec.per_task * tasks;
}

void Cluster::enqueue(JobRef ref) {
  Job& job = jobs_[ref.value];
  DRYDOCK_CHECK(job.state == JobState::ended && job.placements.empty(), "only a job that holds nothing can wait");
  job.state = JobState::waiting;
  Queue& queue = queues_[index(job.spec.queue)];
  queue.waiting.insert({job.key(), ref, least_demand(job)});
  if (traits_.by_submission) queue.by_submission.insert({{Rank{}, job.sequence}, ref, least_demand(job)});
  if (by_store_ && job.open_releases == 0) queue.as_stored.emplace(place_of(job.spec), ref);
  for (const PoolId id : queue.pools) {
    pools_[index(id)].dirty = true;
    pools_[index(id)].arrivals.push_back(ref);
  }
}

// `taker` is the pool that starts or binds it. For the others a job that leaves is a change: it may have blocked those behind.
void Cluster::leave_queue(JobRef ref, std::optional<PoolId> taker) {
  Job& job = jobs_[ref.value];
  Queue& queue = queues_[index(job.spec.queue)];
  if (job.state == JobState::waiting) {
    queue.waiting.erase(job.key());
    if (const auto* next = queue.waiting.first())
      bring_near(jobs_[next->value.value]);  // it has waited, and is looked at next
    if (traits_.by_submission) queue.by_submission.erase({Rank{}, job.sequence});
    if (by_store_) queue.as_stored.erase(place_of(job.spec));
    for (const PoolId id : queue.pools) {
      if (id == taker) continue;
      pools_[index(id)].dirty = true;
      pools_[index(id)].withdrawn.push_back(job.sequence);
    }
  } else {
    DRYDOCK_CHECK(job.state == JobState::bound, "only waiting or bound jobs can leave their queue");
    Worker& worker = workers_[index(job.bound)];
    worker.local.erase(std::find(worker.local.begin(), worker.local.end(), ref));
    --queue.bound;
    if (!taker && worker.open()) {
      pools_[index(worker.spec.pool)].dirty = true;
      pools_[index(worker.spec.pool)].freed.push_back(job.bound);
    }
  }
  job.state = JobState::ended;
}

void Cluster::close_release(JobRef ref) {
  Job& job = jobs_[ref.value];
  DRYDOCK_CHECK(job.open_releases > 0, "a release is in the store that nobody wrote");
  if (--job.open_releases > 0 || !by_store_ || job.state != JobState::waiting) return;
  queues_[index(job.spec.queue)].as_stored.emplace(place_of(job.spec), ref);
}

void Cluster::dequeue(JobRef ref) { leave_queue(ref, std::nullopt); }

void Cluster::bind(JobRef ref, WorkerId worker, std::optional<std::uint32_t> place) {
  Job& job = jobs_[ref.value];
  leave_queue(ref, workers_[index(worker)].spec.pool);
  job.state = JobState::bound;
  job.bound = worker;
  std::deque<JobRef>& local = workers_[index(worker)].local;
  if (place) local.insert(local.begin() + std::ptrdiff_t{*place}, ref);
  else local.push_back(ref);
  ++queues_[index(job.spec.queue)].bound;
}

void Cluster::take(JobRef ref, PoolId pool_id, std::span<const Placement> placements, Time now) {
  leave_queue(ref, pool_id);
  Job& job = jobs_[ref.value];
  job.state = JobState::committing;
  ++job.attempt;
  job.pool = pool_id;
  job.started = now;
  job.sent = job.lost = false;
  job.estimated_end = estimated_end(job, placements, now);
  job.placements.assign(placements);
  job.held_at.clear();
  for (std::uint32_t i = 0; i < job.placements.size(); ++i) {
    const Placement& p = job.placements[i];
    Worker& worker = workers_[index(p.worker)];
    job.held_at.push_back(static_cast<std::uint32_t>(worker.held.size()));
    worker.held.push_back({ref, i});
    change_room(p.worker, p.tasks == 1 ? job.spec.per_task : job.spec.per_task * p.tasks, true);
  }
  Pool& pool = pools_[index(pool_id)];
  const std::int64_t tasks = job.spec.tasks;
  count_held(pool, job, tasks);
  if (pool.turn_of[index(job.spec.queue)] == Pool::kNoTurn) ++pool.strangers;
  if (traits_.by_estimated_end) {
    pool.by_estimated_end.insert({{job.estimated_end, job.sequence}, ref, {tasks, job.estimated_end}});
  }
  if (traits_.by_order) pool.by_order.insert({job.key(), ref, {tasks}});
}

void Cluster::give_back(JobRef ref) {
  Job& job = jobs_[ref.value];
  Pool& pool = pools_[index(job.pool)];
  if (traits_.by_estimated_end) pool.by_estimated_end.erase({job.estimated_end, job.sequence});
  if (traits_.by_order) pool.by_order.erase(job.key());
  for (std::size_t i = 0; i < job.placements.size(); ++i) {
    const Placement& p = job.placements[i];
    count_held(pool, job, -std::int64_t{p.tasks});
    forget_held(p.worker, job.held_at[i]);
    change_room(p.worker, p.tasks == 1 ? job.spec.per_task : job.spec.per_task * p.tasks, false);
    if (workers_[index(p.worker)].open()) pool.freed.push_back(p.worker);
  }
  if (pool.turn_of[index(job.spec.queue)] == Pool::kNoTurn) --pool.strangers;
  if (job.state == JobState::running || job.state == JobState::stopping) job.served += now_ - job.started;
  pool.dirty = true;
  pool.departures.push_back({job.sequence, job.estimated_end});
  job.placements.clear();
  job.held_at.clear();
  job.state = JobState::ended;
}

void Cluster::lose_part(JobRef ref, WorkerId id) {
  Job& job = jobs_[ref.value];
  DRYDOCK_CHECK(job.state == JobState::committing && job.sent, "only an assignment on its way is lost in parts");
  job.lost = true;
  const auto at =
      static_cast<std::size_t>(std::ranges::find(job.placements, id, &Placement::worker) - job.placements.begin());
  const std::uint32_t tasks = job.placements[at].tasks;
  forget_held(id, job.held_at[at]);
  change_room(id, job.spec.per_task * tasks, false);
  count_held(pools_[index(job.pool)], job, -std::int64_t{tasks});
  if (at + 1 < job.placements.size()) {
    job.placements[at] = job.placements.back();
    job.held_at[at] = job.held_at.back();
    workers_[index(job.placements[at].worker)].held[job.held_at[at]].placement = static_cast<std::uint32_t>(at);
  }
  job.placements.pop_back();
  job.held_at.pop_back();
  std::int64_t left = 0;
  for (const Placement& p : job.placements) left += p.tasks;
  Pool& pool = pools_[index(job.pool)];
  if (traits_.by_estimated_end) pool.by_estimated_end.update({job.estimated_end, job.sequence}, {left, job.estimated_end});
  if (traits_.by_order) pool.by_order.update(job.key(), {left});
}

void Cluster::set_running(JobRef ref, Time now) {
  Job& job = jobs_[ref.value];
  job.state = JobState::running;
  job.started = now;
  if (traits_.preempts) pools_[index(job.pool)].dirty = true;
}

void Cluster::forget_held(WorkerId id, std::uint32_t at) {
  std::vector<Held>& held = workers_[index(id)].held;
  held[at] = held.back();
  jobs_[held[at].job.value].held_at[held[at].placement] = at;
  held.pop_back();
}

void Cluster::change_room(WorkerId id, const Resources& amount, bool taken) {
  Worker& worker = workers_[index(id)];
  Pool& pool = pools_[index(worker.spec.pool)];
  const Resources before = worker.free;
  if (taken) worker.free -= amount;
  else worker.free += amount;
  DRYDOCK_CHECK(worker.free.non_negative(), "a worker was given more than it has room for");
  if (!worker.open()) return;
  if (taken) pool.free -= amount;
  else pool.free += amount;
  if (pool.unit) pool.free_units += fit_count(*pool.unit, worker.free) - fit_count(*pool.unit, before);
  pool.fits.set(worker.position, worker.free);
}

void Cluster::add_worker(WorkerId id, std::uint32_t incarnation, const WorkerSpec& spec) {
  if (workers_.size() <= index(id)) workers_.resize(index(id) + 1);
  Worker& worker = workers_[index(id)];
  DRYDOCK_CHECK(!worker.live && worker.held.empty(), "a worker registers when nothing is held by its predecessor");
  Pool& pool = pools_.at(index(spec.pool));
  const bool first_time = worker.incarnation == 0;
  if (first_time || worker.spec.pool != spec.pool) {
    // It keeps its place in each pool that it ever served.
    const auto place = first_time ? pool.workers.end() : std::ranges::find(pool.workers, id);
    worker.position = static_cast<std::uint32_t>(place - pool.workers.begin());
    if (place == pool.workers.end()) pool.workers.push_back(id);
  }
  ++pool.worker_changes;
  worker.spec = spec;
  worker.incarnation = incarnation;
  worker.live = true;
  worker.draining = false;
  join_kind(id);
  worker.free = spec.capacity;
  pool.free += spec.capacity;
  pool.capacity += spec.capacity;
  pool.speed_max = std::max(pool.speed_max, spec.speed);
  if (pool.unit) pool.free_units += fit_count(*pool.unit, worker.free);
  pool.fits.set(worker.position, worker.free);
  pool.freed.push_back(id);
  pool.dirty = true;
}

void Cluster::close_worker(WorkerId id) {
  close(id);
  workers_[index(id)].draining = true;
}

void Cluster::remove_worker(WorkerId id) {
  if (workers_[index(id)].open()) close(id);
  workers_[index(id)].live = false;
}

void Cluster::close(WorkerId id) {
  const Worker& worker = workers_[index(id)];
  Pool& pool = pools_[index(worker.spec.pool)];
  leave_kind(id);
  ++pool.worker_changes;
  pool.free -= worker.free;
  pool.capacity -= worker.spec.capacity;
  if (pool.unit) pool.free_units -= fit_count(*pool.unit, worker.free);
  pool.fits.set(worker.position, kOutOfUse);
  pool.dirty = true;
}

void Cluster::join_kind(WorkerId id) {
  Worker& worker = workers_[index(id)];
  std::vector<WorkerKind>& kinds = pools_[index(worker.spec.pool)].kinds;
  auto kind = std::ranges::find(kinds, worker.spec.capacity, &WorkerKind::capacity);
  if (kind == kinds.end()) kind = kinds.insert(kind, {worker.spec.capacity, {}});
  worker.kind = static_cast<std::uint32_t>(kind - kinds.begin());
  worker.kind_at = static_cast<std::uint32_t>(kind->workers.size());
  kind->workers.push_back(id);
}

void Cluster::leave_kind(WorkerId id) {
  const Worker& worker = workers_[index(id)];
  std::vector<WorkerId>& workers = pools_[index(worker.spec.pool)].kinds[worker.kind].workers;
  workers[worker.kind_at] = workers.back();
  workers_[index(workers.back())].kind_at = worker.kind_at;
  workers.pop_back();
}

void Cluster::offer(WorkerId id) {
  const Worker& worker = workers_[index(id)];
  if (worker.open()) pools_[index(worker.spec.pool)].freed.push_back(id);
}

void Cluster::clear_changes(PoolId id) {
  Pool& pool = pools_[index(id)];
  pool.dirty = false;
  pool.arrivals.clear();
  pool.freed.clear();
  pool.departures.clear();
  pool.withdrawn.clear();
}

}  // namespace drydock

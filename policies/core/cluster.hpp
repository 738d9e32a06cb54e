// The only bookkeeping of jobs, workers and what is free. Policies read it; only Scheduler and Plan change it.
//
// Belief, not truth: resources of an attempt count as taken from the moment its assignment is planned until the scheduler
// learns that it ended.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"
#include "policies/core/fit_index.hpp"
#include "policies/core/id_map.hpp"
#include "policies/core/ids.hpp"
#include "policies/core/inline_vector.hpp"
#include "policies/core/ordered_index.hpp"
#include "policies/core/resources.hpp"
#include "policies/core/slab.hpp"
#include "policies/core/time.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace drydock {

struct QueueConfig {
  std::string name;
  std::int32_t priority = 0;              // higher goes first
  std::optional<std::uint64_t> capacity;  // jobs that may wait; more are rejected
  std::int64_t weight = 1;                // for isolation by weights; 1 to a million
};

struct PoolConfig {
  std::string name;
  std::vector<QueueId> queues;    // that its workers serve
  std::vector<QueueId> own = {};  // those of them that the pool is for; empty: all
  std::uint32_t prefetch = 0;     // jobs that each worker takes beyond those that it runs
};

// A live job's place in the cluster's tables; reused after the job is gone.
struct JobRef {
  std::uint32_t value = 0;
  friend constexpr auto operator<=>(JobRef, JobRef) = default;
};

enum class JobState : std::uint8_t {
  waiting,     // in its queue
  bound,       // in one worker's own queue, holding nothing yet
  committing,  // holds resources; its assignment is planned or on the way to the store
  committed,   // its assignment is in the store; dispatched in this step
  running,     // dispatched
  stopping,    // StopAttempt sent, still holds its resources
  ended,       // holds nothing; its release is on the way to the store
  delayed,     // failed, and stays out of its queue until its retry is due
};

// One queue that a pool may serve, as the isolation policy has it now.
struct Turn {
  QueueId queue;
  std::int64_t order = 0;  // smaller goes first; queues of equal order go as if they were one
  bool own = true;         // the pool is for it
  bool limited = false;    // only jobs that ask for no more than `room` in all
  Resources room = {};
};

// A policy's order: smaller first.
struct Rank {
  std::int64_t major = 0;
  std::int64_t minor = 0;
  friend constexpr auto operator<=>(const Rank&, const Rank&) = default;
};

struct WaitingKey {
  Rank rank;
  std::uint64_t sequence = 0;
  friend constexpr auto operator<=>(const WaitingKey&, const WaitingKey&) = default;
};

struct Job {
  JobSpec spec;
  JobState state = JobState::waiting;
  std::uint32_t attempt = 0;        // number of the current or last attempt
  std::uint32_t failures = 0;       // attempts that failed
  std::uint32_t losses = 0;         // attempts that were lost with a worker while they ran; not failures
  std::uint32_t open_releases = 0;  // of its attempts, that are not in the store
  std::uint64_t sequence = 0;       // order of submission
  Rank rank;
  Time submitted{};
  Time started{};        // of the current attempt: when it was planned, then when it was dispatched
  Time estimated_end{};  // of the current attempt
  Duration progress{};   // work, by the clock of a worker of speed 1, that is not to be repeated
  Duration served{};     // how long its earlier attempts ran, of those that this scheduler knows
  PoolId pool;           // of the current attempt
  WorkerId bound;        // in state bound
  bool sent = false;     // the current assignment has left for the store
  bool lost = false;     // state committing: one of its workers was lost while the assignment was on its way
  bool cancelled = false;
  InlineVector<Placement, 2> placements;   // of the current attempt
  InlineVector<std::uint32_t, 2> held_at;  // places in Worker::held, by placement

  [[nodiscard]] AttemptId attempt_id() const { return {spec.id, attempt}; }
  [[nodiscard]] WaitingKey key() const { return {rank, sequence}; }
  // Estimated work that is left, on a worker of speed 1; at least 1 ns.
  [[nodiscard]] Duration remaining() const { return std::max(Duration{1}, spec.estimate - progress); }
  [[nodiscard]] std::int64_t cpus_in_all() const { return spec.per_task.cpus() * spec.tasks; }
};

// The least that any waiting job below asks for.
struct LeastDemand {
  std::int64_t tasks = std::numeric_limits<std::int64_t>::max();
  std::int64_t cpus = std::numeric_limits<std::int64_t>::max();  // in all
  std::int64_t remaining_ns = std::numeric_limits<std::int64_t>::max();
  static LeastDemand join(const LeastDemand& a, const LeastDemand& b) {
    return {std::min(a.tasks, b.tasks), std::min(a.cpus, b.cpus), std::min(a.remaining_ns, b.remaining_ns)};
  }
};
[[nodiscard]] inline LeastDemand least_demand(const Job& job) {
  return {static_cast<std::int64_t>(job.spec.tasks), job.cpus_in_all(), nanos(job.remaining())};
}
using WaitingIndex = OrderedIndex<WaitingKey, JobRef, LeastDemand>;

struct TaskSum {
  std::int64_t tasks = 0;
  static TaskSum join(const TaskSum& a, const TaskSum& b) { return {a.tasks + b.tasks}; }
};
struct EndKey {
  Time at{};
  std::uint64_t sequence = 0;
  friend constexpr auto operator<=>(const EndKey&, const EndKey&) = default;
};
// The tasks of attempts, and when the last of them should end.
struct EndSum {
  std::int64_t tasks = 0;
  Time last{};
  static EndSum join(const EndSum& a, const EndSum& b) { return {a.tasks + b.tasks, std::max(a.last, b.last)}; }
};
using EndIndex = OrderedIndex<EndKey, JobRef, EndSum>;
using OrderIndex = OrderedIndex<WaitingKey, JobRef, TaskSum>;

struct Queue {
  QueueConfig config;
  std::vector<PoolId> pools;               // that serve it
  WaitingIndex waiting;                    // in the policy's order; queue priority is not part of the key
  WaitingIndex by_submission;              // the same jobs by submission (ranks are equal), if the policy asked for it
  std::uint64_t bound = 0;                 // further jobs that wait at workers
  Resources held;                          // what its attempts hold, in all pools
  std::map<QueuePlace, JobRef> as_stored;  // those in `waiting` of which the store knows all, if that is asked for
};

struct Held {
  JobRef job;
  std::uint32_t placement = 0;  // index into the job's placements
};

struct Worker {
  WorkerSpec spec;
  std::uint32_t incarnation = 0;
  bool live = false;
  bool draining = false;       // while live: it finishes what it holds, and gets nothing more
  std::uint32_t position = 0;  // in its pool
  std::uint32_t kind = 0;      // while open: in Pool::kinds,
  std::uint32_t kind_at = 0;   // and there
  Resources free;
  std::vector<Held> held;    // attempts with tasks here
  std::deque<JobRef> local;  // jobs bound to it, in order

  [[nodiscard]] bool open() const { return live && !draining; }
  [[nodiscard]] bool serves(PoolId pool) const { return open() && spec.pool == pool; }
};

// Open workers of equal capacity, in no order.
struct WorkerKind {
  Resources capacity;
  std::vector<WorkerId> workers;
};

// An attempt that gave back its resources.
struct Departure {
  std::uint64_t sequence = 0;  // of its job
  Time estimated_end{};
};

struct Pool {
  explicit Pool(PoolConfig c, Fit fit) : config(std::move(c)), fits(fit) {}

  PoolConfig config;
  std::vector<WorkerId> workers;  // by position; also those that left or serve another pool now: ask Worker::serves
  std::vector<WorkerKind> kinds;
  std::uint64_t worker_changes = 0;  // how often a worker came or went, or plans for the pool came to nothing (unsettle)
  FitIndex fits;
  Resources free;             // sum over open workers
  Resources capacity;         // likewise
  double speed_max = 0;       // of any worker so far
  Resources lent;             // what jobs of queues that are not its own hold here, in sum
  EndIndex by_estimated_end;  // attempts that hold resources here, if the policy asked for it
  OrderIndex by_order;        // likewise

  std::vector<Turn> turns;             // as config.queues
  std::vector<std::uint32_t> turn_of;  // by queue: place in `turns`, kNoTurn where it does not serve the queue
  static constexpr std::uint32_t kNoTurn = std::numeric_limits<std::uint32_t>::max();

  // Scalar view: as long as every live job of its queues and every attempt has the same demand per task, the pool is just a
  // number of places. `unit` is the first demand seen.
  std::optional<Resources> unit;
  std::uint64_t other_demands = 0;  // live jobs with another demand
  std::int64_t free_units = 0;      // sum over open workers of fit_count(unit, free)
  std::uint64_t strangers = 0;      // attempts here of queues that it does not serve: only where it follows another cluster

  // Since the policy's last pass over this pool:
  bool dirty = false;
  std::vector<JobRef> arrivals;  // began to wait (may be gone or elsewhere by now: ask waits_for)
  std::vector<WorkerId> freed;   // got room
  std::vector<Departure> departures;
  std::vector<std::uint64_t>
      withdrawn;  // sequences of jobs that stopped waiting, other than by starting or being bound here

  [[nodiscard]] bool is_scalar() const { return unit.has_value() && other_demands == 0 && strangers == 0; }
};

// What a policy wants the cluster to keep ready for it; what is not asked for is not paid for.
struct PlacementTraits {
  Fit fit = Fit::first;           // order in which find_workers looks at workers
  bool by_estimated_end = false;  // keep Pool::by_estimated_end
  bool by_order = false;          // keep Pool::by_order, to preempt the last
  bool by_submission = false;     // keep Queue::by_submission
  bool one_worker = false;        // all tasks of a job go to the same worker
  bool order_changes = false;     // with time: rank() is asked anew before each pass, for all that waits for the pool
  bool minds_sessions = false;    // it starts jobs only where find_workers says, which minds the ends of sessions
  bool plans_ahead = false;       // its plans outlive a pass: goes with isolation policies of fixed turns only
  bool preempts = false;          // an attempt that begins to run is a change that calls for a pass
  bool binds = false;             // it binds jobs to workers; else a shadow sees those that the real policy binds as waiting
};

class Cluster {
 public:
  Cluster(std::vector<QueueConfig> queues, std::vector<PoolConfig> pools, PlacementTraits traits);

  [[nodiscard]] std::span<const Queue> queues() const { return queues_; }
  [[nodiscard]] std::span<const Pool> pools() const { return pools_; }
  [[nodiscard]] const Pool& pool(PoolId id) const { return pools_[index(id)]; }
  [[nodiscard]] const Queue& queue(QueueId id) const { return queues_[index(id)]; }
  [[nodiscard]] const Worker& worker(WorkerId id) const { return workers_[index(id)]; }
  [[nodiscard]] std::size_t worker_count() const { return workers_.size(); }
  [[nodiscard]] const Job& job(JobRef ref) const { return jobs_[ref.value]; }
  // Whether the reference was ever given out; the job may be gone.
  [[nodiscard]] bool knows(JobRef ref) const { return ref.value < jobs_.size(); }
  [[nodiscard]] std::optional<JobRef> find(JobId id) const;
  [[nodiscard]] std::size_t live_jobs() const { return by_id_.size(); }

  // The time of the step.
  [[nodiscard]] Time now() const { return now_; }

  // The first waiting job of the queues that are open to the pool: by their turns, then in the placement policy's order.
  [[nodiscard]] std::optional<JobRef> head(PoolId pool) const;
  // Whether it waits (unbound) in a queue that the pool serves.
  [[nodiscard]] bool waits_for(PoolId pool, JobRef ref) const;
  // The turn that a queue has at a pool; where it is not served there, one that never comes.
  [[nodiscard]] const Turn& turn(PoolId pool, QueueId queue) const;
  // Whether the isolation policy lets the pool, which serves its queue, take this job now.
  [[nodiscard]] static bool is_open(const Turn& turn, const Job& job) {
    return !turn.limited || (job.spec.per_task * job.spec.tasks).fits_in(turn.room);
  }

  // Whether the job, starting now, would end there before the worker's session does; true where that does not matter.
  [[nodiscard]] bool ends_in_session(WorkerId worker, const Job& job) const;

  // Workers for all tasks of a job, one after the other, each by the policy's fit; false, and `out` empty, when they do not all fit.
  [[nodiscard]] bool find_workers(PoolId pool, const Job& job, std::vector<Placement>& out) const;

  // Slowest of the placements' workers.
  [[nodiscard]] double speed_of(std::span<const Placement> placements) const;

  // When a job that starts now on these workers would end, by its estimate.
  [[nodiscard]] Time estimated_end(const Job& job, std::span<const Placement> placements, Time now) const;

  // Re-derives every count from the jobs and workers; stops the process if one is wrong. For tests, after every step.
  void sanity_check() const;
  // That this one, which follows `other`, has the same jobs and workers in the same states, but for what policies order and index. With
  // `binds` also who is bound to which worker; else those wait here. For tests, likewise.
  void check_alike(const Cluster& other, bool binds) const;

  // --- changes; not for policies ---
  JobRef add_job(const JobSpec& spec, Time now);
  void remove_job(JobRef ref);           // ended, waiting or bound
  void set_rank(JobRef ref, Rank rank);  // before enqueue
  // Ranks anew what waits for the pool: a sort. Other pools that see another order then have a change, too.
  void rank_again(PoolId pool, const std::function<Rank(const Job&)>& rank);
  void enqueue(JobRef ref);  // any state without resources -> waiting
  void dequeue(JobRef ref);  // waiting or bound -> ended
  // waiting -> bound, in the worker's pool; at the end of its own queue, or at that place.
  void bind(JobRef ref, WorkerId worker, std::optional<std::uint32_t> place = std::nullopt);
  void take(JobRef ref, PoolId pool, std::span<const Placement> placements, Time now);  // -> committing, a new attempt
  void give_back(JobRef ref);                                                           // frees what it holds -> ended
  // The part of a sent assignment on a lost worker is gone; the rest stays taken until the store has answered.
  void lose_part(JobRef ref, WorkerId worker);
  void set_state(JobRef ref, JobState state) { jobs_[ref.value].state = state; }
  void set_sent(JobRef ref) { jobs_[ref.value].sent = true; }
  void set_running(JobRef ref, Time now);  // committed -> running
  void set_progress(JobRef ref, Duration progress) { jobs_[ref.value].progress = progress; }
  void cancel(JobRef ref) { jobs_[ref.value].cancelled = true; }
  void count_failure(JobRef ref) { ++jobs_[ref.value].failures; }
  void count_loss(JobRef ref) { ++jobs_[ref.value].losses; }
  void open_release(JobRef ref) { ++jobs_[ref.value].open_releases; }
  void close_release(JobRef ref);  // it is in the store
  // What a job had behind it when this scheduler came to know it.
  struct History {
    std::uint32_t attempt = 0;
    std::uint32_t failures = 0;
    std::uint32_t losses = 0;
  };
  void set_history(JobRef ref, const History& history) {
    Job& job = jobs_[ref.value];
    job.attempt = history.attempt;
    job.failures = history.failures;
    job.losses = history.losses;
  }
  void add_worker(WorkerId id, std::uint32_t incarnation, const WorkerSpec& spec);
  // From now on it drains. What it holds stays there.
  void close_worker(WorkerId id);
  // Takes it out of use. Its attempts keep what they hold until give_back.
  void remove_worker(WorkerId id);
  void clear_changes(PoolId pool);
  // From now on find_workers passes over workers whose session has less than this left at the job's estimated end.
  void mind_sessions(Duration margin) { session_margin_ = margin; }
  // From now on Queue::as_stored is kept, and the order of submission is that of the ids, whenever a job comes to be known here.
  void go_by_store() { by_store_ = true; }
  void set_now(Time now) { now_ = now; }
  void call_for_pass(PoolId pool) { pools_[index(pool)].dirty = true; }
  // What the placement policy has planned for the pool does not hold: somebody else decided there.
  void unsettle(PoolId pool) {
    pools_[index(pool)].dirty = true;
    ++pools_[index(pool)].worker_changes;
  }
  // Lists it in Pool::freed, if it is open.
  void offer(WorkerId worker);
  [[nodiscard]] std::span<Turn> turns(PoolId pool) { return pools_[index(pool)].turns; }

 private:
  // find_workers by Fit::worst for several tasks: each goes to the worker with most free cpus then.
  void spread(const Pool& pool, const Job& job, std::vector<Placement>& out) const;
  // By Fit::dot: each goes to the worker whose room is most like what it asks for then.
  void align(const Pool& pool, const Job& job, std::vector<Placement>& out) const;
  bool rank_again(Queue& queue, const std::function<Rank(const Job&)>& rank);
  void close(WorkerId id);
  void join_kind(WorkerId id);
  void leave_kind(WorkerId id);
  void change_room(WorkerId id, const Resources& amount, bool taken);
  void count_demand(const Job& job, std::int64_t change);
  void count_held(Pool& pool, const Job& job, std::int64_t tasks);
  void forget_held(WorkerId id, std::uint32_t at);
  void leave_queue(JobRef ref, std::optional<PoolId> taker);
  void check_worker(const Worker& worker) const;
  void check_room(PoolId id) const;
  void check_queue(const Queue& queue) const;
  void check_job(JobRef ref) const;
  void check_indexes(PoolId id) const;
  [[nodiscard]] std::vector<JobRef> all_jobs() const;

  std::vector<Queue> queues_;
  std::vector<Pool> pools_;
  std::vector<Worker> workers_;
  Slab<Job> jobs_;
  std::vector<std::uint32_t> free_jobs_;
  IdMap<JobRef> by_id_;
  std::uint64_t next_sequence_ = 0;
  PlacementTraits traits_;
  std::optional<Duration> session_margin_;
  bool by_store_ = false;
  Time now_{};  // of the step
};

}  // namespace drydock

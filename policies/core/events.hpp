// Facts, in the past tense: everything the scheduler ever learns. A closed set; each world makes the same facts.
#pragma once

#include "policies/core/ids.hpp"
#include "policies/core/resources.hpp"
#include "policies/core/time.hpp"

#include <compare>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

namespace drydock {

// What remains of an attempt's work when it ends early.
enum class OnInterrupt : std::uint8_t {
  restart,     // nothing: the next attempt starts from zero
  resume,      // everything done so far
  checkpoint,  // what the last finished checkpoint holds
};

// What a user submits. The true duration is not here: only worlds know it.
struct JobSpec {
  JobId id;
  QueueId queue;
  std::int32_t priority = 0;      // higher goes first, within a queue
  std::uint32_t tasks = 1;        // a gang: all start together or none does; tasks may share a worker
  Resources per_task;             // slots is 1
  Duration estimate{};            // of one task on a worker of speed 1; > 0
  std::int64_t input_bytes = 0;   // moved to the workers before the tasks run, in all
  std::int64_t output_bytes = 0;  // moved back after, in all
  OnInterrupt on_failure = OnInterrupt::restart;
  OnInterrupt on_preemption = OnInterrupt::resume;
};

struct WorkerSpec {
  PoolId pool;
  Resources capacity;   // cpus and slots are kUnlimited on processor-sharing workers
  double speed = 1.0;   // work of one reference second takes 1/speed seconds
  Time until = kNever;  // its session ends then at the latest
};

// A place in the order in which the store keeps a queue: higher priority first, then lower id.
struct QueuePlace {
  std::int32_t priority = 0;
  JobId job;
  friend constexpr bool operator==(const QueuePlace&, const QueuePlace&) = default;
  friend constexpr std::strong_ordering operator<=>(const QueuePlace& a, const QueuePlace& b) {
    return a.priority != b.priority ? b.priority <=> a.priority : a.job <=> b.job;
  }
};
[[nodiscard]] constexpr QueuePlace place_of(const JobSpec& job) { return {job.priority, job.id}; }

struct JobSubmitted {
  JobSpec job;
};
struct JobCancelled {
  JobId job;
};

// A worker came, or came back. Incarnations count from 1. A higher incarnation than the known one means that the old process, and every attempt it
// held, is gone.
struct WorkerRegistered {
  WorkerId worker;
  std::uint32_t incarnation = 0;
  WorkerSpec spec;
};
// It is about to leave: it finishes what it runs, and begins nothing else.
struct WorkerDraining {
  WorkerId worker;
  std::uint32_t incarnation = 0;
};
struct WorkerLeft {
  WorkerId worker;
  std::uint32_t incarnation = 0;
};  // by itself, holding nothing
// The registry holds it no more. `early`: its key is gone before its time can have come, by what was left of it when it was read last:
// it was deleted or evicted.
struct LeaseExpired {
  WorkerId worker;
  std::uint32_t incarnation = 0;
  bool early = false;
};

enum class Ending : std::uint8_t { succeeded, failed };
struct AttemptFinished {
  AttemptId attempt;
  Ending ending = Ending::succeeded;
};
// The attempt holds nothing any more: it was stopped, as StopAttempt asked, or a worker that drains has declined it. `progress` is the work that a next attempt need not repeat, as
// time on a worker of speed 1.
struct AttemptStopped {
  AttemptId attempt;
  Duration progress{};
};

// Each command that asks something of a store gets exactly one answer.
enum class Answer : std::uint8_t {
  done,
  failed,   // it had no effect
  unknown,  // it may or may not have had its effect: the reply was lost
  refused,  // it had no effect and never will: a leader of a higher epoch has come
};
struct CommitAnswered {
  RequestId request;
  Answer answer = Answer::done;
  std::uint64_t version = 0;  // with Answer::done: of the store after this commit; each commit raises it
};
// Answer to ReadBatch: whether the batch of that (unknown) commit is in the store. `found` counts only with Answer::done.
struct BatchRead {
  RequestId request;
  Answer answer = Answer::done;
  bool found = false;
  std::uint64_t version = 0;  // if found: of the store after that commit
};

// Answer to ReadRegistry. With Answer::done, what differs from the reading before comes with it, in the same step: WorkerRegistered
// for entries that are new or changed, WorkerDraining where that is new, LeaseExpired for those that are gone.
struct RegistryRead {
  RequestId request;
  Answer answer = Answer::done;
  std::uint64_t server = 0;    // stands for the run id of the registry's process: another one after a restart
  std::uint64_t sentinel = 0;  // stands for the sentinel key that stands there now; 0: there is none
  std::uint32_t entries = 0;   // workers that the registry holds
  std::uint32_t gone = 0;      // of those that it held at the reading before
};

// Why the counter did not do as asked. See policies/ports/redis.hpp.
enum class CounterVerdict : std::uint8_t { applied, missing, old_epoch, old_version, over_limit };
// Answer to AskCounter.
struct CounterAnswered {
  RequestId request;
  Answer answer = Answer::done;
  CounterVerdict verdict = CounterVerdict::applied;
  std::int64_t value = 0;  // thousandths of a cpu; the counter after this, where it is there
};

// Answer to SumAllocations.
struct AllocationsSummed {
  RequestId request;
  Answer answer = Answer::done;
  std::int64_t cpus_milli = 0;  // of all allocations that are not released
  std::uint64_t version = 0;    // of the store when it was read
};

// Answer to AskLease: who holds the lease by the store's clock.
struct LeaseAnswered {
  RequestId request;
  Answer answer = Answer::done;
  bool held = false;       // by this scheduler
  std::int64_t epoch = 0;  // that stands: each taking has a higher one than all before; 0: it was never taken
  Duration left{};         // until it ends, unless it is prolonged; 0: nobody holds it
};

// Answer to AskState. With Answer::done, the state comes with it, in the same step: JobLoaded, AllocationLoaded.
struct StateLoaded {
  RequestId request;
  Answer answer = Answer::done;
};
// A job that has not ended, as the rows of its attempts tell it. With StateLoaded, or one that waits, with WaitingLoaded.
struct JobLoaded {
  JobSpec job;
  Time submitted{};
  std::uint32_t attempts = 0;  // number of the last one
  std::uint32_t failures = 0;
  std::uint32_t losses = 0;
  Duration progress{};  // work that need not be repeated
};
// An allocation that is not released: tasks of the last attempt of a loaded job on one worker.
struct AllocationLoaded {
  AttemptId attempt;
  WorkerId worker;
  std::uint32_t tasks = 0;
};

// Answer to AskWorkers. Answer::done: from now on orders of a lower epoch are refused. The workers report, in this step or later.
struct WorkersAsked {
  RequestId request;
  Answer answer = Answer::done;
};
// A worker said what it has: AttemptHeld for each attempt that it runs, AttemptFinished or AttemptStopped for each that ended
// there and was not acknowledged, in the same step. It knows of no other.
struct WorkerReported {
  WorkerId worker;
  std::uint32_t incarnation = 0;
};
struct AttemptHeld {
  AttemptId attempt;
  WorkerId worker;
  Duration age{};  // since it was dispatched
};

// The scheduler's process is to end. A leader hands over its lease first.
struct ShutdownRequested {};

// Answer to AskWaiting. With Answer::done, the jobs come with it, in the same step: JobLoaded. Of those that the store had, such as
// are known to have ended by now may be missing.
struct WaitingLoaded {
  RequestId request;
  Answer answer = Answer::done;
  bool whole = false;  // nothing waits behind these
  QueuePlace last{};   // else: of the last one that the store had
};

using Event = std::variant<CommitAnswered, BatchRead, RegistryRead, CounterAnswered, AllocationsSummed, AttemptFinished,
                           AttemptStopped, WorkerLeft, LeaseExpired, WorkerRegistered, JobCancelled, JobSubmitted,
                           LeaseAnswered, StateLoaded, JobLoaded, AllocationLoaded, WorkersAsked, WorkerReported,
                           AttemptHeld, ShutdownRequested, WaitingLoaded, WorkerDraining>;

// Puts the facts of one instant into the one order in which every world hands them over: by kind (answers, ends, workers,
// then arrivals: the order of the variant), within a kind by id.
void order_canonically(std::span<Event> events);

}  // namespace drydock

// Orders, in the imperative: everything the scheduler ever asks for. Spans point into the scheduler and hold until its next
// step.
#pragma once

#include "policies/core/events.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

namespace drydock {

// `tasks` tasks of an attempt on one worker.
struct Placement {
  WorkerId worker;
  std::uint32_t tasks = 0;
  friend bool operator==(const Placement&, const Placement&) = default;
};

// Rows of one transaction of the store. An assignment adds an allocation, a release marks it released.
struct Assignment {
  AttemptId attempt;
  std::span<const Placement> placements;
};
enum class ReleaseReason : std::uint8_t {
  succeeded,
  failed,  // and the job is given up
  preempted,
  worker_lost,
  cancelled,
  retried,      // failed, and the job will run again
  quarantined,  // lost with its worker, as others of the job before it, and the job is given up
  drained,      // its worker was about to leave: it was not begun, or ended with it
};
struct Release {
  AttemptId attempt;
  ReleaseReason reason = ReleaseReason::succeeded;
};

// Persist before send: an assignment is dispatched only after its commit is done. All or nothing; answered by
// CommitAnswered.
struct Commit {
  RequestId request;
  std::span<const Release> releases;
  std::span<const Assignment> assignments;
};
// Asks whether the batch of an earlier commit is in the store; answered by BatchRead.
struct ReadBatch {
  RequestId request;
  RequestId commit;
};
// Run this attempt there. Facts follow: AttemptFinished, or nothing when the workers die.
struct Dispatch {
  AttemptId attempt;
  std::span<const Placement> placements;
};
// Stop it and answer AttemptStopped (or AttemptFinished, if it ended first).
struct StopAttempt {
  AttemptId attempt;
  ReleaseReason reason = ReleaseReason::preempted;
};
enum class RejectReason : std::uint8_t { queue_full, unknown_queue, duplicate_id };
// The job was not accepted: it will never run.
struct RejectJob {
  JobId job;
  RejectReason reason = RejectReason::queue_full;
};
// The policy broke the rules of Plan. The scheduler does nothing after this; the world must end the run with an error.
struct Halt {
  std::string_view why;  // names the policy and the offending decision
};

// Asks who is in the registry; answered by RegistryRead, and what changed.
struct ReadRegistry {
  RequestId request;
};

// What can be asked of the counter of allocated cpus, a cached sum beside the store; see policies/ports/redis.hpp. Answered by
// CounterAnswered.
enum class CounterOp : std::uint8_t {
  get,
  add,          // INCRBY `amount`; a missing counter counts as 0
  set,          // SET `amount`, whatever happened meanwhile
  checked_add,  // `amount` once per version, refused beyond `limit`
  fenced_set,   // `amount`, unless a change of a later version has been counted
  reserve,      // hold `amount` for `lease` under the number `batch`, refused beyond `limit`
  confirm,      // what was reserved for `batch` became truth at `version`
  cancel,       // forget what was reserved for `batch`
};
struct AskCounter {
  RequestId request{};
  CounterOp op = CounterOp::get;
  std::int64_t amount = 0;  // thousandths of a cpu
  std::int64_t limit = 0;   // likewise
  std::uint64_t version = 0;
  std::uint64_t batch = 0;
  Duration lease{};
};

// Asks the store for the sum of all allocations that are not released; answered by AllocationsSummed.
struct SumAllocations {
  RequestId request;
};

// Where the registry is read: this worker is taken for dead now, with all that it held. Between LeaseExpired and this, it is only
// suspected.
struct DeclareDead {
  WorkerId worker;
  std::uint32_t incarnation = 0;
};

// --- leadership, where there are several schedulers: see leadership.hpp ---

enum class LeaseOp : std::uint8_t {
  acquire,  // take it if nobody holds it, prolong it if this scheduler does
  release,  // give it back; not answered
};
// Answered by LeaseAnswered.
struct AskLease {
  RequestId request{};
  LeaseOp op = LeaseOp::acquire;
  Duration ttl{};
};
// All that a new leader must know, at one instant; answered by StateLoaded. Sent once the lease is held: from then on no other
// scheduler's writes are accepted.
struct AskState {
  RequestId request;
};
// Tells every worker that this epoch's leader is in charge, and asks what it runs; answered by WorkersAsked.
struct AskWorkers {
  RequestId request;
};
enum class StepDownReason : std::uint8_t {
  lease_over,  // it was not prolonged in time
  outranked,   // another leader has come
  shutdown,    // it was asked to
};
// The last order of a scheduler: it does nothing any more. Its process may start another one, which begins as a standby.
struct StepDown {
  StepDownReason reason = StepDownReason::lease_over;
};

// --- where not all that waits is held in memory: see lookahead.hpp ---

// Asks the store for jobs of a queue that wait there, in its order; answered by WaitingLoaded.
struct AskWaiting {
  RequestId request{};
  QueueId queue{};
  std::optional<QueuePlace> after{};  // nothing: from the front
  std::uint32_t limit = 0;            // > 0
};

// What the scheduler believes now, for whoever watches over it. Not answered.
struct NoteStatistics {
  std::uint32_t workers = 0;  // that live
  std::int64_t cpus = 0;      // of these, in thousandths, likewise below
  std::int64_t allocated = 0;
  std::optional<std::int64_t> counted{};  // the total by the counter or the database, where it is known
  std::uint64_t waiting = 0;              // jobs in memory
  std::uint64_t delayed = 0;              // jobs whose retry is not due
  std::uint64_t active = 0;               // the others
};

using Command =
    std::variant<Commit, ReadBatch, Dispatch, StopAttempt, RejectJob, Halt, ReadRegistry, AskCounter, SumAllocations,
                 DeclareDead, AskLease, AskState, AskWorkers, StepDown, AskWaiting, NoteStatistics>;

}  // namespace drydock

// What Drydock asks of PostgreSQL, as values: each Op is one transaction, each Reply what it answers. No I/O here. The simulated
// store (sim/postgres.hpp) and the client of a real one (real-runtime/postgres_client.hpp) carry out the same operations, so that
// one wrapper can drop, delay and repeat them in every world, and the two can be compared operation by operation.
//
// Rows. A job is never changed. An attempt has one allocation for each worker that it runs on; they are released together. An
// attempt ended when its outcome is recorded; its allocations are released with that, or later. A job ended when an attempt with
// `job_ends` did, or when it was ended without one (EndedJob). A job is held while its last attempt has unreleased allocations; it
// waits when it neither ended nor is held. The attempts of a job have rising numbers.
//
// The truth about allocations (a version, and the sums of what is unreleased) is one row that each transaction which changes an
// allocation locks first, so that these transactions have one order, and the version rises by one with each.
//
// PostgreSQL keeps time in microseconds. A TTL is rounded up; a lease that lasts until e is held by nobody from e on.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"
#include "policies/core/ids.hpp"
#include "policies/core/resources.hpp"
#include "policies/core/time.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace drydock::postgres {

// Writes of a leader carry the epoch that taking the lease gave them. Where it is not the one that stands in the lease's row now,
// the transaction is refused (Outcome::wrong_epoch). The end of the lease alone refuses nothing: nobody else has taken it yet.
struct Fence {
  std::string lease;
  std::int64_t epoch = 0;
  friend bool operator==(const Fence&, const Fence&) = default;
};

// --- jobs --------------------------------------------------------------------------------------------------------------------------

struct Job {
  JobSpec spec;
  std::string payload;  // any bytes: the store does not look into it
  friend bool operator==(const Job& a, const Job& b);
};

// Adds those jobs whose ids are not there yet; the others stay as they are, so that a repetition is harmless. Each new job gets the
// next arrival number, in the order given. Arrival numbers rise in the order of commits: who has seen number n has seen all below.
// If anything is added, channel kJobsChannel is notified. -> Submitted.
struct SubmitJobs {
  std::vector<Job> jobs;  // at least one; ids differ
  friend bool operator==(const SubmitJobs&, const SubmitJobs&) = default;
};

inline constexpr std::string_view kJobsChannel = "drydock_jobs";

// -> JobView.
struct ReadJob {
  JobId job;
  friend bool operator==(const ReadJob&, const ReadJob&) = default;
};

// For who submits: numbers that no job has, and that nobody else is given. -> Count: the first of them; the others follow.
struct ReserveIds {
  std::uint32_t count = 0;  // > 0
  friend bool operator==(const ReserveIds&, const ReserveIds&) = default;
};

// Asks whoever leads to end the job, wherever it is. Requests are numbered in the order of commits, as arrivals are. Notifies
// kJobsChannel. Refused: unknown_job; job_ended; repeated (asked before). -> Verdict; detail: the job.
struct RequestCancel {
  JobId job;
  friend bool operator==(const RequestCancel&, const RequestCancel&) = default;
};

// --- the scheduler's batches -------------------------------------------------------------------------------------------------------

// Ends an attempt and releases its allocations. If it ended before (FinishAttempt), the outcome of then stays. Refused
// (stale_attempt) unless its allocations are unreleased.
struct ReleasedAttempt {
  AttemptId attempt{};
  ReleaseReason reason = ReleaseReason::succeeded;
  bool job_ends = false;  // else it waits again
  Duration progress{};    // work that a next attempt need not repeat
  friend bool operator==(const ReleasedAttempt&, const ReleasedAttempt&) = default;
};

// Ends a job that waits: cancelled, quarantined, rejected. Refused: unknown_job; job_ended; held.
struct EndedJob {
  JobId job{};
  ReleaseReason reason = ReleaseReason::cancelled;
  friend bool operator==(const EndedJob&, const EndedJob&) = default;
};

// `tasks` tasks on one worker, and what they hold there in all.
struct Share {
  WorkerId worker{};
  std::uint32_t tasks = 0;
  Resources held{};
  friend bool operator==(const Share&, const Share&) = default;
};

// A new attempt. Refused: unknown_job; job_ended; stale_attempt unless its number is above the last one's (numbers of attempts that were
// planned and never got here are missing); held.
struct AssignedAttempt {
  AttemptId attempt{};
  std::vector<Share> shares{};  // at least one
  friend bool operator==(const AssignedAttempt&, const AssignedAttempt&) = default;
};

// One batch, all or nothing: releases, then ended jobs, then assignments, each in the order given. Refused: wrong_epoch; settled (it
// is below a settled_below of this epoch); repeated (a batch with this request of this epoch is in the store already); voided
// (SettleBatch came first); or for the first row that is refused. -> Verdict; detail: the epoch that stands, or the job of the
// refused row.
struct CommitBatch {
  Fence fence{};
  RequestId request{};
  // Batches of this epoch below this one were answered for good: the store forgets their ids, and refuses all of them.
  RequestId settled_below{};
  std::vector<ReleasedAttempt> releases{};     // attempts differ
  std::vector<EndedJob> endings{};             // jobs differ
  std::vector<AssignedAttempt> assignments{};  // jobs differ
  friend bool operator==(const CommitBatch&, const CommitBatch&) = default;
};

// Whether a batch whose answer was lost is in the store. If it is not, it never will be: its id is voided, so that a commit which is
// still on its way is refused. Waits for one that is being carried out. -> Verdict: wrong_epoch, settled, repeated (it is there;
// version: its own), or voided (it is not).
struct SettleBatch {
  Fence fence;
  RequestId request;
  friend bool operator==(const SettleBatch&, const SettleBatch&) = default;
};

// --- beside the scheduler ----------------------------------------------------------------------------------------------------------

// A worker records the end of its attempt by itself, fenced by the attempt's number alone. Refused (stale_attempt) unless the attempt
// is unreleased and has not ended. Without `release` its allocations stay, as when an executor dies in between. -> Verdict; detail:
// the job where refused.
struct FinishAttempt {
  AttemptId attempt{};
  ReleaseReason reason = ReleaseReason::succeeded;
  bool job_ends = false;
  Duration progress{};
  bool release = true;
  friend bool operator==(const FinishAttempt&, const FinishAttempt&) = default;
};

// The safety net: releases the allocations of attempts that ended, those of the jobs that arrived first, at most `limit` (> 0)
// attempts. -> Verdict; detail: how many attempts (0 leaves the version as it is).
struct ReleaseEnded {
  Fence fence;
  std::uint32_t limit = 0;
  friend bool operator==(const ReleaseEnded&, const ReleaseEnded&) = default;
};

// The sums as the row of the truth has them, in O(1). -> Totals.
struct ReadTotals {
  friend bool operator==(const ReadTotals&, const ReadTotals&) = default;
};
// The same from the allocations themselves, in the time of reading all that there ever were: SELECT SUM(...) WHERE NOT released. It
// differs from ReadTotals only where somebody changed rows by hand. -> Totals.
struct RecountTotals {
  friend bool operator==(const RecountTotals&, const RecountTotals&) = default;
};

// The unreleased allocations, of all workers or of one. -> Allocations.
struct ReadAllocations {
  std::optional<WorkerId> worker;
  friend bool operator==(const ReadAllocations&, const ReadAllocations&) = default;
};

// Notes how far from the beginning all jobs have ended and are released; what reads live jobs begins there, however long the
// history is. To be done every few minutes. -> Verdict; detail: the first arrival that counts.
struct RaiseMark {
  Fence fence;
  friend bool operator==(const RaiseMark&, const RaiseMark&) = default;
};

// --- takeover, and what comes after ------------------------------------------------------------------------------------------------

// All that a new leader must know, at one instant. -> State, or Verdict (wrong_epoch).
struct LoadState {
  Fence fence;
  std::uint32_t limit_per_queue = 0;  // > 0: lookahead
  friend bool operator==(const LoadState&, const LoadState&) = default;
};

// The waiting jobs of a queue that come after a place. -> Jobs, in the queue's order.
struct LoadWaiting {
  QueueId queue{};
  std::optional<QueuePlace> after{};  // none: from the front
  std::uint32_t limit = 0;            // > 0
  friend bool operator==(const LoadWaiting&, const LoadWaiting&) = default;
};

// The waiting jobs that arrived after a number: what is new since the last look. -> Jobs, by arrival.
struct LoadArrived {
  std::int64_t after = 0;
  std::uint32_t limit = 0;  // > 0
  friend bool operator==(const LoadArrived&, const LoadArrived&) = default;
};

// The requests to cancel jobs that have not ended, after a number: what is new since the last look. -> Cancels, by number.
struct LoadCancels {
  std::int64_t after = 0;
  std::uint32_t limit = 0;  // > 0
  friend bool operator==(const LoadCancels&, const LoadCancels&) = default;
};

// --- leases: judged by the server's clock ------------------------------------------------------------------------------------------

// Takes the lease if nobody holds it, or prolongs it if `holder` does. Each taking has a higher epoch than all before. The epoch is
// at least `epoch_min`, also when prolonged: a newcomer passes one more than the highest it knows of, in case this database came back
// from an old backup. A new epoch forgets the ids of all batches before. ttl > 0. -> Lease: who holds it now.
struct AcquireLease {
  std::string lease;
  std::string holder;
  Duration ttl{};
  std::int64_t epoch_min = 1;
  friend bool operator==(const AcquireLease&, const AcquireLease&) = default;
};

// Gives it back if this holder holds it with this epoch. -> Found: whether it did.
struct ReleaseLease {
  std::string lease;
  std::string holder;
  std::int64_t epoch = 0;
  friend bool operator==(const ReleaseLease&, const ReleaseLease&) = default;
};

// -> Lease.
struct ReadLease {
  std::string lease;
  friend bool operator==(const ReadLease&, const ReadLease&) = default;
};

// --- periodic jobs -----------------------------------------------------------------------------------------------------------------

// Submits the job of a due time, once for each (name, due): both or nothing. Refused: wrong_epoch; repeated (it fired before);
// duplicate_job (another job has this id). Notifies as SubmitJobs does. -> Verdict; detail: the epoch that stands, or the job's
// arrival.
struct FireDue {
  Fence fence;
  std::string name;
  Time due{};
  Job job;
  friend bool operator==(const FireDue&, const FireDue&) = default;
};

// The latest due time that fired. -> LastDue.
struct ReadLastDue {
  std::string name;
  friend bool operator==(const ReadLastDue&, const ReadLastDue&) = default;
};

// --- hints: LISTEN and NOTIFY ------------------------------------------------------------------------------------------------------
// A hint says that a look is worth while; it may be lost with the connection, and several may become one. Names of channels consist
// of a-z, 0-9 and '_', begin with a letter, and have at most 40 characters.

// From now on this connection counts the notifications of a channel, its own too. -> Done.
struct Listen {
  std::string channel;
  friend bool operator==(const Listen&, const Listen&) = default;
};
// -> Done.
struct Notify {
  std::string channel;
  friend bool operator==(const Notify&, const Notify&) = default;
};
// -> Count: the transactions that notified the channel and were heard of since the last time.
struct TakeHints {
  std::string channel;
  friend bool operator==(const TakeHints&, const TakeHints&) = default;
};

using Op =
    std::variant<SubmitJobs, ReadJob, ReserveIds, RequestCancel, CommitBatch, SettleBatch, FinishAttempt, ReleaseEnded,
                 ReadTotals, RecountTotals, ReadAllocations, RaiseMark, LoadState, LoadWaiting, LoadArrived, LoadCancels,
                 AcquireLease, ReleaseLease, ReadLease, FireDue, ReadLastDue, Listen, Notify, TakeHints>;

// --- faults ------------------------------------------------------------------------------------------------------------------------

// The next CommitBatch is carried out and then rolled back: Failed(aborted).
struct AbortNextCommit {
  friend bool operator==(const AbortNextCommit&, const AbortNextCommit&) = default;
};
// The answer of the next CommitBatch is lost: Failed(unknown).
struct LoseNextAnswer {
  bool committed = true;  // whether it was carried out
  friend bool operator==(const LoseNextAnswer&, const LoseNextAnswer&) = default;
};
struct Restart {  // crashes and recovers: what was committed stays, connections break, and listen to nothing
  friend bool operator==(const Restart&, const Restart&) = default;
};
struct GoDown {  // as Restart, but it stays away: Failed(unreachable)
  friend bool operator==(const GoDown&, const GoDown&) = default;
};
struct ComeBack {
  friend bool operator==(const ComeBack&, const ComeBack&) = default;
};

using AdminOp = std::variant<AbortNextCommit, LoseNextAnswer, Restart, GoDown, ComeBack>;

// --- replies -----------------------------------------------------------------------------------------------------------------------

struct Done {
  friend bool operator==(const Done&, const Done&) = default;
};
struct Found {
  bool found = false;
  friend bool operator==(const Found&, const Found&) = default;
};
struct Count {
  std::int64_t value = 0;
  friend bool operator==(const Count&, const Count&) = default;
};

struct Submitted {
  std::int64_t added = 0;
  std::int64_t last_arrival = 0;  // of any job so far
  friend bool operator==(const Submitted&, const Submitted&) = default;
};

// Sums over the unreleased allocations.
struct Totals {
  std::int64_t cpus = 0;         // in thousandths of a core
  std::int64_t allocations = 0;  // how many
  std::int64_t version = 0;      // of the truth: for CheckedAdd and FencedSet of the Redis port
  friend bool operator==(const Totals&, const Totals&) = default;
};

struct Verdict {
  enum class Outcome : std::uint8_t {
    applied,
    repeated,       // it was done before; nothing changed now
    voided,         // this batch is not in the store and never will be
    settled,        // this batch was answered for good, and the store has forgotten how
    wrong_epoch,    // another leader came
    stale_attempt,  // of the attempt with this number there is nothing to end, or a later one is there
    unknown_job,
    job_ended,
    held,           // its last attempt is unreleased
    duplicate_job,  // another job has this id
  };
  Outcome outcome = Outcome::applied;
  std::int64_t detail = 0;   // see the operation, else 0
  std::int64_t version = 0;  // of the truth after it, where it was applied or repeated and is about allocations, else 0
  std::int64_t cpus = 0;     // as in Totals, where it was applied and is about allocations, else 0
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

enum class JobState : std::uint8_t { waiting, held, ended };

// Rows have the numbers of reasons. 1 (failed) and 5 (failed, to be tried again) count as failures; 3 (worker_lost) and 6 (the same,
// and given up) as losses.
[[nodiscard]] bool is_failure(ReleaseReason reason);
[[nodiscard]] bool is_loss(ReleaseReason reason);

// A job as the rows of its attempts tell it.
struct JobView {
  bool found = false;
  JobState state = JobState::waiting;          // held also while it has ended and is not yet released
  std::uint32_t attempts = 0;                  // the number of the last one
  std::uint32_t failures = 0;                  // attempts that ended as failures
  std::uint32_t losses = 0;                    // attempts lost with a worker
  Duration progress{};                         // the most that an attempt left
  std::optional<ReleaseReason> last_reason{};  // of the last attempt that ended, or of the job ended without one
  friend bool operator==(const JobView&, const JobView&) = default;
};

struct LoadedJob {
  Job job;
  std::int64_t arrival = 0;
  JobView view;
  Duration age{};  // since it was submitted, by the store's clock: not compared, and not known to the simulated store
  friend bool operator==(const LoadedJob& a, const LoadedJob& b) {
    return a.job == b.job && a.arrival == b.arrival && a.view == b.view;
  }
};
struct Jobs {
  std::vector<LoadedJob> jobs;
  friend bool operator==(const Jobs&, const Jobs&) = default;
};

struct CancelRequest {
  std::int64_t number = 0;
  JobId job;
  friend bool operator==(const CancelRequest&, const CancelRequest&) = default;
};
struct Cancels {
  std::vector<CancelRequest> requests;
  friend bool operator==(const Cancels&, const Cancels&) = default;
};

struct Allocation {
  AttemptId attempt;
  Share share;
  bool attempt_ended = false;  // and not yet released
  friend bool operator==(const Allocation&, const Allocation&) = default;
};
struct Allocations {
  std::vector<Allocation> rows;  // by job, then in the order in which they were assigned
  friend bool operator==(const Allocations&, const Allocations&) = default;
};

struct State {
  std::vector<LoadedJob> waiting;  // by queue, in its order; at most limit_per_queue of each
  std::vector<LoadedJob> held;     // by id
  std::vector<Allocation> allocations;
  Totals totals;
  std::int64_t last_arrival = 0;  // of any job so far: LoadArrived goes on from here
  friend bool operator==(const State&, const State&) = default;
};

struct Lease {
  std::string holder{};    // empty: nobody
  std::int64_t epoch = 0;  // of the last taking; 0: there was none
  Duration left{};         // whole microseconds; 0: nobody holds it
  friend bool operator==(const Lease&, const Lease&) = default;
};

struct LastDue {
  std::optional<Time> due;
  friend bool operator==(const LastDue&, const LastDue&) = default;
};

struct Failed {
  enum class Reason : std::uint8_t {
    aborted,      // rolled back (deadlock, lock time-out, ...): nothing was changed, it may be tried again
    refused,      // the server said no (permission, disk, limits, a foreign schema): nothing was changed
    unreachable,  // never sent
    unknown,      // sent, and the answer was lost: it may have been carried out, now or later
  };
  Reason reason = Reason::unknown;
  std::string message;  // for people: not compared
  friend bool operator==(const Failed& a, const Failed& b) { return a.reason == b.reason; }
};

using Reply = std::variant<Done, Found, Count, Submitted, Totals, Verdict, JobView, Jobs, Cancels, Allocations, State, Lease,
                           LastDue, Failed>;

// What the core is told about a CommitBatch. A refusal is `failed`, since it had no effect; that of an epoch is `refused`.
[[nodiscard]] Answer commit_answer(const Reply& reply);
// What the core is told about a SettleBatch: `done` where the store knows, and then whether the batch is there.
struct BatchAnswer {
  Answer answer = Answer::failed;
  bool found = false;
  friend bool operator==(const BatchAnswer&, const BatchAnswer&) = default;
};
[[nodiscard]] BatchAnswer settle_answer(const Reply& reply);

// "CommitBatch": for messages and metrics.
[[nodiscard]] std::string_view name_of(const Op& op);

// One line for people.
[[nodiscard]] std::string to_text(const Op& op);
[[nodiscard]] std::string to_text(const AdminOp& op);
[[nodiscard]] std::string to_text(const Reply& reply);

// Stops the process if the operation breaks what is promised above (an id out of range, an empty name, a row twice, ...). Ids and
// amounts lie within int64, numbers of queues, workers, tasks and attempts within int32.
void check_op(const Op& op);

// Whole microseconds as PostgreSQL counts them.
[[nodiscard]] std::int64_t clock_us(Time now);  // rounded down
[[nodiscard]] std::int64_t ttl_us(Duration d);  // rounded up

// Equal but for what is left of leases, which may differ by up to `tolerance`: two servers' clocks are never the same.
[[nodiscard]] bool equal_within(const Reply& a, const Reply& b, Duration tolerance);

}  // namespace drydock::postgres

// The one table of what journals call facts, orders and the words in them: a name for JSON, a code for binary. Codes and
// names are part of the format: never reuse or reorder them, only add.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

namespace drydock::journal_detail {

enum class EventCode : std::uint8_t {
  commit_answered,
  batch_read,
  attempt_finished,
  attempt_stopped,
  worker_left,
  lease_expired,
  worker_registered,
  job_cancelled,
  job_submitted,
  registry_read,
  counter_answered,
  allocations_summed,
  lease_answered,
  state_loaded,
  job_loaded,
  allocation_loaded,
  workers_asked,
  worker_reported,
  attempt_held,
  shutdown_requested,
  waiting_loaded,
  worker_draining,
};

enum class CommandCode : std::uint8_t {
  commit,
  read_batch,
  dispatch,
  stop_attempt,
  reject_job,
  halt,
  read_registry,
  ask_counter,
  sum_allocations,
  declare_dead,
  ask_lease,
  ask_state,
  ask_workers,
  step_down,
  ask_waiting,
  note_statistics,
};

template <class T>
struct KindOf;  // code and name of an event or a command
// clang-format off
template <> struct KindOf<CommitAnswered> { static constexpr auto kCode = EventCode::commit_answered; static constexpr std::string_view kName = "CommitAnswered"; };
template <> struct KindOf<BatchRead> { static constexpr auto kCode = EventCode::batch_read; static constexpr std::string_view kName = "BatchRead"; };
template <> struct KindOf<AttemptFinished> { static constexpr auto kCode = EventCode::attempt_finished; static constexpr std::string_view kName = "AttemptFinished"; };
template <> struct KindOf<AttemptStopped> { static constexpr auto kCode = EventCode::attempt_stopped; static constexpr std::string_view kName = "AttemptStopped"; };
template <> struct KindOf<WorkerLeft> { static constexpr auto kCode = EventCode::worker_left; static constexpr std::string_view kName = "WorkerLeft"; };
template <> struct KindOf<LeaseExpired> { static constexpr auto kCode = EventCode::lease_expired; static constexpr std::string_view kName = "LeaseExpired"; };
template <> struct KindOf<WorkerRegistered> { static constexpr auto kCode = EventCode::worker_registered; static constexpr std::string_view kName = "WorkerRegistered"; };
template <> struct KindOf<JobCancelled> { static constexpr auto kCode = EventCode::job_cancelled; static constexpr std::string_view kName = "JobCancelled"; };
template <> struct KindOf<JobSubmitted> { static constexpr auto kCode = EventCode::job_submitted; static constexpr std::string_view kName = "JobSubmitted"; };
template <> struct KindOf<RegistryRead> { static constexpr auto kCode = EventCode::registry_read; static constexpr std::string_view kName = "RegistryRead"; };
template <> struct KindOf<CounterAnswered> { static constexpr auto kCode = EventCode::counter_answered; static constexpr std::string_view kName = "CounterAnswered"; };
template <> struct KindOf<AllocationsSummed> { static constexpr auto kCode = EventCode::allocations_summed; static constexpr std::string_view kName = "AllocationsSummed"; };
template <> struct KindOf<LeaseAnswered> { static constexpr auto kCode = EventCode::lease_answered; static constexpr std::string_view kName = "LeaseAnswered"; };
template <> struct KindOf<StateLoaded> { static constexpr auto kCode = EventCode::state_loaded; static constexpr std::string_view kName = "StateLoaded"; };
template <> struct KindOf<JobLoaded> { static constexpr auto kCode = EventCode::job_loaded; static constexpr std::string_view kName = "JobLoaded"; };
template <> struct KindOf<AllocationLoaded> { static constexpr auto kCode = EventCode::allocation_loaded; static constexpr std::string_view kName = "AllocationLoaded"; };
template <> struct KindOf<WorkersAsked> { static constexpr auto kCode = EventCode::workers_asked; static constexpr std::string_view kName = "WorkersAsked"; };
template <> struct KindOf<WorkerReported> { static constexpr auto kCode = EventCode::worker_reported; static constexpr std::string_view kName = "WorkerReported"; };
template <> struct KindOf<AttemptHeld> { static constexpr auto kCode = EventCode::attempt_held; static constexpr std::string_view kName = "AttemptHeld"; };
template <> struct KindOf<ShutdownRequested> { static constexpr auto kCode = EventCode::shutdown_requested; static constexpr std::string_view kName = "ShutdownRequested"; };
template <> struct KindOf<WaitingLoaded> { static constexpr auto kCode = EventCode::waiting_loaded; static constexpr std::string_view kName = "WaitingLoaded"; };
template <> struct KindOf<WorkerDraining> { static constexpr auto kCode = EventCode::worker_draining; static constexpr std::string_view kName = "WorkerDraining"; };
template <> struct KindOf<Commit> { static constexpr auto kCode = CommandCode::commit; static constexpr std::string_view kName = "Commit"; };
template <> struct KindOf<ReadBatch> { static constexpr auto kCode = CommandCode::read_batch; static constexpr std::string_view kName = "ReadBatch"; };
template <> struct KindOf<Dispatch> { static constexpr auto kCode = CommandCode::dispatch; static constexpr std::string_view kName = "Dispatch"; };
template <> struct KindOf<StopAttempt> { static constexpr auto kCode = CommandCode::stop_attempt; static constexpr std::string_view kName = "StopAttempt"; };
template <> struct KindOf<RejectJob> { static constexpr auto kCode = CommandCode::reject_job; static constexpr std::string_view kName = "RejectJob"; };
template <> struct KindOf<Halt> { static constexpr auto kCode = CommandCode::halt; static constexpr std::string_view kName = "Halt"; };
template <> struct KindOf<ReadRegistry> { static constexpr auto kCode = CommandCode::read_registry; static constexpr std::string_view kName = "ReadRegistry"; };
template <> struct KindOf<AskCounter> { static constexpr auto kCode = CommandCode::ask_counter; static constexpr std::string_view kName = "AskCounter"; };
template <> struct KindOf<SumAllocations> { static constexpr auto kCode = CommandCode::sum_allocations; static constexpr std::string_view kName = "SumAllocations"; };
template <> struct KindOf<DeclareDead> { static constexpr auto kCode = CommandCode::declare_dead; static constexpr std::string_view kName = "DeclareDead"; };
template <> struct KindOf<AskLease> { static constexpr auto kCode = CommandCode::ask_lease; static constexpr std::string_view kName = "AskLease"; };
template <> struct KindOf<AskState> { static constexpr auto kCode = CommandCode::ask_state; static constexpr std::string_view kName = "AskState"; };
template <> struct KindOf<AskWorkers> { static constexpr auto kCode = CommandCode::ask_workers; static constexpr std::string_view kName = "AskWorkers"; };
template <> struct KindOf<StepDown> { static constexpr auto kCode = CommandCode::step_down; static constexpr std::string_view kName = "StepDown"; };
template <> struct KindOf<AskWaiting> { static constexpr auto kCode = CommandCode::ask_waiting; static constexpr std::string_view kName = "AskWaiting"; };
template <> struct KindOf<NoteStatistics> { static constexpr auto kCode = CommandCode::note_statistics; static constexpr std::string_view kName = "NoteStatistics"; };
// clang-format on

// Names of enumerators, by value.
inline constexpr std::array<std::string_view, 4> kAnswers{"done", "failed", "unknown", "refused"};
inline constexpr std::array<std::string_view, 2> kEndings{"succeeded", "failed"};
inline constexpr std::array<std::string_view, 3> kOnInterrupts{"restart", "resume", "checkpoint"};
inline constexpr std::array<std::string_view, 8> kReleaseReasons{"succeeded", "failed",  "preempted",   "worker_lost",
                                                                 "cancelled", "retried", "quarantined", "drained"};
inline constexpr std::array<std::string_view, 3> kRejectReasons{"queue_full", "unknown_queue", "duplicate_id"};
inline constexpr std::array<std::string_view, 5> kCounterVerdicts{"applied", "missing", "old_epoch", "old_version",
                                                                  "over_limit"};
inline constexpr std::array<std::string_view, 8> kCounterOps{"get",        "add",     "set",     "checked_add",
                                                             "fenced_set", "reserve", "confirm", "cancel"};
inline constexpr std::array<std::string_view, 2> kLeaseOps{"acquire", "release"};
inline constexpr std::array<std::string_view, 3> kStepDownReasons{"lease_over", "outranked", "shutdown"};
inline constexpr std::array<std::string_view, 3> kEnds{"missing", "stopped", "all_ended"};

[[nodiscard]] constexpr std::string_view name_of(Answer a) { return kAnswers[static_cast<std::size_t>(a)]; }
[[nodiscard]] constexpr std::string_view name_of(Ending e) { return kEndings[static_cast<std::size_t>(e)]; }
[[nodiscard]] constexpr std::string_view name_of(CounterVerdict v) { return kCounterVerdicts[static_cast<std::size_t>(v)]; }
[[nodiscard]] constexpr std::string_view name_of(CounterOp o) { return kCounterOps[static_cast<std::size_t>(o)]; }
[[nodiscard]] constexpr std::string_view name_of(OnInterrupt o) { return kOnInterrupts[static_cast<std::size_t>(o)]; }
[[nodiscard]] constexpr std::string_view name_of(ReleaseReason r) { return kReleaseReasons[static_cast<std::size_t>(r)]; }
[[nodiscard]] constexpr std::string_view name_of(LeaseOp o) { return kLeaseOps[static_cast<std::size_t>(o)]; }
[[nodiscard]] constexpr std::string_view name_of(StepDownReason r) { return kStepDownReasons[static_cast<std::size_t>(r)]; }
[[nodiscard]] constexpr std::string_view name_of(RejectReason r) { return kRejectReasons[static_cast<std::size_t>(r)]; }

}  // namespace drydock::journal_detail

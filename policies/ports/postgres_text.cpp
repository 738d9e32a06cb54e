// One line for people: operations and replies of the PostgreSQL port.
#include "policies/ports/postgres.hpp"

#include <array>
#include <cstddef>
#include <fmt/format.h>
#include <string>

namespace drydock::postgres {

namespace {

std::string text(Duration d) { return fmt::format("{:.6f} s", seconds(d)); }
std::string text(AttemptId attempt) { return fmt::format("{}/{}", attempt.job.value, attempt.number); }
std::string text(const Fence& fence) { return fmt::format("'{}' epoch {}", fence.lease, fence.epoch); }
std::string text(const Resources& r) {
  return fmt::format("{} mcpu {} B {} gpu {} slot", r.cpus(), r.memory(), r.gpus(), r.slots());
}
std::string text(const Share& share) {
  return fmt::format("{} on worker {} ({})", share.tasks, share.worker.value, text(share.held));
}
std::string_view text(ReleaseReason reason) {
  constexpr std::array<std::string_view, 7> kNames{"succeeded", "failed",  "preempted",  "worker lost",
                                                   "cancelled", "retried", "quarantined"};
  const auto number = static_cast<std::size_t>(reason);
  return number < kNames.size() ? kNames[number] : "?";
}
std::string text(const Job& job) {
  return fmt::format("{} in queue {} priority {} ({} x {}, {} bytes)", job.spec.id.value, job.spec.queue.value,
                     job.spec.priority, job.spec.tasks, text(job.spec.per_task), job.payload.size());
}

std::string text(const ReleasedAttempt& row);
std::string text(const EndedJob& row);
std::string text(const AssignedAttempt& row);
std::string text(const LoadedJob& job);
std::string text(const Allocation& row);
std::string text(const CancelRequest& row);

// Of each row its text, between brackets.
template <class Rows>
std::string list(const Rows& rows) {
  std::string result = "[";
  for (const auto& row : rows) {
    if (result.size() > 1) result += ", ";
    result += text(row);
  }
  return result + "]";
}

std::string text(const ReleasedAttempt& row) {
  return fmt::format("{} {}{} {}", text(row.attempt), text(row.reason), row.job_ends ? " for good" : "", text(row.progress));
}
std::string text(const EndedJob& row) { return fmt::format("{} {}", row.job.value, text(row.reason)); }
std::string text(const AssignedAttempt& row) { return fmt::format("{} {}", text(row.attempt), list(row.shares)); }

struct Names {
  std::string_view operator()(const SubmitJobs& /*op*/) const { return "SubmitJobs"; }
  std::string_view operator()(const ReadJob& /*op*/) const { return "ReadJob"; }
  std::string_view operator()(const ReserveIds& /*op*/) const { return "ReserveIds"; }
  std::string_view operator()(const RequestCancel& /*op*/) const { return "RequestCancel"; }
  std::string_view operator()(const CommitBatch& /*op*/) const { return "CommitBatch"; }
  std::string_view operator()(const SettleBatch& /*op*/) const { return "SettleBatch"; }
  std::string_view operator()(const FinishAttempt& /*op*/) const { return "FinishAttempt"; }
  std::string_view operator()(const ReleaseEnded& /*op*/) const { return "ReleaseEnded"; }
  std::string_view operator()(const ReadTotals& /*op*/) const { return "ReadTotals"; }
  std::string_view operator()(const RecountTotals& /*op*/) const { return "RecountTotals"; }
  std::string_view operator()(const ReadAllocations& /*op*/) const { return "ReadAllocations"; }
  std::string_view operator()(const RaiseMark& /*op*/) const { return "RaiseMark"; }
  std::string_view operator()(const LoadState& /*op*/) const { return "LoadState"; }
  std::string_view operator()(const LoadWaiting& /*op*/) const { return "LoadWaiting"; }
  std::string_view operator()(const LoadArrived& /*op*/) const { return "LoadArrived"; }
  std::string_view operator()(const LoadCancels& /*op*/) const { return "LoadCancels"; }
  std::string_view operator()(const AcquireLease& /*op*/) const { return "AcquireLease"; }
  std::string_view operator()(const ReleaseLease& /*op*/) const { return "ReleaseLease"; }
  std::string_view operator()(const ReadLease& /*op*/) const { return "ReadLease"; }
  std::string_view operator()(const FireDue& /*op*/) const { return "FireDue"; }
  std::string_view operator()(const ReadLastDue& /*op*/) const { return "ReadLastDue"; }
  std::string_view operator()(const Listen& /*op*/) const { return "Listen"; }
  std::string_view operator()(const Notify& /*op*/) const { return "Notify"; }
  std::string_view operator()(const TakeHints& /*op*/) const { return "TakeHints"; }
};

struct Arguments {
  std::string operator()(const SubmitJobs& op) const { return list(op.jobs); }
  std::string operator()(const ReadJob& op) const { return fmt::format("{}", op.job.value); }
  std::string operator()(const ReserveIds& op) const { return fmt::format("{}", op.count); }
  std::string operator()(const RequestCancel& op) const { return fmt::format("{}", op.job.value); }
  std::string operator()(const CommitBatch& op) const {
    return fmt::format("{}, request {}, settled below {}, releases {}, ends {}, assigns {}", text(op.fence),
                       op.request.value, op.settled_below.value, list(op.releases), list(op.endings), list(op.assignments));
  }
  std::string operator()(const SettleBatch& op) const {
    return fmt::format("{}, request {}", text(op.fence), op.request.value);
  }
  std::string operator()(const FinishAttempt& op) const {
    return fmt::format("{} {}{} {}, {}", text(op.attempt), text(op.reason), op.job_ends ? " for good" : "",
                       text(op.progress), op.release ? "released" : "not released");
  }
  std::string operator()(const ReleaseEnded& op) const { return fmt::format("{}, limit {}", text(op.fence), op.limit); }
  std::string operator()(const ReadTotals& /*op*/) const { return {}; }
  std::string operator()(const RecountTotals& /*op*/) const { return {}; }
  std::string operator()(const ReadAllocations& op) const {
    return op.worker ? fmt::format("worker {}", op.worker->value) : std::string();
  }
  std::string operator()(const RaiseMark& op) const { return text(op.fence); }
  std::string operator()(const LoadState& op) const {
    return fmt::format("{}, limit {}", text(op.fence), op.limit_per_queue);
  }
  std::string operator()(const LoadWaiting& op) const {
    const std::string after = op.after ? fmt::format("after {} priority {}, ", op.after->job.value, op.after->priority) : "";
    return fmt::format("queue {}, {}limit {}", op.queue.value, after, op.limit);
  }
  std::string operator()(const LoadCancels& op) const { return fmt::format("after {}, limit {}", op.after, op.limit); }
  std::string operator()(const LoadArrived& op) const { return fmt::format("after {}, limit {}", op.after, op.limit); }
  std::string operator()(const AcquireLease& op) const {
    return fmt::format("'{}', holder '{}', {}, epoch at least {}", op.lease, op.holder, text(op.ttl), op.epoch_min);
  }
  std::string operator()(const ReleaseLease& op) const {
    return fmt::format("'{}', holder '{}', epoch {}", op.lease, op.holder, op.epoch);
  }
  std::string operator()(const ReadLease& op) const { return fmt::format("'{}'", op.lease); }
  std::string operator()(const FireDue& op) const {
    return fmt::format("{}, '{}' at {:.9f} s, job {}", text(op.fence), op.name, seconds(op.due), text(op.job));
  }
  std::string operator()(const ReadLastDue& op) const { return fmt::format("'{}'", op.name); }
  std::string operator()(const Listen& op) const { return op.channel; }
  std::string operator()(const Notify& op) const { return op.channel; }
  std::string operator()(const TakeHints& op) const { return op.channel; }
};

struct AdminText {
  std::string operator()(const AbortNextCommit& /*op*/) const { return "AbortNextCommit()"; }
  std::string operator()(const LoseNextAnswer& op) const {
    return fmt::format("LoseNextAnswer({})", op.committed ? "committed" : "not committed");
  }
  std::string operator()(const Restart& /*op*/) const { return "Restart()"; }
  std::string operator()(const GoDown& /*op*/) const { return "GoDown()"; }
  std::string operator()(const ComeBack& /*op*/) const { return "ComeBack()"; }
};

std::string_view text(Verdict::Outcome outcome) {
  switch (outcome) {
    case Verdict::Outcome::applied: return "applied";
    case Verdict::Outcome::repeated: return "was done before";
    case Verdict::Outcome::voided: return "not in the store, and never will be";
    case Verdict::Outcome::settled: return "refused: settled before";
    case Verdict::Outcome::wrong_epoch: return "refused: wrong epoch";
    case Verdict::Outcome::stale_attempt: return "refused: stale attempt";
    case Verdict::Outcome::unknown_job: return "refused: unknown job";
    case Verdict::Outcome::job_ended: return "refused: the job has ended";
    case Verdict::Outcome::held: return "refused: held";
    case Verdict::Outcome::duplicate_job: return "refused: another job has this id";
  }
  return {};
}
std::string_view text(Failed::Reason reason) {
  switch (reason) {
    case Failed::Reason::aborted: return "aborted";
    case Failed::Reason::refused: return "refused by the server";
    case Failed::Reason::unreachable: return "unreachable, not sent";
    case Failed::Reason::unknown: return "answer lost, outcome unknown";
  }
  return {};
}
std::string_view text(JobState state) {
  switch (state) {
    case JobState::waiting: return "waiting";
    case JobState::held: return "held";
    case JobState::ended: return "ended";
  }
  return {};
}
std::string text(const JobView& view) {
  if (!view.found) return "no such job";
  return fmt::format("{}, {} attempts, {} failures, {} losses, progress {}, {}", text(view.state), view.attempts,
                     view.failures, view.losses, text(view.progress),
                     view.last_reason ? text(*view.last_reason) : std::string_view("nothing ended"));
}
std::string text(const LoadedJob& job) {
  return fmt::format("{} arrival {} {}", text(job.job), job.arrival, text(job.view));
}
std::string text(const Allocation& row) {
  return fmt::format("{} {}{}", text(row.attempt), text(row.share), row.attempt_ended ? " ended" : "");
}
std::string text(const CancelRequest& row) { return fmt::format("{} for {}", row.number, row.job.value); }
std::string text(const Totals& totals) {
  return fmt::format("{} mcpu in {} allocations at version {}", totals.cpus, totals.allocations, totals.version);
}

struct ReplyText {
  std::string operator()(const Done& /*reply*/) const { return "done"; }
  std::string operator()(const Found& reply) const { return reply.found ? "found" : "not found"; }
  std::string operator()(const Count& reply) const { return fmt::format("{}", reply.value); }
  std::string operator()(const Submitted& reply) const {
    return fmt::format("{} added, last arrival {}", reply.added, reply.last_arrival);
  }
  std::string operator()(const Totals& reply) const { return text(reply); }
  std::string operator()(const Verdict& reply) const {
    return fmt::format("{}, detail {}, version {}, {} mcpu", text(reply.outcome), reply.detail, reply.version, reply.cpus);
  }
  std::string operator()(const JobView& reply) const { return text(reply); }
  std::string operator()(const Jobs& reply) const { return list(reply.jobs); }
  std::string operator()(const Cancels& reply) const { return list(reply.requests); }
  std::string operator()(const Allocations& reply) const { return list(reply.rows); }
  std::string operator()(const State& reply) const {
    return fmt::format("waiting {}, held {}, allocations {}, {}, last arrival {}", list(reply.waiting), list(reply.held),
                       list(reply.allocations), text(reply.totals), reply.last_arrival);
  }
  std::string operator()(const Lease& reply) const {
    if (reply.holder.empty()) return fmt::format("held by nobody, last epoch {}", reply.epoch);
    return fmt::format("held by '{}', epoch {}, for {}", reply.holder, reply.epoch, text(reply.left));
  }
  std::string operator()(const LastDue& reply) const {
    return reply.due ? fmt::format("{:.9f} s", seconds(*reply.due)) : "never fired";
  }
  std::string operator()(const Failed& reply) const {
    return fmt::format("failed ({}): {}", text(reply.reason), reply.message);
  }
};

}  // namespace

std::string_view name_of(const Op& op) { return std::visit(Names{}, op); }

std::string to_text(const Op& op) { return fmt::format("{}({})", name_of(op), std::visit(Arguments{}, op)); }
std::string to_text(const AdminOp& op) { return std::visit(AdminText{}, op); }
std::string to_text(const Reply& reply) { return std::visit(ReplyText{}, reply); }

}  // namespace drydock::postgres

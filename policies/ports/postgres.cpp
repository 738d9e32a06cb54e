#include "policies/ports/postgres.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

namespace drydock::postgres {

namespace {

constexpr std::int64_t kNsPerUs = 1000;

void check_name(std::string_view name) {
  DRYDOCK_CHECK(!name.empty(), "a name in an operation on PostgreSQL is not empty");
  DRYDOCK_CHECK(name.find('\0') == std::string_view::npos, "a name in an operation on PostgreSQL has no zero byte");
}

void check_channel(std::string_view channel) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  DRYDOCK_CHECK(!channel.empty() && channel.size() <= 40 && channel[0] >= 'a' && channel[0] <= 'z' &&
                    std::all_of(channel.begin(), channel.end(), fits),
                "the name of a channel has at most 40 of a-z, 0-9 and '_', and begins with a letter");
}

void check_small(std::uint64_t number) {
  DRYDOCK_CHECK(number <= std::numeric_limits<std::int32_t>::max(), "numbers of queues, workers, tasks, attempts are int32");
}
void check_large(std::uint64_t number) {
  DRYDOCK_CHECK(number <= std::numeric_limits<std::int64_t>::max(), "ids for PostgreSQL are int64");
}
void check_positive(std::uint64_t limit) { DRYDOCK_CHECK(limit > 0, "a limit is positive"); }

void check_fence(const Fence& fence) {
  check_name(fence.lease);
  DRYDOCK_CHECK(fence.epoch > 0, "epochs begin at 1");
}
void check_attempt(AttemptId attempt) {
  check_large(attempt.job.value);
  check_small(attempt.number);
  DRYDOCK_CHECK(attempt.number > 0, "attempts are numbered from 1");
}
void check_progress(Duration progress) { DRYDOCK_CHECK(progress >= Duration{0}, "progress is not negative"); }
void check_job(const Job& job) {
  check_large(job.spec.id.value);
  check_small(job.spec.queue.value);
  check_small(job.spec.tasks);
}

// No key twice.
template <class Rows, class Key>
void check_distinct(const Rows& rows, Key key) {
  std::vector<decltype(key(*rows.begin()))> keys;
  keys.reserve(rows.size());
  for (const auto& row : rows) keys.push_back(key(row));
  std::sort(keys.begin(), keys.end());
  DRYDOCK_CHECK(std::adjacent_find(keys.begin(), keys.end()) == keys.end(), "a batch names a job or attempt once");
}

struct Checker {
  void operator()(const SubmitJobs& op) const {
    DRYDOCK_CHECK(!op.jobs.empty(), "a submission has a job");
    for (const Job& job : op.jobs) check_job(job);
    check_distinct(op.jobs, [](const Job& job) { return job.spec.id; });
  }
  void operator()(const ReadJob& op) const { check_large(op.job.value); }
  void operator()(const ReserveIds& op) const { check_limit(op.count); }
  void operator()(const RequestCancel& op) const { check_large(op.job.value); }
  void operator()(const CommitBatch& op) const {
    check_fence(op.fence);
    check_large(op.request.value);
    check_large(op.settled_below.value);
    DRYDOCK_CHECK(op.settled_below <= op.request, "a batch on its way is not settled");
    for (const ReleasedAttempt& row : op.releases) {
      check_attempt(row.attempt);
      check_progress(row.progress);
    }
    for (const EndedJob& row : op.endings) check_large(row.job.value);
    for (const AssignedAttempt& row : op.assignments) check_shares(row);
    check_distinct(op.releases, [](const ReleasedAttempt& row) { return row.attempt; });
    check_distinct(op.endings, [](const EndedJob& row) { return row.job; });
    check_distinct(op.assignments, [](const AssignedAttempt& row) { return row.attempt.job; });
  }
  void operator()(const SettleBatch& op) const {
    check_fence(op.fence);
    check_large(op.request.value);
  }
  void operator()(const FinishAttempt& op) const {
    check_attempt(op.attempt);
    check_progress(op.progress);
  }
  void operator()(const ReleaseEnded& op) const {
    check_fence(op.fence);
    check_limit(op.limit);
  }
  void operator()(const ReadTotals& /*op*/) const {}
  void operator()(const RecountTotals& /*op*/) const {}
  void operator()(const ReadAllocations& op) const {
    if (op.worker) check_small(op.worker->value);
  }
  void operator()(const RaiseMark& op) const { check_fence(op.fence); }
  void operator()(const LoadState& op) const {
    check_fence(op.fence);
    check_limit(op.limit_per_queue);
  }
  void operator()(const LoadWaiting& op) const {
    check_small(op.queue.value);
    check_limit(op.limit);
    if (op.after) check_large(op.after->job.value);
  }
  void operator()(const LoadArrived& op) const { check_limit(op.limit); }
  void operator()(const LoadCancels& op) const { check_limit(op.limit); }
  void operator()(const AcquireLease& op) const {
    check_name(op.lease);
    check_name(op.holder);
    DRYDOCK_CHECK(op.ttl > Duration{0}, "a lease has a positive TTL");
    DRYDOCK_CHECK(op.epoch_min > 0, "epochs begin at 1");
  }
  void operator()(const ReleaseLease& op) const {
    check_name(op.lease);
    check_name(op.holder);
  }
  void operator()(const ReadLease& op) const { check_name(op.lease); }
  void operator()(const FireDue& op) const {
    check_fence(op.fence);
    check_name(op.name);
    check_job(op.job);
  }
  void operator()(const ReadLastDue& op) const { check_name(op.name); }
  void operator()(const Listen& op) const { check_channel(op.channel); }
  void operator()(const Notify& op) const { check_channel(op.channel); }
  void operator()(const TakeHints& op) const { check_channel(op.channel); }

  static void check_shares(const AssignedAttempt& row) {
    check_attempt(row.attempt);
    DRYDOCK_CHECK(!row.shares.empty(), "an attempt runs somewhere");
    for (const Share& share : row.shares) {
      check_small(share.worker.value);
      check_small(share.tasks);
    }
    check_distinct(row.shares, [](const Share& share) { return share.worker; });
  }
  static void check_limit(std::uint32_t limit) {
    check_positive(limit);
    check_small(limit);
  }
};

bool near(Duration a, Duration b, Duration tolerance) { return a < b ? b - a <= tolerance : a - b <= tolerance; }

// Does not compile when a field is added: then the stores must keep it too.
auto fields(const JobSpec& spec) {
  const auto& [id, queue, priority, tasks, per_task, estimate, input, output, on_failure, on_preemption] = spec;
  return std::tie(id, queue, priority, tasks, per_task, estimate, input, output, on_failure, on_preemption);
}

}  // namespace

bool operator==(const Job& a, const Job& b) { return fields(a.spec) == fields(b.spec) && a.payload == b.payload; }

bool is_failure(ReleaseReason reason) { return static_cast<int>(reason) == 1 || static_cast<int>(reason) == 5; }
bool is_loss(ReleaseReason reason) { return static_cast<int>(reason) == 3 || static_cast<int>(reason) == 6; }

Answer commit_answer(const Reply& reply) {
  if (const auto* verdict = std::get_if<Verdict>(&reply)) {
    if (verdict->outcome == Verdict::Outcome::wrong_epoch) return Answer::refused;
    const bool there = verdict->outcome == Verdict::Outcome::applied || verdict->outcome == Verdict::Outcome::repeated;
    return there ? Answer::done : Answer::failed;
  }
  const auto* failed = std::get_if<Failed>(&reply);
  return failed != nullptr && failed->reason == Failed::Reason::unknown ? Answer::unknown : Answer::failed;
}

BatchAnswer settle_answer(const Reply& reply) {
  if (const auto* verdict = std::get_if<Verdict>(&reply)) {
    if (verdict->outcome == Verdict::Outcome::repeated) return {Answer::done, true};
    if (verdict->outcome == Verdict::Outcome::voided) return {Answer::done, false};
    if (verdict->outcome == Verdict::Outcome::wrong_epoch) return {Answer::refused, false};
    return {Answer::failed, false};
  }
  return {commit_answer(reply), false};
}

void check_op(const Op& op) { std::visit(Checker{}, op); }

std::int64_t clock_us(Time now) { return nanos(now) / kNsPerUs - (nanos(now) % kNsPerUs < 0 ? 1 : 0); }
std::int64_t ttl_us(Duration d) { return nanos(d) / kNsPerUs + (nanos(d) % kNsPerUs > 0 ? 1 : 0); }

bool equal_within(const Reply& a, const Reply& b, Duration tolerance) {
  const auto* lease = std::get_if<Lease>(&a);
  const auto* other = std::get_if<Lease>(&b);
  if (lease == nullptr || other == nullptr) return a == b;
  return lease->holder == other->holder && lease->epoch == other->epoch && near(lease->left, other->left, tolerance);
}

}  // namespace drydock::postgres

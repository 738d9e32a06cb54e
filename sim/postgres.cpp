#include "sim/postgres.hpp"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

namespace drydock::sim {

namespace {

using namespace postgres;
using Outcome = Verdict::Outcome;
using Reason = Failed::Reason;

// Or not refused, where a verdict names the job all the same.
Verdict refused(Outcome outcome, JobId job) { return {outcome, static_cast<std::int64_t>(job.value)}; }

}  // namespace

struct SimPostgres::Handler {
  SimPostgres& store;
  PostgresTables& tables;
  std::uint32_t session;

  Reply operator()(const SubmitJobs& op) const {
    Submitted reply;
    for (const Job& job : op.jobs) {
      if (!tables.add(job)) continue;
      ++reply.added;
      store.next_id_ = std::max(store.next_id_, job.spec.id.value + 1);
    }
    reply.last_arrival = tables.last_arrival();
    if (reply.added > 0) store.notify(std::string(kJobsChannel));
    return reply;
  }
  Reply operator()(const ReadJob& op) const {
    const PostgresJob* row = tables.find(op.job);
    return row == nullptr ? JobView{} : row->view();
  }
  Reply operator()(const ReserveIds& op) const {
    return Count{static_cast<std::int64_t>(std::exchange(store.next_id_, store.next_id_ + op.count))};
  }
  Reply operator()(const RequestCancel& op) const {
    const PostgresJob* row = tables.find(op.job);
    if (row == nullptr) return refused(Outcome::unknown_job, op.job);
    if (row->view().state == JobState::ended) return refused(Outcome::job_ended, op.job);
    const auto number = static_cast<std::int64_t>(store.cancels_.size()) + 1;
    if (!store.cancelled_.emplace(op.job, number).second) return refused(Outcome::repeated, op.job);
    store.cancels_.emplace(number, op.job);
    store.notify(std::string(kJobsChannel));
    return refused(Outcome::applied, op.job);
  }

  Reply operator()(const CommitBatch& op) const {
    const std::optional<AdminOp> fault = std::exchange(store.fault_, std::nullopt);
    if (fault && std::holds_alternative<AbortNextCommit>(*fault)) return Failed{Reason::aborted, "aborted by a fault"};
    const auto* lost = fault ? std::get_if<LoseNextAnswer>(&*fault) : nullptr;
    if (lost == nullptr) return store.commit(op);
    if (lost->committed) (void)store.commit(op);
    return Failed{Reason::unknown, "the answer was lost by a fault"};
  }
  Reply operator()(const SettleBatch& op) const {
    if (const auto refusal = store.refuses(op.fence)) return *refusal;
    LeaseRow& lease = store.leases_.find(op.fence.lease)->second;
    if (const auto known = store.known(lease, op.request)) return *known;
    lease.batches.emplace(op.request, std::nullopt);
    return Verdict{Outcome::voided};
  }

  Reply operator()(const FinishAttempt& op) const {
    const PostgresJob* row = tables.find(op.attempt.job);
    if (row == nullptr || !row->held() || row->last_number() != op.attempt.number || row->attempts.back().outcome) {
      return refused(Outcome::stale_attempt, op.attempt.job);
    }
    tables.finish(op.attempt.job, {op.reason, op.job_ends, op.progress});
    if (op.release) {
      tables.release(op.attempt.job);
      ++store.version_;
    }
    return store.changed(0);
  }
  Reply operator()(const ReleaseEnded& op) const {
    if (const auto refusal = store.refuses(op.fence)) return *refusal;
    std::int64_t released = 0;
    while (released < op.limit && !tables.to_release().empty()) {
      tables.release(tables.to_release().begin()->second);
      ++released;
    }
    store.version_ += released > 0 ? 1 : 0;
    return store.changed(released);
  }
  Reply operator()(const ReadTotals& /*op*/) const {
    return Totals{tables.cpus(), tables.allocations_held(), store.version_};
  }
  Reply operator()(const RecountTotals& /*op*/) const {
    const auto [cpus, allocations] = tables.recount();
    return Totals{cpus, allocations, store.version_};
  }
  Reply operator()(const ReadAllocations& op) const { return Allocations{tables.allocations(op.worker)}; }
  Reply operator()(const RaiseMark& op) const {
    if (const auto refusal = store.refuses(op.fence)) return *refusal;
    return Verdict{Outcome::applied, tables.first_unfinished()};
  }

  Reply operator()(const LoadState& op) const {
    if (const auto refusal = store.refuses(op.fence)) return *refusal;
    State state{.waiting = {},
                .held = {},
                .allocations = tables.allocations(std::nullopt),
                .totals = std::get<Totals>((*this)(ReadTotals{})),
                .last_arrival = tables.last_arrival()};
    tables.all_waiting(op.limit_per_queue, state.waiting);
    for (const JobId id : tables.held()) state.held.push_back(tables.loaded(id));
    return state;
  }
  Reply operator()(const LoadWaiting& op) const {
    Jobs reply;
    tables.waiting(op, reply.jobs);
    return reply;
  }
  Reply operator()(const LoadArrived& op) const { return Jobs{tables.arrived(op)}; }

  Reply operator()(const LoadCancels& op) const {
    Cancels reply;
    for (auto at = store.cancels_.upper_bound(op.after); at != store.cancels_.end(); ++at) {
      if (reply.requests.size() == op.limit) break;
      const PostgresJob* row = tables.find(at->second);
      if (row != nullptr && row->view().state != JobState::ended) reply.requests.push_back({at->first, at->second});
    }
    return reply;
  }

  Reply operator()(const AcquireLease& op) const {
    LeaseRow& row = store.leases_[op.lease];
    const bool held = !store.lease_now(row).holder.empty();
    if (held && row.holder != op.holder) return store.lease_now(row);
    if (!held || row.epoch < op.epoch_min) {
      row.epoch = std::max(row.epoch + 1, op.epoch_min);
      row.holder = op.holder;
      row.settled_below = {};
      row.batches.clear();
    }
    row.expires_us = store.clock_us_ + ttl_us(op.ttl);
    return store.lease_now(row);
  }
  Reply operator()(const ReleaseLease& op) const {
    const auto at = store.leases_.find(op.lease);
    if (at == store.leases_.end() || at->second.epoch != op.epoch) return Found{false};
    if (store.lease_now(at->second).holder != op.holder) return Found{false};
    at->second.holder.clear();
    return Found{true};
  }
  Reply operator()(const ReadLease& op) const {
    const auto at = store.leases_.find(op.lease);
    return at == store.leases_.end() ? Lease{} : store.lease_now(at->second);
  }

  Reply operator()(const FireDue& op) const {
    if (const auto refusal = store.refuses(op.fence)) return *refusal;
    const auto fired = store.fired_.find(op.name);
    if (fired != store.fired_.end() && fired->second.contains(op.due)) return Verdict{Outcome::repeated};
    const auto arrival = tables.add(op.job);
    if (!arrival) return Verdict{Outcome::duplicate_job};
    store.next_id_ = std::max(store.next_id_, op.job.spec.id.value + 1);
    store.fired_[op.name].insert(op.due);
    store.notify(std::string(kJobsChannel));
    return Verdict{Outcome::applied, *arrival};
  }
  Reply operator()(const ReadLastDue& op) const {
    const auto fired = store.fired_.find(op.name);
    return fired == store.fired_.end() ? LastDue{} : LastDue{*fired->second.rbegin()};
  }

  Reply operator()(const Listen& op) const {
    store.hints_[session].try_emplace(op.channel, 0);
    return Done{};
  }
  Reply operator()(const Notify& op) const {
    store.notify(op.channel);
    return Done{};
  }
  Reply operator()(const TakeHints& op) const {
    const auto listener = store.hints_.find(session);
    if (listener == store.hints_.end()) return Count{};
    const auto at = listener->second.find(op.channel);
    return at == listener->second.end() ? Count{} : Count{std::exchange(at->second, 0)};
  }
};

struct SimPostgres::AdminHandler {
  SimPostgres& store;

  void operator()(const AbortNextCommit& op) const { store.fault_ = op; }
  void operator()(const LoseNextAnswer& op) const { store.fault_ = op; }
  void operator()(const Restart& /*op*/) const { store.hints_.clear(); }
  void operator()(const GoDown& /*op*/) const {
    store.hints_.clear();
    store.down_ = true;
  }
  void operator()(const ComeBack& /*op*/) const { store.down_ = false; }
};

Reply SimPostgres::apply(Time now, const Op& op, std::uint32_t session) {
  check_op(op);
  if (down_) return Failed{Reason::unreachable, "the database is down"};
  clock_us_ = clock_us(now);
  Reply reply = std::visit(Handler{*this, tables_, session}, op);
  tables_.commit();
  return reply;
}

void SimPostgres::apply(const AdminOp& op) { std::visit(AdminHandler{*this}, op); }

std::optional<Verdict> SimPostgres::refuses(const Fence& fence) const {
  const auto at = leases_.find(fence.lease);
  const std::int64_t stands = at == leases_.end() ? 0 : at->second.epoch;
  if (stands == fence.epoch) return std::nullopt;
  return Verdict{Outcome::wrong_epoch, stands};
}

std::optional<Verdict> SimPostgres::known(const LeaseRow& lease, RequestId request) const {
  if (request < lease.settled_below) return Verdict{Outcome::settled};
  const auto at = lease.batches.find(request);
  if (at == lease.batches.end()) return std::nullopt;
  if (!at->second) return Verdict{Outcome::voided};
  return Verdict{Outcome::repeated, 0, *at->second};
}

Verdict SimPostgres::commit(const CommitBatch& op) {
  if (const auto refusal = refuses(op.fence)) return *refusal;
  LeaseRow& lease = leases_.find(op.fence.lease)->second;
  if (const auto was = known(lease, op.request)) return *was;
  if (const auto refusal = apply_rows(op)) {
    tables_.roll_back();
    return *refusal;
  }
  lease.batches.emplace(op.request, ++version_);
  if (lease.settled_below < op.settled_below) lease.settled_below = op.settled_below;
  lease.batches.erase(lease.batches.begin(), lease.batches.lower_bound(lease.settled_below));
  return changed(0);
}

// Each row sees what those before it did; the first refusal ends it.
std::optional<Verdict> SimPostgres::apply_rows(const CommitBatch& op) {
  for (const ReleasedAttempt& row : op.releases) {
    const PostgresJob* job = tables_.find(row.attempt.job);
    if (job == nullptr || !job->held() || job->last_number() != row.attempt.number) {
      return refused(Outcome::stale_attempt, row.attempt.job);
    }
    if (!job->attempts.back().outcome) tables_.finish(row.attempt.job, {row.reason, row.job_ends, row.progress});
    tables_.release(row.attempt.job);
  }
  for (const EndedJob& row : op.endings) {
    const PostgresJob* job = tables_.find(row.job);
    if (job == nullptr) return refused(Outcome::unknown_job, row.job);
    if (job->ended()) return refused(Outcome::job_ended, row.job);
    if (job->held()) return refused(Outcome::held, row.job);
    tables_.end_alone(row.job, row.reason);
  }
  for (const AssignedAttempt& row : op.assignments) {
    const PostgresJob* job = tables_.find(row.attempt.job);
    if (job == nullptr) return refused(Outcome::unknown_job, row.attempt.job);
    if (job->ended()) return refused(Outcome::job_ended, row.attempt.job);
    if (row.attempt.number <= job->last_number()) return refused(Outcome::stale_attempt, row.attempt.job);
    if (job->held()) return refused(Outcome::held, row.attempt.job);
    tables_.assign(row.attempt, row.shares);
  }
  return std::nullopt;
}

Verdict SimPostgres::changed(std::int64_t detail) { return {Outcome::applied, detail, version_, tables_.cpus()}; }

Lease SimPostgres::lease_now(const LeaseRow& row) const {
  if (row.holder.empty() || clock_us_ >= row.expires_us) return {{}, row.epoch, {}};
  return {row.holder, row.epoch, std::chrono::microseconds{row.expires_us - clock_us_}};
}

void SimPostgres::notify(const std::string& channel) {
  for (auto& [session, channels] : hints_) {
    if (const auto at = channels.find(channel); at != channels.end()) ++at->second;
  }
}

}  // namespace drydock::sim

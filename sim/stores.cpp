#include "sim/stores.hpp"

#include "policies/core/assert.hpp"
#include "scenarios/workload.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <string>
#include <utility>

namespace drydock::sim {
namespace {

using OrderKind = scenarios::OrderFault::Kind;

constexpr std::int64_t kMostInScripts = (std::int64_t{1} << 53U) - 1;

redis::Op op_of(const AskCounter& order, std::int64_t epoch) {
  const auto version = static_cast<std::int64_t>(order.version);
  const std::string id = std::to_string(order.batch);
  switch (order.op) {
    case CounterOp::get: return redis::GetCounter{};
    case CounterOp::add: return redis::AddCounter{order.amount};
    case CounterOp::set: return redis::SetCounter{order.amount};
    case CounterOp::checked_add: return redis::CheckedAdd{order.amount, order.limit, epoch, version};
    case CounterOp::fenced_set: return redis::FencedSet{order.amount, epoch, version};
    case CounterOp::reserve: return redis::Reserve{id, order.amount, order.limit, order.lease};
    case CounterOp::confirm: return redis::Confirm{id, epoch, version};
    case CounterOp::cancel: return redis::Cancel{id};
  }
  return redis::GetCounter{};
}

CounterVerdict verdict_of(redis::Verdict::Outcome outcome) {
  switch (outcome) {
    case redis::Verdict::Outcome::applied: return CounterVerdict::applied;
    case redis::Verdict::Outcome::old_epoch: return CounterVerdict::old_epoch;
    case redis::Verdict::Outcome::missing: return CounterVerdict::missing;
    case redis::Verdict::Outcome::old_version: return CounterVerdict::old_version;
    case redis::Verdict::Outcome::over_limit: return CounterVerdict::over_limit;
  }
  return CounterVerdict::applied;
}

CounterAnswered answer_of(RequestId request, const redis::Reply& reply) {
  CounterAnswered answer{.request = request};
  if (const auto* count = std::get_if<redis::Count>(&reply)) {
    answer.value = count->value;
  } else if (const auto* value = std::get_if<redis::Value>(&reply)) {
    if (value->value) answer.value = *value->value;
    else answer.verdict = CounterVerdict::missing;
  } else if (const auto* verdict = std::get_if<redis::Verdict>(&reply)) {
    answer.verdict = verdict_of(verdict->outcome);
    answer.value = verdict->value;
  } else if (std::holds_alternative<redis::Failed>(reply)) {
    answer.answer = Answer::failed;
  }
  return answer;
}

// Of its time, that Redis has for orders at the very least.
constexpr double kLeastPart = 0.001;

bool is_update(CounterOp op) { return op != CounterOp::get; }

}  // namespace

Stores::Stores(const scenarios::Scenario& scenario, std::uint64_t seed, StoreBehaviour* behaviour, const StoreFaults& faults,
               const Executor& executor, Common& common)
    : scenario_(scenario),
      seed_(seed),
      faults_(faults),
      executor_(executor),
      common_(common),
      behaviour_(behaviour),
      counts_(!scenario.scheduler.accounting.type.empty()),
      redis_({.seed = seed}),
      heartbeat_load_(scenarios::heartbeat_load(scenario)),
      redis_queue_(scenario.redis_service ? 1 : 0),
      database_queue_(scenario.database_connections) {}

Duration Stores::draw(const std::optional<scenarios::Distribution>& latency) {
  if (!latency) return Duration{0};
  const double drawn = scenarios::sample(*latency, seed_, stream_of("store-latency"), draws_++);
  return std::max(Duration{0}, duration_of_seconds(drawn));
}

Duration Stores::on_the_way() {
  const Duration delay = draw(scenario_.registry_latency);
  const double slowness = faults_.redis_slowness(common_.now);
  return slowness > 1 ? duration_of_seconds(seconds(delay) * slowness) : delay;
}

// Heartbeats are no orders of their own here: they leave Redis the less time for others.
Duration Stores::at_redis(Duration after, std::uint32_t orders) {
  if (!scenario_.redis_service) return Duration{0};
  const double work = seconds(draw(scenario_.redis_service)) * orders;
  const Time arrival = later(common_.now, after);
  const double slowness = faults_.redis_slowness(common_.now);
  const double left = std::max(kLeastPart, 1 - heartbeat_load_ * slowness);
  return redis_queue_.take(arrival, duration_of_seconds(work * slowness / left)) - arrival;
}

// Where the way there takes time, that is what is slow: on it nobody waits for others, and all stay in order.
Duration Stores::at_database(const std::optional<scenarios::Distribution>& latency, std::size_t rows) {
  Duration way = draw(scenario_.database_latency);
  Duration work = draw(latency);
  const double slowness = faults_.database_slowness(common_.now);
  if (slowness > 1 && scenario_.database_latency) way += duration_of_seconds(seconds(work) * (slowness - 1));
  else if (slowness > 1) work = duration_of_seconds(seconds(work) * slowness);
  work += scenario_.commit_row * static_cast<std::int64_t>(rows);
  last_there_ = std::max(last_there_, later(common_.now, way));
  const Time arrival = scenario_.database_latency ? last_there_ : common_.now;
  return later(database_queue_.take(arrival, work), draw(scenario_.database_latency)) - common_.now;
}

Duration Stores::registry_round_trip(std::uint32_t keys) {
  const Duration there = on_the_way();
  return there + at_redis(there, std::max(1U, keys)) + on_the_way();
}

void Stores::later_or_now(Due what, Duration delay) {
  if (delay <= Duration{0}) {
    std::visit([this](const auto& it) { happen(it); }, what);
    return;
  }
  std::uint32_t place = 0;
  if (free_.empty()) {
    place = static_cast<std::uint32_t>(due_.size());
    due_.push_back(std::move(what));
  } else {
    place = free_.back();
    free_.pop_back();
    due_[place] = std::move(what);
  }
  if (std::holds_alternative<Applied>(due_[place]) || std::holds_alternative<BatchRead>(due_[place])) ++pending_;
  common_.at(later(common_.now, delay), Happening::answer, place, 0);
}

void Stores::due(std::uint32_t place) {
  const Due what = std::move(due_[place]);
  free_.push_back(place);
  if (std::holds_alternative<Applied>(what) || std::holds_alternative<BatchRead>(what)) --pending_;
  std::visit([this](const auto& it) { happen(it); }, what);
}

// --- the database ---

CommitFate Stores::fate_of(const Commit& order) {
  if (behaviour_ != nullptr) return behaviour_->commit(order, common_.now);
  const std::uint64_t number = commits_++;
  const std::size_t rows = order.releases.size() + order.assignments.size();
  CommitFate fate{.delay = at_database(scenario_.commit_latency, rows)};
  const Time then = later(common_.now, fate.delay);
  if (faults_.database_is_down(then) || faults_.strikes(OrderKind::commit_abort, number, then)) {
    fate.answer = Answer::failed;
  } else if (faults_.strikes(OrderKind::commit_in_doubt, number, then)) {
    fate.answer = Answer::unknown;
    fate.applied = faults_.is_applied(number, then);
  }
  return fate;
}

ReadFate Stores::fate_of(const ReadBatch& order) {
  if (behaviour_ != nullptr) return behaviour_->read(order, common_.now);
  ReadFate fate{.delay = at_database(scenario_.query_latency)};
  if (faults_.database_is_down(later(common_.now, fate.delay))) fate.answer = Answer::failed;
  return fate;
}

void Stores::commit(const Commit& order) {
  const CommitFate fate = fate_of(order);
  Applied commit{.answer = {order.request, fate.answer}};
  commit.applied = fate.answer == Answer::done || (fate.answer == Answer::unknown && fate.applied);
  if (fate.answer == Answer::unknown) doubtful_[order.request.value] = {fate.applied, 0};
  if (counts_ && commit.applied) {
    for (const Release& release : order.releases) commit.released.push_back(release.attempt);
    for (const Assignment& assignment : order.assignments) {
      std::int64_t tasks = 0;
      for (const Placement& placement : assignment.placements) tasks += placement.tasks;
      commit.assigned.emplace_back(assignment.attempt, tasks * executor_.cpus_of(assignment.attempt.job));
    }
  }
  Duration delay = fate.delay;
  if (ledger_ != nullptr) {
    ledger_->sent(order);
    last_arrival_ = std::max(last_arrival_, later(common_.now, delay));
    delay = last_arrival_ - common_.now;
  }
  later_or_now(std::move(commit), delay);
}

// What the ledger refuses has no effect, whether the sender is told or not.
void Stores::happen(const Applied& commit) {
  CommitAnswered answer = commit.answer;
  bool applied = commit.applied;
  if (ledger_ != nullptr && !commit.applied) ledger_->lost(answer.request);
  if (ledger_ != nullptr && commit.applied) {
    const Answer verdict = ledger_->apply(answer.request);
    applied = verdict == Answer::done;
    if (answer.answer == Answer::done) answer.answer = verdict;
    else doubtful_[answer.request.value].applied = applied;
  }
  if (applied) {
    ++version_;
    changed_at_ = common_.now;
    if (answer.answer == Answer::done) answer.version = version_;
    else doubtful_[answer.request.value].version = version_;
    for (const AttemptId attempt : commit.released) {
      const auto row = allocations_.find(attempt);
      DRYDOCK_CHECK(row != allocations_.end(), "an allocation was released that is not there");
      truth_ -= row->second;
      allocations_.erase(row);
    }
    for (const auto& [attempt, cpus] : commit.assigned) {
      allocations_.emplace(attempt, cpus);
      truth_ += cpus;
    }
    changed_ = true;
    if (counts_) common_.metrics.allocated(common_.now, truth_);
  }
  common_.facts.emplace_back(answer);
}

void Stores::read(const ReadBatch& order) {
  const ReadFate fate = fate_of(order);
  BatchRead answer{.request = order.request, .answer = fate.answer};
  if (fate.answer == Answer::done && ledger_ != nullptr && !ledger_->may_read()) {
    answer.answer = Answer::refused;
  } else if (fate.answer == Answer::done) {
    const auto doubt = doubtful_.find(order.commit.value);
    DRYDOCK_CHECK(doubt != doubtful_.end(), "only a commit whose answer was lost may be read");
    answer.found = doubt->second.applied;
    answer.version = doubt->second.version;
    doubtful_.erase(doubt);
  }
  later_or_now(answer, fate.delay);
}

void Stores::lose_answer(RequestId commit, const std::optional<CommitAnswered>& answer) {
  const bool applied = answer && answer->answer == Answer::done;
  doubtful_[commit.value] = {applied, applied ? answer->version : 0};
}

// The query sees what was there when it began.
void Stores::sum(const SumAllocations& order) {
  const Duration delay = at_database(scenario_.query_latency);
  AllocationsSummed answer{.request = order.request, .answer = Answer::done, .cpus_milli = truth_, .version = version_};
  if (faults_.database_is_down(later(common_.now, delay))) answer = {.request = order.request, .answer = Answer::failed};
  later_or_now(answer, delay);
}

// Likewise: jobs that come, start or end while the answer is on its way are told as they were.
void Stores::load(const AskWaiting& order) {
  const Duration delay = at_database(scenario_.query_latency);
  Loaded facts;
  if (faults_.database_is_down(later(common_.now, delay))) {
    facts.emplace_back(WaitingLoaded{.request = order.request, .answer = Answer::failed});
  } else {
    ledger_->load(order, facts);
  }
  later_or_now(std::move(facts), delay);
}

// --- Redis ---

void Stores::ask(const AskCounter& order, std::int64_t epoch) {
  const Duration there = on_the_way();
  later_or_now(Asked{order, epoch}, there + at_redis(there, 1));
}

void Stores::happen(const Asked& asked) { later_or_now(answer_to(asked), on_the_way()); }

void Stores::raise_epoch(std::int64_t epoch) { (void)redis_.apply(common_.now, redis::RaiseEpoch{epoch}); }

CounterAnswered Stores::answer_to(const Asked& asked) {
  const AskCounter& order = asked.order;
  if (faults_.redis_is_down(common_.now)) return {.request = order.request, .answer = Answer::failed};
  const std::uint64_t number = is_update(order.op) ? updates_++ : 0;
  if (is_update(order.op) && faults_.strikes(OrderKind::counter_update_loss, number, common_.now)) {
    return {.request = order.request, .answer = Answer::unknown};
  }
  AskCounter bounded = order;
  if (order.op == CounterOp::checked_add && order.amount <= 0) bounded.limit = kMostInScripts;
  bounded.limit = std::min(bounded.limit, kMostInScripts);
  const redis::Op op = op_of(bounded, asked.epoch);
  const bool resync = order.op == CounterOp::set || order.op == CounterOp::fenced_set;
  const auto before = resync ? counter() : std::nullopt;
  const CounterAnswered answer = answer_of(order.request, redis_.apply(common_.now, op));
  if (is_update(order.op) && faults_.strikes(OrderKind::counter_update_repeat, number, common_.now)) {
    (void)redis_.apply(common_.now, op);
  }
  if (!is_update(order.op)) return answer;
  changed_ = true;
  if (resync && answer.verdict == CounterVerdict::applied) {
    common_.metrics.counter_resync(common_.now, before ? *before - truth_ : 0, counter().value_or(truth_) - truth_);
  }
  return answer;
}

std::optional<std::int64_t> Stores::counter() {
  const redis::Reply reply = redis_.apply(common_.now, redis::GetCounter{});
  return std::get<redis::Value>(reply).value;
}

std::optional<std::string> Stores::untruth() {
  const auto value = counter();
  if (value == truth_) return std::nullopt;
  const std::string says = value ? fmt::format("says {}", *value) : std::string("is missing");
  return fmt::format("the counter of allocated cpus (thousandths) {}, the store {}: all is at rest since {:.9g} s", says,
                     truth_, seconds(changed_at_));
}

// A counter that is not there misleads nobody.
void Stores::note_drift() {
  changed_ = false;
  const auto value = counter();
  common_.metrics.counter_drift(common_.now, value ? *value - truth_ : 0);
}

Stores::Identity Stores::identity() {
  const redis::Reply reply = redis_.apply(common_.now, redis::PlantSentinel{.token = "s" + std::to_string(++sentinels_)});
  const auto& identity = std::get<redis::StoreIdentity>(reply);
  return {.server = stream_of(identity.run_id), .sentinel = stream_of(identity.sentinel.value_or(""))};
}

void Stores::flush() {
  redis_.apply(common_.now, redis::Flush{});
  changed_ = true;
}

void Stores::snapshot() { redis_.apply(common_.now, redis::Snapshot{}); }

void Stores::restart(bool empty) {
  if (empty) {
    redis_.apply(common_.now, redis::Flush{});
    redis_.apply(common_.now, redis::Snapshot{});
  }
  redis_.apply(common_.now, redis::Restart{});
  changed_ = true;
}

void Stores::evict_counter() {
  (void)redis_.apply(common_.now, redis::DeleteCounter{});
  changed_ = true;
}

}  // namespace drydock::sim

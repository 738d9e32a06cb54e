#include "scenarios/faults/store_faults.hpp"

#include "policies/core/rng.hpp"
#include "scenarios/workload.hpp"

#include <algorithm>

namespace drydock::scenarios {
namespace {

using StoreKind = StoreFault::Kind;

bool takes_redis_down(StoreKind kind) {
  return kind == StoreKind::redis_outage || kind == StoreKind::redis_restart || kind == StoreKind::redis_failover;
}

}  // namespace

StoreFaults::StoreFaults(const Scenario& scenario, std::uint64_t seed) : seed_(seed) {
  for (std::size_t i = 0; i < scenario.faults.size(); ++i) {
    if (const auto* order = std::get_if<OrderFault>(&scenario.faults[i])) orders_.push_back(*order);
    const auto* fault = std::get_if<StoreFault>(&scenario.faults[i]);
    if (fault == nullptr) continue;
    courses_.push_back(
        {.fault = *fault, .index = i, .course = Course(fault->when, seed, mix64(stream_of("store-fault") + i))});
    any_redis_outage_ = any_redis_outage_ || takes_redis_down(fault->kind);
    any_failover_ = any_failover_ || fault->kind == StoreKind::redis_failover;
    any_slow_redis_ = any_slow_redis_ || fault->kind == StoreKind::redis_slow;
    any_slow_database_ = any_slow_database_ || fault->kind == StoreKind::database_slow;
  }
}

bool StoreFaults::is_down(Time now, bool redis) const {
  return std::ranges::any_of(courses_, [&](const Running& running) {
    const StoreKind kind = running.fault.kind;
    const bool concerned = redis ? takes_redis_down(kind) : kind == StoreKind::database_outage;
    return concerned && running.course.at(now) != nullptr;
  });
}

Time StoreFaults::forgotten_at(Time now) const {
  Time at = kNever;
  if (!any_failover_) return at;
  for (const Running& running : courses_) {
    if (running.fault.kind != StoreKind::redis_failover || running.course.at(now) != nullptr) continue;
    const Time death = running.course.next_change(now);
    if (death < kEndOfTime && death - now <= running.fault.lag) at = std::min(at, death);
  }
  return at;
}

bool StoreFaults::redis_is_down(Time now) const { return any_redis_outage_ && is_down(now, true); }
bool StoreFaults::database_is_down(Time now) const { return is_down(now, false); }

double StoreFaults::slowness(Time now, StoreKind kind) const {
  double factor = 1;
  for (const Running& running : courses_) {
    if (running.fault.kind == kind && running.course.at(now) != nullptr) factor *= running.fault.factor;
  }
  return factor;
}

double StoreFaults::redis_slowness(Time now) const { return any_slow_redis_ ? slowness(now, StoreKind::redis_slow) : 1; }
double StoreFaults::database_slowness(Time now) const {
  return any_slow_database_ ? slowness(now, StoreKind::database_slow) : 1;
}

// A restart or a fail-over has two: the snapshot that it will come back with, not before the last one's end, and its own end.
std::optional<StoreFaults::Action> StoreFaults::next_of(const Running& running) const {
  const StoreKind kind = running.fault.kind;
  if (kind == StoreKind::redis_outage || kind == StoreKind::database_outage) return std::nullopt;
  if (kind == StoreKind::redis_slow || kind == StoreKind::database_slow) return std::nullopt;
  const bool failover = kind == StoreKind::redis_failover;
  const bool restart = failover || kind == StoreKind::redis_restart;
  const std::size_t number = restart ? running.actions_taken / 2 : running.actions_taken;
  const Course::Span* at = running.course.span(number);
  if (at == nullptr || at->from >= kEndOfTime) return std::nullopt;
  Action action{.at = at->from, .kind = Action::Kind::flush, .fault = &running.fault, .index = running.index};
  action.number = number;
  if (kind == StoreKind::counter_eviction) action.kind = Action::Kind::evict_counter;
  if (kind == StoreKind::worker_key_eviction) action.kind = Action::Kind::evict_workers;
  if (!restart) return action;
  if (running.actions_taken % 2 == 1) {
    action.at = at->until;
    action.kind = failover ? Action::Kind::failover : Action::Kind::restart;
    action.died = at->from;
    return action;
  }
  const Time earliest = number == 0 ? kTimeZero : running.course.span(number - 1)->until;
  const Duration age = failover ? running.fault.lag : running.fault.snapshot_age.value_or(Duration{0});
  action.at = at->from - earliest > age ? at->from - age : earliest;
  action.kind = Action::Kind::snapshot;
  return action;
}

Time StoreFaults::next_action() const {
  Time next = kNever;
  for (const Running& running : courses_) {
    if (const auto action = next_of(running)) next = std::min(next, action->at);
  }
  return next;
}

StoreFaults::Action StoreFaults::take_action() {
  const Time at = next_action();
  for (Running& running : courses_) {
    const auto action = next_of(running);
    if (!action || action->at != at) continue;
    ++running.actions_taken;
    return *action;
  }
  return {};
}

bool StoreFaults::strikes(OrderFault::Kind kind, std::uint64_t number, Time now) const {
  for (std::size_t i = 0; i < orders_.size(); ++i) {
    const OrderFault& fault = orders_[i];
    const Time from = later(kTimeZero, fault.at);
    if (fault.kind != kind || now < from || (fault.lasting && now >= later(from, *fault.lasting))) continue;
    const std::uint64_t stream = mix64(stream_of("order-fault") + i);
    if (unit_interval(counted(seed_, stream, 2 * number)) < fault.probability) return true;
  }
  return false;
}

bool StoreFaults::is_applied(std::uint64_t number, Time now) const {
  for (std::size_t i = 0; i < orders_.size(); ++i) {
    const OrderFault& fault = orders_[i];
    const Time from = later(kTimeZero, fault.at);
    if (fault.kind != OrderFault::Kind::commit_in_doubt || now < from) continue;
    return unit_interval(counted(seed_, mix64(stream_of("order-fault") + i), 2 * number + 1)) < fault.applied;
  }
  return false;
}

}  // namespace drydock::scenarios

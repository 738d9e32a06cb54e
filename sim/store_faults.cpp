#include "sim/store_faults.hpp"

#include "policies/core/rng.hpp"
#include "scenarios/workload.hpp"
#include "sim/common.hpp"

#include <algorithm>

namespace drydock::sim {
namespace {

using Kind = scenarios::StoreFault::Kind;
using Action = StoreFaults::Action;

bool takes_redis_down(Kind kind) { return kind == Kind::redis_outage || kind == Kind::redis_restart; }

Duration draw(const scenarios::Distribution& distribution, std::uint64_t seed, std::uint64_t stream, std::uint64_t number) {
  const Duration drawn = duration_of_seconds(scenarios::sample(distribution, seed, stream, number));
  return std::max(Duration{0}, drawn);
}

}  // namespace

StoreFaults::StoreFaults(const scenarios::Scenario& scenario, std::uint64_t seed) : seed_(seed) {
  for (std::size_t i = 0; i < scenario.faults.size(); ++i) {
    if (const auto* order = std::get_if<scenarios::OrderFault>(&scenario.faults[i])) orders_.push_back(*order);
    const auto* fault = std::get_if<scenarios::StoreFault>(&scenario.faults[i]);
    if (fault == nullptr) continue;
    courses_.push_back({.fault = *fault, .stream = mix64(stream_of("store-fault") + i)});
    any_redis_outage_ = any_redis_outage_ || takes_redis_down(fault->kind);
  }
}

void StoreFaults::extend(const Course& course) const {
  const std::size_t number = course.spans.size();
  if (const auto* once = std::get_if<scenarios::WorkerCrash::Once>(&course.fault.when)) {
    const Time from = later(kTimeZero, once->at);
    course.spans.push_back({from, once->lasting ? later(from, *once->lasting) : kNever});
    course.over = true;
    return;
  }
  const auto& repeated = std::get<scenarios::WorkerCrash::Repeated>(course.fault.when);
  const Time last = number == 0 ? kTimeZero : course.spans.back().until;
  const Duration up = std::max(Duration{1}, draw(repeated.up, seed_, course.stream, 2 * number));
  const Time from = later(last, up);
  course.spans.push_back({from, later(from, draw(repeated.down, seed_, course.stream, 2 * number + 1))});
  course.over = course.spans.back().until >= kEndOfTime;
}

const StoreFaults::Span* StoreFaults::span(const Course& course, std::size_t number) const {
  while (course.spans.size() <= number && !course.over) extend(course);
  return number < course.spans.size() ? &course.spans[number] : nullptr;
}

bool StoreFaults::covers(const Course& course, Time now) const {
  while (!course.over && (course.spans.empty() || course.spans.back().until <= now)) extend(course);
  const auto after = std::ranges::upper_bound(course.spans, now, {}, &Span::from);
  return after != course.spans.begin() && now < std::prev(after)->until;
}

bool StoreFaults::is_down(Time now, bool redis) const {
  return std::ranges::any_of(courses_, [&](const Course& course) {
    const bool concerned = redis ? takes_redis_down(course.fault.kind) : course.fault.kind == Kind::database_outage;
    return concerned && covers(course, now);
  });
}

bool StoreFaults::redis_is_down(Time now) const { return any_redis_outage_ && is_down(now, true); }
bool StoreFaults::database_is_down(Time now) const { return is_down(now, false); }

// A restart has two: the snapshot that it will come back with, not before the last one's end, and its own end.
std::optional<Action> StoreFaults::next_of(const Course& course) const {
  const Kind kind = course.fault.kind;
  if (kind == Kind::redis_outage || kind == Kind::database_outage) return std::nullopt;
  const bool restart = kind == Kind::redis_restart;
  const std::size_t number = restart ? course.actions_taken / 2 : course.actions_taken;
  const Span* at = span(course, number);
  if (at == nullptr || at->from >= kEndOfTime) return std::nullopt;
  Action action{.at = at->from, .kind = Action::Kind::flush, .fault = &course.fault};
  if (kind == Kind::counter_eviction) action.kind = Action::Kind::evict_counter;
  if (kind == Kind::worker_key_eviction) action.kind = Action::Kind::evict_workers;
  if (!restart) return action;
  if (course.actions_taken % 2 == 1) {
    action.at = at->until;
    action.kind = Action::Kind::restart;
    return action;
  }
  const Time earliest = number == 0 ? kTimeZero : span(course, number - 1)->until;
  const Duration age = course.fault.snapshot_age.value_or(Duration{0});
  action.at = at->from - earliest > age ? at->from - age : earliest;
  action.kind = Action::Kind::snapshot;
  return action;
}

Time StoreFaults::next_action() const {
  Time next = kNever;
  for (const Course& course : courses_) {
    if (const auto action = next_of(course)) next = std::min(next, action->at);
  }
  return next;
}

StoreFaults::Action StoreFaults::take_action() {
  const Time at = next_action();
  for (Course& course : courses_) {
    const auto action = next_of(course);
    if (!action || action->at != at) continue;
    ++course.actions_taken;
    return *action;
  }
  return {};
}

bool StoreFaults::strikes(scenarios::OrderFault::Kind kind, std::uint64_t number, Time now) const {
  for (std::size_t i = 0; i < orders_.size(); ++i) {
    const scenarios::OrderFault& fault = orders_[i];
    const Time from = later(kTimeZero, fault.at);
    if (fault.kind != kind || now < from || (fault.lasting && now >= later(from, *fault.lasting))) continue;
    const std::uint64_t stream = mix64(stream_of("order-fault") + i);
    if (unit_interval(counted(seed_, stream, 2 * number)) < fault.probability) return true;
  }
  return false;
}

bool StoreFaults::is_applied(std::uint64_t number, Time now) const {
  for (std::size_t i = 0; i < orders_.size(); ++i) {
    const scenarios::OrderFault& fault = orders_[i];
    const Time from = later(kTimeZero, fault.at);
    if (fault.kind != scenarios::OrderFault::Kind::commit_in_doubt || now < from) continue;
    return unit_interval(counted(seed_, mix64(stream_of("order-fault") + i), 2 * number + 1)) < fault.applied;
  }
  return false;
}

}  // namespace drydock::sim

#include "policies/core/session.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>
#include <chrono>

namespace drydock {

namespace {

// Each turn goes to the next window or period: enough for any that can still be of use.
constexpr int kMostTurns = 10'000;

std::int64_t period_of(Time t, Duration period) { return nanos(t) / nanos(period); }
Time start_of(std::int64_t period, Duration length) { return time_at(period * nanos(length)); }
// Time since the window opened last.
Duration since_opening(const SessionRules& rules, const SessionRules::Window& window, Time now) {
  const Duration offset = (now.time_since_epoch() - window.from) % rules.week;
  return offset < Duration{0} ? offset + rules.week : offset;
}

}  // namespace

Duration SessionClock::quota_left(Time now) const {
  if (!rules_.quota) return Duration::max();
  const bool same = period_of(now, rules_.quota->period) == period_;
  return rules_.quota->time - (same ? used_ : Duration{0});
}

Time SessionClock::window_open(Time now) const {
  if (rules_.windows.empty()) return now;
  Time first = kNever;
  for (const SessionRules::Window& window : rules_.windows) {
    const Duration since = since_opening(rules_, window, now);
    first = std::min(first, since < window.length ? now : later(now, rules_.week - since));
  }
  return first;
}

Time SessionClock::window_end(Time now) const {
  if (rules_.windows.empty()) return kNever;
  Time last = now;
  for (const SessionRules::Window& window : rules_.windows) {
    const Duration since = since_opening(rules_, window, now);
    if (since < window.length) last = std::max(last, later(now, window.length - since));
  }
  return last;
}

Time SessionClock::latest_end(Time start) const {
  Time end = window_end(start);
  if (rules_.longest) end = std::min(end, later(start, *rules_.longest));
  if (rules_.available_until) end = std::min(end, *rules_.available_until);
  if (!rules_.quota || rules_.quota->time >= rules_.quota->period) return end;
  const Time renewed = start_of(period_of(start, rules_.quota->period) + 1, rules_.quota->period);
  const Time used_up = later(start, quota_left(start));
  return std::min(end, used_up < renewed ? used_up : later(renewed, rules_.quota->time));
}

Time SessionClock::next_start(Time now) const {
  Time at = ended_ ? std::max(now, later(*ended_, rules_.restart)) : now;
  for (int turn = 0; turn < kMostTurns && at != kNever; ++turn) {
    at = window_open(at);
    if (rules_.available_until && at >= *rules_.available_until) return kNever;
    if (at == kNever || latest_end(at) > later(at, rules_.startup)) return at;
    at = next_renewal(at);
  }
  return kNever;
}

Time SessionClock::next_renewal(Time now) const {
  Time first = kNever;
  for (const SessionRules::Window& window : rules_.windows)
    first = std::min(first, later(now, rules_.week - since_opening(rules_, window, now)));
  if (!rules_.quota) return first;
  return std::min(first, start_of(period_of(now, rules_.quota->period) + 1, rules_.quota->period));
}

Time SessionClock::begin(Time now) {
  began_ = now;
  return latest_end(now);
}

void SessionClock::end(Time now) {
  DRYDOCK_CHECK(now >= began_, "a session ended before it began");
  ended_ = now;
  if (!rules_.quota) return;
  const std::int64_t period = period_of(now, rules_.quota->period);
  const bool same = period == period_;
  const Time from = std::max(began_, start_of(period, rules_.quota->period));
  used_ = (same ? used_ : Duration{0}) + (now - from);
  period_ = period;
}

// --- what the node decides ---

void SessionKeeper::plan(Time from) {
  phase_ = Phase::waiting;
  next_ = clock_.next_start(from);
}

SessionKeeper::Turn SessionKeeper::wake(Time now) {
  if (now < next_) return Turn::none;
  switch (phase_) {
    case Phase::waiting: return begin(now);
    case Phase::starting: return be_ready();
    case Phase::ready:
      if (now >= until_ || has_idled(now)) return end(now);
      next_ = until_;
      return Turn::none;
  }
  return Turn::none;
}

SessionKeeper::Turn SessionKeeper::begin(Time now) {
  began_ = now;
  until_ = clock_.begin(now);
  useful_ = on_demand_ = false;
  idle_since_.reset();
  if (clock_.rules().startup <= Duration{0}) return be_ready();
  phase_ = Phase::starting;
  next_ = later(now, clock_.rules().startup);
  return Turn::none;
}

SessionKeeper::Turn SessionKeeper::be_ready() {
  phase_ = Phase::ready;
  next_ = until_;
  return Turn::ready;
}

SessionKeeper::Turn SessionKeeper::end(Time now) {
  clock_.end(now);
  total_ += now - began_;
  on_demand_ = clock_.rules().idle_stop && !useful_;
  plan(on_demand_ ? clock_.next_renewal(now) : now);
  return Turn::ended;
}

bool SessionKeeper::has_idled(Time now) const {
  const auto& limit = clock_.rules().idle_stop;
  return limit && idle_since_ && later(*idle_since_, *limit) <= now;
}

SessionKeeper::Turn SessionKeeper::tell_work(Time now, bool busy) {
  if (phase_ != Phase::ready || !clock_.rules().idle_stop) return Turn::none;
  if (busy) {
    useful_ = true;
    idle_since_.reset();
    next_ = until_;
    return Turn::none;
  }
  if (!idle_since_) idle_since_ = now;
  if (has_idled(now)) return end(now);
  next_ = std::min(until_, later(*idle_since_, *clock_.rules().idle_stop));
  return Turn::none;
}

void SessionKeeper::tell_arrival(Time now) {
  if (on_demand_ && phase_ == Phase::waiting) {
    on_demand_ = false;
    plan(now);
  }
}

Duration SessionKeeper::used(Time now) const { return phase_ == Phase::waiting ? total_ : total_ + (now - began_); }

}  // namespace drydock

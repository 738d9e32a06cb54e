#include "policies/core/beat.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>
#include <utility>

namespace drydock {

Time next_due(const PeriodicJob& job, Time after) {
  if (after < job.first) return job.first;
  const std::int64_t passed = nanos(after - job.first) / nanos(job.every);
  return later(job.first + job.every * passed, job.every);
}

PeriodicJob due_after(PeriodicJob job, Time at) {
  job.first = next_due(job, at);
  return job;
}

std::uint64_t due_times_before(const PeriodicJob& job, Time end) {
  if (end <= job.first) return 0;
  return static_cast<std::uint64_t>((nanos(end - job.first) - 1) / nanos(job.every)) + 1;
}

BeatRole::BeatRole(BeatConfig config) : config_(std::move(config)), states_(config_.jobs.size()) {
  for (std::size_t j = 0; j < states_.size(); ++j) {
    DRYDOCK_CHECK(config_.jobs[j].every > Duration{0}, "a periodic job has time between its due times");
    DRYDOCK_CHECK(config_.jobs[j].first >= kTimeZero, "a periodic job is first due at time zero or later");
    states_[j].next = config_.jobs[j].first;
  }
}

std::span<const Fire> BeatRole::step(Time now, std::span<const BeatEvent> events) {
  DRYDOCK_CHECK(now >= now_, "time went back");
  now_ = now;
  orders_.clear();
  for (const BeatEvent& event : events) std::visit([this](const auto& e) { on(e); }, event);
  if (leads_) {
    send_again();
    send_due();
  }
  return orders_;
}

Time BeatRole::next_wakeup() const {
  if (!leads_) return kNever;
  Time at = kNever;
  if (std::ranges::any_of(open_, &Open::again)) at = store_ready_at_;
  if (open_.size() >= config_.max_in_flight) return at;
  for (std::uint32_t j = 0; j < states_.size(); ++j) {
    if (!held_back(PeriodicId{j})) at = std::min(at, std::max(states_[j].next, store_ready_at_));
  }
  return at;
}

// --- facts ---

void BeatRole::on(const FiringRecorded& event) {
  if (event.firing.job.value < states_.size()) record(event.firing, event.waits);
}

void BeatRole::on(const BecameLeader& event) {
  if (event.epoch <= epoch_) return;
  epoch_ = event.epoch;
  leads_ = true;
  open_.clear();
  for (std::size_t j = 0; j < states_.size(); ++j) {
    State& state = states_[j];
    state.in_flight = 0;
    state.next = state.recorded == Time::min() ? config_.jobs[j].first : next_due(config_.jobs[j], state.recorded);
  }
}

void BeatRole::on(const LostLeadership& event) {
  if (event.epoch < epoch_) return;
  epoch_ = event.epoch;
  leads_ = false;
  open_.clear();
}

void BeatRole::on(const FireAnswered& event) {
  const auto open = std::ranges::find(open_, event.request, [](const Open& o) { return o.order.request; });
  if (open == open_.end() || open->again) return;
  const Firing firing = open->order.firing;
  State& state = states_[firing.job.value];
  if (event.answer != Answer::done) store_ready_at_ = later(now_, config_.store_retry);
  const bool superseded = event.answer == Answer::failed && config_.jobs[firing.job.value].catch_up == CatchUp::latest;
  if (event.answer != Answer::done && !superseded) {
    open->again = true;
    return;
  }
  open_.erase(open);
  --state.in_flight;
  if (superseded) state.next = firing.due;  // a later due time may have come meanwhile
  else record(firing, true);
}

void BeatRole::on(const FiringTaken& event) {
  if (event.firing.job.value >= states_.size()) return;
  record(event.firing, false);  // the fact may be here before the answer to the order
  State& state = states_[event.firing.job.value];
  if (state.recorded == event.firing.due) state.waits = false;
}

void BeatRole::record(Firing firing, bool waits) {
  State& state = states_[firing.job.value];
  if (firing.due <= state.recorded) return;
  state.recorded = firing.due;
  state.waits = waits;
  state.next = std::max(state.next, next_due(config_.jobs[firing.job.value], firing.due));
}

// --- orders ---

bool BeatRole::held_back(PeriodicId job) const {
  const State& state = states_[job.value];
  return config_.jobs[job.value].catch_up == CatchUp::latest && (state.in_flight > 0 || state.waits);
}

Time BeatRole::due_now(PeriodicId id) const {
  const PeriodicJob& job = config_.jobs[id.value];
  const Time next = states_[id.value].next;
  if (job.catch_up == CatchUp::all || next > now_) return next;
  return job.first + (now_ - job.first) / job.every * job.every;
}

void BeatRole::send_again() {
  if (now_ < store_ready_at_) return;
  for (Open& open : open_) {
    if (!std::exchange(open.again, false)) continue;
    orders_.push_back(open.order);
  }
}

// The earliest due time first; of equal ones that of the first job.
void BeatRole::send_due() {
  while (now_ >= store_ready_at_ && open_.size() < config_.max_in_flight) {
    Firing first{{}, kNever};
    for (std::uint32_t j = 0; j < states_.size(); ++j) {
      const Time due = due_now(PeriodicId{j});
      if (due <= now_ && due < first.due && !held_back(PeriodicId{j})) first = {PeriodicId{j}, due};
    }
    if (first.due == kNever) return;
    State& state = states_[first.job.value];
    const Fire order{RequestId{++last_request_}, epoch_, first};
    state.next = next_due(config_.jobs[first.job.value], first.due);
    ++state.in_flight;
    open_.push_back({order, false});
    orders_.push_back(order);
  }
}

}  // namespace drydock

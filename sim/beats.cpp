#include "sim/beats.hpp"

#include "policies/core/assert.hpp"
#include "policies/core/rng.hpp"
#include "scenarios/sampling.hpp"
#include "sim/common.hpp"

#include <algorithm>
#include <variant>

namespace drydock::sim {
namespace {

// A look ahead goes over this many beats: long enough to make it rare, short enough to do it again after a crash.
constexpr int kBeatsAhead = 256;

std::uint64_t stream_for(std::uint64_t name, const BeatChannel::Sender& sender) {
  return mix64(name ^ mix64((std::uint64_t{sender.process} << 32U) | sender.worker));
}

}  // namespace

// --- the channel ---

BeatChannel::BeatChannel(const scenarios::Scenario& scenario, const Platform& platform, std::uint64_t seed,
                         const StoreFaults* faults, const HostTroubles* hosts)
    : seed_(seed), latency_(scenario.registry_latency) {
  if (faults != nullptr && faults->any_redis_trouble()) outages_ = faults;
  if (hosts != nullptr && hosts->any_pause()) pauses_ = hosts;
  constexpr std::size_t kMostBursts = 32;  // bits of `bad`
  std::size_t bursts = 0;
  for (std::size_t i = 0; i < scenario.faults.size(); ++i) {
    const auto* fault = std::get_if<scenarios::MessageLoss>(&scenario.faults[i]);
    if (fault == nullptr) continue;
    if (fault->burst) ++bursts;
    Loss loss{.fault = *fault,
              .from = later(kTimeZero, fault->at),
              .until = fault->lasting ? later(later(kTimeZero, fault->at), *fault->lasting) : kNever,
              .hosts = std::vector<bool>(platform.hosts().size(), false),
              .stream = mix64(stream_of("message-loss") + i)};
    for (const HostIndex host : platform.resolve(fault->target)) loss.hosts[host] = true;
    losses_.push_back(std::move(loss));
  }
  DRYDOCK_CHECK(bursts <= kMostBursts, "more bursty message losses than the loader allows");
  const auto* constant = latency_ ? std::get_if<scenarios::Deterministic>(&*latency_) : nullptr;
  if (!losses_.empty() || outages_ != nullptr || pauses_ != nullptr || (latency_ && constant == nullptr)) return;
  steady_ = latency_ ? duration_of_seconds(constant->value) : Duration{0};
}

Duration BeatChannel::delay(const Sender& sender, std::uint64_t sequence, Time sent) const {
  if (!latency_) return Duration{0};
  const double slowness = outages_ == nullptr ? 1.0 : outages_->redis_slowness(sent);
  if (const auto* constant = std::get_if<scenarios::Deterministic>(&*latency_)) {
    return duration_of_seconds(constant->value * slowness);
  }
  const scenarios::DrawStream draws(seed_, stream_for(stream_of("beat-latency"), sender));
  return std::max(Duration{0}, duration_of_seconds(scenarios::sample_with(*latency_, draws.at(sequence)) * slowness));
}

bool BeatChannel::loses(const Sender& sender, std::uint64_t sequence, Time sent, std::uint32_t& bad) const {
  bool lost = outages_ != nullptr && outages_->redis_is_down(sent);
  std::uint32_t bit = 1;
  for (const Loss& loss : losses_) {
    scenarios::Draws draws = scenarios::DrawStream(seed_, stream_for(loss.stream, sender)).at(sequence);
    double probability = loss.fault.probability;
    if (loss.fault.burst) {
      const bool was_bad = (bad & bit) != 0;
      const bool is_bad = draws.uniform() < (was_bad ? 1 - loss.fault.burst->leave : loss.fault.burst->enter);
      bad = is_bad ? bad | bit : bad & ~bit;
      bit <<= 1U;
      if (is_bad) probability = loss.fault.burst->lost;
    }
    if (!loss.hosts[sender.host] || sent < loss.from || sent >= loss.until) continue;
    lost = draws.uniform() < probability || lost;
  }
  return lost;
}

// --- the track ---

void BeatTrack::start(const LivenessPolicy& policy, const BeatChannel& channel, const BeatChannel::Sender& sender,
                      bool in_loop, Time now) {
  policy_ = &policy;
  channel_ = &channel;
  sender_ = sender;
  observer_ = policy.observer();
  started_ = now;
  const Beat registration{.sequence = 0, .sent = now, .arrived = now};
  here_.next_sequence = 1;
  here_.trusted_until = observer_ ? observer_->observe(registration) : policy.trusted_until(registration);
  here_.interval = observer_ ? observer_->interval() : policy.interval().value();
  here_.next_send = channel_->send_time(sender_, later(now, here_.interval));
  here_.trusted = true;
  here_.bad = 0;
  here_.under_way.clear();
  held_ = kNever;
  regular_ = !in_loop && is_regular();
}

// Brings the track to `now`: what is due just then has been sent, and arrives as an event of its own.
void BeatTrack::catch_up(Time now) {
  while (true) {
    const Time point = next_point(here_);
    const bool sends = here_.next_send == point;
    if (sends ? point > now : point >= now) return;
    if (here_.trusted && here_.trusted_until < point) return;  // the end of trust is due first
    DRYDOCK_CHECK(!pass(here_), "a turn of a heartbeat was missed");
  }
}

void BeatTrack::hold(Time now) {
  catch_up(now);
  held_ = here_.next_send;
  here_.next_send = kNever;
}

void BeatTrack::release(Time now) {
  catch_up(now);
  here_.next_send = channel_->send_time(sender_, std::max(now, held_));
  held_ = kNever;
}

bool BeatTrack::is_regular() const {
  const auto delay = channel_->steady();
  if (!delay || observer_) return false;
  const Time second = later(here_.next_send, *delay);
  const Beat first{.sequence = 1, .sent = here_.next_send, .arrived = second};
  return here_.trusted_until >= second && policy_->trusted_until(first) >= later(second, here_.interval);
}

// The next sending or arrival.
Time BeatTrack::next_point(const Position& position) {
  return position.under_way.empty() ? position.next_send : std::min(position.next_send, position.under_way.back().arrived);
}

// The next point, or the end of trust before it. A beat that arrives just then is in time.
Time BeatTrack::next_change(const Position& position) {
  const Time point = next_point(position);
  return position.trusted ? std::min(point, position.trusted_until) : point;
}

Time BeatTrack::next(bool eager) {
  looked_ahead_ = !eager && !observer_;
  if (!looked_ahead_) return next_change(here_);
  if (regular_) return kNever;
  ahead_ = here_;
  const bool far = here_.interval > Duration::max() / kBeatsAhead;
  const Time limit = far ? kEndOfTime : later(here_.next_send, here_.interval * kBeatsAhead);
  turn_.reset();
  while (true) {
    const Time at = next_change(ahead_);
    if (at > limit || at >= kEndOfTime) return std::min(limit, kEndOfTime);
    turn_ = pass(ahead_);
    if (turn_) return at;
  }
}

std::optional<BeatTrack::Turn> BeatTrack::advance() {
  if (!looked_ahead_) return pass(here_);
  std::swap(here_, ahead_);
  return turn_;
}

std::optional<BeatTrack::Turn> BeatTrack::pass(Position& position) const {
  const Time point = next_point(position);
  if (position.trusted && position.trusted_until < point) {
    position.trusted = false;
    return Turn::suspected;
  }
  if (position.next_send == point) {
    send(position);
    return std::nullopt;
  }
  return arrive(position);
}

void BeatTrack::send(Position& position) const {
  Beat beat{.sequence = position.next_sequence, .sent = position.next_send};
  if (!channel_->loses(sender_, beat.sequence, beat.sent, position.bad)) {
    beat.arrived = later(beat.sent, channel_->delay(sender_, beat.sequence, beat.sent));
    const auto place = std::ranges::find_if(position.under_way, [&](const Beat& b) { return b.arrived <= beat.arrived; });
    position.under_way.insert(place, beat);
  }
  ++position.next_sequence;
  position.next_send = channel_->send_time(sender_, later(position.next_send, position.interval));
}

std::optional<BeatTrack::Turn> BeatTrack::arrive(Position& position) const {
  const Beat beat = position.under_way.back();
  position.under_way.pop_back();
  const Time until = observer_ ? observer_->observe(beat) : policy_->trusted_until(beat);
  if (observer_) position.interval = observer_->interval();
  position.trusted_until = std::max(position.trusted_until, until);
  if (position.trusted || position.trusted_until <= beat.arrived) return std::nullopt;
  position.trusted = true;
  return Turn::trusted_again;
}

Time BeatTrack::trusted_after_stop(Time now) {
  if (regular_ && looked_ahead_) {
    const auto sent = static_cast<std::uint64_t>((now - started_) / here_.interval);
    if (sent == 0) return here_.trusted_until;
    const Time at = started_ + here_.interval * static_cast<std::int64_t>(sent);
    return policy_->trusted_until({.sequence = sent, .sent = at, .arrived = later(at, *channel_->steady())});
  }
  while (true) {
    if (here_.next_send > now) here_.next_send = kNever;
    const Time point = next_point(here_);
    if (point == kNever || point > here_.trusted_until) return here_.trusted_until;
    (void)pass(here_);
  }
}

Time BeatTrack::next_arrival(Time now) const {
  if (regular_) {
    const Duration since = now - started_ - *channel_->steady();
    const std::int64_t last = since < Duration{0} ? 0 : since / here_.interval;
    return later(started_ + here_.interval * (last + 1), *channel_->steady());
  }
  Position position = here_;
  while (true) {
    const Time point = next_point(position);
    if (point >= kEndOfTime) return kNever;
    if (position.next_send == point) {
      send(position);
      continue;
    }
    position.under_way.pop_back();
    if (point > now) return point;
  }
}

}  // namespace drydock::sim

#include "sim/beats.hpp"

#include "policies/core/assert.hpp"
#include "policies/core/rng.hpp"
#include "scenarios/sampling.hpp"
#include "sim/common.hpp"

#include <algorithm>
#include <utility>
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
                         const Parts& parts)
    : seed_(seed),
      latency_(scenario.registry_latency),
      clocks_(parts.clocks),
      self_fencing_(scenario.self_fencing),
      fencing_margin_(scenario.fencing_margin) {
  if (parts.faults != nullptr && parts.faults->any_redis_trouble()) outages_ = parts.faults;
  if (parts.hosts != nullptr && parts.hosts->any_pause()) pauses_ = parts.hosts;
  if (parts.links != nullptr && parts.links->any()) links_ = parts.links;
  constexpr std::size_t kMostBursts = 32;  // bits of `bad`
  std::size_t bursts = 0;
  const auto concerned = [&](const auto& fault) {
    std::vector<bool> hosts(platform.hosts().size(), false);
    for (const HostIndex host : platform.resolve(fault.target)) hosts[host] = true;
    return hosts;
  };
  const auto end_of = [](const auto& fault) {
    return fault.lasting ? later(later(kTimeZero, fault.at), *fault.lasting) : kNever;
  };
  const auto is_meant = [&](const scenarios::MessageKinds& kinds) {
    return parts.kind == Kind::beats ? kinds.beats : kinds.shares;
  };
  for (std::size_t i = 0; i < scenario.faults.size(); ++i) {
    if (const auto* delay = std::get_if<scenarios::MessageDelay>(&scenario.faults[i])) {
      if (!is_meant(delay->kinds)) continue;
      delays_.push_back({.fault = *delay,
                         .from = later(kTimeZero, delay->at),
                         .until = end_of(*delay),
                         .hosts = concerned(*delay),
                         .stream = mix64(stream_of("message-delay") + i)});
    }
    const auto* fault = std::get_if<scenarios::MessageLoss>(&scenario.faults[i]);
    if (fault == nullptr || !is_meant(fault->kinds)) continue;
    if (fault->burst) ++bursts;
    losses_.push_back({.fault = *fault,
                       .from = later(kTimeZero, fault->at),
                       .until = end_of(*fault),
                       .hosts = concerned(*fault),
                       .stream = mix64(stream_of("message-loss") + i)});
  }
  DRYDOCK_CHECK(bursts <= kMostBursts, "more bursty message losses than the loader allows");
  const auto* constant = latency_ ? std::get_if<scenarios::Deterministic>(&*latency_) : nullptr;
  const bool troubled =
      !losses_.empty() || !delays_.empty() || outages_ != nullptr || pauses_ != nullptr || links_ != nullptr;
  if (troubled || (latency_ && constant == nullptr)) return;
  steady_ = latency_ ? duration_of_seconds(constant->value) : Duration{0};
}

std::optional<Duration> BeatChannel::drawn(const Delay& delay, const Sender& sender, std::uint64_t sequence,
                                           Time sent) const {
  if (!delay.hosts[sender.host] || sent < delay.from || sent >= delay.until) return std::nullopt;
  scenarios::Draws chance = scenarios::DrawStream(seed_, stream_for(delay.stream, sender)).at(sequence);
  if (chance.uniform() >= delay.fault.probability) return std::nullopt;
  const scenarios::DrawStream draws(seed_, stream_for(mix64(delay.stream), sender));
  return std::max(Duration{0}, duration_of_seconds(scenarios::sample_with(delay.fault.delay, draws.at(sequence))));
}

Duration BeatChannel::delay(const Sender& sender, std::uint64_t sequence, Time sent) const {
  Duration late{};
  for (const Delay& delay : delays_) {
    if (!delay.fault.repeats) late += drawn(delay, sender, sequence, sent).value_or(Duration{0});
  }
  if (!latency_) return late;
  const double slowness = outages_ == nullptr ? 1.0 : outages_->redis_slowness(sent);
  if (const auto* constant = std::get_if<scenarios::Deterministic>(&*latency_)) {
    return late + duration_of_seconds(constant->value * slowness);
  }
  const scenarios::DrawStream draws(seed_, stream_for(stream_of("beat-latency"), sender));
  return late + std::max(Duration{0}, duration_of_seconds(scenarios::sample_with(*latency_, draws.at(sequence)) * slowness));
}

std::optional<Duration> BeatChannel::repetition(const Sender& sender, std::uint64_t sequence, Time sent) const {
  for (const Delay& delay : delays_) {
    if (!delay.fault.repeats) continue;
    if (const auto after = drawn(delay, sender, sequence, sent)) return after;
  }
  return std::nullopt;
}

// Whoever was cut off beats as soon as there is a way again.
Time BeatChannel::next_send_time(const Sender& sender, Time sent, Duration interval) const {
  const Time due = later(sent, interval);
  return send_time(sender, links_ == nullptr ? due : links_->healed_by(sender.host, sent, due));
}

bool BeatChannel::is_acknowledged(const Sender& sender, Time arrived) const {
  return links_ == nullptr || !links_->is_cut(sender.host, Way::from_redis, arrived);
}

bool BeatChannel::fences_apart(const Sender& sender) const {
  if (!self_fencing_) return false;
  const bool another_rate = clocks_ != nullptr && clocks_->rate(sender.host) != 1;
  return fencing_margin_ > Duration{0} || another_rate || (links_ != nullptr && links_->any_from_redis()) ||
         (outages_ != nullptr && outages_->any_failover());
}

bool BeatChannel::loses(const Sender& sender, std::uint64_t sequence, Time sent, std::uint32_t& bad, Way way) const {
  bool lost = outages_ != nullptr && outages_->redis_is_down(sent);
  lost = lost || (links_ != nullptr && links_->is_cut(sender.host, way, sent));
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
  apart_ = !in_loop && channel.fences_apart(sender);
  const Beat registration{.sequence = 0, .sent = now, .arrived = now};
  const Beat written = as_written(registration);
  const Time until = observer_ ? observer_->observe(written) : policy.trusted_until(written);
  here_ = Position{};
  here_.trusted_until = here_.kept_until = std::max(now, until);
  here_.interval = channel_->true_time(sender_, observer_ ? observer_->interval() : policy.interval().value());
  here_.next_send = channel_->next_send_time(sender_, now, here_.interval);
  here_.lease = lease_of(registration, until);
  if (apart_) extend(here_, registration);
  held_ = kNever;
  regular_ = !in_loop && is_regular();
}

// With the time of the worker's clock, as far as it differs from the schedulers'.
Beat BeatTrack::as_written(const Beat& beat) const {
  return {.sequence = beat.sequence, .sent = beat.sent + channel_->ahead(sender_, beat.sent), .arrived = beat.arrived};
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
  if (!delay || observer_ || apart_) return false;
  const Time second = later(here_.next_send, *delay);
  const Beat first = as_written({.sequence = 1, .sent = here_.next_send, .arrived = second});
  return here_.trusted_until >= second && policy_->trusted_until(first) >= later(second, here_.interval);
}

// The next sending or arrival.
Time BeatTrack::next_point(const Position& position) {
  return position.under_way.empty() ? position.next_send : std::min(position.next_send, position.under_way.back().arrived);
}

// The next point, or an end of trust before it. A beat that arrives just then is in time.
Time BeatTrack::next_change(const Position& position) {
  const Time point = std::min({next_point(position), position.fence_at, position.reverts_at});
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
  const Time end = position.trusted ? position.trusted_until : kNever;
  if (position.reverts_at <= std::min({point, end, position.fence_at}) && position.reverts_at != kNever) {
    revert(position);
    return std::nullopt;
  }
  if (position.fence_at < point && position.fence_at <= end) {
    fence(position);
    return Turn::fenced;
  }
  if (end < point) {
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
    dispatch(position, beat);
    if (const auto again = channel_->repetition(sender_, beat.sequence, beat.sent)) {
      beat.arrived = later(beat.arrived, *again);
      dispatch(position, beat);
    }
  }
  ++position.next_sequence;
  position.next_send = channel_->next_send_time(sender_, position.next_send, position.interval);
}

void BeatTrack::dispatch(Position& position, const Beat& beat) const {
  const auto place = std::ranges::find_if(position.under_way, [&](const Beat& b) { return b.arrived <= beat.arrived; });
  position.under_way.insert(place, beat);
}

std::optional<BeatTrack::Turn> BeatTrack::arrive(Position& position) const {
  const Beat beat = position.under_way.back();
  position.under_way.pop_back();
  const Beat written = as_written(beat);
  const Time until = observer_ ? observer_->observe(written) : policy_->trusted_until(written);
  if (observer_) position.interval = channel_->true_time(sender_, observer_->interval());
  position.trusted_until = std::max(position.trusted_until, until);
  if (const Time death = channel_->forgotten_at(beat.arrived); death != kNever) position.reverts_at = death;
  else position.kept_until = std::max(position.kept_until, until);
  position.lease = lease_of(beat, until);
  bool learned = acknowledge(position, beat);
  if (position.announced != position.fences && beat.sequence >= position.first_of_incarnation) {
    position.announced = position.fences;
    learned = true;
  }
  if (position.trusted || position.trusted_until <= beat.arrived)
    return learned ? std::optional(Turn::learned) : std::nullopt;
  position.trusted = true;
  return Turn::trusted_again;
}

// The replica lacks the last beats, of which their workers know that they had arrived.
void BeatTrack::revert(Position& position) {
  const Time now = std::exchange(position.reverts_at, kNever);
  position.trusted_until = std::min(position.trusted_until, std::max(position.kept_until, now));
}

// Returns whether the worker is registered by this.
bool BeatTrack::acknowledge(Position& position, const Beat& beat) const {
  if (!apart_ || beat.sequence < position.first_of_incarnation) return false;
  if (!channel_->is_acknowledged(sender_, beat.arrived)) return false;
  const bool first = position.fence_at == kNever;
  extend(position, beat);
  return first;
}

// For how long a beat is good that takes no time.
Duration BeatTrack::lease_of(const Beat& beat, Time trusted_until) const {
  if (observer_) return trusted_until - beat.arrived;
  return policy_->trusted_until({.sequence = beat.sequence, .sent = beat.sent, .arrived = beat.sent}) - beat.sent;
}

// Never for less than half an interval: it would do nothing else than come back.
void BeatTrack::extend(Position& position, const Beat& beat) const {
  const Duration counted = channel_->true_time(sender_, position.lease - channel_->fencing_margin());
  const Time until = std::max(later(beat.sent, std::max(counted, position.interval / 2)), beat.arrived);
  const Time bounded = std::min(until, kTooLate);
  position.fence_at = position.fence_at == kNever ? bounded : std::max(position.fence_at, bounded);
}

// It beats anew at once, as another incarnation.
void BeatTrack::fence(Position& position) const {
  ++position.fences;
  position.first_of_incarnation = position.next_sequence;
  position.next_send = channel_->send_time(sender_, std::exchange(position.fence_at, kNever));
}

Time BeatTrack::trusted_after_stop(Time now) {
  if (regular_ && looked_ahead_) {
    const auto sent = static_cast<std::uint64_t>((now - started_) / here_.interval);
    if (sent == 0) return here_.trusted_until;
    const Time at = started_ + here_.interval * static_cast<std::int64_t>(sent);
    return policy_->trusted_until(as_written({.sequence = sent, .sent = at, .arrived = later(at, *channel_->steady())}));
  }
  apart_ = false;
  here_.fence_at = kNever;
  while (true) {
    if (here_.next_send > now) here_.next_send = kNever;
    const Time point = next_point(here_);
    if (here_.reverts_at <= std::min(point, here_.trusted_until) && here_.reverts_at != kNever) {
      revert(here_);
      continue;
    }
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

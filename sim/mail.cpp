#include "sim/mail.hpp"

#include "policies/core/dispatcher.hpp"
#include "policies/core/rng.hpp"
#include "scenarios/draw.hpp"
#include "scenarios/sampling.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <variant>

namespace drydock::sim {
namespace {

constexpr Duration kOrderAgain = DispatcherConfig{}.resend;
constexpr Duration kReportAgain = std::chrono::seconds{1};
constexpr Duration kLongestPause = DispatcherConfig{}.resend_longest;
// Whoever loses more in a row loses no more: a bound on a loop, years of losses away.
constexpr std::uint32_t kMostTries = 1'000'000;

std::uint64_t number_of(const Mail::Message& message) {
  const std::uint64_t where = (std::uint64_t{message.worker.value} << 2U) | static_cast<std::uint64_t>(message.kind);
  return mix64(mix64(message.attempt.job.value + 1) ^ (std::uint64_t{message.attempt.number} << 32U) ^ mix64(where));
}

// How many are lost on average: here each is lost by itself.
double mean_loss(const scenarios::MessageLoss& loss) {
  if (!loss.burst || loss.burst->enter + loss.burst->leave <= 0) return loss.probability;
  const double bad = loss.burst->enter / (loss.burst->enter + loss.burst->leave);
  return bad * loss.burst->lost + (1 - bad) * loss.probability;
}

}  // namespace

Mail::Mail(const scenarios::Scenario& scenario, const Platform& platform, std::uint64_t seed, const Links& links)
    : platform_(platform), links_(links), seed_(seed) {
  const auto span_of = [&](const auto& fault, std::uint64_t stream) {
    Span span{.from = later(kTimeZero, fault.at),
              .until = fault.lasting ? later(later(kTimeZero, fault.at), *fault.lasting) : kNever,
              .hosts = std::vector<bool>(platform.hosts().size(), false),
              .orders = fault.kinds.dispatches,
              .reports = fault.kinds.reports,
              .stream = stream};
    for (const HostIndex host : platform.resolve(fault.target)) span.hosts[host] = true;
    return span;
  };
  for (std::size_t i = 0; i < scenario.faults.size(); ++i) {
    if (const auto* loss = std::get_if<scenarios::MessageLoss>(&scenario.faults[i])) {
      if (!loss->kinds.dispatches && !loss->kinds.reports) continue;
      losses_.push_back({span_of(*loss, mix64(stream_of("mail-loss") + i)), mean_loss(*loss)});
    }
    if (const auto* delay = std::get_if<scenarios::MessageDelay>(&scenario.faults[i])) {
      if (!delay->kinds.dispatches && !delay->kinds.reports) continue;
      delays_.push_back({span_of(*delay, mix64(stream_of("mail-delay") + i)), *delay});
    }
  }
}

bool Mail::concerns(const Span& span, const Message& message, Time at) const {
  const bool kind = message.kind == Kind::report ? span.reports : span.orders;
  return kind && at >= span.from && at < span.until && span.hosts[platform_.workers()[index(message.worker)].host];
}

bool Mail::is_lost(const Message& message, std::uint32_t number, Time at) const {
  return std::ranges::any_of(losses_, [&](const Loss& loss) {
    return concerns(loss, message, at) &&
           unit_interval(counted(seed_, loss.stream, number_of(message) + number)) < loss.probability;
  });
}

std::optional<Duration> Mail::drawn(const Delay& delay, const Message& message, Time at) const {
  if (!concerns(delay, message, at)) return std::nullopt;
  const std::uint64_t number = number_of(message);
  if (unit_interval(counted(seed_, delay.stream, number)) >= delay.fault.probability) return std::nullopt;
  const scenarios::DrawStream draws(seed_, mix64(delay.stream));
  return std::max(Duration{0}, duration_of_seconds(scenarios::sample_with(delay.fault.delay, draws.at(number))));
}

Time Mail::arrival(const Message& message, Time sent) const {
  const HostIndex host = platform_.workers()[index(message.worker)].host;
  const Way way = message.kind == Kind::report ? Way::to_redis : Way::from_redis;
  Duration pause = message.kind == Kind::report ? kReportAgain : kOrderAgain;
  Time at = links_.open_at(host, way, sent);
  for (std::uint32_t tries = 0; tries < kMostTries && is_lost(message, tries, at); ++tries) {
    at = links_.open_at(host, way, later(at, pause));
    pause = std::min(2 * pause, kLongestPause);
  }
  Duration late{};
  for (const Delay& delay : delays_) {
    if (!delay.fault.repeats) late += drawn(delay, message, at).value_or(Duration{0});
  }
  return later(at, late);
}

std::optional<Duration> Mail::repetition(const Message& message, Time arrived) const {
  for (const Delay& delay : delays_) {
    if (!delay.fault.repeats) continue;
    if (const auto after = drawn(delay, message, arrived)) return after;
  }
  return std::nullopt;
}

}  // namespace drydock::sim

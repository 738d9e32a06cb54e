#include "scenarios/faults/links.hpp"

#include "policies/core/rng.hpp"

#include <algorithm>
#include <cstddef>
#include <variant>

namespace drydock::scenarios {

Links::Links(const Scenario& scenario, std::uint64_t seed) {
  for (std::size_t i = 0; i < scenario.faults.size(); ++i) {
    const auto* fault = std::get_if<WorkerCut>(&scenario.faults[i]);
    if (fault == nullptr) continue;
    any_from_redis_ = any_from_redis_ || fault->from_redis;
    for (const HostIndex host : target_hosts(scenario.hosts, fault->target)) {
      const std::uint64_t stream = mix64(mix64(stream_of("worker-cut") + i) ^ host);
      cuts_.push_back({.fault = i,
                       .host = host,
                       .to_redis = fault->to_redis,
                       .from_redis = fault->from_redis,
                       .course = Course(fault->when, seed, stream)});
    }
  }
  std::ranges::stable_sort(cuts_, {}, &Cut::host);
}

std::span<const Links::Cut> Links::of(HostIndex host) const {
  const auto found = std::ranges::equal_range(cuts_, host, {}, &Cut::host);
  return {found.begin(), found.end()};
}

Time Links::open_at(HostIndex host, Way way, Time now) const {
  Time open = now;
  for (bool again = any(); again;) {
    again = false;
    for (const Cut& cut : of(host)) {
      const bool concerns = way == Way::to_redis ? cut.to_redis : cut.from_redis;
      const Course::Span* span = concerns ? cut.course.at(open) : nullptr;
      if (span == nullptr) continue;
      open = span->until;
      again = true;
    }
  }
  return open;
}

Time Links::healed_by(HostIndex host, Time from, Time until) const {
  Time healed = until;
  for (const Cut& cut : of(host)) {
    for (Time at = cut.course.next_change(from); at < healed; at = cut.course.next_change(at)) {
      if (cut.course.at(at) == nullptr) healed = at;
    }
  }
  return healed;
}

}  // namespace drydock::scenarios

#include "scenarios/faults/host_troubles.hpp"

#include "policies/core/rng.hpp"

#include <algorithm>
#include <cstddef>
#include <variant>

namespace drydock::scenarios {

HostTroubles::HostTroubles(const Scenario& scenario, std::uint64_t seed) {
  for (std::size_t i = 0; i < scenario.faults.size(); ++i) {
    const auto* fault = std::get_if<HostTrouble>(&scenario.faults[i]);
    if (fault == nullptr) continue;
    any_pause_ = any_pause_ || fault->factor <= 0;
    for (const HostIndex host : target_hosts(scenario.hosts, fault->target)) {
      const std::uint64_t stream = mix64(mix64(stream_of("host-trouble") + i) ^ host);
      troubles_.push_back({.fault = i, .host = host, .factor = fault->factor, .course = Course(fault->when, seed, stream)});
    }
  }
  std::ranges::stable_sort(troubles_, {}, &Trouble::host);
  for (const Trouble& trouble : troubles_) {
    if (hosts_.empty() || hosts_.back() != trouble.host) hosts_.push_back(trouble.host);
  }
}

std::span<const HostTroubles::Trouble> HostTroubles::on(HostIndex host) const {
  const auto found = std::ranges::equal_range(troubles_, host, {}, &Trouble::host);
  return {found.begin(), found.end()};
}

double HostTroubles::factor(HostIndex host, Time now) const {
  double factor = 1;
  for (const Trouble& trouble : on(host)) {
    if (trouble.course.at(now) != nullptr) factor *= trouble.factor;
  }
  return factor;
}

Time HostTroubles::paused_until(HostIndex host, Time now) const {
  Time until = now;
  for (bool again = any_pause_; again;) {
    again = false;
    for (const Trouble& trouble : on(host)) {
      const Course::Span* span = trouble.factor <= 0 ? trouble.course.at(until) : nullptr;
      if (span == nullptr) continue;
      until = span->until;
      again = true;
    }
  }
  return until;
}

Time HostTroubles::next_change(HostIndex host, Time now) const {
  Time next = kNever;
  for (const Trouble& trouble : on(host)) next = std::min(next, trouble.course.next_change(now));
  return next;
}

}  // namespace drydock::scenarios

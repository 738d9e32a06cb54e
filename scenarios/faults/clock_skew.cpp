#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace drydock::scenarios {
namespace {

// A clock that is off by more is set by hand, not drifting.
constexpr double kLeastRate = 0.01;
constexpr double kMostRate = 100;

Fault read_skew(const ObjectReader& fault, const Scenario& scenario) {
  constexpr std::array<std::string_view, 2> kWhose{"workers", "schedulers"};
  ClockSkew skew;
  skew.scheduler = fault.choice("of", kWhose, 0) == 1;
  skew.target = read_target(fault, scenario);
  skew.rate = fault.number("rate", 1, {kLeastRate, kMostRate});
  if (const auto offset = fault.find("offset")) skew.offset = read_offset(*offset);
  if (!fault.has("offset") && !fault.has("rate")) fault.node().fail("needs \"offset\", \"rate\", or both");
  if (skew.scheduler && (fault.has("target") || fault.has("rate"))) {
    fault.node().fail("\"target\" and \"rate\" are for clocks of workers: the schedulers' is off by \"offset\"");
  }
  return skew;
}

// Such as the policy in force survives.
Json draw_skew(FaultDice& dice) {
  if (!dice.has_beats()) return nullptr;
  const double slowest = dice.slowest_safe_clock();
  Json skew{{"target", dice.host()}};
  const bool drifts = slowest < 1 && dice.chance(0.5);
  if (drifts) skew["rate"] = std::max(rounded(slowest + (1 - slowest) * dice.fraction()), slowest);
  if (!dice.minds_offsets()) skew["offset"] = (dice.chance(0.5) ? "-" : "") + dice.span();
  else if (!drifts) return nullptr;
  return skew;
}

}  // namespace

FaultKind clock_skew_kind() {
  return {.type = "clock-skew",
          .summary = "A clock is off, or runs too fast or too slowly",
          .details =
              "That of the workers on the target's hosts, or of the schedulers. Where Redis's clock judges leases, and a "
              "worker its own "
              "deadline by differences of its own clock, an offset changes nothing. It does where the scheduler compares "
              "the time "
              "that a heartbeat carries with its own (ttl with expiry wall-clock, nfd-s): off by more than the ttl, live "
              "workers are dead. A worker whose clock is slow beats too seldom, and ends what it runs too late: safe while "
              "what it is off by in a lease is within control_plane.fencing_margin. Shares go by true time. Of several for "
              "one clock the last holds.",
          .source = "Gray, Cheriton, Leases, SOSP 1989; Liskov, Practical uses of synchronized clocks, PODC 1991",
          .keys = keys::kClockSkew,
          .read = read_skew,
          .draw = draw_skew};
}

}  // namespace drydock::scenarios

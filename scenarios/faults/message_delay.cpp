#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"
#include "scenarios/sections.hpp"

namespace drydock::scenarios {
namespace {

Fault read_delay(const ObjectReader& fault, const Scenario& scenario) {
  MessageDelay delay;
  check_ends(fault);
  delay.target = read_target(fault, scenario);
  delay.kinds = read_message_kinds(fault, delay.kinds);
  delay.probability = fault.number("probability", 1, {0, 1});
  delay.delay = read_duration_distribution(fault.require("delay"));
  delay.at = fault.duration("at", Duration{0});
  if (fault.has("for")) delay.lasting = fault.duration("for", Duration{0}, Duration{1});
  return delay;
}

}  // namespace

FaultKind message_delay_kind() {
  return {
      .type = "message-delay",
      .summary = "Messages between workers and Redis take longer, each by a random time",
      .details =
          "Heartbeats of the workers on the target's hosts, orders to them, their reports of ends, and their questions to "
          "the store of shares with its answers; kinds says which. They may overtake one another: an order to stop may "
          "come before the one to run. A report that comes too late, after its attempt was given up, is refused. "
          "Several delays add up.",
      .source = "Chen, Toueg, Aguilera, IEEE TC 51(5), 2002 (delays of heartbeats)",
      .keys = keys::kMessageDelay,
      .read = read_delay,
      .draw = [](FaultDice& dice) -> Json {
        Json delay{{"between", {"workers", "redis"}}, {"at", dice.moment()}, {"for", dice.span()}};
        if (dice.chance(0.7)) delay["target"] = dice.host();
        if (dice.chance(0.5)) delay["probability"] = dice.probability();
        if (dice.chance(0.5)) delay["kinds"] = dice.message_kinds(true);
        if (dice.chance(0.3)) delay["delay"] = dice.pause();
        else delay["delay"] = {{"exponential", {{"mean", dice.pause()}}}};
        return delay;
      }};
}

}  // namespace drydock::scenarios

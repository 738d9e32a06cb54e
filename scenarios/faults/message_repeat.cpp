#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"
#include "scenarios/sections.hpp"

namespace drydock::scenarios {
namespace {

Fault read_repeat(const ObjectReader& fault, const Scenario& scenario) {
  MessageDelay repeat;
  repeat.repeats = true;
  check_ends(fault);
  repeat.target = read_target(fault, scenario);
  repeat.kinds = read_message_kinds(fault, {.shares = false});
  if (repeat.kinds.shares) fault.node().member("kinds").fail("questions about shares are not repeated: name others");
  repeat.probability = fault.number("probability", 1, {0, 1});
  if (const auto delay = fault.find("delay")) repeat.delay = read_duration_distribution(*delay);
  repeat.at = fault.duration("at", Duration{0});
  if (fault.has("for")) repeat.lasting = fault.duration("for", Duration{0}, Duration{1});
  return repeat;
}

}  // namespace

FaultKind message_repeat_kind() {
  return {
      .type = "message-repeat",
      .summary = "Messages between workers and Redis arrive twice",
      .details =
          "Heartbeats of the workers on the target's hosts, orders to them and their reports of ends; kinds says which. The "
          "second comes \"delay\" after the first, at once when that is absent. Numbers of attempts make the repetition "
          "of orders and reports harmless: nothing runs or counts twice. A heartbeat that comes again keeps its worker's "
          "key alive for longer than the worker knows.",
      .source = "at-least-once delivery",
      .keys = keys::kMessageRepeat,
      .read = read_repeat,
      .draw = [](FaultDice& dice) -> Json {
        Json repeat{{"between", {"workers", "redis"}}, {"at", dice.moment()}, {"for", dice.span()}};
        if (dice.chance(0.7)) repeat["target"] = dice.host();
        if (dice.chance(0.5)) repeat["probability"] = dice.probability();
        if (dice.chance(0.5)) repeat["kinds"] = dice.message_kinds(false);
        if (dice.chance(0.7)) repeat["delay"] = dice.pause();
        return repeat;
      }};
}

}  // namespace drydock::scenarios

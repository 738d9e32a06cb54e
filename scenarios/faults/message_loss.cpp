#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

namespace drydock::scenarios {
namespace {

MessageLoss::Burst read_burst(const Node& node) {
  const ObjectReader burst(node, keys::kBurst);
  return {.enter = burst.require("enter").number({0, 1}),
          .leave = burst.require("leave").number({0, 1}),
          .lost = burst.number("lost", 1, {0, 1})};
}

Fault read_loss(const ObjectReader& fault, const Scenario& scenario) {
  MessageLoss loss;
  check_ends(fault);
  loss.target = read_target(fault, scenario);
  loss.kinds = read_message_kinds(fault, loss.kinds);
  if (!fault.has("probability") && !fault.has("burst")) fault.node().fail("needs \"probability\", \"burst\", or both");
  loss.probability = fault.number("probability", 0, {0, 1});
  if (const auto burst = fault.find("burst")) loss.burst = read_burst(*burst);
  loss.at = fault.duration("at", Duration{0});
  if (fault.has("for")) loss.lasting = fault.duration("for", Duration{0}, Duration{1});
  const bool all = loss.probability >= 1 && (!loss.burst || loss.burst->lost >= 1);
  const bool stuck = loss.burst && loss.burst->lost >= 1 && loss.burst->enter > 0 && loss.burst->leave <= 0;
  if (!loss.lasting && (all || stuck)) {
    fault.node().fail("no message would ever come through again: say how long with \"for\", or use \"worker-crash\"");
  }
  return loss;
}

Json draw_loss(FaultDice& dice) {
  if (!dice.uses_redis()) return nullptr;
  Json loss{{"between", {"workers", "redis"}}, {"at", dice.moment()}, {"for", dice.span()}};
  if (dice.chance(0.7)) loss["target"] = dice.host();
  if (dice.chance(0.5)) loss["kinds"] = dice.message_kinds(true);
  if (dice.chance(0.5)) loss["probability"] = 1;
  else if (dice.chance(0.7)) loss["probability"] = dice.probability();
  else loss["burst"] = {{"enter", dice.probability()}, {"leave", dice.probability()}};
  return loss;
}

}  // namespace

FaultKind message_loss_kind() {
  return {
      .type = "message-loss",
      .summary = "Messages between workers and Redis are lost, each by itself or in bursts",
      .details =
          "Concerns the heartbeats of the workers on the target's hosts: a lost one refreshes nothing; and their "
          "questions to the store of shares with its answers: a worker gives up on one after answer_timeout. Where kinds "
          "names them, orders to workers and reports of ends too: these are said again, after 0.5 s and 1 s, then twice "
          "as long each time, up to a minute. With burst "
          "each worker's messages go through a chain with a good and a bad state, which takes a step per message: "
          "probability holds in the good state, lost in the bad one, which lasts 1 / leave messages on average. "
          "Several losses add up.",
      .source = "Gilbert, Bell Syst. Tech. J. 39, 1960; Elliott, Bell Syst. Tech. J. 42, 1963",
      .keys = keys::kMessageLoss,
      .read = read_loss,
      .draw = draw_loss};
}

}  // namespace drydock::scenarios

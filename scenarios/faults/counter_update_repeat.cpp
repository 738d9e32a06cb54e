#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

namespace drydock::scenarios {

FaultKind counter_update_repeat_kind() {
  return {.type = "counter-update-repeat",
          .summary = "Updates of the counter arrive twice",
          .details =
              "As when a client sends again what had arrived, or when both the executor and a safety net count "
              "one release.",
          .source = "at-least-once delivery",
          .keys = keys::kCounterUpdateRepeat,
          .read = [](const ObjectReader& fault, const Scenario&) -> Fault {
            return read_order_fault(fault, OrderFault::Kind::counter_update_repeat);
          },
          .draw = [](FaultDice& dice) -> Json { return dice.has_counter() ? draw_order_fault(dice) : Json(); }};
}

}  // namespace drydock::scenarios

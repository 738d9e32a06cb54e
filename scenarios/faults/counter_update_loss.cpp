#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

namespace drydock::scenarios {

FaultKind counter_update_loss_kind() {
  return {.type = "counter-update-loss",
          .summary = "Updates of the counter are lost on their way",
          .details =
              "Each one by itself. Whoever sent it gets no answer; a policy that does not look at its answers "
              "never knows, and the counter drifts: after n updates of +1 and -1 by Skellam(n p / 2).",
          .source = "Skellam, J. R. Stat. Soc. 109, 1946",
          .keys = keys::kCounterUpdateLoss,
          .read = [](const ObjectReader& fault, const Scenario&) -> Fault {
            return read_order_fault(fault, OrderFault::Kind::counter_update_loss);
          },
          .draw = [](FaultDice& dice) -> Json { return dice.has_counter() ? draw_order_fault(dice) : Json(); }};
}

}  // namespace drydock::scenarios

#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

namespace drydock::scenarios {

FaultKind commit_in_doubt_kind() {
  return {.type = "commit-in-doubt",
          .summary = "The answer to a commit is lost",
          .details =
              "The batch may be in the database or not: the scheduler reads it back before it does anything "
              "else with these attempts.",
          .source = "Gray, Reuter, Transaction Processing, 1993",
          .keys = keys::kCommitInDoubt,
          .read = [](const ObjectReader& fault, const Scenario&) -> Fault {
            OrderFault result = read_order_fault(fault, OrderFault::Kind::commit_in_doubt);
            result.applied = fault.number("applied", 0.5, {0, 1});
            return result;
          },
          .draw = [](FaultDice& dice) -> Json {
            Json fault = draw_order_fault(dice);
            fault["applied"] = dice.chance(0.2) ? 0 : dice.chance(0.25) ? 1 : 0.5;
            return fault;
          }};
}

}  // namespace drydock::scenarios

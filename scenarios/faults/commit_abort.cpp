#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

namespace drydock::scenarios {

FaultKind commit_abort_kind() {
  return {.type = "commit-abort",
          .summary = "Commits are rolled back",
          .details =
              "The scheduler is told, and decides anew a second later. A counter that was moved before the "
              "commit is wrong from then on.",
          .source = "Gray, Reuter, Transaction Processing, 1993",
          .keys = keys::kCommitAbort,
          .read = [](const ObjectReader& fault, const Scenario&) -> Fault {
            return read_order_fault(fault, OrderFault::Kind::commit_abort);
          },
          .draw = draw_order_fault};
}

}  // namespace drydock::scenarios

#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

namespace drydock::scenarios {

FaultKind scheduler_pause_kind() {
  return {.type = "scheduler-pause",
          .summary = "A scheduler stands still for a while, and does not know it",
          .details =
              "It stops at the worst moment: it has decided, and its orders have not left. They leave when it goes on, "
              "whoever leads by then. What was sent to it meanwhile waits for it. A model of long garbage "
              "collections, of virtual machines that are moved, and of overloaded hosts.",
          .source = "Kleppmann: How to do distributed locking, 2016; Gray, Cheriton: Leases, SOSP 1989",
          .keys = keys::kSchedulerPause,
          .read = [](const ObjectReader& fault, const Scenario& scenario) -> Fault {
            SchedulerFault result{.kind = SchedulerFault::Kind::pause};
            read_scheduler_target(fault, scenario, result);
            result.when = read_times(fault, Lasting::must_end);
            return result;
          },
          .draw = [](FaultDice& dice) -> Json {
            if (dice.schedulers() == 1) return {};
            return {{"target", dice.scheduler()}, {"at", dice.moment()}, {"for", dice.span()}};
          }};
}

}  // namespace drydock::scenarios

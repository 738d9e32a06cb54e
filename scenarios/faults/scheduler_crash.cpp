#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

namespace drydock::scenarios {

FaultKind scheduler_crash_kind() {
  return {.type = "scheduler-crash",
          .summary = "A scheduler dies and is started again, or is asked to end",
          .details =
              "The process loses all that it knew; what it had sent arrives. Another scheduler takes over when the lease "
              "ends, and loads the state from the database. With \"graceful\" it is asked to end, as in an upgrade: it "
              "gives its lease back, and a standby has it with its next asking.",
          .source = "Fail-stop with recovery: Schlichting, Schneider, ACM TOCS 1(3), 1983",
          .keys = keys::kSchedulerCrash,
          .read = [](const ObjectReader& fault, const Scenario& scenario) -> Fault {
            SchedulerFault result{.kind = SchedulerFault::Kind::crash};
            read_scheduler_target(fault, scenario, result);
            result.graceful = fault.boolean("graceful", false);
            result.when = read_times(fault, Lasting::may_end);
            return result;
          },
          .draw = [](FaultDice& dice) -> Json {
            if (dice.schedulers() == 1) return {};
            Json fault{{"target", dice.scheduler()}, {"at", dice.moment()}, {"for", dice.span()}};
            if (dice.chance(0.3)) fault["graceful"] = true;
            return fault;
          }};
}

}  // namespace drydock::scenarios

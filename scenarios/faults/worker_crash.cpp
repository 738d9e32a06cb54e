#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

namespace drydock::scenarios {
namespace {

Fault read_crash(const ObjectReader& fault, const Scenario& scenario) {
  WorkerCrash crash;
  crash.target = read_target(fault, scenario);
  crash.when = read_times(fault, Lasting::may_end);
  return crash;
}

}  // namespace

FaultKind worker_crash_kind() {
  return {.type = "worker-crash",
          .summary = "A host dies with all that runs on it, and comes back",
          .details =
              "Once, at a time, or again and again with random times between. What ran there is lost up to what "
              "on_failure saves; the scheduler learns of it as the liveness policy says. With mtbf each host of the "
              "target has a clock of its own, which runs while the host is up.",
          .source = "Fail-stop with recovery: Schlichting, Schneider, ACM TOCS 1(3), 1983",
          .keys = keys::kWorkerCrash,
          .read = read_crash,
          .draw = [](FaultDice& dice) -> Json {
            return {{"target", dice.host()}, {"at", dice.moment()}, {"for", dice.span()}};
          }};
}

}  // namespace drydock::scenarios

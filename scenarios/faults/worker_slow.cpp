#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

namespace drydock::scenarios {

FaultKind worker_slow_kind() {
  return {.type = "worker-slow",
          .summary = "The processors of a host are slow for a while",
          .details =
              "They run at speed times their normal one: throttled by heat or by a quota, or shared with strangers. "
              "Heartbeats are not concerned, nor does the scheduler know of it: estimates of running jobs are too short. "
              "With mtbf "
              "each host of the target has a clock of its own. Several add up.",
          .source = "Fail-slow at scale: Gunawi et al., FAST 2018; stragglers: Dean, Barroso, CACM 56(2), 2013",
          .keys = keys::kWorkerSlow,
          .read = [](const ObjectReader& fault, const Scenario& scenario) -> Fault {
            HostTrouble slow{.target = read_target(fault, scenario)};
            slow.when = read_times(fault, Lasting::may_end);
            slow.factor = fault.require("speed").number({kLeastSpeed, 1});
            return slow;
          },
          .draw = [](FaultDice& dice) -> Json {
            return {{"target", dice.host()}, {"speed", dice.probability()}, {"at", dice.moment()}, {"for", dice.span()}};
          }};
}

}  // namespace drydock::scenarios

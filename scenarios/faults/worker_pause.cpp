#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

namespace drydock::scenarios {
namespace {

Fault read_pause(const ObjectReader& fault, const Scenario& scenario) {
  HostTrouble pause{.target = read_target(fault, scenario), .factor = 0};
  pause.when = read_times(fault, Lasting::must_end);
  return pause;
}

}  // namespace

FaultKind worker_pause_kind() {
  return {.type = "worker-pause",
          .summary = "The processes on a host stand still for a while, and know nothing of it",
          .details =
              "A virtual machine that is moved, a long collection of garbage, a machine that swaps, SIGSTOP: nothing is "
              "computed, no "
              "heartbeat is sent and no order is obeyed; network transfers that are under way go on. Awake again, a worker "
              "sends the "
              "heartbeat that was due and goes on as if nothing had been, even if it was declared dead meanwhile; one that "
              "fences "
              "itself first ends what it ran. With mtbf each host of the target has a clock of its own.",
          .source = "Kleppmann, How to do distributed locking, 2016 (process pauses); Gray, Cheriton, SOSP 1989",
          .keys = keys::kWorkerPause,
          .read = read_pause,
          .draw = [](FaultDice& dice) -> Json {
            if (dice.has_requests()) return {};
            return {{"target", dice.host()}, {"at", dice.moment()}, {"for", dice.span()}};
          }};
}

}  // namespace drydock::scenarios

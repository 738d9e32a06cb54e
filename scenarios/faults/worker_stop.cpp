#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

namespace drydock::scenarios {
namespace {

Fault read_stop(const ObjectReader& fault, const Scenario& scenario) {
  WorkerStop stop;
  stop.target = read_target(fault, scenario);
  stop.when = read_times(fault, Lasting::may_end);
  if (fault.has("grace")) stop.grace = fault.duration("grace", Duration{0});
  return stop;
}

}  // namespace

FaultKind worker_stop_kind() {
  return {
      .type = "worker-stop",
      .summary = "Workers are asked to end, and are started again",
      .details =
          "As by SIGTERM, for a new version: a worker takes nothing new from then on, ends when what it runs has ended, "
          "deletes its key, and is started again \"for\" later. What still runs after grace is ended, and runs again, "
          "which counts for no quarantine. One that is about to end already is not asked again. "
          "What the scheduler sends it meanwhile, not knowing, it declines, and that goes to others. It leaves when the "
          "scheduler knows, from its key or by what was declined, or after ten seconds (two readings of the registry, if "
          "these take longer). With mtbf each host of the target has a clock of its own.",
      .source = "systemd.kill(5); Kubernetes documentation, termination of pods",
      .keys = keys::kWorkerStop,
      .read = read_stop,
      .draw = [](FaultDice& dice) -> Json {
        Json stop{{"target", dice.host()}, {"at", dice.moment()}, {"for", dice.span()}};
        if (dice.chance(0.5)) stop["grace"] = dice.span();
        return stop;
      }};
}

}  // namespace drydock::scenarios

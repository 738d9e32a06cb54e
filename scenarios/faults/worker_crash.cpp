#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"
#include "scenarios/sections.hpp"

namespace drydock::scenarios {
namespace {

// A mean ("20d": exponential) or a distribution.
Distribution read_time_between(const Node& node) {
  if (node.json().is_object()) return read_duration_distribution(node);
  return Exponential{seconds(node.duration(Duration{1}))};
}

Fault read_crash(const ObjectReader& fault, const Scenario& scenario) {
  WorkerCrash crash;
  crash.target = read_target(fault, scenario);
  const bool once = fault.has("at");
  const bool repeated = fault.has("mtbf");
  if (once == repeated) {
    fault.node().fail(
        "needs either \"at\" (one crash; with \"for\", repaired after that time) or \"mtbf\" and \"mttr\" (again and "
        "again)");
  } else if (once) {
    if (fault.has("mttr")) fault.node().member("mttr").fail("goes with \"mtbf\"; with \"at\", say \"for\"");
    WorkerCrash::Once when{fault.duration("at", Duration{0}), std::nullopt};
    if (fault.has("for")) when.lasting = fault.duration("for", Duration{0}, Duration{1});
    crash.when = when;
  } else {
    if (fault.has("for")) fault.node().member("for").fail("goes with \"at\"; with \"mtbf\", say \"mttr\"");
    crash.when = WorkerCrash::Repeated{read_time_between(fault.require("mtbf")), read_time_between(fault.require("mttr"))};
  }
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
          .read = read_crash};
}

}  // namespace drydock::scenarios

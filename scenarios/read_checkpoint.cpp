// Section: policies.checkpoint, which needs to know how often hosts fail.
#include "policies/catalog.hpp"
#include "scenarios/sections.hpp"
#include "scenarios/units.hpp"

#include <fmt/format.h>
#include <variant>

namespace drydock::scenarios {
namespace {

std::uint32_t hosts_meant(const Scenario& scenario, const std::string& target) {
  std::uint32_t hosts = 0;
  for (const HostGroup& group : scenario.hosts) {
    if (target.empty() || target == group.name) hosts += group.count;
  }
  return hosts == 0 ? 1 : hosts;  // the name of one host
}

// Failures of one host per second of its uptime, on average over all hosts.
double failure_rate(const Scenario& scenario) {
  double rate = 0;
  for (const Fault& fault : scenario.faults) {
    const auto* crash = std::get_if<WorkerCrash>(&fault);
    const auto* again = crash != nullptr ? std::get_if<WorkerCrash::Repeated>(&crash->when) : nullptr;
    if (again != nullptr) rate += hosts_meant(scenario, crash->target) / mean_of(again->up);
  }
  return rate / hosts_meant(scenario, "");
}

}  // namespace

void read_checkpoint_policy(const ObjectReader& top, Scenario& scenario) {
  const PolicyConfig& config = scenario.checkpoint_policy;
  if (config.type.empty()) return;
  const Node node = top.node().member("policies").member("checkpoint");
  if (top.has("checkpoint")) {
    node.fail("the scenario also has the top-level key \"checkpoint\", which says the same: leave one of them out");
    return;
  }
  const auto policy = make_checkpoint(config);
  scenario.checkpoint.cost = config.get<Duration>("cost");
  scenario.checkpoint.restart = config.get<Duration>("restart");
  if (!policy->needs_costs()) {
    scenario.checkpoint.interval = policy->interval({});
    return;
  }
  const auto given = config.get<Duration>("mttf");
  const double rate = given > Duration{0} ? 1 / seconds(given) : failure_rate(scenario);
  if (rate <= 0) {
    node.fail(
        fmt::format("\"{}\" needs to know how often hosts fail, and no worker-crash fault with \"mtbf\" says so: give "
                    "\"mttf\", the mean time between failures of a host, such as \"20d\"",
                    config.type));
    return;
  }
  scenario.checkpoint.interval =
      std::min(kLongest, policy->interval({.cost_s = seconds(scenario.checkpoint.cost), .mttf_s = 1 / rate}));
  if (given > Duration{0}) return;
  scenario.notes.push_back(fmt::format(
      "a checkpoint after each {:.4g} min of work ({}): hosts fail every {:.4g} h on average, as the worker-crash "
      "faults say; give \"mttf\" where jobs have several tasks (N tasks fail N times as often) or fail otherwise",
      seconds(scenario.checkpoint.interval) / 60, config.type, 1 / rate / 3600));
}

}  // namespace drydock::scenarios

// Section: faults.
#include "scenarios/faults/faults.hpp"
#include "scenarios/sections.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <string_view>
#include <variant>
#include <vector>

namespace drydock::scenarios {

void read_faults(const ObjectReader& top, Scenario& scenario) {
  const auto node = top.find("faults");
  if (!node) return;
  std::vector<std::string_view> types;
  for (const FaultKind& kind : fault_kinds()) types.push_back(kind.type);
  std::size_t bursts = 0;
  for (const Node& item : node->items()) {
    if (!item.json().is_object() || !item.json().contains("type")) {
      const ObjectReader object(item, fault_kinds().front().keys);
      (void)object.require("type");
      return;
    }
    const std::string type = item.member("type").word(types);
    if (item.diagnostics().failed()) return;
    const FaultKind& kind = *std::ranges::find(fault_kinds(), type, &FaultKind::type);
    scenario.faults.push_back(kind.read(ObjectReader(item, kind.keys), scenario));
    const auto* loss = std::get_if<MessageLoss>(&scenario.faults.back());
    constexpr std::size_t kMostBursts = 32;
    if (loss != nullptr && loss->burst && ++bursts > kMostBursts) item.fail("more than 32 bursty message losses");
  }
}

void refuse_unknown_jobs(const ObjectReader& top, const Scenario& scenario) {
  std::vector<std::string_view> names;
  for (const Source& source : scenario.workload) {
    names.push_back(std::visit([](const auto& s) -> std::string_view { return s.name; }, source));
  }
  for (std::size_t i = 0; i < scenario.faults.size(); ++i) {
    const auto* poison = std::get_if<PoisonJob>(&scenario.faults[i]);
    if (poison == nullptr || poison->jobs.empty() || std::ranges::count(names, poison->jobs) > 0) continue;
    const bool periodic = std::ranges::any_of(
        scenario.periodic, [&](const PeriodicSource& source) { return source.jobs.name == poison->jobs; });
    top.node().member("faults").items()[i].member("jobs").fail(
        periodic
            ? fmt::format("the jobs of \"{}\" are periodic: only those that arrive can be poison", printable(poison->jobs))
        : names.empty() ? fmt::format("there is no entry \"{}\" in the workload", printable(poison->jobs))
                        : fmt::format("there is no entry \"{}\" in the workload{}", printable(poison->jobs),
                                      suggestion(poison->jobs, names)));
  }
}

// What requests do while their process stands still is up to the service: not simulated.
void refuse_paused_requests(const ObjectReader& top, const Scenario& scenario) {
  for (std::size_t i = 0; i < scenario.faults.size(); ++i) {
    const auto* pause = std::get_if<HostTrouble>(&scenario.faults[i]);
    if (pause == nullptr || pause->factor > 0) continue;
    for (const Pool& pool : scenario.pools) {
      const bool concerned = std::ranges::any_of(scenario.hosts, [&](const HostGroup& group) {
        return std::ranges::count(pool.hosts, group.name) > 0 && (pause->target.empty() || is_target(group, pause->target));
      });
      if (!concerned || !makes_requests(scenario, pool)) continue;
      top.node().member("faults").items()[i].fail(fmt::format(
          "workers of pool \"{}\" serve jobs that make requests: these cannot be paused; name another target", pool.name));
      break;
    }
  }
}

}  // namespace drydock::scenarios

#include "cli/scenario_choice.hpp"

#include "cli/suggest.hpp"
#include "reports/metric_info.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <string_view>
#include <utility>

namespace drydock::cli {

using scenarios::Scenario;

Result<std::vector<Scenario>> choose_variants(std::vector<Scenario> all, const std::vector<std::string>& wanted_names,
                                              const std::string& scenario_name) {
  if (wanted_names.empty()) return all;
  std::vector<std::string_view> names;
  for (const Scenario& scenario : all) names.push_back(scenario.variant);
  for (const std::string& wanted : wanted_names) {
    if (std::find(names.begin(), names.end(), wanted) != names.end()) continue;
    if (all.size() == 1 && all.front().variant.empty()) {
      return Error{fmt::format("--variant {}: {} has no variants", scenarios::printable(wanted), scenario_name)};
    }
    return Error{fmt::format("--variant {}: {} has no such variant{}; it has: {}", scenarios::printable(wanted),
                             scenario_name, did_you_mean(wanted, names), scenarios::listed(names))};
  }
  std::vector<Scenario> chosen;
  for (Scenario& scenario : all) {
    const bool wanted = std::find(wanted_names.begin(), wanted_names.end(), scenario.variant) != wanted_names.end();
    if (wanted) chosen.push_back(std::move(scenario));
  }
  return chosen;
}

std::vector<std::string> possible_metrics(std::span<const Scenario> variants) {
  reports::Parts parts;
  const auto add = [](std::vector<std::string>& to, const std::string& name) {
    if (std::find(to.begin(), to.end(), name) == to.end()) to.push_back(name);
  };
  for (const Scenario& scenario : variants) {
    for (const auto& queue : scenario.scheduler.queues) add(parts.queues, queue.name);
    for (const auto& pool : scenario.pools) add(parts.pools, pool.name);
    parts.requests = parts.requests || scenarios::requesting_workers(scenario) > 0;
    parts.limits = parts.limits || scenario.limits.has_value();
  }
  return reports::metric_names(parts);
}

}  // namespace drydock::cli

#include "scenarios/faults/faults.hpp"
#include "scenarios/sections.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <vector>

namespace drydock::scenarios {
namespace {

// "node-0 ... node-7"; nothing to add where the group's name says it.
std::string hosts_of(const HostGroup& group) {
  const std::string first = host_name(group, 0);
  return group.count == 1 ? first : fmt::format("{} ... {}", first, host_name(group, group.count - 1));
}

}  // namespace

bool is_target(const HostGroup& group, const std::string& target) {
  if (group.name == target) return true;
  if (!group.names.empty()) return std::ranges::find(group.names, target) != group.names.end();
  if (group.count == 1 || !target.starts_with(group.name + "-")) return false;
  const std::string number = target.substr(group.name.size() + 1);
  const bool digits =
      !number.empty() && number.size() <= 8 && std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
  return digits && std::to_string(std::stoul(number)) == number && std::stoul(number) < group.count;
}

std::string read_target(const ObjectReader& fault, const Scenario& scenario) {
  std::string target = fault.text("target");
  if (!fault.has("target") ||
      std::ranges::any_of(scenario.hosts, [&](const HostGroup& group) { return is_target(group, target); }))
    return target;
  std::vector<std::string> names;
  for (const HostGroup& group : scenario.hosts) {
    names.push_back(group.name);
    if (hosts_of(group) != group.name) names.push_back(hosts_of(group));
  }
  fault.node().member("target").fail(
      fmt::format("there is no host or host group \"{}\"; there are: {}", printable(target), fmt::join(names, ", ")));
  return target;
}

void read_scheduler_target(const ObjectReader& fault, const Scenario& scenario, SchedulerFault& result) {
  using Whom = SchedulerFault::Whom;
  if (scenario.schedulers == 1) {
    fault.node().fail(
        "needs several schedulers: with one nobody could take over; say \"control_plane\": {\"schedulers\": 3}");
    return;
  }
  const auto target = fault.find("target");
  if (!target) return;
  if (target->json().is_number()) {
    result.whom = Whom::one;
    result.index = static_cast<std::uint32_t>(target->count({0, static_cast<std::int64_t>(scenario.schedulers) - 1}));
    return;
  }
  constexpr std::array<std::string_view, 3> kWords{"leader", "any", "all"};
  const std::string word = target->json().is_string() ? target->text() : "";
  const auto found = std::ranges::find(kWords, word);
  if (found != kWords.end()) {
    result.whom = static_cast<Whom>(found - kWords.begin());
    return;
  }
  target->expected(
      fmt::format("\"leader\", \"any\", \"all\" or the number of a scheduler from 0 to {}", scenario.schedulers - 1));
}

}  // namespace drydock::scenarios

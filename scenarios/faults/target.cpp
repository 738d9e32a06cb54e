#include "scenarios/faults/faults.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <vector>

namespace drydock::scenarios {
namespace {

bool is_host(const Scenario& scenario, const std::string& target) {
  for (const HostGroup& group : scenario.hosts) {
    if (group.name == target) return true;
    if (group.count == 1 || !target.starts_with(group.name + "-")) continue;
    const std::string number = target.substr(group.name.size() + 1);
    const bool digits =
        !number.empty() && number.size() <= 8 && std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
    if (digits && std::to_string(std::stoul(number)) == number && std::stoul(number) < group.count) return true;
  }
  return false;
}

}  // namespace

std::string read_target(const ObjectReader& fault, const Scenario& scenario) {
  std::string target = fault.text("target");
  if (!fault.has("target") || is_host(scenario, target)) return target;
  std::vector<std::string> names;
  for (const HostGroup& group : scenario.hosts) {
    names.push_back(group.name);
    if (group.count > 1) names.push_back(fmt::format("{}-0 ... {}-{}", group.name, group.name, group.count - 1));
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

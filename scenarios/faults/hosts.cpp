#include "scenarios/faults/hosts.hpp"

#include <numeric>

namespace drydock::scenarios {

std::vector<HostIndex> target_hosts(std::span<const HostGroup> groups, std::string_view target) {
  const auto numbered = [](HostIndex first, std::uint32_t count) {
    std::vector<HostIndex> hosts(count);
    std::iota(hosts.begin(), hosts.end(), first);
    return hosts;
  };
  HostIndex first = 0;
  for (const HostGroup& group : groups) {
    if (group.name == target) return numbered(first, group.count);
    first += group.count;
  }
  if (target.empty()) return numbered(0, first);
  first = 0;
  for (const HostGroup& group : groups) {
    const bool may_be = !group.names.empty() || target.starts_with(group.name);
    for (std::uint32_t number = 0; may_be && number < group.count; ++number) {
      if (host_name(group, number) == target) return {first + number};
    }
    first += group.count;
  }
  return {};
}

}  // namespace drydock::scenarios

// The hosts of a scenario by number, group by group, as every world numbers them.
#pragma once

#include "scenarios/scenario.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace drydock::scenarios {

using HostIndex = std::uint32_t;

// Hosts meant by a fault's target: a host's name, a group's, or empty for all. Empty when there is no such name.
[[nodiscard]] std::vector<HostIndex> target_hosts(std::span<const HostGroup> groups, std::string_view target);

}  // namespace drydock::scenarios

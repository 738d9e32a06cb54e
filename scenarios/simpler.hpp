// Simpler versions of a scenario, to find the simplest one that still shows something.
#pragma once

#include "scenarios/document.hpp"

#include <vector>

namespace drydock::scenarios {

// Each in one respect, boldest first: fewer faults, parts that are left out, fewer jobs and hosts, earlier and shorter faults in rounder
// figures. None at the end. Some may be no valid scenarios.
[[nodiscard]] std::vector<Json> simpler_scenarios(const Json& scenario);

}  // namespace drydock::scenarios

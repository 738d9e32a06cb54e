// Which variants of a scenario to run, and which metrics they can have.
#pragma once

#include "policies/core/result.hpp"
#include "scenarios/scenario.hpp"

#include <span>
#include <string>
#include <vector>

namespace drydock::cli {

// Those named with --variant, in the order of the scenario; all, if none is named. Refuses a name that there is not. `scenario`: as the user
// called it.
[[nodiscard]] Result<std::vector<scenarios::Scenario>> choose_variants(std::vector<scenarios::Scenario> all,
                                                                       const std::vector<std::string>& wanted,
                                                                       const std::string& scenario);

// Every metric that one of these variants can have.
[[nodiscard]] std::vector<std::string> possible_metrics(std::span<const scenarios::Scenario> variants);

}  // namespace drydock::cli

// Parameters that several policies of the family `share` have, with the source system's figures as defaults.
#pragma once

#include "policies/core/policy_info.hpp"
#include "policies/core/share_policy.hpp"

#include <vector>

namespace drydock {

inline constexpr std::string_view kNothing = "nothing";
inline constexpr std::string_view kBase = "base";

[[nodiscard]] std::vector<ParameterInfo> idle_parameters();
// Those, and the ones of policies whose workers announce their state to each other.
[[nodiscard]] std::vector<ParameterInfo> announced_parameters();

// Without protocol.
[[nodiscard]] ShareRules idle_rules(const PolicyConfig& config);
[[nodiscard]] ShareRules announced_rules(const PolicyConfig& config);

}  // namespace drydock

// What the retry policies have in common: parameters of the budget and of quarantine.
#pragma once

#include "policies/core/policy_info.hpp"
#include "policies/core/retry.hpp"

#include <vector>

namespace drydock {

// `own` first, then those that every type has.
[[nodiscard]] std::vector<ParameterInfo> with_retry_parameters(std::vector<ParameterInfo> own);
[[nodiscard]] RetryRules retry_rules(const PolicyConfig& config);
// The parameter "retries", which every type has as well.
[[nodiscard]] ParameterInfo retries_parameter();

}  // namespace drydock

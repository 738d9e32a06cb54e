// Whether jobs start on nodes whose session may end before they do.
#pragma once

#include "policies/core/policy_info.hpp"
#include "policies/core/time.hpp"

#include <optional>

namespace drydock {

// What must be left of a worker's session at the estimated end of a job that starts there; nothing when it does not matter.
// The type must be in the catalog, or empty (oblivious).
[[nodiscard]] std::optional<Duration> session_margin(const PolicyConfig& config);

}  // namespace drydock

// Random clusters, workloads and dangers by seed, for HonestWorld.
#pragma once

#include "policies/core/policy_info.hpp"
#include "tests/properties/honest_world.hpp"

#include <cstdint>

namespace drydock::properties {

// A configuration of the policy with random values for its parameters.
[[nodiscard]] PolicyConfig random_policy(const PolicyInfo& info, std::uint64_t seed);

// Each job can run in at least one pool of its queue once all workers are there; all its tasks on one worker if
// `whole_on_one_worker`.
[[nodiscard]] WorldConfig random_history(const PolicyConfig& placement, std::uint64_t seed);

}  // namespace drydock::properties

// The table of all policies. A new one: one file with an info and a factory, and one line in catalog.cpp; or a plugin (plugin.hpp).
#pragma once

#include "policies/checkpoint.hpp"
#include "policies/core/accounting.hpp"
#include "policies/core/isolation_policy.hpp"
#include "policies/core/placement_policy.hpp"
#include "policies/core/policy_info.hpp"
#include "policies/core/retry.hpp"
#include "policies/core/scheduler.hpp"
#include "policies/core/share_policy.hpp"
#include "policies/liveness.hpp"

#include <memory>
#include <span>
#include <string_view>

namespace drydock {

// All policies, by family, then in the order in which people should read them.
[[nodiscard]] std::span<const PolicyInfo> policy_catalog();

struct PluginPolicies;
// Adds those of a plugin, each behind the others of its family; their types are new there. Before anything else asks for policies: what
// was given out before does not hold any more.
void add_policies(PluginPolicies policies);
// nullptr when there is none.
[[nodiscard]] const PolicyInfo* find_policy(PolicyFamily family, std::string_view type);

// The type must be in the catalog and its parameters complete (configure()).
[[nodiscard]] std::unique_ptr<PlacementPolicy> make_placement(const PolicyConfig& config);
// With what its pools ask for around it.
[[nodiscard]] std::unique_ptr<PlacementPolicy> make_placement(const SchedulerConfig& config);
[[nodiscard]] std::unique_ptr<LivenessPolicy> make_liveness(const PolicyConfig& config);
// nullptr for an empty type: no counter.
[[nodiscard]] std::unique_ptr<AccountingPolicy> make_accounting(const PolicyConfig& config);
[[nodiscard]] std::unique_ptr<IsolationPolicy> make_isolation(const PolicyConfig& config);
[[nodiscard]] std::unique_ptr<SharePolicy> make_share(const PolicyConfig& config);
// nullptr for a config without a type: failed attempts are then not repeated.
[[nodiscard]] std::unique_ptr<RetryPolicy> make_retry(const PolicyConfig& config);
// All that the scheduler of this configuration decides with; with another placement policy, where one is given (a plugin's).
[[nodiscard]] Policies make_policies(const SchedulerConfig& config, std::unique_ptr<PlacementPolicy> placement = nullptr);
[[nodiscard]] std::unique_ptr<CheckpointPolicy> make_checkpoint(const PolicyConfig& config);

}  // namespace drydock

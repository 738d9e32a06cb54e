// What each policy's file defines: its description and its factory. The built-in ones are collected by catalog.cpp.
#pragma once

#include "policies/checkpoint.hpp"
#include "policies/core/accounting.hpp"
#include "policies/core/isolation_policy.hpp"
#include "policies/core/placement_policy.hpp"
#include "policies/core/policy_info.hpp"
#include "policies/core/retry.hpp"
#include "policies/core/share_policy.hpp"
#include "policies/liveness.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <span>

namespace drydock {

struct BuiltInPlacement {
  PolicyInfo info;
  std::function<std::unique_ptr<PlacementPolicy>(const PolicyConfig& config)> make;
};
struct BuiltInLiveness {
  PolicyInfo info;
  std::unique_ptr<LivenessPolicy> (*make)(const PolicyConfig& config);
};
struct BuiltInAccounting {
  PolicyInfo info;
  std::unique_ptr<AccountingPolicy> (*make)(const PolicyConfig& config);
};
struct BuiltInIsolation {
  PolicyInfo info;
  std::function<std::unique_ptr<IsolationPolicy>(const PolicyConfig& config)> make;
};
struct BuiltInShare {
  PolicyInfo info;
  std::unique_ptr<SharePolicy> (*make)(const PolicyConfig& config);
};
struct BuiltInRetry {
  PolicyInfo info;
  std::unique_ptr<RetryPolicy> (*make)(const PolicyConfig& config);
};
struct BuiltInCheckpoint {
  PolicyInfo info;
  std::unique_ptr<CheckpointPolicy> (*make)(const PolicyConfig& config);
};

struct BuiltInSession {
  PolicyInfo info;
  std::optional<Duration> (*margin)(const PolicyConfig& config);  // as session_margin()
};

[[nodiscard]] BuiltInPlacement fcfs_policy();
[[nodiscard]] BuiltInPlacement sjf_policy();
[[nodiscard]] BuiltInPlacement saf_policy();
[[nodiscard]] BuiltInPlacement f1_policy();
[[nodiscard]] BuiltInPlacement wfp3_policy();
[[nodiscard]] BuiltInPlacement srpt_policy();
[[nodiscard]] BuiltInPlacement las_policy();
[[nodiscard]] BuiltInPlacement easy_policy();
[[nodiscard]] BuiltInPlacement easy_sjf_policy();
[[nodiscard]] BuiltInPlacement conservative_policy();
[[nodiscard]] BuiltInPlacement greedy_backfill_policy();
[[nodiscard]] BuiltInPlacement first_fit_policy();
[[nodiscard]] BuiltInPlacement best_fit_policy();
[[nodiscard]] BuiltInPlacement worst_fit_policy();
[[nodiscard]] BuiltInPlacement dot_product_policy();
[[nodiscard]] BuiltInPlacement jsq_policy();
[[nodiscard]] BuiltInPlacement jiq_policy();
[[nodiscard]] BuiltInPlacement work_stealing_policy();
[[nodiscard]] BuiltInPlacement batch_sampling_policy();
[[nodiscard]] BuiltInPlacement min_min_policy();
[[nodiscard]] BuiltInPlacement max_min_placement_policy();
[[nodiscard]] BuiltInPlacement sufferage_policy();
[[nodiscard]] BuiltInPlacement priority_policy();

[[nodiscard]] BuiltInLiveness oracle_policy();
[[nodiscard]] BuiltInLiveness ttl_policy();
[[nodiscard]] BuiltInLiveness nfd_s_policy();
[[nodiscard]] BuiltInLiveness nfd_e_policy();
[[nodiscard]] BuiltInLiveness phi_normal_policy();
[[nodiscard]] BuiltInLiveness phi_exponential_policy();
[[nodiscard]] BuiltInLiveness adaptive_policy();

// The parameter "heartbeat", shared by most liveness policies.
[[nodiscard]] ParameterInfo heartbeat_parameter();

[[nodiscard]] BuiltInAccounting cached_counter_policy();
[[nodiscard]] BuiltInAccounting database_policy();
[[nodiscard]] BuiltInAccounting fenced_counter_policy();
[[nodiscard]] BuiltInAccounting atomic_counter_policy();
[[nodiscard]] BuiltInAccounting reserve_confirm_policy();
[[nodiscard]] BuiltInAccounting outbox_policy();
[[nodiscard]] BuiltInIsolation static_pools_policy();
[[nodiscard]] BuiltInIsolation shared_policy();
[[nodiscard]] BuiltInIsolation strict_priority_policy();
[[nodiscard]] BuiltInIsolation borrowing_policy();
[[nodiscard]] BuiltInIsolation weighted_fair_policy();
[[nodiscard]] BuiltInIsolation fair_share_policy();
[[nodiscard]] BuiltInIsolation drf_isolation_policy();

// Turns by the priorities of the queues, as several isolation policies have them.
void order_by_priority(const IsolationPass& pass, std::span<Turn> turns);

[[nodiscard]] BuiltInShare equal_active_policy();
[[nodiscard]] BuiltInShare max_min_policy();
[[nodiscard]] BuiltInShare drf_policy();
[[nodiscard]] BuiltInShare aimd_policy();
[[nodiscard]] BuiltInShare leased_policy();

[[nodiscard]] BuiltInRetry fixed_retry_policy();
[[nodiscard]] BuiltInRetry exponential_retry_policy();

[[nodiscard]] BuiltInCheckpoint fixed_checkpoint_policy();
[[nodiscard]] BuiltInCheckpoint young_policy();
[[nodiscard]] BuiltInCheckpoint daly_policy();
[[nodiscard]] BuiltInCheckpoint exact_policy();

[[nodiscard]] BuiltInSession oblivious_session_policy();
[[nodiscard]] BuiltInSession fitting_session_policy();

}  // namespace drydock

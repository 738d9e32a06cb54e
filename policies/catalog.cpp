#include "policies/catalog.hpp"

#include "policies/built_in.hpp"
#include "policies/core/assert.hpp"
#include "policies/plugin.hpp"
#include "policies/prefetch.hpp"
#include "policies/session.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace drydock {

namespace {

std::vector<BuiltInPlacement>& placements() {
  static std::vector<BuiltInPlacement> all = {fcfs_policy(),
                                              sjf_policy(),
                                              saf_policy(),
                                              f1_policy(),
                                              wfp3_policy(),
                                              srpt_policy(),
                                              las_policy(),
                                              easy_policy(),
                                              easy_sjf_policy(),
                                              conservative_policy(),
                                              greedy_backfill_policy(),
                                              first_fit_policy(),
                                              best_fit_policy(),
                                              worst_fit_policy(),
                                              dot_product_policy(),
                                              jsq_policy(),
                                              jiq_policy(),
                                              work_stealing_policy(),
                                              batch_sampling_policy(),
                                              min_min_policy(),
                                              max_min_placement_policy(),
                                              sufferage_policy(),
                                              priority_policy()};
  return all;
}

const std::vector<BuiltInLiveness>& livenesses() {
  static const std::vector<BuiltInLiveness> all = {oracle_policy(),  ttl_policy(),        nfd_s_policy(),
                                                   nfd_e_policy(),   phi_normal_policy(), phi_exponential_policy(),
                                                   adaptive_policy()};
  return all;
}

const std::vector<BuiltInAccounting>& accountings() {
  static const std::vector<BuiltInAccounting> all = {cached_counter_policy(),  database_policy(),
                                                     fenced_counter_policy(),  atomic_counter_policy(),
                                                     reserve_confirm_policy(), outbox_policy()};
  return all;
}

std::vector<BuiltInIsolation>& isolations() {
  static std::vector<BuiltInIsolation> all = {static_pools_policy(), shared_policy(),        strict_priority_policy(),
                                              borrowing_policy(),    weighted_fair_policy(), fair_share_policy(),
                                              drf_isolation_policy()};
  return all;
}

const std::vector<BuiltInShare>& shares() {
  static const std::vector<BuiltInShare> all = {equal_active_policy(), max_min_policy(), drf_policy(), aimd_policy(),
                                                leased_policy()};
  return all;
}

const std::vector<BuiltInRetry>& retries() {
  static const std::vector<BuiltInRetry> all = {fixed_retry_policy(), exponential_retry_policy()};
  return all;
}

const std::vector<BuiltInCheckpoint>& checkpoints() {
  static const std::vector<BuiltInCheckpoint> all = {fixed_checkpoint_policy(), young_policy(), daly_policy(),
                                                     exact_policy()};
  return all;
}

const std::vector<BuiltInSession>& sessions() {
  static const std::vector<BuiltInSession> all = {oblivious_session_policy(), fitting_session_policy()};
  return all;
}

std::vector<PolicyInfo> collect_infos() {
  std::vector<PolicyInfo> infos;
  for (const auto& entry : placements()) infos.push_back(entry.info);
  for (const auto& entry : livenesses()) infos.push_back(entry.info);
  for (const auto& entry : accountings()) infos.push_back(entry.info);
  for (const auto& entry : isolations()) infos.push_back(entry.info);
  for (const auto& entry : shares()) infos.push_back(entry.info);
  for (const auto& entry : retries()) infos.push_back(entry.info);
  for (const auto& entry : checkpoints()) infos.push_back(entry.info);
  for (const auto& entry : sessions()) infos.push_back(entry.info);
  return infos;
}

std::vector<PolicyInfo>& all_infos() {
  static std::vector<PolicyInfo> all = collect_infos();
  return all;
}

template <class Entries>
const auto& entry_of(const Entries& entries, const PolicyConfig& config) {
  const auto found = std::ranges::find_if(entries, [&](const auto& entry) { return entry.info.type == config.type; });
  DRYDOCK_CHECK(found != entries.end(), "a policy that is not in the catalog was asked for");
  return *found;
}

template <class Entries>
auto make(const Entries& entries, const PolicyConfig& config) {
  return entry_of(entries, config).make(config);
}

}  // namespace

std::span<const PolicyInfo> policy_catalog() { return all_infos(); }

void add_policies(PluginPolicies policies) {
  for (auto& entry : policies.placements) placements().push_back(std::move(entry));
  for (auto& entry : policies.isolations) isolations().push_back(std::move(entry));
  all_infos() = collect_infos();
}

const PolicyInfo* find_policy(PolicyFamily family, std::string_view type) {
  const std::span<const PolicyInfo> all = policy_catalog();
  const auto found =
      std::ranges::find_if(all, [&](const PolicyInfo& info) { return info.family == family && info.type == type; });
  return found == all.end() ? nullptr : &*found;
}

std::unique_ptr<PlacementPolicy> make_placement(const PolicyConfig& config) { return make(placements(), config); }
std::unique_ptr<PlacementPolicy> make_placement(const SchedulerConfig& config) {
  std::unique_ptr<PlacementPolicy> placement = make_placement(config.placement);
  std::vector<std::uint32_t> depths;
  for (const PoolConfig& pool : config.pools) depths.push_back(pool.prefetch);
  if (std::ranges::all_of(depths, [](std::uint32_t depth) { return depth == 0; })) return placement;
  return std::make_unique<Prefetch>(std::move(placement), std::move(depths));
}
std::unique_ptr<LivenessPolicy> make_liveness(const PolicyConfig& config) { return make(livenesses(), config); }
std::unique_ptr<AccountingPolicy> make_accounting(const PolicyConfig& config) {
  return config.type.empty() ? nullptr : make(accountings(), config);
}
std::unique_ptr<IsolationPolicy> make_isolation(const PolicyConfig& config) { return make(isolations(), config); }
std::unique_ptr<SharePolicy> make_share(const PolicyConfig& config) { return make(shares(), config); }
std::unique_ptr<RetryPolicy> make_retry(const PolicyConfig& config) {
  return config.type.empty() ? nullptr : make(retries(), config);
}
Policies make_policies(const SchedulerConfig& config, std::unique_ptr<PlacementPolicy> placement) {
  Policies policies(placement ? std::move(placement) : make_placement(config));
  policies.isolation = make_isolation(config.isolation);
  policies.retry = make_retry(config.retry);
  policies.accounting = make_accounting(config.accounting);
  return policies;
}
std::optional<Duration> session_margin(const PolicyConfig& config) {
  return config.type.empty() ? std::nullopt : entry_of(sessions(), config).margin(config);
}
std::unique_ptr<CheckpointPolicy> make_checkpoint(const PolicyConfig& config) { return make(checkpoints(), config); }

}  // namespace drydock

// A placement and an isolation policy at work on one cluster: what they decide at one moment, pool by pool. The scheduler has one, and
// so has a shadow (shadow.hpp), on a cluster of its own.
#pragma once

#include "policies/core/isolation_policy.hpp"
#include "policies/core/placement_policy.hpp"
#include "policies/core/plan.hpp"
#include "policies/core/rng.hpp"
#include "policies/core/time.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drydock {

// What a cluster is to keep ready for these policies. `aggregate`: admission is by totals (aggregate_admission.hpp).
[[nodiscard]] PlacementTraits cluster_traits(const PlacementPolicy& placement, const IsolationPolicy* isolation,
                                             bool aggregate);

class Planner {
 public:
  // All of them outlive this. Without an isolation policy pools are static.
  Planner(PlacementPolicy& placement, IsolationPolicy* isolation, Cluster& cluster, Rng rng);
  Planner(const Planner&) = delete;
  Planner& operator=(const Planner&) = delete;

  // Once, before all else: the turns of each pool as they are at first.
  void open_turns();
  // Pools that a policy wants to be planned for by now are.
  void wake(Time now);
  // When that is next the case; kNever if there is no need.
  [[nodiscard]] Time next_wakeup(Time now) const;

  // Plans for every pool in which something changed, until none is left. False when a policy threw an exception or broke a rule, as
  // error() says; what it had decided for that pool before is then in the cluster, and not in what follows. None may follow then.
  [[nodiscard]] bool pass(Time now);
  [[nodiscard]] const std::string& error() const { return error_; }

  // Of the last pass, in the order of the decisions.
  [[nodiscard]] std::span<const JobRef> started() const { return started_; }
  [[nodiscard]] std::span<const Displacement> displaced() const { return displaced_; }
  // All of them, if that was asked for.
  void record_acts() { plan_.record(&acts_); }
  [[nodiscard]] std::span<const PlanAct> acts() const { return acts_; }

  // Whether the isolation policy changes its turns.
  [[nodiscard]] bool turns_change() const { return isolation_ != nullptr && !traits_.fixed; }
  // Another one, in another state, in the place of the isolation policy; of the same type.
  void replace(IsolationPolicy& isolation) { isolation_ = &isolation; }

 private:
  // What it throws becomes the error.
  template <class Call>
  void guarded(std::string_view who, const Call& call);
  [[nodiscard]] Time wakeup(PoolId pool) const;
  void plan_pool(PoolId pool, bool lending);
  void reclaim(PoolId pool);
  [[nodiscard]] bool failed() const { return !error_.empty(); }

  PlacementPolicy& placement_;
  IsolationPolicy* isolation_;
  IsolationTraits traits_;
  bool order_changes_;
  Cluster& cluster_;
  Rng rng_;
  Plan plan_;
  Time now_{};
  std::string error_;
  std::vector<JobRef> started_;
  std::vector<Displacement> displaced_;
  std::vector<PlanAct> acts_;
  std::vector<PoolId> planned_;  // in this round of a pass
};

}  // namespace drydock

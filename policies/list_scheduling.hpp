// List scheduling: start the head of the queue as long as it fits; nothing overtakes a head that does not fit. What the
// policies fcfs, sjf, saf, f1, wfp3, first-, best- and worst-fit and dot-product have in common.
#pragma once

#include "policies/core/placement_policy.hpp"
#include "policies/order.hpp"

#include <vector>

namespace drydock {

// Starts heads until one does not fit, and returns that one; nothing when no job is left. `scratch` is overwritten.
std::optional<JobRef> start_heads(const PassContext& pass, Plan& plan, std::vector<Placement>& scratch);

class ListScheduling final : public PlacementPolicy {
 public:
  ListScheduling(Order order, Fit fit) : order_(order), fit_(fit) {}
  [[nodiscard]] PlacementTraits traits() const override {
    return {.fit = fit_, .order_changes = changes_with_time(order_), .minds_sessions = true};
  }
  [[nodiscard]] Rank rank(const Job& job, const Cluster& cluster) const override {
    return rank_in(order_, job, cluster.now());
  }
  void plan(const PassContext& pass, Plan& plan) override { start_heads(pass, plan, scratch_); }

 private:
  Order order_;
  Fit fit_;
  std::vector<Placement> scratch_;
};

}  // namespace drydock

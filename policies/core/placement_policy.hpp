// The interface of a placement policy: which job next, on which workers.
#pragma once

#include "policies/core/cluster.hpp"
#include "policies/core/plan.hpp"
#include "policies/core/rng.hpp"
#include "policies/core/time.hpp"

namespace drydock {

// Owned by one scheduler, called from its step() only. Must be deterministic: same calls, same plans. State of its own
// must follow from the calls (it is not restored from anywhere else).
class PlacementPolicy {
 public:
  virtual ~PlacementPolicy() = default;

  // Asked once, before everything else.
  [[nodiscard]] virtual PlacementTraits traits() const = 0;

  // Place of a waiting job in its queues: smaller goes first, equal ones by submission. Asked whenever a job starts to wait;
  // the answer holds until it starts, or with traits().order_changes until the next pass.
  [[nodiscard]] virtual Rank rank(const Job& job, const Cluster& cluster) const = 0;

  // Called for each pool in which something changed since the last call (`changes`): start, preempt and bind jobs by `plan`,
  // whose effects show in `cluster` at once. Must not scan all jobs or workers.
  virtual void plan(const PassContext& pass, Plan& plan) = 0;

  // The latest time at which the pool must be planned for again even if nothing changes; kNever if there is no need.
  [[nodiscard]] virtual Time next_wakeup(PoolId /*pool*/) const { return kNever; }
};

}  // namespace drydock

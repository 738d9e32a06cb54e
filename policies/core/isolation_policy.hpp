// The interface of an isolation policy: from which queues a pool may take its next job, and from which of them first. Which job
// of a queue, on which workers, is up to the placement policy.
#pragma once

#include "policies/core/cluster.hpp"
#include "policies/core/plan.hpp"
#include "policies/core/time.hpp"

#include <memory>
#include <span>

namespace drydock {

struct IsolationTraits {
  bool serves_all = false;  // every pool may serve every queue whose jobs fit; what it is for says PoolConfig::own
  bool fixed = false;       // open() needs to be called once only, at the start; else not with a placement policy that plans
                            // ahead or preempts, since the two would undo each other's decisions
  bool preempts = false;    // reclaim() is to be called; an attempt that begins to run calls for a pass
  bool lends = false;       // each pass has a second round, with IsolationPass::lending
};

struct IsolationPass {
  Time now{};
  PoolId pool;
  const Cluster& cluster;
  bool lending = false;
};

// Owned by one scheduler, called from its step() only. Must be deterministic, as a PlacementPolicy.
class IsolationPolicy {
 public:
  virtual ~IsolationPolicy() = default;

  // Asked once, before everything else.
  [[nodiscard]] virtual IsolationTraits traits() const = 0;

  // Before the placement policy plans for a pool: sets order and room of each queue that the pool may serve.
  virtual void open(const IsolationPass& pass, std::span<Turn> turns) = 0;

  // A job of this pass has just started; the turns may change, which shows at once.
  virtual void started(const IsolationPass& /*pass*/, JobRef /*job*/, std::span<Turn> /*turns*/) {}

  // With traits().preempts, at the end of each pass, for every pool: may stop attempts for the sake of jobs that wait for it.
  // open() comes before, without lending.
  virtual void reclaim(const IsolationPass& /*pass*/, Plan& /*plan*/) {}

  // Another one in the same state.
  [[nodiscard]] virtual std::unique_ptr<IsolationPolicy> copy() const = 0;

  // The latest time at which the pool must be planned for again even if nothing changes; kNever if there is no need.
  [[nodiscard]] virtual Time next_wakeup(PoolId /*pool*/) const { return kNever; }
};

}  // namespace drydock

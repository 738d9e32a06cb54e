// Placement where each job is bound, on arrival, to one worker, and workers serve their own queues in order of arrival. All tasks of a job go
// to the same worker; what is bound to a worker that dies is bound anew.
#pragma once

#include "policies/core/candidates.hpp"
#include "policies/core/placement_policy.hpp"
#include "policies/order.hpp"
#include "policies/worker_draw.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace drydock {

class OwnQueues : public PlacementPolicy {
 public:
  [[nodiscard]] PlacementTraits traits() const final { return {.one_worker = true, .plans_ahead = true, .binds = true}; }
  [[nodiscard]] Rank rank(const Job& job, const Cluster& /*cluster*/) const final { return rank_fcfs(job); }
  void plan(const PassContext& pass, Plan& plan) final;

 protected:
  // Where a job goes that arrives; none while no live worker could ever run it.
  virtual std::optional<WorkerId> choose(const PassContext& pass, const Job& job) = 0;
  // The worker got room, or is new; its own queue has been served. False when the plan was refused.
  virtual bool got_room(const PassContext& /*pass*/, Plan& /*plan*/, WorkerId /*worker*/) { return true; }

  // Jobs that wait at it or run there.
  static std::size_t length(const PassContext& pass, WorkerId id) {
    return pass.cluster.worker(id).local.size() + pass.cluster.worker(id).held.size();
  }
  static Resources demand_of(const Job& job) { return job.spec.per_task * job.spec.tasks; }
  // Draws from the workers that could ever hold so much.
  void begin_draw(const PassContext& pass, const Resources& demand) { workers_.begin(pass.cluster, pass.pool, demand); }
  template <class Visit>
  void draw(const PassContext& pass, std::uint64_t number, const Visit& visit) {
    workers_.draw(pass.rng, number, visit);
  }

 private:
  bool send(const PassContext& pass, Plan& plan, JobRef ref);
  static bool start_own(const PassContext& pass, Plan& plan, WorkerId id);

  std::vector<std::uint64_t> seen_;  // by pool: its worker_changes at the last pass
  Candidates candidates_;
  WorkerDraw workers_;
};

}  // namespace drydock

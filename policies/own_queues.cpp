#include "policies/own_queues.hpp"

#include <utility>

namespace drydock {

void OwnQueues::plan(const PassContext& pass, Plan& plan) {
  const Pool& pool = pass.cluster.pool(pass.pool);
  for (const WorkerId worker : pool.freed) {
    if (!start_own(pass, plan, worker) || !got_room(pass, plan, worker)) return;
  }
  // A job that no live worker could ever run is looked at again only when workers came or went.
  if (seen_.size() <= index(pass.pool)) seen_.resize(index(pass.pool) + 1);
  if (std::exchange(seen_[index(pass.pool)], pool.worker_changes) == pool.worker_changes) {
    for (const JobRef ref : pool.arrivals) {
      if (pass.cluster.waits_for(pass.pool, ref) && !send(pass, plan, ref)) return;
    }
    return;
  }
  candidates_.begin(pass.cluster, pass.pool, Candidates::By::policy_order);
  while (const std::optional<JobRef> ref = candidates_.next([](const LeastDemand&) { return true; })) {
    if (!send(pass, plan, *ref)) return;
  }
}

// Binds it, and starts it if it can; false when the plan was refused.
bool OwnQueues::send(const PassContext& pass, Plan& plan, JobRef ref) {
  const std::optional<WorkerId> worker = choose(pass, pass.cluster.job(ref));
  return !worker || (plan.bind(ref, *worker) && start_own(pass, plan, *worker));
}

bool OwnQueues::start_own(const PassContext& pass, Plan& plan, WorkerId id) {
  const Worker& worker = pass.cluster.worker(id);
  while (worker.serves(pass.pool) && !worker.local.empty()) {
    const Job& job = pass.cluster.job(worker.local.front());
    if (!demand_of(job).fits_in(worker.free)) return true;
    const Placement placement{id, job.spec.tasks};
    if (!plan.start(worker.local.front(), {&placement, 1})) return false;
  }
  return true;
}

}  // namespace drydock

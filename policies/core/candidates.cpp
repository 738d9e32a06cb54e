#include "policies/core/candidates.hpp"

namespace drydock {

void Candidates::begin(const Cluster& cluster, PoolId pool, By by) {
  cluster_ = &cluster;
  by_ = by;
  walks_.clear();
  for (const QueueId id : cluster.pool(pool).config.queues) {
    const Queue& queue = cluster.queue(id);
    walks_.push_back({.jobs = by == By::submission ? &queue.by_submission : &queue.waiting});
  }
}

LeastDemand Candidates::demand_of(JobRef ref) const { return least_demand(cluster_->job(ref)); }

bool Candidates::goes_before(JobRef a, JobRef b) const {
  const Job& first = cluster_->job(a);
  const Job& second = cluster_->job(b);
  if (by_ == By::policy_order) return cluster_->before(first, second);
  const std::int32_t priority_a = cluster_->queue(first.spec.queue).config.priority;
  const std::int32_t priority_b = cluster_->queue(second.spec.queue).config.priority;
  return priority_a != priority_b ? priority_a > priority_b : first.sequence < second.sequence;
}

}  // namespace drydock

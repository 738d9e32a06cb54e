#include "policies/core/candidates.hpp"

namespace drydock {

void Candidates::begin(const Cluster& cluster, PoolId pool, By by) {
  cluster_ = &cluster;
  walks_.clear();
  for (const Turn& turn : cluster.pool(pool).turns) {
    const Queue& queue = cluster.queue(turn.queue);
    walks_.push_back({.jobs = by == By::submission ? &queue.by_submission : &queue.waiting, .turn = &turn});
  }
}

LeastDemand Candidates::demand_of(JobRef ref) const { return least_demand(cluster_->job(ref)); }

// The key of a walk by submission has equal ranks.
bool Candidates::goes_before(const Walk& a, const Walk& b) const {
  return a.turn->order != b.turn->order ? a.turn->order < b.turn->order : a.key < b.key;
}

}  // namespace drydock

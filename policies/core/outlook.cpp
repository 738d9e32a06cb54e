#include "policies/core/outlook.hpp"

namespace drydock {

void Outlook::begin(const Cluster& cluster, PoolId pool, const Resources& demand) {
  cluster_ = &cluster;
  pool_ = pool;
  demand_ = demand;
  ++epoch_;
  rooms_.resize(cluster.worker_count());
  seen_.resize(cluster.worker_count());
  fitting_ = 0;
  cluster.pool(pool).fits.for_each_fitting(demand, [&](std::uint32_t, const Resources& room) {
    fitting_ += fit_count(demand, room);
    return true;
  });
}

void Outlook::release(const Job& job) {
  for (const Placement& p : job.placements) change(p.worker, job.spec.per_task * p.tasks);
}

void Outlook::take_back(const Job& job) {
  for (const Placement& p : job.placements) change(p.worker, job.spec.per_task * -std::int64_t{p.tasks});
}

void Outlook::keep(std::span<const Placement> placements) {
  for (const Placement& p : placements) change(p.worker, Resources{});
}

void Outlook::take(std::span<const Placement> placements, const Resources& per_task) {
  for (const Placement& p : placements) change(p.worker, per_task * -std::int64_t{p.tasks});
}

void Outlook::undo_take(std::span<const Placement> placements, const Resources& per_task) {
  for (const Placement& p : placements) change(p.worker, per_task * p.tasks);
}

std::int64_t Outlook::loss(WorkerId id, const Resources& amount) const {
  const Resources& room = seen_[index(id)] == epoch_ ? rooms_[index(id)] : cluster_->worker(id).free;
  if (!demand_.fits_in(room)) return 0;
  return fit_count(demand_, room) - fit_count(demand_, room - amount);
}

void Outlook::change(WorkerId id, const Resources& amount) {
  const Worker& worker = cluster_->worker(id);
  if (!worker.serves(pool_)) return;
  if (seen_[index(id)] != epoch_) {
    seen_[index(id)] = epoch_;
    rooms_[index(id)] = worker.free;
  }
  Resources& room = rooms_[index(id)];
  fitting_ -= fit_count(demand_, room);
  room += amount;
  fitting_ += fit_count(demand_, room);
}

}  // namespace drydock

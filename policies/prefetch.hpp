// Workers that take jobs from the queue before they can run them: a wrapper around any placement policy that does not plan
// ahead. What a worker has taken it starts in order, and nobody else may, unless it dies.
#pragma once

#include "policies/core/placement_policy.hpp"

#include <cstdint>
#include <memory>
#include <set>
#include <utility>
#include <vector>

namespace drydock {

// As Celery's worker_prefetch_multiplier has it. Jobs of several tasks stay in their queue.
class Prefetch final : public PlacementPolicy {
 public:
  // `depths`: by pool, how many jobs each of its workers takes beyond those that it runs.
  Prefetch(std::unique_ptr<PlacementPolicy> inner, std::vector<std::uint32_t> depths);

  [[nodiscard]] PlacementTraits traits() const override;
  [[nodiscard]] Rank rank(const Job& job, const Cluster& cluster) const override { return inner_->rank(job, cluster); }
  void plan(const PassContext& pass, Plan& plan) override;
  [[nodiscard]] Time next_wakeup(PoolId pool) const override { return inner_->next_wakeup(pool); }

 private:
  // Workers that may take more: those that have taken least, then by their numbers.
  using Room = std::set<std::pair<std::size_t, WorkerId>>;
  struct Books {
    Room room;
    std::vector<std::size_t> known;  // by worker: what it has taken, as in `room`; kNotThere if it is not there
  };
  static constexpr std::size_t kNotThere = ~std::size_t{0};

  void look_at(const PassContext& pass, WorkerId worker);
  [[nodiscard]] bool start_taken(const PassContext& pass, Plan& plan, WorkerId worker);
  void take(const PassContext& pass, Plan& plan);

  std::unique_ptr<PlacementPolicy> inner_;
  std::vector<std::uint32_t> depths_;
  std::vector<Books> books_;  // by pool
};

}  // namespace drydock

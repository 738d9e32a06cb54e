// Draws workers at random, for policies that look at few of many.
#pragma once

#include "policies/core/cluster.hpp"
#include "policies/core/rng.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace drydock {

class WorkerDraw {
 public:
  // From now on of those of the pool that are open and could ever hold this demand. How many there are.
  std::uint64_t begin(const Cluster& cluster, PoolId pool, const Resources& demand) {
    able_.clear();
    count_ = 0;
    for (const WorkerKind& kind : cluster.pool(pool).kinds) {
      if (!demand.fits_in(kind.capacity)) continue;
      able_.push_back(&kind);
      count_ += kind.workers.size();
    }
    if (drawn_in_.size() < cluster.worker_count()) drawn_in_.resize(cluster.worker_count());
    return count_;
  }

  // So many of them, drawn without repetition; each one, where there are no more.
  template <class Visit>
  void draw(Rng& rng, std::uint64_t number, const Visit& visit) {
    if (number >= count_) {
      for (const WorkerKind* kind : able_) {
        for (const WorkerId id : kind->workers) visit(id);
      }
      return;
    }
    ++draws_;
    for (std::uint64_t drawn = 0; drawn < number;) {
      const WorkerId id = at(rng.below(count_));
      if (std::exchange(drawn_in_[index(id)], draws_) == draws_) continue;
      ++drawn;
      visit(id);
    }
  }

 private:
  [[nodiscard]] WorkerId at(std::uint64_t n) const {
    auto kind = able_.begin();
    for (; n >= (*kind)->workers.size(); ++kind) n -= (*kind)->workers.size();
    return (*kind)->workers[n];
  }

  std::vector<const WorkerKind*> able_;
  std::uint64_t count_ = 0;
  std::vector<std::uint64_t> drawn_in_;  // by worker: the last draw that it was in
  std::uint64_t draws_ = 0;
};

}  // namespace drydock

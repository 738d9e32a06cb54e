// Walks the waiting jobs of a pool's queues in order, without looking at those that a summary rules out.
#pragma once

#include "policies/core/cluster.hpp"

#include <optional>
#include <vector>

namespace drydock {

class Candidates {
 public:
  enum class By : std::uint8_t {
    policy_order,  // queue priority, then Queue::waiting
    submission,    // Queue::by_submission (queue priority first as well)
  };

  // Starts a walk from the front. One object can be used for many walks.
  void begin(const Cluster& cluster, PoolId pool, By by);

  // The next job in order that `accept` takes. Between two calls jobs may start, and accept may become stricter; it must
  // refuse a LeastDemand only if it would refuse each job that it stands for.
  template <class Accept>
  [[nodiscard]] std::optional<JobRef> next(const Accept& accept) {
    Walk* best = nullptr;
    for (Walk& walk : walks_) {
      advance(walk, accept);
      if (walk.found && (best == nullptr || goes_before(*walk.found, *best->found))) best = &walk;
    }
    if (best == nullptr) return std::nullopt;
    const JobRef result = *best->found;
    best->behind = best->key;
    best->found.reset();
    return result;
  }

 private:
  struct Walk {
    const WaitingIndex* jobs = nullptr;
    std::optional<WaitingKey> behind = std::nullopt;  // of the last one given out
    std::optional<JobRef> found = std::nullopt;       // the next one, if known
    WaitingKey key = {};                              // of found
    bool exhausted = false;
  };

  template <class Accept>
  void advance(Walk& walk, const Accept& accept) const {
    if (walk.exhausted || (walk.found && accept(demand_of(*walk.found)))) return;
    if (walk.found) walk.behind = walk.key;
    const auto* entry = walk.behind ? walk.jobs->find_after(*walk.behind, accept) : walk.jobs->find(accept);
    walk.exhausted = entry == nullptr;
    walk.found = entry == nullptr ? std::nullopt : std::optional(entry->value);
    if (entry != nullptr) walk.key = entry->key;
  }
  [[nodiscard]] LeastDemand demand_of(JobRef ref) const;
  [[nodiscard]] bool goes_before(JobRef a, JobRef b) const;

  const Cluster* cluster_ = nullptr;
  By by_ = By::policy_order;
  std::vector<Walk> walks_;
};

}  // namespace drydock

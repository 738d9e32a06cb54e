// Walks the waiting jobs of a pool's queues in order, without looking at those that a summary rules out.
#pragma once

#include "policies/core/cluster.hpp"

#include <optional>
#include <vector>

namespace drydock {

class Candidates {
 public:
  enum class By : std::uint8_t {
    policy_order,  // the queues' turns, then Queue::waiting
    submission,    // Queue::by_submission (turns first as well)
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
      if (walk.found && (best == nullptr || goes_before(walk, *best))) best = &walk;
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
    const Turn* turn = nullptr;
    std::optional<WaitingKey> behind = std::nullopt;  // of the last one given out
    std::optional<JobRef> found = std::nullopt;       // the next one, if known
    WaitingKey key = {};                              // of found
    bool exhausted = false;
  };

  template <class Accept>
  void advance(Walk& walk, const Accept& accept) const {
    if (!walk.turn->limited) return find(walk, accept);
    // Of a limited queue, jobs that ask for too much are passed over: by what the summary says of them, then one by one.
    const Resources& room = walk.turn->room;
    const auto accept_within = [&](const LeastDemand& demand) {
      return demand.tasks <= room.slots() && demand.cpus <= room.cpus() && accept(demand);
    };
    while (true) {
      find(walk, accept_within);
      if (!walk.found || is_open(*walk.turn, *walk.found)) return;
      walk.behind = walk.key;
      walk.found.reset();
    }
  }
  template <class Accept>
  void find(Walk& walk, const Accept& accept) const {
    if (walk.exhausted || (walk.found && accept(demand_of(*walk.found)))) return;
    if (walk.found) walk.behind = walk.key;
    const auto* entry = walk.behind ? walk.jobs->find_after(*walk.behind, accept) : walk.jobs->find(accept);
    walk.exhausted = entry == nullptr;
    walk.found = entry == nullptr ? std::nullopt : std::optional(entry->value);
    if (entry != nullptr) walk.key = entry->key;
  }
  [[nodiscard]] bool is_open(const Turn& turn, JobRef ref) const { return Cluster::is_open(turn, cluster_->job(ref)); }
  [[nodiscard]] LeastDemand demand_of(JobRef ref) const;
  [[nodiscard]] bool goes_before(const Walk& a, const Walk& b) const;

  const Cluster* cluster_ = nullptr;
  std::vector<Walk> walks_;
};

}  // namespace drydock

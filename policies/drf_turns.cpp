#include "policies/built_in.hpp"

#include <algorithm>
#include <bit>

namespace drydock {

namespace {

class DominantShares final : public IsolationPolicy {
 public:
  [[nodiscard]] IsolationTraits traits() const override { return {.serves_all = true}; }
  [[nodiscard]] std::unique_ptr<IsolationPolicy> copy() const override { return std::make_unique<DominantShares>(*this); }

  void open(const IsolationPass& pass, std::span<Turn> turns) override {
    Resources capacity;
    for (const Pool& pool : pass.cluster.pools()) capacity += pool.capacity;
    for (Turn& turn : turns) {
      const Queue& queue = pass.cluster.queue(turn.queue);
      const double share = dominant_share(queue.held, capacity) / static_cast<double>(queue.config.weight);
      turn.order = std::bit_cast<std::int64_t>(share);  // not negative: bit patterns are in the order of the values
    }
  }

  void started(const IsolationPass& pass, JobRef /*job*/, std::span<Turn> turns) override { open(pass, turns); }

 private:
  [[nodiscard]] static double dominant_share(const Resources& held, const Resources& capacity) {
    double share = 0;
    for (Eigen::Index k = 0; k < Resources::Amounts::SizeAtCompileTime; ++k) {
      if (capacity.amounts[k] <= 0) continue;
      share = std::max(share, static_cast<double>(held.amounts[k]) / static_cast<double>(capacity.amounts[k]));
    }
    return share;
  }
};

}  // namespace

BuiltInIsolation drf_isolation_policy() {
  return {
      .info =
          {.family = PolicyFamily::isolation,
           .type = "drf",
           .summary = "Every worker serves every queue, the one with the smallest dominant share first",
           .details =
               "The dominant share of a queue is the largest part that its attempts hold of any one resource (cpus, "
               "memory, gpus or slots) of all pools, by its weight. The first job of the queue where it is smallest goes "
               "next, equal ones by the placement policy's order: queues whose jobs need resources in different "
               "proportions get equal dominant shares. It counts what is held now, and remembers nothing. The job whose "
               "turn it is waits for room as the placement policy says: with fcfs nothing passes it. A pool leaves out "
               "a queue with jobs that are too large for its workers.",
           .source = "Ghodsi, Zaharia, Hindman, Konwinski, Shenker, Stoica, NSDI 2011"},
      .make = [](const PolicyConfig&) -> std::unique_ptr<IsolationPolicy> { return std::make_unique<DominantShares>(); }};
}

}  // namespace drydock

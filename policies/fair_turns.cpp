#include "policies/fair_turns.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace drydock {

FairTurns::FairTurns(Discipline discipline, std::int64_t quantum, const std::vector<std::int64_t>& weights)
    : discipline_(discipline), quantum_(quantum), places_(weights.size()) {
  DRYDOCK_CHECK(quantum > 0 && quantum <= kMostCost, "a quantum is a positive cost");
  for (const std::int64_t weight : weights) {
    DRYDOCK_CHECK(weight >= 1 && weight <= kMostWeight, "weights are from 1 to a million");
    queues_.push_back({.weight = weight, .head = {}});
  }
  place();
}

void FairTurns::set_heads(std::span<const std::optional<std::int64_t>> costs) {
  DRYDOCK_CHECK(costs.size() == queues_.size(), "a cost for each queue");
  for (std::size_t q = 0; q < queues_.size(); ++q) {
    Queue& queue = queues_[q];
    const bool woke = !queue.head && costs[q];
    queue.head = costs[q];
    // Who had nothing to offer saves nothing up.
    if (!queue.head) queue.deficit = std::min(queue.deficit, Wide{0});
    if (woke) queue.pass = std::max(queue.pass, clock_);
  }
  if (discipline_ == Discipline::deficit_round_robin) find_turn();
  place();
}

void FairTurns::charge(std::size_t queue, std::int64_t cost) {
  Queue& q = queues_[queue];
  q.deficit -= cost;
  q.pass += Wide{cost} * kScale / q.weight;
}

// The next queue in the ring whose first job its deficit pays for. Each queue that the turn comes to gets its quantum; rounds in
// which nobody could pay are made up for at once.
void FairTurns::find_turn() {
  std::optional<Wide> rounds;
  for (const Queue& queue : queues_) {
    if (!queue.head) continue;
    const Wide quantum = Wide{quantum_} * queue.weight;
    const Wide missing = std::max(Wide{0}, *queue.head - queue.deficit);
    const Wide needs = (missing + quantum - 1) / quantum;
    rounds = rounds ? std::min(*rounds, needs) : needs;
  }
  if (!rounds) return;
  if (queues_[turn_].head && *queues_[turn_].head <= queues_[turn_].deficit) return;
  if (*rounds > 1) {
    for (Queue& queue : queues_) {
      if (queue.head) queue.deficit += Wide{quantum_} * queue.weight * (*rounds - 1);
    }
  }
  // At most one round more is needed, and one for a queue that could pay already but must wait for its turn.
  for (std::size_t step = 0; step <= 2 * queues_.size(); ++step) {
    const Queue& present = queues_[turn_];
    if (present.head && *present.head <= present.deficit) return;
    pass_turn((turn_ + 1) % queues_.size());
  }
}

void FairTurns::pass_turn(std::size_t queue) {
  turn_ = queue;
  Queue& next = queues_[queue];
  if (next.head) next.deficit += Wide{quantum_} * next.weight;
}

void FairTurns::place() {
  order_.resize(queues_.size());
  if (discipline_ == Discipline::deficit_round_robin) {
    for (std::size_t i = 0; i < queues_.size(); ++i) places_[(turn_ + i) % queues_.size()] = static_cast<std::int64_t>(i);
    return;
  }
  std::optional<Wide> least;
  for (const Queue& queue : queues_) {
    if (queue.head) least = least ? std::min(*least, queue.pass) : queue.pass;
  }
  if (least) clock_ = std::max(clock_, *least);
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  const auto key = [this](std::size_t q) { return std::pair(!queues_[q].head, queues_[q].pass); };
  std::ranges::stable_sort(order_, {}, key);
  for (std::size_t i = 0; i < order_.size(); ++i) places_[order_[i]] = static_cast<std::int64_t>(i);
}

std::int64_t FairTurns::bound(std::int64_t most) const {
  // Ahead or behind by a job at either end of the span; rounds add a quantum.
  return 2 * most + (discipline_ == Discipline::stride ? 0 : quantum_);
}

}  // namespace drydock

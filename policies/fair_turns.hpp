// Whose turn it is among weighted queues, by two classic disciplines. Pure arithmetic: costs go in, an order comes out.
//
// Both give every queue that always has something to offer its part of the cost by weight: over any span in which queues a and b
// are backlogged, what they got per weight differs by no more than bound().
#pragma once

#include "policies/core/wide.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace drydock {

class FairTurns {
 public:
  enum class Discipline : std::uint8_t {
    deficit_round_robin,  // Shreedhar and Varghese, SIGCOMM 1995
    stride,               // Waldspurger and Weihl, MIT/LCS/TM-528, 1995
  };
  static constexpr std::int64_t kMostWeight = 1'000'000;
  static constexpr std::int64_t kMostCost = std::int64_t{1} << 60;

  // Weights from 1 to kMostWeight; `quantum` > 0 is the cost that a queue of weight 1 may start in a round (deficit only).
  FairTurns(Discipline discipline, std::int64_t quantum, const std::vector<std::int64_t>& weights);

  // What the first job of each queue would cost (1 to kMostCost), nothing where none waits. To be told whenever it changed.
  void set_heads(std::span<const std::optional<std::int64_t>> costs);

  // A job of this queue was started. Out of turn (backfilled) it counts all the same.
  void charge(std::size_t queue, std::int64_t cost);

  // Place of each queue in the order, all different; 0 for the one whose turn it is, if it has a job.
  [[nodiscard]] std::span<const std::int64_t> places() const { return places_; }

  // By how much the cost per weight of two queues may differ while both are backlogged, when no job costs more than `most`.
  [[nodiscard]] std::int64_t bound(std::int64_t most) const;

 private:
  struct Queue {
    std::int64_t weight = 1;
    std::optional<std::int64_t> head;
    Wide deficit = 0;  // may be negative after a start out of turn
    Wide pass = 0;     // cost so far, divided by the weight, times kScale; since it became active
  };
  // A multiple of all small weights, so that their passes are exact.
  static constexpr std::int64_t kScale = 720'720;

  void find_turn();
  void pass_turn(std::size_t queue);
  void place();

  Discipline discipline_;
  std::int64_t quantum_;
  std::vector<Queue> queues_;
  std::size_t turn_ = 0;  // deficit round robin: whose turn it is
  Wide clock_ = 0;        // stride: the least pass of any active queue, never falling
  std::vector<std::int64_t> places_;
  std::vector<std::size_t> order_;  // scratch
};

}  // namespace drydock

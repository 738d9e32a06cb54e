// What will be free when, as planned: a step function of time, kept as its jumps in an index whose summaries know the lowest
// and highest level below, so that the first long enough hole is found without walking through all jumps.
#pragma once

#include "policies/core/ordered_index.hpp"
#include "policies/core/resources.hpp"
#include "policies/core/time.hpp"

#include <compare>
#include <cstdint>

namespace drydock {

class Availability {
 public:
  using Amounts = Resources::Amounts;

  // Adds `change` to the level from `at` on. (at, owner, rising) must be new; rising jumps of an instant come first.
  void add_jump(Time at, std::uint64_t owner, const Amounts& change);
  // Takes back the jump of that owner and direction, which must be there.
  void remove_jump(Time at, std::uint64_t owner, bool rising);
  void clear() { jumps_ = {}; }

  // The earliest time from `now` on at which `need` is free for `length`, when `free_now` is free before all jumps; kNever
  // when there is none.
  [[nodiscard]] Time earliest(Time now, const Amounts& free_now, const Amounts& need, Duration length) const;

 private:
  struct Key {
    Time at{};
    bool falling = false;
    std::uint64_t owner = 0;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  // Of a stretch of jumps: their sum, and the lowest and highest level within, from 0 before it.
  struct Levels {
    Amounts sum = Amounts::Zero();
    Amounts lowest = Amounts::Zero();
    Amounts highest = Amounts::Zero();
    static Levels join(const Levels& a, const Levels& b) {
      return {a.sum + b.sum, a.lowest.min(a.sum + b.lowest), a.highest.max(a.sum + b.highest)};
    }
  };
  using Jumps = OrderedIndex<Key, std::uint8_t, Levels>;

  Jumps jumps_;
};

}  // namespace drydock

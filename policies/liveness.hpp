// How often a worker beats and when its lease ends. The same object tells a worker when to beat and the registry how long
// a beat counts, in every world.
#pragma once

#include "policies/core/time.hpp"

#include <optional>

namespace drydock {

// Owned by whoever drives the workers; one object serves all of them and holds no state per worker.
class LivenessPolicy {
 public:
  virtual ~LivenessPolicy() = default;
  // Time between two beats of one worker; nothing when this policy sends none.
  [[nodiscard]] virtual std::optional<Duration> interval() const = 0;
  // When a worker, whose last beat reached the registry at `beat`, is taken for dead; kNever for the oracle, which is told
  // of a death at once instead.
  [[nodiscard]] virtual Time expiry(Time beat) const = 0;
};

}  // namespace drydock

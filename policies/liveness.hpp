// How often a worker beats and until when a beat counts. The same object tells a worker when to beat and whoever watches
// the registry how long to trust it, in every world.
#pragma once

#include "policies/core/time.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace drydock {

// A heartbeat that reached the registry. Number 0 is the registration itself.
struct Beat {
  std::uint64_t sequence = 0;
  Time sent{};     // by the worker's clock
  Time arrived{};  // by the registry's
  friend bool operator==(const Beat&, const Beat&) = default;
};

// What is known of one worker from all its beats so far. Only for policies that need more than the last one.
class BeatObserver {
 public:
  virtual ~BeatObserver() = default;
  // Takes in a beat; called in order of arrival. Returns the time until which the worker is trusted now, if no other beat
  // arrives. A beat that was overtaken by a later one changes nothing.
  [[nodiscard]] virtual Time observe(const Beat& beat) = 0;
  // Time from one beat of this worker to the next, from now on.
  [[nodiscard]] virtual Duration interval() const = 0;
};

// Owned by whoever drives the workers; one object serves all of them and holds no state per worker.
class LivenessPolicy {
 public:
  virtual ~LivenessPolicy() = default;
  // Time between two beats of one worker, at first; nothing when this policy sends none.
  [[nodiscard]] virtual std::optional<Duration> interval() const = 0;
  // Until when a worker is trusted whose last beat is this one; kNever for the oracle, which is told of a death at once.
  // Not asked of policies that have observers.
  [[nodiscard]] virtual Time trusted_until(const Beat& last) const = 0;
  // An observer for one worker; nullptr when the last beat says it all. Policies with observers are simulated beat by beat.
  [[nodiscard]] virtual std::unique_ptr<BeatObserver> observer() const { return nullptr; }
};

}  // namespace drydock

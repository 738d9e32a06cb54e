// Makes a finding of a hunt as small as it gets.
#pragma once

#include "sim/hunt.hpp"

#include <atomic>
#include <cstdint>
#include <functional>

namespace drydock::sim {

struct Shrunk {
  Finding finding;          // with the same symptom as the one given
  std::uint64_t tries = 0;  // runs that it took
  bool smallest =
      false;  // no simpler version (scenarios/simpler.hpp) shows the symptom; else the tries were used up, or interrupted
};

// Tries simpler versions, one after another, and keeps those that still show the same symptom (delta debugging). At most `most` runs.
// `progress` is told of the tries so far.
[[nodiscard]] Shrunk shrink(const Finding& finding, const HuntOptions& options, std::uint64_t most,
                            const std::atomic<bool>& stop, const std::function<void(std::uint64_t)>& progress);

}  // namespace drydock::sim

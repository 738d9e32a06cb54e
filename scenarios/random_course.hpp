// A scenario in which things go wrong at random.
#pragma once

#include "policies/core/time.hpp"
#include "scenarios/document.hpp"
#include "scenarios/scenario.hpp"

#include <cstdint>

namespace drydock::scenarios {

struct RandomCourse {
  Duration course{};  // in which faults begin; they last no longer than it
  std::uint64_t seed = 0;
  std::uint64_t number = 0;  // of the run: with the seed it says all
};

// The JSON of a scenario of one variant (Scenario::json) with up to five faults more, all of which heal, another seed, and fewer jobs,
// fewer hosts and other latencies here and there, so that things meet differently. It may be one that cannot be read: where a job
// needs the hosts that are gone.
[[nodiscard]] Json draw_course(const Scenario& scenario, const RandomCourse& random);

}  // namespace drydock::scenarios

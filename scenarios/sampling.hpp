// Draws from the distributions of a scenario, for code that draws many.
#pragma once

#include "scenarios/draw.hpp"
#include "scenarios/scenario.hpp"

namespace drydock::scenarios {

// What sample() gives for the seed, stream and counter that `draws` was made from.
[[nodiscard]] double sample_with(const Distribution& distribution, const Draws& draws);

}  // namespace drydock::scenarios

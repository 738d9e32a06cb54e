// Random small scenarios by seed, for comparing worlds. Times are whole seconds more often than not, so that much happens at
// one instant.
#pragma once

#include "scenarios/scenario.hpp"

#include <cstdint>
#include <string_view>

namespace drydock::toy {

// Within what the toy world understands. `placement` is a type of the catalog, whose parameters are drawn too.
[[nodiscard]] scenarios::Scenario random_scenario(std::uint64_t seed, std::string_view placement);

}  // namespace drydock::toy

// What users should know about a scenario although it is valid.
#pragma once

#include "scenarios/scenario.hpp"

#include <cstddef>
#include <span>

namespace drydock::cli {

// Prints each note of the variants once, on stderr; of more than `most` only how many more there are.
void print_notes(std::span<const scenarios::Scenario> variants, std::size_t most = 1000);

}  // namespace drydock::cli

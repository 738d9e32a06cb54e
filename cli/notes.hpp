// What users should know about a scenario although it is valid.
#pragma once

#include "scenarios/scenario.hpp"

#include <span>

namespace drydock::cli {

// Prints each note of the variants once, on stderr.
void print_notes(std::span<const scenarios::Scenario> variants);

}  // namespace drydock::cli

// The chained hash of a step: every field of every fact and order, so that two runs with the same hash decided the same.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"

#include <cstdint>
#include <span>

namespace drydock {

[[nodiscard]] std::uint64_t hash_step(std::uint64_t previous, Time now, std::span<const Event> events,
                                      std::span<const Command> commands);

}  // namespace drydock

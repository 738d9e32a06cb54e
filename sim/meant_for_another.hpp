// Orders of a scheduler that does not know yet that their workers are others by now.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"

#include <algorithm>
#include <span>
#include <variant>

namespace drydock::sim {

// An order names the incarnation of its worker that the scheduler knows. It does not know yet, if it was busy, stopped or cut off, that the
// worker is another by now, or was given up: these facts wait for it. Then the order is not carried out, and it will hear why.
inline bool meant_for_another(std::span<const Event> waiting, const Dispatch& order) {
  return std::ranges::any_of(waiting, [&](const Event& fact) {
    const auto* const came = std::get_if<WorkerRegistered>(&fact);
    const auto* const expired = std::get_if<LeaseExpired>(&fact);
    const auto* const left = std::get_if<WorkerLeft>(&fact);
    if (came == nullptr && expired == nullptr && left == nullptr) return false;
    const WorkerId worker = came != nullptr ? came->worker : expired != nullptr ? expired->worker : left->worker;
    return std::ranges::find(order.placements, worker, &Placement::worker) != order.placements.end();
  });
}

}  // namespace drydock::sim

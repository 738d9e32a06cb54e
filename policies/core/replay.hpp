// Replays the facts of a journal into a fresh core and compares every order.
#pragma once

#include "policies/core/journal.hpp"
#include "policies/core/result.hpp"
#include "policies/core/scheduler.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace drydock {

struct ReplayReport {
  std::uint64_t steps = 0;
  std::uint64_t commands = 0;
  std::uint64_t hash = 0;                    // of the replay, at its end
  std::optional<std::string> difference;     // the first: step, time, recorded and replayed orders
};

// `scheduler` must be new and made from the journal's configuration. Stops at the first difference.
[[nodiscard]] Result<ReplayReport> replay(JournalReader& journal, Scheduler& scheduler);

}  // namespace drydock

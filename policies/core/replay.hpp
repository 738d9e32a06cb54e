// Replays the facts of a journal into a fresh core and compares every order.
#pragma once

#include "policies/core/journal.hpp"
#include "policies/core/result.hpp"
#include "policies/core/scheduler.hpp"
#include "policies/core/shadow.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace drydock {

struct ReplayReport {
  std::uint64_t steps = 0;
  std::uint64_t commands = 0;
  std::uint64_t hash = 0;                 // of the replay, at its end
  std::optional<std::string> difference;  // the first: step, time, recorded and replayed orders
};

// `scheduler` must be new and made from the journal's configuration. Stops at the first difference. An error when the
// journal cannot be read, or holds facts that no world can state (replay_facts.hpp): the scheduler never sees those.
// A shadow of the scheduler, if one is given, decides along.
[[nodiscard]] Result<ReplayReport> replay(JournalReader& journal, Scheduler& scheduler, Shadow* shadow = nullptr);

// Equal in every field, and in what the spans point to.
[[nodiscard]] bool same_command(const Command& a, const Command& b);

}  // namespace drydock

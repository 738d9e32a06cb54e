// Whether a recorded step can be handed to a scheduler: its contract with worlds, checked on input that may be anything.
#pragma once

#include "policies/core/journal.hpp"
#include "policies/core/scheduler.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace drydock::replay_detail {

class FactChecker {
 public:
  explicit FactChecker(const SchedulerConfig& config) : pools_(config.pools.size()) {}
  // The first thing that no world can state, for people; nothing when there is none.
  [[nodiscard]] std::optional<std::string> problem_with(const JournalStep& step);

 private:
  std::size_t pools_;
  Time last_ = kTimeZero;
};

}  // namespace drydock::replay_detail

// The figures of a run from its journals.
#pragma once

#include "policies/core/result.hpp"
#include "policies/core/time.hpp"
#include "reports/observations.hpp"
#include "reports/run_result.hpp"
#include "scenarios/scenario.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>

namespace drydock::cli {

struct JournalRun {
  const scenarios::Scenario& scenario;  // of whoever recorded them
  std::uint64_t seed = 1;
  std::span<const std::filesystem::path> journals;  // of all its schedulers, in any order
  const reports::Observations& seen;
  std::optional<Time> ended{};  // by the journals' clock; nothing: at the last step
  bool check = false;           // the invariants, too
};

// Everything but what the journals cannot tell (partial, error, resources). Errors name the file.
[[nodiscard]] Result<reports::RunResult> measure_journals(const JournalRun& run);

}  // namespace drydock::cli

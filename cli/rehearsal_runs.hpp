// The runs of a rehearsal: each variant under each seed, simulated and for real.
#pragma once

#include "cli/fault_record.hpp"
#include "cli/real_run.hpp"
#include "cli/real_scenario.hpp"
#include "policies/core/result.hpp"
#include "reports/run_result.hpp"
#include "scenarios/scenario.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace drydock::cli {

struct RehearsalPlan {
  std::vector<TrialScenario> variants;
  std::vector<std::uint64_t> seeds;
  bool in_process = false;
  bool predict = true;
  std::filesystem::path folder;  // with folders `real` and `predicted`, where journals go
};

// A run for real, and what was done in it.
struct RehearsedRun {
  reports::RunResult result;
  std::vector<FaultRecord> faults;
  double time_s = 0;
  std::uint64_t workers_started = 0;
};

struct RehearsalRuns {
  std::vector<reports::RunResult> predicted;  // by variant, then seed, likewise the others
  std::vector<RehearsedRun> real;
  bool interrupted = false;
};

// Of a plan: which run it is, from 0, of how many, and how far it is.
using RehearsalProgress = std::function<void(std::size_t run, std::size_t runs, const RealProgress& progress)>;

// Simulates, then runs for real, seed by seed. An error: the servers could not be started, or a journal not read.
[[nodiscard]] Result<RehearsalRuns> make_rehearsal_runs(const RehearsalPlan& plan, const RehearsalProgress& progress);

// Why the simulation may not be trusted for these runs, in sentences.
[[nodiscard]] std::vector<std::string> rehearsal_cautions(const RehearsalPlan& plan, const RehearsalRuns& runs);

}  // namespace drydock::cli

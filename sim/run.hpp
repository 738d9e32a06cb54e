// Runs scenarios in simulation: one forked process per run, the platform built once for all runs that share it.
#pragma once

#include "policies/core/result.hpp"
#include "reports/run_result.hpp"
#include "scenarios/scenario.hpp"
#include "sim/interposer.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace drydock::sim {

struct RunOptions {
  bool eager = false;  // every heartbeat is an event of its own; same decisions, slower
  bool check = false;  // run the invariant checker along
  // File to write; empty extension decides nothing: see json_lines. Where there are several schedulers, one file for each of their
  // processes beside it: run.journal becomes run.scheduler-0-1.journal for the first process of scheduler 0.
  std::optional<std::filesystem::path> journal;
  bool json_lines = false;
  Interposer* interposer = nullptr;  // for tests
  // The warm-up is found by MSER-5 on the waits, in the order of submission; the scenario's own does not count. run_all() then makes the run
  // twice: first to find it, then with what was found, so that all figures leave out the same jobs. RunResult::settling tells.
  bool find_warmup = false;
  std::optional<std::uint64_t> warmup_jobs = std::nullopt;  // not measured, instead of the scenario's warm-up
};

// One run in this process. SimGrid keeps one engine per process for good: call it once per process, or use run_all.
[[nodiscard]] reports::RunResult run_one(const scenarios::Scenario& scenario, std::uint64_t seed, const RunOptions& options,
                                         const std::atomic<bool>& stop);

struct RunRequest {
  const scenarios::Scenario* scenario = nullptr;
  std::uint64_t seed = 1;
  RunOptions options;
};

struct Progress {
  std::size_t runs_done = 0;
  std::size_t runs_total = 0;
  double fraction = 0;  // of all the work, by jobs ended or time passed
};

using RunFinished = std::function<void(std::size_t request, const reports::RunResult&)>;

// All runs, `jobs` at a time, results in the order of requests. When `stop` becomes true, running ones end early and are
// marked partial, waiting ones are left out (error says so), and those that do not answer within some seconds are killed
// (likewise). `progress` is called a few times a second, `finished` (if there is one) for each run as soon as its result is there, with its
// place among the requests.
[[nodiscard]] std::vector<reports::RunResult> run_all(std::span<const RunRequest> requests, unsigned jobs,
                                                      const std::atomic<bool>& stop,
                                                      const std::function<void(const Progress&)>& progress,
                                                      const RunFinished& finished = {});

}  // namespace drydock::sim

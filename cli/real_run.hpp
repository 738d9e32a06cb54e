// A scenario for real: its hosts as worker processes, its jobs as jobs that really sleep, between a Redis and a PostgreSQL that are
// started for it and removed after it.
#pragma once

#include "cli/fault_record.hpp"
#include "policies/core/result.hpp"
#include "policies/core/shadow.hpp"
#include "policies/core/time.hpp"
#include "reports/observations.hpp"
#include "scenarios/scenario.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace drydock::cli {

struct RealProgress {
  std::uint64_t jobs_ended = 0;
  std::uint64_t jobs = 0;  // in all, but for periodic ones
  Duration time{};         // since the beginning
  std::uint64_t fault_turns = 0;
};

struct RealRunOptions {
  std::uint64_t seed = 1;
  std::optional<std::uint64_t> most_jobs;  // of the workload, from the first on; nothing: all
  std::optional<Duration> duration;        // ends the run; nothing: the scenario's, or when all jobs have ended
  bool whole = false;                      // to the end of its duration, even when all jobs have ended before
  Duration restart{};                      // until a worker that died is started again
  bool in_process = false;                 // workers are parts of this process, with connections of their own
  std::filesystem::path journal;           // empty: none
  bool json_lines = false;
  std::optional<ShadowChoice> shadow{};                 // beside the scheduler
  std::function<void(const RealProgress&)> progress{};  // called some times a second
};

struct RealRunResult {
  std::uint64_t jobs_submitted = 0;
  std::uint64_t jobs_completed = 0;
  std::uint64_t jobs_failed = 0;
  std::uint64_t jobs_cancelled = 0;
  std::uint64_t jobs_rejected = 0;
  std::uint64_t attempts = 0;
  std::uint64_t attempts_lost = 0;
  std::uint64_t retries = 0;
  std::uint64_t preemptions = 0;
  std::uint64_t commits_in_doubt = 0;
  std::uint64_t workers_declared_dead = 0;
  std::uint64_t workers_started = 0;  // processes
  std::uint64_t steps = 0;
  double time_s = 0;                // from the beginning, when all workers had registered, to the end
  std::vector<double> waits_s;      // from being submitted to the first dispatch, sorted
  std::vector<FaultRecord> faults;  // of the scenario, in its order
  reports::Observations seen;       // what its journals do not tell
  Time ended{};                     // by their clock
  std::vector<std::filesystem::path> journals;
  double cpu_s = 0;          // of this process
  bool complete = false;     // every job has ended
  bool interrupted = false;  // by Ctrl-C
  std::optional<std::string> error;
  std::optional<ShadowReport> shadow{};  // if there was one
};

// A worker stops what it runs so much of its lease before the end.
inline constexpr int kMarginInLease = 10;

// What the runtime does not do of what the scenario asks: an error where the result would be another, else notes for people.
struct RealRunLimits {
  std::optional<std::string> error;
  std::optional<std::string> trial_error;  // likewise, where the scenario's hosts and workload are what is run
  std::vector<std::string> notes;
};
// `heartbeat_least`: of one whose time is scaled.
[[nodiscard]] RealRunLimits limits_of_real_run(const scenarios::Scenario& scenario, Duration heartbeat_least);

// An error: the servers could not be started. What happens after is in the result.
[[nodiscard]] Result<RealRunResult> run_for_real(const scenarios::Scenario& scenario, const RealRunOptions& options);

}  // namespace drydock::cli

// Options of `drydock worker` that say how it runs its jobs.
#pragma once

#ifdef DRYDOCK_WITH_RUNTIME

#include "policies/core/result.hpp"
#include "real-runtime/worker_driver.hpp"

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace drydock::cli {

struct JobArguments {
  std::string folder;
  std::string results;
  std::string event_log;
  std::string run_as = "nobody";
  bool allow_root = false;
  bool keep_work = false;
  bool no_cgroups = false;
  std::string engine;
  std::vector<std::string> environment;
  std::vector<int> gpus;
  std::string output = "1MiB";
  std::string grace = "10s";
  std::string keep = "7d";
  std::string keep_output = "16KiB";
  std::string keep_output_for = "24h";
  double task_timeout_s = 0;
  bool measured = false;
  double max_cpu_cores = 0;
  double max_memory_gb = 0;
  double max_disk_gb = 0;
  std::int64_t max_concurrent_tasks = 0;
};

void declare_job_options(CLI::App& app, JobArguments& arguments);

// Sets `executor`, `keep_output` and `admission`.
[[nodiscard]] std::optional<Error> apply_job_options(const JobArguments& arguments, runtime::WorkerDriverOptions& options);

}  // namespace drydock::cli

#endif

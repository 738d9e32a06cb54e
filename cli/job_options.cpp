#include "cli/job_options.hpp"

#ifdef DRYDOCK_WITH_RUNTIME

#include "scenarios/units.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <fmt/format.h>

namespace drydock::cli {

namespace {

constexpr double kGB = 1e9;

std::int64_t bytes_of_gb(double gb) { return std::llround(gb * kGB); }

}  // namespace

void declare_job_options(CLI::App& app, JobArguments& arguments) {
  constexpr double kMost = 1e6;
  app.add_option("--jobs-folder", arguments.folder,
                 "Of this worker alone, for a folder of each attempt: output, results, how it ended (default: a temporary "
                 "one that is removed with the worker)")
      ->type_name("DIR");
  app.add_option("--results", arguments.results, "Where results go, to DIR/JOB-ATTEMPT (default: they stay in its folder)")
      ->type_name("DIR");
  app.add_option("--event-log", arguments.event_log,
                 "Appends a line of JSON for the start of the worker, and each start and end of an attempt")
      ->type_name("FILE");
  app.add_option("--run-as", arguments.run_as, "User that jobs run as, where the worker is root (default nobody)")
      ->type_name("USER");
  app.add_flag("--allow-root", arguments.allow_root, "Run jobs as root where the worker is root");
  app.add_option("--pass-environment", arguments.environment, "Variable of the worker that jobs have too; may be repeated")
      ->allow_extra_args(false)
      ->type_name("NAME");
  app.add_option("--gpu-devices", arguments.gpus, "Numbers of its GPUs, as CUDA has them (default 0, 1, ...)")
      ->delimiter(',')
      ->check(CLI::NonNegativeNumber)
      ->type_name("N,N,...");
  app.add_option("--container-engine", arguments.engine, "docker, podman, or the path of one (default: whichever is there)")
      ->type_name("NAME");
  app.add_flag("--no-cgroups", arguments.no_cgroups, "Limit jobs without control groups, as far as that goes");
  app.add_option("--output-limit", arguments.output,
                 "Bytes kept of the beginning, and of the end, of what a job prints (default 1MiB)")
      ->type_name("SIZE");
  app.add_option("--grace", arguments.grace, "Time between SIGTERM and SIGKILL at a time limit (default 10s)")
      ->type_name("DURATION");
  app.add_flag("--keep-work", arguments.keep_work, "Leave working directories as they are at the end");
  app.add_option("--keep-jobs", arguments.keep, "Time after which folders of ended attempts are removed (default 7d)")
      ->type_name("DURATION");
  app.add_option(
         "--keep-output", arguments.keep_output,
         "Of what each stream of a job printed, the last bytes that are kept in Redis for `drydock logs` on other machines "
         "(default 16KiB; 0: none, nor why it failed); together at most 1MiB, or 64 times that")
      ->type_name("SIZE");
  app.add_option("--keep-output-for", arguments.keep_output_for, "Time after which that goes (default 24h)")
      ->type_name("DURATION");
  app.add_option("--task-timeout", arguments.task_timeout_s,
                 "Seconds that a job without a time limit may run (default 0: any)")
      ->envname("TASK_TIMEOUT")
      ->check(CLI::Range(0.0, 1e9));
  app.add_flag("--measured-admission", arguments.measured,
               "Start nothing while the processors are more than 90 % busy, or memory or disk is short; an attempt that has "
               "waited 300 s has failed. Each of the limits below turns it on");
  app.add_option("--max-cpu-cores", arguments.max_cpu_cores, "Cores that all jobs here may hold (default 0: any)")
      ->envname("MAX_CPU_CORES")
      ->check(CLI::Range(0.0, kMost));
  app.add_option("--max-memory-gb", arguments.max_memory_gb, "Memory that they may hold (default 0: any)")
      ->envname("MAX_MEMORY_GB")
      ->check(CLI::Range(0.0, kMost));
  app.add_option("--max-disk-gb", arguments.max_disk_gb,
                 "Disk that the jobs' folder may take before nothing starts (default 0: any)")
      ->envname("MAX_DISK_GB")
      ->check(CLI::Range(0.0, kMost));
  app.add_option("--max-concurrent-tasks", arguments.max_concurrent_tasks,
                 "Tasks that may run at the same time (default 0: any)")
      ->envname("MAX_CONCURRENT_TASKS")
      ->check(CLI::NonNegativeNumber);
}

std::optional<Error> apply_job_options(const JobArguments& arguments, runtime::WorkerDriverOptions& options) {
  const auto output = scenarios::parse_size(arguments.output);
  if (!output) return Error{"--output-limit: " + output.error().message};
  if (output.value() <= 0) return Error{"--output-limit: it must be above 0"};
  const auto grace = scenarios::parse_duration(arguments.grace);
  if (!grace) return Error{"--grace: " + grace.error().message};
  const auto keep = scenarios::parse_duration(arguments.keep);
  if (!keep) return Error{"--keep-jobs: " + keep.error().message};
  const auto keep_output = scenarios::parse_size(arguments.keep_output);
  if (!keep_output) return Error{"--keep-output: " + keep_output.error().message};
  if (keep_output.value() > (1 << 20)) return Error{"--keep-output: at most 1MiB: Redis has it in memory"};
  const auto keep_output_for = scenarios::parse_duration(arguments.keep_output_for);
  if (!keep_output_for) return Error{"--keep-output-for: " + keep_output_for.error().message};
  if (keep_output_for.value() < std::chrono::seconds{1}) return Error{"--keep-output-for: expected 1s or more"};
  if (!arguments.gpus.empty() && std::cmp_less(arguments.gpus.size(), options.spec.capacity.gpus())) {
    return Error{fmt::format("--gpu-devices names {} GPUs, and --gpus says that there are {}", arguments.gpus.size(),
                             options.spec.capacity.gpus())};
  }
  runtime::ExecutorOptions& executor = options.executor;
  executor.folder = arguments.folder;
  executor.results = arguments.results;
  executor.run_as = arguments.run_as;
  executor.allow_root = arguments.allow_root;
  executor.gpus = arguments.gpus;
  executor.environment = arguments.environment;
  executor.cgroups = !arguments.no_cgroups;
  executor.engine = arguments.engine;
  executor.output = {.head = static_cast<std::uint64_t>(output.value()), .tail = static_cast<std::uint64_t>(output.value())};
  executor.time_limit = duration_of_seconds(arguments.task_timeout_s);
  executor.grace = grace.value();
  executor.keep_work = arguments.keep_work;
  executor.keep.for_how_long = keep.value();
  options.keep_output.most_of_stream = static_cast<std::uint64_t>(keep_output.value());
  options.keep_output.most_of_worker = std::max(options.keep_output.most_of_worker, 64 * options.keep_output.most_of_stream);
  options.keep_output.for_how_long = keep_output_for.value();
  if (arguments.measured || arguments.max_cpu_cores > 0 || arguments.max_memory_gb > 0 || arguments.max_disk_gb > 0 ||
      arguments.max_concurrent_tasks > 0) {
    options.admission = NodeAdmissionConfig{.most_cpus_milli = std::llround(arguments.max_cpu_cores * 1000),
                                            .most_memory = bytes_of_gb(arguments.max_memory_gb),
                                            .most_disk = bytes_of_gb(arguments.max_disk_gb),
                                            .most_tasks = arguments.max_concurrent_tasks};
  }
  return std::nullopt;
}

}  // namespace drydock::cli

#endif

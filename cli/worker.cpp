// drydock worker
#include "cli/command.hpp"
#include "cli/job_options.hpp"
#include "cli/real_run.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#ifdef DRYDOCK_WITH_RUNTIME
#include "real-runtime/event_log.hpp"
#include "real-runtime/worker_driver.hpp"
#include "scenarios/units.hpp"

#include <csignal>
#include <sys/prctl.h>
#include <unistd.h>
#endif

namespace drydock::cli {
namespace {

struct WorkerArguments {
  std::string redis_socket;
  std::string host = "localhost";
  std::uint32_t id = 0;
  std::uint32_t incarnation = 1;
  std::uint32_t pool = 0;
  std::int64_t cpus_milli = 1000;
  std::int64_t memory_bytes = 0;
  std::int64_t gpus = 0;
  std::int64_t slots = 1;
  double speed = 1;
  std::string heartbeat = "30s";
  std::string ttl = "60s";
  int parent = 0;
#ifdef DRYDOCK_WITH_RUNTIME
  JobArguments jobs;
#endif
};

#ifdef DRYDOCK_WITH_RUNTIME

Result<runtime::WorkerDriverOptions> driver_options(const WorkerArguments& options) {
  const auto heartbeat = scenarios::parse_duration(options.heartbeat);
  if (!heartbeat) return Error{"--heartbeat: " + heartbeat.error().message};
  const auto ttl = scenarios::parse_duration(options.ttl);
  if (!ttl) return Error{"--ttl: " + ttl.error().message};
  if (heartbeat.value() <= Duration{0} || ttl.value() <= heartbeat.value()) {
    return Error{fmt::format("--ttl is {} and --heartbeat {}: the lease must outlast the time to the next beat", options.ttl,
                             options.heartbeat)};
  }
  const Duration tenth = ttl.value() / kMarginInLease;
  return runtime::WorkerDriverOptions{.redis = {.address = {.unix_socket = options.redis_socket}},
                                      .agent = {.worker = WorkerId{options.id},
                                                .incarnation = options.incarnation,
                                                .capacity = {},
                                                .interval = heartbeat.value(),
                                                .lease = ttl.value(),
                                                .margin = tenth,
                                                .report_again = std::max(tenth, Duration{std::chrono::milliseconds{10}})},
                                      .spec = {.pool = PoolId{options.pool},
                                               .capacity = make_resources({.cpus_milli = options.cpus_milli,
                                                                           .memory_bytes = options.memory_bytes,
                                                                           .gpus = options.gpus,
                                                                           .slots = options.slots}),
                                               .speed = options.speed},
                                      .host = options.host};
}

// False: the parent is gone already.
bool end_with_parent(int parent) {
  if (parent == 0) return true;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  return ::getppid() == parent;
}

int run_worker(const WorkerArguments& options) {
  auto config = driver_options(options);
  if (!config) return bad_input(config.error().message);
  if (const auto wrong = apply_job_options(options.jobs, config.value())) return bad_input(wrong->message);
  runtime::EventLog log(options.host, WorkerId{options.id});
  if (!options.jobs.event_log.empty()) {
    if (const auto wrong = log.open(options.jobs.event_log)) return bad_input(wrong->message);
  }
  if (!end_with_parent(options.parent)) return kDone;
  runtime::EventLoop loop;
  {
    runtime::WorkerDriver worker(loop, std::move(config).value(), [&] { loop.stop(); });
    worker.on_outcome(
        [&](AttemptId attempt, const runtime::AttemptOutcome& outcome) { log.attempt_ended(attempt, outcome); });
    if (!options.jobs.folder.empty() || !options.jobs.event_log.empty()) {
      if (const auto wrong = worker.jobs().executor().prepare()) return bad_input(wrong->message);
    }
    log.worker_started(worker.jobs().executor().facts());
    bool draining = false;
    const auto drain = [&] {
      if (std::exchange(draining, true)) loop.stop();
      else worker.drain();
    };
    const runtime::EventLoop::Signal terminate(loop, SIGTERM, drain);
    const runtime::EventLoop::Signal interrupt(loop, SIGINT, drain);
    loop.run();
  }
  return kDone;
}

#else

int run_worker(const WorkerArguments& /*options*/) {
  return bad_input("this drydock was built without its real runtime: it needs hiredis, libpq and libuv");
}

#endif

class WorkerCommand final : public Command {
 public:
  void declare(CLI::App& app) override {
    app.add_option("--redis-socket", options_.redis_socket, "Unix socket of the Redis that the scheduler uses")
        ->required()
        ->type_name("PATH");
    app.add_option("--id", options_.id, "Number of the worker: 0, 1, 2, ... without gaps")->required();
    app.add_option("--incarnation", options_.incarnation,
                   "Higher than that of every earlier process of this worker (default 1)")
        ->check(CLI::Range(std::uint32_t{1}, std::numeric_limits<std::uint32_t>::max() / 2));
    app.add_option("--pool", options_.pool, "Number of its pool in the scenario (default 0)");
    app.add_option("--cpus-milli", options_.cpus_milli, "Thousandths of a core that it has to give (default 1000)")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--memory-bytes", options_.memory_bytes, "Memory that it has to give (default 0)")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--gpus", options_.gpus, "GPUs that it has to give (default 0)")->check(CLI::NonNegativeNumber);
    app.add_option("--slots", options_.slots, "Tasks that it runs at the same time (default 1)")->check(CLI::PositiveNumber);
    app.add_option("--speed", options_.speed, "Work of one second takes 1/speed seconds (default 1)")
        ->check(CLI::PositiveNumber);
    app.add_option("--host", options_.host, "Name of its host, for people");
    app.add_option("--heartbeat", options_.heartbeat, "Time between two heartbeats (default 30s)")->type_name("DURATION");
    app.add_option("--ttl", options_.ttl, "Its lease: it is dead this long after its last heartbeat (default 60s)")
        ->type_name("DURATION");
    app.add_option("--parent", options_.parent, "End when this process, its parent, does")->type_name("PID");
#ifdef DRYDOCK_WITH_RUNTIME
    declare_job_options(app, options_.jobs);
#endif
    app.footer(
        "`drydock up` starts its workers so. A worker registers in Redis, runs what the scheduler sends it, and ends all "
        "of\n"
        "that by itself when it cannot refresh its lease in time. SIGTERM or Ctrl-C: it takes nothing new and leaves when "
        "the\n"
        "last attempt has ended; a second one ends it at once.");
  }

  int run(const Terminal& /*terminal*/) override { return run_worker(options_); }

 private:
  WorkerArguments options_;
};

}  // namespace

std::unique_ptr<Command> make_worker() { return std::make_unique<WorkerCommand>(); }

}  // namespace drydock::cli

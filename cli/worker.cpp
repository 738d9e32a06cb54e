// drydock worker
#include "cli/command.hpp"
#include "cli/job_options.hpp"
#include "cli/real_run.hpp"
#include "cli/real_scenario.hpp"
#include "cli/runtime_commands.hpp"
#include "cli/stores.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <optional>

#ifdef DRYDOCK_WITH_RUNTIME
#include "policies/ports/worker_text.hpp"
#include "real-runtime/event_log.hpp"
#include "real-runtime/worker_driver.hpp"
#include "scenarios/units.hpp"
#include "sim/platform.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <sys/prctl.h>
#include <unistd.h>
#endif

namespace drydock::cli {
namespace {

struct WorkerArguments {
  RealScenarioOptions choice;
  StoreArguments stores;
  std::optional<std::string> pool;
  std::optional<std::string> host_group;
  std::optional<std::string> host;
  std::uint32_t id = 0;
  std::optional<std::uint32_t> incarnation;
  std::optional<std::int64_t> cpus_milli;
  std::optional<std::int64_t> memory_bytes;
  std::optional<std::int64_t> gpus;
  std::optional<std::int64_t> slots;
  std::optional<double> speed;
  std::optional<std::string> heartbeat;
  std::optional<std::string> ttl;
  int parent = 0;
#ifdef DRYDOCK_WITH_RUNTIME
  JobArguments jobs;
#endif
};

#ifdef DRYDOCK_WITH_RUNTIME

using scenarios::Scenario;

// Where the scenario's worker of this number is, or one of the pool and host group that were asked for.
struct Place {
  WorkerSpec spec;
  std::string host;
};

std::string name_of_pool(const Scenario& scenario, PoolId pool) { return scenario.pools[index(pool)].name; }

Result<Place> place_in(const Scenario& scenario, const WorkerArguments& arguments) {
  const sim::Platform platform(scenario);
  const auto group_of = [&](const sim::WorkerFacts& worker) -> const scenarios::HostGroup& {
    return scenario.hosts[platform.hosts()[worker.host].group];
  };
  const auto fits = [&](const sim::WorkerFacts& worker) {
    return (!arguments.pool || name_of_pool(scenario, worker.spec.pool) == *arguments.pool) &&
           (!arguments.host_group || group_of(worker).name == *arguments.host_group);
  };
  const auto workers = platform.workers();
  const bool chosen = arguments.pool || arguments.host_group;
  if (!chosen && arguments.id >= workers.size()) {
    return Error{fmt::format("--id {}: the scenario has workers 0 to {}; say --host-group or --pool for one more",
                             arguments.id, workers.size() - 1)};
  }
  const auto at = chosen ? std::ranges::find_if(workers, fits) : workers.begin() + arguments.id;
  if (at == workers.end()) {
    std::vector<std::string> pairs;
    for (const sim::WorkerFacts& worker : workers) {
      std::string pair =
          fmt::format("--pool {} --host-group {}", name_of_pool(scenario, worker.spec.pool), group_of(worker).name);
      if (std::ranges::find(pairs, pair) == pairs.end()) pairs.push_back(std::move(pair));
    }
    return Error{fmt::format("the scenario has no such worker; there are: {}", fmt::join(pairs, "; "))};
  }
  const sim::HostFacts& host = platform.hosts()[at->host];
  return Place{at->spec, scenarios::host_name(scenario.hosts[host.group], host.number)};
}

// What it offers where there is no scenario, unless it is told otherwise.
Result<Place> place_without(const WorkerArguments& arguments) {
  const std::string pool = arguments.pool.value_or("0");
  const bool is_number =
      !pool.empty() && pool.size() < 7 && std::ranges::all_of(pool, [](char c) { return c >= '0' && c <= '9'; });
  if (arguments.host_group || !is_number)
    return Error{"--pool and --host-group name what is in a scenario: say --config too"};
  Place place{.spec = {}, .host = "localhost"};
  place.spec.pool = PoolId{static_cast<std::uint32_t>(std::stoul(pool))};
  place.spec.capacity = make_resources({.cpus_milli = 1000, .memory_bytes = 0, .gpus = 0, .slots = 1});
  return place;
}

void override_place(const WorkerArguments& arguments, Place& place) {
  const Resources& capacity = place.spec.capacity;
  place.spec.capacity = make_resources({.cpus_milli = arguments.cpus_milli.value_or(capacity.cpus()),
                                        .memory_bytes = arguments.memory_bytes.value_or(capacity.memory()),
                                        .gpus = arguments.gpus.value_or(capacity.gpus()),
                                        .slots = arguments.slots.value_or(capacity.slots())});
  place.spec.speed = arguments.speed.value_or(place.spec.speed);
  place.host = arguments.host.value_or(place.host);
}

struct Beating {
  Duration heartbeat = std::chrono::seconds{30};
  Duration ttl = std::chrono::seconds{60};
};

Result<Beating> beating_of(const WorkerArguments& arguments, const std::optional<Scenario>& scenario) {
  Beating beating;
  if (scenario) {
    beating = {scenario->liveness.get<Duration>("heartbeat"), scenario->liveness.get<Duration>("ttl")};
  }
  if (arguments.heartbeat) {
    const auto parsed = scenarios::parse_duration(*arguments.heartbeat);
    if (!parsed) return Error{"--heartbeat: " + parsed.error().message};
    beating.heartbeat = parsed.value();
  }
  if (arguments.ttl) {
    const auto parsed = scenarios::parse_duration(*arguments.ttl);
    if (!parsed) return Error{"--ttl: " + parsed.error().message};
    beating.ttl = parsed.value();
  }
  if (beating.heartbeat <= Duration{0} || beating.ttl <= beating.heartbeat) {
    return Error{fmt::format("the ttl is {} and the heartbeat {}: the lease must outlast the time to the next beat",
                             scenarios::format_duration(beating.ttl), scenarios::format_duration(beating.heartbeat))};
  }
  return beating;
}

// Higher than that of every process of this worker before: of the one that the registry knows, if it does, and else by the clock, in
// seconds since 2025, since incarnations rise by less than one a second.
Result<std::uint32_t> next_incarnation(const WorkerArguments& arguments, const runtime::RedisClientOptions& redis) {
  if (arguments.incarnation) return *arguments.incarnation;
  auto client = runtime::RedisClient::connect(redis);
  if (!client) return client.error();
  constexpr std::chrono::seconds kOrigin{1'735'689'600};
  const auto clock = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  std::int64_t incarnation = std::max<std::int64_t>(1, (clock - kOrigin).count());
  const auto reply = client.value()->execute(redis::ReadWorkers{});
  const auto* workers = std::get_if<redis::Workers>(&reply);
  if (workers == nullptr) return Error{to_text(reply)};
  for (const redis::WorkerEntry& entry : workers->entries) {
    if (entry.worker != worker_name(WorkerId{arguments.id})) continue;
    if (const auto view = parse_worker(entry))
      incarnation = std::max<std::int64_t>(incarnation, view.value().incarnation + 1);
  }
  return static_cast<std::uint32_t>(incarnation);
}

// False: the parent is gone already.
bool end_with_parent(int parent) {
  if (parent == 0) return true;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  return ::getppid() == parent;
}

int run_loop(runtime::WorkerDriverOptions options, const WorkerArguments& arguments) {
  if (const auto wrong = apply_job_options(arguments.jobs, options)) return bad_input(wrong->message);
  runtime::EventLog log(options.host, WorkerId{arguments.id});
  if (!arguments.jobs.event_log.empty()) {
    if (const auto wrong = log.open(arguments.jobs.event_log)) return bad_input(wrong->message);
  }
  runtime::EventLoop loop;
  runtime::WorkerDriver worker(loop, std::move(options), [&] { loop.stop(); });
  worker.on_start([&](AttemptId attempt) { log.attempt_started(attempt); });
  worker.on_outcome([&](AttemptId attempt, const runtime::AttemptOutcome& outcome) { log.attempt_ended(attempt, outcome); });
  if (!arguments.jobs.folder.empty() || !arguments.jobs.event_log.empty()) {
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
  return kDone;
}

int run_worker(const WorkerArguments& arguments) {
  std::vector<std::string> notes;
  std::optional<Scenario> scenario;
  if (!arguments.choice.scenario.empty()) {
    auto chosen = real_scenario(arguments.choice, notes);
    if (!chosen) return bad_input(chosen.error().message);
    scenario = std::move(chosen).value();
  }
  auto place = scenario ? place_in(*scenario, arguments) : place_without(arguments);
  if (!place) return bad_input(place.error().message);
  override_place(arguments, place.value());
  const auto beating = beating_of(arguments, scenario);
  if (!beating) return bad_input(beating.error().message);
  const auto redis = redis_options(arguments.stores);
  if (!redis) return bad_input(redis.error().message);
  if (!end_with_parent(arguments.parent)) return kDone;
  const auto incarnation = next_incarnation(arguments, redis.value());
  if (!incarnation) return no_store(incarnation.error().message);

  const Duration reading = scenario ? scenario->scheduler.control_plane.registry.reading : Duration{0};
  const Duration tenth = beating.value().ttl / kMarginInLease;
  return run_loop({.redis = redis.value(),
                   .agent = {.worker = WorkerId{arguments.id},
                             .incarnation = incarnation.value(),
                             .capacity = {},
                             .interval = beating.value().heartbeat,
                             .lease = beating.value().ttl,
                             .margin = tenth,
                             .linger = WorkerAgentConfig::linger_for(reading),
                             .report_again = std::max(tenth, Duration{std::chrono::milliseconds{10}})},
                   .spec = place.value().spec,
                   .host = place.value().host},
                  arguments);
}

#else

int run_worker(const WorkerArguments& /*arguments*/) { return bad_input(kNoRuntime); }

#endif

class WorkerCommand final : public Command {
 public:
  void declare(CLI::App& app) override {
    declare_redis(app, arguments_.stores);
    app.add_option("--config", arguments_.choice.scenario,
                   "The scheduler's scenario: what the worker has and how it beats are taken from it")
        ->type_name("SCENARIO");
    declare_choice(app, arguments_.choice);
    app.add_option("--id", arguments_.id, "Number of the worker: 0, 1, 2, ... without gaps; no other process has it")
        ->required();
    app.add_option("--pool", arguments_.pool,
                   "Its pool (default: that of the scenario's worker of this number; without --config a number, 0)")
        ->type_name("NAME");
    app.add_option("--host-group", arguments_.host_group,
                   "What it has is what a host of this group has (default: as for --pool)")
        ->type_name("NAME");
    app.add_option("--cpus-milli", arguments_.cpus_milli, "Thousandths of a core that it has to give instead")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--memory-bytes", arguments_.memory_bytes, "Memory that it has to give instead")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--gpus", arguments_.gpus, "GPUs that it has to give instead")->check(CLI::NonNegativeNumber);
    app.add_option("--slots", arguments_.slots, "Tasks that it runs at the same time instead")->check(CLI::PositiveNumber);
    app.add_option("--speed", arguments_.speed, "Work of one second takes 1/speed seconds")->check(CLI::PositiveNumber);
    app.add_option("--host", arguments_.host, "Name of its host, for people");
    app.add_option("--heartbeat", arguments_.heartbeat, "Time between two heartbeats (default: the scenario's, or 30s)")
        ->type_name("DURATION");
    app.add_option("--ttl", arguments_.ttl,
                   "Its lease: it is dead this long after its last heartbeat (default: the scenario's, or 60s)")
        ->type_name("DURATION");
    app.add_option("--incarnation", arguments_.incarnation,
                   "Higher than that of every earlier process of this worker (default: found out)")
        ->check(CLI::Range(std::uint32_t{1}, std::numeric_limits<std::uint32_t>::max() / 2));
    app.add_option("--parent", arguments_.parent, "End when this process, its parent, does")->type_name("PID");
#ifdef DRYDOCK_WITH_RUNTIME
    declare_job_options(app, arguments_.jobs);
#endif
    app.footer(
        std::string(
            "A worker registers in Redis, runs what the scheduler sends it, and ends all of that by itself when it cannot\n"
            "refresh its lease in time. SIGTERM or Ctrl-C: it takes nothing new and leaves when the last attempt has\n"
            "ended and the scheduler knows (without one: ten seconds later); a second one ends it at once.\n") +
        std::string(kPasswords) + "\nExit code 3: Redis could not be reached at the start; later it is waited for.");
  }

  int run(const Terminal& /*terminal*/) override { return run_worker(arguments_); }

 private:
  WorkerArguments arguments_;
};

}  // namespace

std::unique_ptr<Command> make_worker() { return std::make_unique<WorkerCommand>(); }

}  // namespace drydock::cli

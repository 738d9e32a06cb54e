// drydock worker
#include "cli/command.hpp"
#include "cli/job_options.hpp"
#include "cli/real_run.hpp"
#include "cli/real_scenario.hpp"
#include "cli/runtime_commands.hpp"
#include "cli/session_end.hpp"
#include "cli/share_setup.hpp"
#include "cli/stores.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <optional>

#ifdef DRYDOCK_WITH_RUNTIME
#include "policies/ports/worker_text.hpp"
#include "real-runtime/attempt_times.hpp"
#include "real-runtime/chaos/faulty_messages.hpp"
#include "real-runtime/chaos/trouble_line.hpp"
#include "real-runtime/event_log.hpp"
#include "real-runtime/random_text.hpp"
#include "real-runtime/run_as.hpp"
#include "real-runtime/worker_claim.hpp"
#include "real-runtime/worker_driver.hpp"
#include "scenarios/units.hpp"
#include "sim/platform.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <sys/prctl.h>
#include <thread>
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
  std::optional<std::string> available_until;
  std::string drain_before = "2m";
  std::string faults;
  std::string attempt_times;
#ifdef DRYDOCK_WITH_RUNTIME
  JobArguments jobs;
  ShareArguments shares;
#endif
};

#ifdef DRYDOCK_WITH_RUNTIME

using scenarios::Scenario;

constexpr std::size_t kLifeBytes = 16;

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
  if (beating.heartbeat <= Duration{0}) return Error{"--heartbeat: expected a time above 0, such as 30s"};
  if (beating.ttl <= beating.heartbeat) {
    return Error{fmt::format("the ttl is {} and the heartbeat {}: the lease must outlast the time to the next beat",
                             scenarios::format_duration(beating.ttl), scenarios::format_duration(beating.heartbeat))};
  }
  return beating;
}

// Above what incarnation the key in the registry may not be, for this process to take it: that of a process before, which is dead. Waits
// where a worker on another machine may be dead, until its key has expired or is prolonged, so for a lease at most.
struct Claim {
  std::int64_t above = 0;
  std::string taken{};  // not empty: why this process may not be the worker
};

Result<Claim> claim(WorkerId worker, runtime::RedisClient& redis) {
  constexpr std::chrono::milliseconds kLook{100};
  std::optional<runtime::WorkerKey> before;
  for (bool said = false;; std::this_thread::sleep_for(kLook)) {
    auto key = runtime::look_at_worker(redis, worker);
    if (!key) return key.error();
    switch (runtime::owner_of(key.value(), before)) {
      case runtime::KeyOwner::nobody: return Claim{.above = key.value() ? key.value()->incarnation + 1 : 0};
      case runtime::KeyOwner::dead: return Claim{.above = key.value()->incarnation + 1};
      case runtime::KeyOwner::alive: return Claim{.taken = runtime::in_words(key.value()->place)};
      case runtime::KeyOwner::unknown: break;
    }
    if (!std::exchange(said, true)) {
      fmt::print(stderr, "worker {} was last heard of {}: waiting up to {} for its key to run out, in case it is dead\n",
                 worker.value, runtime::in_words(key.value()->place), scenarios::format_duration(*key.value()->left));
    }
    before = std::move(key).value();
  }
}

std::string taken_message(std::uint32_t id, std::string_view where) {
  return fmt::format(
      "--id {0}: worker {0} runs already, {1}; no two workers have the same number: end that one first "
      "(`drydock drain {0} --wait`), or choose another --id",
      id, where);
}

// Higher than that of every process of this worker before: of the one that the registry knows, if it does, and else by the clock, in
// seconds since 2025, since incarnations rise by less than one a second.
std::uint32_t next_incarnation(const WorkerArguments& arguments, const Claim& claim) {
  if (arguments.incarnation) return *arguments.incarnation;
  constexpr std::chrono::seconds kOrigin{1'735'689'600};
  const auto clock = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  return static_cast<std::uint32_t>(std::max({std::int64_t{1}, std::int64_t{(clock - kOrigin).count()}, claim.above}));
}

// False: the parent is gone already.
bool end_with_parent(int parent) {
  if (parent == 0) return true;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  return ::getppid() == parent;
}

std::string ousted_message(std::uint32_t id, const runtime::RedisClientOptions& redis) {
  std::string where;
  if (const auto client = runtime::RedisClient::connect(redis)) {
    const auto key = runtime::look_at_worker(*client.value(), WorkerId{id});
    if (key && key.value()) where = ", " + runtime::in_words(key.value()->place);
  }
  return fmt::format(
      "another process has become worker {}{}: what ran here was stopped, and this one ends. No two workers "
      "have the same number",
      id, where);
}

// Passwords are not said.
std::string introduced(const runtime::WorkerDriverOptions& options) {
  const runtime::RedisAddress& redis = options.redis.address;
  const std::int64_t slots = options.spec.capacity.slots();
  return fmt::format("worker {} in pool {}: {:g} cpus, {} at the same time; Redis {}", options.agent.worker.value,
                     options.spec.pool.value, static_cast<double>(options.spec.capacity.cpus()) / 1000,
                     slots >= kUnlimited ? "any number of tasks" : fmt::format("{} task{}", slots, slots == 1 ? "" : "s"),
                     redis.unix_socket.empty() ? fmt::format("{}:{}", redis.host, redis.port) : redis.unix_socket);
}

// From now on: when it drains, and when it ends, whatever runs. Never: nobody said that its machine goes.
struct SessionEnd {
  Duration drain = Duration::max();
  Duration stop = Duration::max();
};

Result<SessionEnd> session_end_of(const WorkerArguments& arguments) {
  // So that what it ends is gone before its machine is.
  constexpr Duration kBeforeTheEnd = std::chrono::seconds{5};
  if (!arguments.available_until) return SessionEnd{};
  const auto until = time_until(*arguments.available_until, std::chrono::system_clock::now());
  if (!until) return Error{"--available-until: " + until.error().message};
  const auto before = scenarios::parse_duration(arguments.drain_before);
  if (!before) return Error{"--drain-before: " + before.error().message};
  if (until.value() <= before.value()) {
    return Error{fmt::format("--available-until: that is in {}, and it drains {} before: say less with --drain-before",
                             scenarios::format_duration(until.value()), scenarios::format_duration(before.value()))};
  }
  return SessionEnd{.drain = until.value() - before.value(),
                    .stop = std::max(until.value() - before.value(), until.value() - kBeforeTheEnd)};
}

// What its jobs share with those of other workers, of --limits-of or of the scenario.
Result<std::optional<WorkerShares>> find_shares(const WorkerArguments& arguments, const std::optional<Scenario>& scenario,
                                                const runtime::WorkerDriverOptions& options) {
  std::optional<Scenario> other;
  if (!arguments.shares.limits_of.empty()) {
    auto loaded = share_scenario({.scenario = arguments.shares.limits_of, .variant = {}, .sets = {}});
    if (!loaded) return Error{"--limits-of: " + loaded.error().message};
    other = std::move(loaded).value();
    if (!other->limits) return Error{fmt::format("--limits-of {}: it has no \"limits\"", arguments.shares.limits_of)};
  }
  const std::optional<Scenario>& of = other ? other : scenario;
  auto shares = of ? shares_of(*of, options.spec.pool) : std::nullopt;
  if (shares) {
    shares->setup.worker = options.agent.worker;
    shares->setup.incarnation = options.agent.incarnation;
    shares->setup.redis = options.redis;
  } else if (!arguments.shares.state.empty() || !arguments.shares.on_change.empty() || !arguments.shares.listen.empty()) {
    return Error{
        "--share-state, --on-share-change and --limiter-listen are for workers that share limits: the scenario has no "
        "\"limits\", or none of the jobs of this pool makes requests"};
  }
  return shares;
}

// Its agent and its limiter begin.
Result<std::unique_ptr<Shares>> begin_shares(runtime::EventLoop& loop, const WorkerShares& shares,
                                             const ShareArguments& arguments, runtime::JobRunner& jobs) {
  auto begun = std::make_unique<Shares>(loop, shares.limits, shares.setup, arguments);
  if (const auto wrong = begun->serve_attempts(jobs)) return *wrong;
  if (!arguments.listen.empty()) {
    const auto place = limiter_place(arguments.listen);
    if (!place) return Error{fmt::format("--limiter-listen {}: {}", arguments.listen, place.error().message)};
    if (const auto wrong = begun->server().listen(place.value())) return *wrong;
  }
  fmt::print(stderr, "{}\n", introduced(shares.limits, shares.setup, arguments));
  return begun;
}

int run_loop(runtime::WorkerDriverOptions options, const WorkerArguments& arguments,
             const std::optional<WorkerShares>& shares) {
  const auto session = session_end_of(arguments);
  if (!session) return bad_input(session.error().message);
  if (const auto wrong = apply_job_options(arguments.jobs, options)) return bad_input(wrong->message);
  runtime::EventLog log(options.host, WorkerId{arguments.id});
  if (!arguments.jobs.event_log.empty()) {
    if (const auto wrong = log.open(arguments.jobs.event_log)) return bad_input(wrong->message);
  }
  runtime::AttemptTimes times;
  if (!arguments.attempt_times.empty()) {
    if (const auto wrong = times.open(arguments.attempt_times)) return bad_input(wrong->message);
  }
  const runtime::RedisClientOptions redis = options.redis;
  const std::string introduction = introduced(options);
  runtime::EventLoop loop;
  std::unique_ptr<Shares> sharing;     // outlives what asks it
  runtime::chaos::MessageFates fates;  // in a trial: what befalls its messages
  const auto patience = runtime::chaos::FaultyMessages::patience_of(options.agent);
  if (!arguments.faults.empty()) {
    options.wrap = [&loop, &fates, patience](runtime::RedisPort& port) {
      return std::make_unique<runtime::chaos::FaultyMessages>(loop, fates, port, patience);
    };
  }
  runtime::WorkerDriver worker(loop, std::move(options), [&] { loop.stop(); });
  std::unique_ptr<runtime::chaos::TroubleListener> troubles;
  if (!arguments.faults.empty()) {
    auto heard = runtime::chaos::TroubleListener::connect(loop, arguments.faults, WorkerId{arguments.id},
                                                          [&](runtime::chaos::WorkerTrouble trouble) {
                                                            worker.jobs().slow_down(trouble.speed);
                                                            fates.set(std::move(trouble));
                                                          });
    if (!heard) return bad_input(heard.error().message);
    troubles = std::move(heard).value();
  }
  worker.on_start([&](AttemptId attempt) {
    times.began(attempt);
    log.attempt_started(attempt);
  });
  worker.on_end([&](AttemptId attempt) { times.ended(attempt); });
  worker.on_outcome([&](AttemptId attempt, const runtime::AttemptOutcome& outcome) { log.attempt_ended(attempt, outcome); });
  if (!arguments.jobs.folder.empty() || !arguments.jobs.event_log.empty()) {
    if (const auto wrong = worker.jobs().executor().prepare()) return bad_input(wrong->message);
  }
  if (shares) {
    auto begun = begin_shares(loop, *shares, arguments.shares, worker.jobs());
    if (!begun) return bad_input(begun.error().message);
    sharing = std::move(begun).value();
  }
  log.worker_started(worker.jobs().executor().facts());
  if (arguments.parent == 0) fmt::print(stderr, "{}\n", introduction);
  bool draining = false;
  const auto drain = [&] {
    if (std::exchange(draining, true)) return loop.stop();
    fmt::print(stderr, "worker {} drains: it takes nothing more, and ends with the last of {} attempt{}\n", arguments.id,
               worker.running(), worker.running() == 1 ? "" : "s");
    worker.drain();
  };
  runtime::EventLoop::Timer leaves(loop, [&] {
    if (!draining) drain();
  });
  runtime::EventLoop::Timer is_gone(loop, [&] { loop.stop(); });
  leaves.start(later(loop.now(), session.value().drain));
  is_gone.start(later(loop.now(), session.value().stop));
  const runtime::EventLoop::Signal terminate(loop, SIGTERM, drain);
  const runtime::EventLoop::Signal interrupt(loop, SIGINT, drain);
  loop.run();
  if (worker.agent().ousted()) return bad_input(ousted_message(arguments.id, redis));
  return kDone;
}

// Said before the worker is there for anybody: else each of its jobs would fail.
std::optional<std::string> problem_with_user(const JobArguments& jobs) {
  if (::geteuid() != 0 || jobs.allow_root) return std::nullopt;
  const auto user = runtime::find_user(jobs.run_as);
  if (user && user.value().uid != 0) return std::nullopt;
  return fmt::format("--run-as {}: {}; name another user with --run-as, or start the worker as one who is not root",
                     jobs.run_as, user ? "jobs run as root only with --allow-root" : user.error().message);
}

int run_worker(const WorkerArguments& arguments) {
  if (const auto problem = problem_with_user(arguments.jobs)) return bad_input(*problem);
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
  const auto client = runtime::RedisClient::connect(redis.value());
  if (!client) return no_store(client.error().message);
  const auto claimed = claim(WorkerId{arguments.id}, *client.value());
  if (!claimed) return no_store(claimed.error().message);
  if (!claimed.value().taken.empty()) return bad_input(taken_message(arguments.id, claimed.value().taken));

  const Duration reading = scenario ? scenario->scheduler.control_plane.registry.reading : Duration{0};
  const Duration tenth = beating.value().ttl / kMarginInLease;
  runtime::WorkerDriverOptions options{.redis = redis.value(),
                                       .agent = {.worker = WorkerId{arguments.id},
                                                 .incarnation = next_incarnation(arguments, claimed.value()),
                                                 .capacity = {},
                                                 .interval = beating.value().heartbeat,
                                                 .lease = beating.value().ttl,
                                                 .margin = tenth,
                                                 .linger = WorkerAgentConfig::linger_for(reading),
                                                 .report_again = std::max(tenth, Duration{std::chrono::milliseconds{10}})},
                                       .spec = place.value().spec,
                                       .host = place.value().host,
                                       .life = runtime::random_text(kLifeBytes),
                                       .above = claimed.value().above};
  const auto shares = find_shares(arguments, scenario, options);
  if (!shares) return bad_input(shares.error().message);
  return run_loop(std::move(options), arguments, shares.value());
}

#else

int run_worker(const WorkerArguments& /*arguments*/) { return bad_input(kNoRuntime); }

#endif

class WorkerCommand final : public Command {
 public:
  void declare(CLI::App& app) override {
    constexpr std::int64_t kMost = std::int64_t{1} << 53U;  // as journals have it
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
        ->check(CLI::Range(std::int64_t{0}, kMost));
    app.add_option("--memory-bytes", arguments_.memory_bytes, "Memory that it has to give instead")
        ->check(CLI::Range(std::int64_t{0}, kMost));
    app.add_option("--gpus", arguments_.gpus, "GPUs that it has to give instead")->check(CLI::Range(std::int64_t{0}, kMost));
    app.add_option("--slots", arguments_.slots, "Tasks that it runs at the same time instead")
        ->check(CLI::Range(std::int64_t{1}, kMost));
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
    app.add_option("--available-until", arguments_.available_until,
                   "When its machine goes: a time (2026-01-31T17:00:00Z) or how long from now (9h). It drains before that; "
                   "what still "
                   "runs at the end is stopped and runs again elsewhere, which counts as no loss (default: never)")
        ->type_name("TIME|DURATION");
    app.add_option("--drain-before", arguments_.drain_before, "So long before that it takes nothing more (default 2m)")
        ->type_name("DURATION");
    app.add_option("--parent", arguments_.parent, "End when this process, its parent, does")->type_name("PID");
    app.add_option("--faults", arguments_.faults, "In a trial (`drydock up`): where it hears what befalls its messages")
        ->type_name("SOCKET");
    app.add_option("--attempt-times", arguments_.attempt_times,
                   "In a trial (`drydock up`): where it notes when attempts begin and end")
        ->type_name("FILE");
#ifdef DRYDOCK_WITH_RUNTIME
    declare_job_options(app, arguments_.jobs);
    declare_worker_share_options(app, arguments_.shares);
#endif
    app.footer(
        std::string(
            "A worker registers in Redis, runs what the scheduler sends it, and ends all of that by itself when it cannot\n"
            "refresh its lease in time. SIGTERM or Ctrl-C: it takes nothing new and leaves when the last attempt has\n"
            "ended and the scheduler knows (without one: ten seconds later); a second one ends it at once.\n"
            "No two workers that live have the same --id: a second one is refused, and one that finds another in its place\n"
            "ends (exit code 2). After a kill it may be started again at once on the same machine; where the one before "
            "was\n"
            "on another, it waits until its key has expired or it is seen to live.\n") +
        std::string(kPasswords) + "\nExit code 3: Redis could not be reached at the start; later it is waited for.");
  }

  int run(const Terminal& /*terminal*/) override { return run_worker(arguments_); }

 private:
  WorkerArguments arguments_;
};

}  // namespace

std::unique_ptr<Command> make_worker() { return std::make_unique<WorkerCommand>(); }

}  // namespace drydock::cli

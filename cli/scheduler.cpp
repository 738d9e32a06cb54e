// drydock scheduler
#include "cli/history_age.hpp"
#include "cli/real_scenario.hpp"
#include "cli/runtime_commands.hpp"
#include "cli/shadow_choice.hpp"
#include "cli/stores.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#ifdef DRYDOCK_WITH_RUNTIME
#include "cli/fallback.hpp"
#include "cli/process_name.hpp"
#include "cli/record_folder.hpp"
#include "cli/version.hpp"
#include "real-runtime/event_loop.hpp"
#include "real-runtime/scheduler_process.hpp"
#include "real-runtime/store_queries.hpp"
#include "scenarios/units.hpp"

#include <array>
#include <csignal>
#include <ctime>
#include <system_error>
#include <thread>
#endif

namespace drydock::cli {
namespace {

struct SchedulerArguments {
  RealScenarioOptions choice;
  StoreArguments stores;
  std::optional<std::string> shadow;
  std::string name;
  std::string record;
  std::string record_max = "1GiB";
  std::string record_format = "binary";
  std::string keep_history;
  std::string fallback = "fcfs";
};

#ifdef DRYDOCK_WITH_RUNTIME

using runtime::EventLoop;
using scenarios::Scenario;

constexpr Duration kLookAround = std::chrono::seconds{1};

std::string now_as_text() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 32> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &utc);
  return {text.data(), length};
}

Result<std::optional<RecordFolder::Options>> record_options(const SchedulerArguments& arguments, const Scenario& scenario,
                                                            const std::string& name) {
  if (arguments.record.empty()) return std::optional<RecordFolder::Options>{};
  const auto most = scenarios::parse_size(arguments.record_max);
  if (!most) return Error{"--record-max: " + most.error().message};
  if (most.value() <= 0) return Error{"--record-max: must be more than 0"};
  std::error_code error;
  std::filesystem::create_directories(arguments.record, error);
  if (error) return Error{fmt::format("--record {}: cannot make this folder: {}", arguments.record, error.message())};
  return std::optional(RecordFolder::Options{
      .folder = arguments.record,
      .stem = fmt::format("{}-{}", name, now_as_text()),
      .name = name,
      .bytes_max = static_cast<std::uint64_t>(most.value()),
      .json_lines = arguments.record_format == "jsonl",
      .header = {
          .version = std::string(kVersion), .scenario = scenario.json, .variant = scenario.variant, .seed = scenario.seed}});
}

// Whether the keys are this installation's: nothing, or why not. Waits where they were another's that may be gone, until its
// claim has run out or is prolonged.
Result<std::optional<std::string>> claim_keys(const runtime::SchedulerProcessOptions& options, Duration ttl) {
  constexpr std::chrono::milliseconds kLook{200};
  const auto redis = runtime::RedisClient::connect(options.redis);
  if (!redis) return redis.error();
  std::optional<runtime::KeysClaim> before;
  for (bool said = false;; std::this_thread::sleep_for(kLook)) {
    const auto other = runtime::claim_keys(*redis.value(), *options.installation, ttl);
    if (!other) return other.error();
    if (!other.value()) return std::optional<std::string>{};
    const runtime::KeysClaim& claim = *other.value();
    if (is_prolonged(claim, before)) return std::optional(in_words(claim, options.redis));
    if (!std::exchange(said, true)) {
      fmt::print(
          stderr,
          "the keys in Redis belonged to another installation ({}, scheduler {}): waiting up to {} for its claim to run "
          "out, in case it is gone\n",
          claim.of.place, claim.of.scheduler, scenarios::format_duration(claim.left));
    }
    before = claim;
  }
}

// Both stores answer, the schema is there, and knows queues: those of the leader, or else of the first to come. Says which
// installation that is.
std::optional<std::string> problem_with_stores(const Scenario& scenario, runtime::SchedulerProcessOptions& options) {
  auto postgres = runtime::PostgresClient::connect(options.postgres);
  if (!postgres) return postgres.error().message;
  const auto redis = runtime::RedisClient::connect(options.redis);
  if (!redis) return redis.error().message;
  auto installation = runtime::read_installation(*postgres.value(), options.postgres.schema, options.name);
  if (!installation) return installation.error().message;
  options.installation = std::move(installation).value();
  const auto known = runtime::read_queues(*postgres.value(), options.postgres.schema);
  if (!known) return known.error().message;
  if (!known.value().empty()) return std::nullopt;
  std::vector<std::string> queues;
  for (const QueueConfig& queue : scenario.scheduler.queues) queues.push_back(queue.name);
  const auto named = runtime::set_queues(*postgres.value(), queues);
  if (!named) return named.error().message;
  return std::nullopt;
}

// Runs a scheduler process and says on stderr what happens to it.
class Running {
 public:
  Running(const Scenario& scenario, const runtime::SchedulerProcessOptions& options, RecordFolder* record)
      : record_(record),
        process_(loop_, config_of(scenario), options),
        look_(loop_, [this] { look(); }),
        interrupt_(loop_, SIGINT, [this] { shut_down(); }),
        terminate_(loop_, SIGTERM, [this] { shut_down(); }) {
    process_.on_turn([this] { tell_turn(); });
    process_.on_error([this](const std::string& why) {
      failed_ = true;
      if (process_.halted()) stopped_policy_ = why;
      (void)bad_input(why);
      loop_.stop();
    });
    look_.start(later(loop_.now(), kLookAround));
  }

  int run() {
    fmt::print(stderr, "standing by\n");
    loop_.run();
    if (const auto report = process_.shadow()) fmt::print(stderr, "shadow {}\n", summary_of(*report));
    return failed_ ? kCheckFailed : kDone;
  }

  // Why its policy was stopped; nothing: it was not.
  [[nodiscard]] const std::optional<std::string>& stopped_policy() const { return stopped_policy_; }

 private:
  static SchedulerConfig config_of(const Scenario& scenario) {
    SchedulerConfig config = scenario.scheduler;
    config.seed = scenario.seed;
    return config;
  }

  void tell_turn() const {
    if (process_.leads()) fmt::print(stderr, "leads, in epoch {}\n", process_.epoch());
    else
      fmt::print(stderr, "does not lead any more{}{}\n", process_.why_it_stepped_down().empty() ? "" : ": ",
                 process_.why_it_stepped_down());
  }

  void look() {
    std::string problem = process_.problem();
    if (problem.empty() && record_ != nullptr) problem = record_->problem().value_or("");
    if (problem != problem_) {
      fmt::print(stderr, "{}\n", problem.empty() ? "goes on" : problem);
      problem_ = problem;
    }
    tell_shadow();
    look_.start(later(loop_.now(), kLookAround));
  }

  void tell_shadow() {
    const auto report = process_.shadow();
    if (!report) return;
    for (const std::string& line : shadow_lines_.next(*report, loop_.now())) fmt::print(stderr, "{}", line);
  }

  // At the second time without waiting.
  void shut_down() {
    if (std::exchange(ending_, true)) return loop_.stop();
    process_.shut_down([this] { loop_.stop(); });
  }

  EventLoop loop_;
  RecordFolder* record_;
  runtime::SchedulerProcess process_;
  EventLoop::Timer look_;
  EventLoop::Signal interrupt_;
  EventLoop::Signal terminate_;
  std::string problem_;
  ShadowLines shadow_lines_;
  bool ending_ = false;
  bool failed_ = false;
  std::optional<std::string> stopped_policy_;
};

// Where a policy of a plugin was lost before, without those.
Result<Scenario> scenario_of(const SchedulerArguments& arguments, std::vector<std::string>& notes) {
  if (const auto wrong = problem_with_fallback(arguments.fallback)) return *wrong;
  auto scenario = real_scenario(arguments.choice, notes);
  const auto lost = lost_policy();
  if (!scenario || !lost || !replace_plugin_policies(scenario.value(), arguments.fallback)) return scenario;
  notes.push_back(fmt::format("{}; until this process is started anew, {} decides (--fallback)", *lost, arguments.fallback));
  return scenario;
}

int run_process(const Scenario& scenario, runtime::SchedulerProcessOptions options,
                const std::optional<RecordFolder::Options>& record) {
  const bool plugin = uses_plugin(scenario.scheduler) || (options.shadow && uses_plugin(options.shadow->config));
  if (plugin) begin_again_without_plugins();
  int code = kDone;
  std::optional<std::string> stopped;
  {
    std::optional<RecordFolder> folder;
    if (record) folder.emplace(*record);
    if (folder) options.journals = &*folder;
    Running running(scenario, options, folder ? &*folder : nullptr);
    code = running.run();
    stopped = running.stopped_policy();
  }
  if (plugin && stopped) begin_again(stopped->c_str());
  return code;
}

int run_scheduler(const SchedulerArguments& arguments) {
  std::vector<std::string> notes;
  const auto scenario = scenario_of(arguments, notes);
  if (!scenario) return bad_input(scenario.error().message);
  std::optional<ShadowChoice> shadow;
  if (arguments.shadow) {
    auto chosen =
        choose_shadow(arguments.choice.scenario, arguments.choice.sets, scenario.value(), *arguments.shadow, notes);
    if (!chosen) return bad_input(chosen.error().message);
    shadow = std::move(chosen).value();
    if (lost_policy() && uses_plugin(shadow->config)) {
      notes.push_back(fmt::format("{}; without its shadow until this process is started anew", *lost_policy()));
      shadow.reset();
    }
  }
  const auto redis = redis_options(arguments.stores);
  if (!redis) return bad_input(redis.error().message);
  const auto postgres = postgres_options(arguments.stores);
  if (!postgres) return bad_input(postgres.error().message);
  const std::string name = arguments.name.empty() ? default_process_name() : arguments.name;
  if (!is_good_process_name(name)) return bad_input(kProcessNameHelp);
  auto record = record_options(arguments, scenario.value(), name);
  if (!record) return bad_input(record.error().message);
  std::optional<Duration> keep_history;
  if (!arguments.keep_history.empty()) {
    const auto age = history_age(arguments.keep_history);
    if (!age) return bad_input("--keep-history: " + age.error().message);
    keep_history = age.value();
  }
  for (const std::string& note : notes) fmt::print(stderr, "note: {}\n", note);

  runtime::SchedulerProcessOptions options{.redis = redis.value(),
                                           .postgres = postgres.value(),
                                           .name = name,
                                           .worker_lease = scenario.value().liveness.get<Duration>("ttl"),
                                           .restart = scenario.value().scheduler_restart,
                                           .keep_history = keep_history,
                                           .shadow = std::move(shadow)};
  if (const auto problem = problem_with_stores(scenario.value(), options)) return no_store(*problem);
  const auto taken = claim_keys(options, runtime::claim_ttl(scenario.value().scheduler.control_plane.leadership.lease));
  if (!taken) return no_store(taken.error().message);
  if (taken.value()) return bad_input(*taken.value());
  return run_process(scenario.value(), std::move(options), record.value());
}

#else

int run_scheduler(const SchedulerArguments& /*arguments*/) { return bad_input(kNoRuntime); }

#endif

class SchedulerCommand final : public Command {
 public:
  void declare(CLI::App& app) override {
    app.add_option("--config", arguments_.choice.scenario, "A scenario file, or the name of a built-in scenario")
        ->required()
        ->type_name("SCENARIO");
    declare_choice(app, arguments_.choice);
    declare_shadow(app, arguments_.shadow);
    declare_redis(app, arguments_.stores);
    declare_postgres(app, arguments_.stores);
    app.add_option("--name", arguments_.name,
                   "Of this process, for people; differs from all others (default: host and process)");
    app.add_option("--record", arguments_.record, "Folder for journals, for `drydock check` and `drydock replay`")
        ->type_name("DIR");
    app.add_option("--record-max", arguments_.record_max,
                   "Of all journals of this name, about: the oldest go (default 1GiB); a new one begins after an eighth")
        ->type_name("SIZE");
    app.add_option("--record-format", arguments_.record_format, "binary (default) or jsonl")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"binary", "jsonl"}));
    app.add_option("--keep-history", arguments_.keep_history,
                   "Remove jobs from PostgreSQL that ended so long ago, while it leads (default: all are kept)")
        ->type_name("DURATION");
    app.add_option("--fallback", arguments_.fallback,
                   "Built-in placement policy that decides when one of a plugin was stopped (default fcfs)")
        ->type_name("POLICY");
    app.footer(
        std::string(
            "Decides which job runs where, as the scenario's policies have it. Several may run on the same stores: one\n"
            "leads, the others stand by, and one of them takes over within the scenario's \"lease\" (15s) and a second\n"
            "when the leader dies, stands still or is cut off. What runs goes on meanwhile. SIGTERM or Ctrl-C: it gives\n"
            "the lease back, and ends. It makes the schema in PostgreSQL, and brings one of an older version up to "
            "date.\n"
            "The database knows queues by name: jobs of a queue that the leader's scenario has not wait for one that has "
            "it;\n"
            "what runs of it is stopped, and waits again.\n"
            "The scenario's hosts, workload and faults have no effect: workers are those that run, jobs those that are\n"
            "submitted.\n"
            "With --shadow a second policy decides at the same moments on the same state, and what it decides is dropped. "
            "Where it\n"
            "differs is counted: on stderr (at most 10 lines a minute), in `drydock status` and in /metrics while this one "
            "leads.\n"
            "It cannot change what the scheduler decides, has a fifth of its time at most, and is switched off when it "
            "breaks "
            "a rule.\n"
            "When a policy of a plugin breaks a rule, throws, crashes or does not return, the process says so, and begins "
            "again\n"
            "with --fallback and static pools in the place of what plugins decide.\n") +
        std::string(kPasswords) + "\nExit code 3: a store could not be reached at the start; later it is waited for.");
  }

  int run(const Terminal& /*terminal*/) override { return run_scheduler(arguments_); }

 private:
  SchedulerArguments arguments_;
};

}  // namespace

std::unique_ptr<Command> make_scheduler() { return std::make_unique<SchedulerCommand>(); }

}  // namespace drydock::cli

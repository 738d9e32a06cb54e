// drydock beat
#include "cli/real_scenario.hpp"
#include "cli/runtime_commands.hpp"
#include "cli/stores.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#ifdef DRYDOCK_WITH_RUNTIME
#include "cli/process_name.hpp"
#include "cli/real_jobs.hpp"
#include "real-runtime/beat_process.hpp"
#include "real-runtime/event_loop.hpp"
#include "scenarios/units.hpp"
#include "scenarios/wording.hpp"

#include <csignal>
#include <cstdio>
#include <ctime>
#include <fmt/chrono.h>
#include <string>
#include <utility>
#include <vector>
#endif

namespace drydock::cli {
namespace {

struct BeatArguments {
  RealScenarioOptions choice;
  StoreArguments stores;
  std::string name;
};

#ifdef DRYDOCK_WITH_RUNTIME

// "2026-01-31T23:59:00Z", with what there is of a second.
std::string utc_text(Time since_1970) {
  const std::int64_t ms = nanos(since_1970) / 1'000'000;
  const auto whole = fmt::gmtime(static_cast<std::time_t>(ms / 1000));
  return ms % 1000 == 0 ? fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", whole)
                        : fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", whole, ms % 1000);
}

// Runs a beat and says on stderr what happens to it.
class RunningBeat {
 public:
  explicit RunningBeat(const runtime::BeatProcessOptions& options)
      : beat_(loop_, options),
        look_(loop_, [this] { look(); }),
        interrupt_(loop_, SIGINT, [this] { shut_down(); }),
        terminate_(loop_, SIGTERM, [this] { shut_down(); }) {
    beat_.on_turn([this] {
      if (beat_.leads()) fmt::print(stderr, "leads, in epoch {}\n", beat_.epoch());
      else fmt::print(stderr, "does not lead any more\n");
    });
    beat_.on_fired([](const runtime::Fired& fired) {
      fmt::print(stderr, "{}, due {}: job {}\n", scenarios::printable(fired.name), utc_text(fired.due), fired.job.value);
    });
    look();
  }

  int run() {
    fmt::print(stderr, "standing by\n");
    loop_.run();
    return kDone;
  }

 private:
  void look() {
    constexpr Duration kLookEach = std::chrono::seconds{1};
    if (const std::string problem = beat_.problem(); problem != problem_ && looked_) {
      fmt::print(stderr, "{}\n", problem.empty() ? "goes on" : problem);
      problem_ = problem;
    }
    looked_ = true;
    look_.start(later(loop_.now(), kLookEach));
  }

  // At the second time without waiting.
  void shut_down() {
    if (std::exchange(ending_, true)) return loop_.stop();
    beat_.shut_down([this] { loop_.stop(); });
  }

  runtime::EventLoop loop_;
  runtime::BeatProcess beat_;
  runtime::EventLoop::Timer look_;
  runtime::EventLoop::Signal interrupt_;
  runtime::EventLoop::Signal terminate_;
  std::string problem_;
  bool looked_ = false;
  bool ending_ = false;
};

int run_beat(const BeatArguments& arguments) {
  std::vector<std::string> notes;
  const auto scenario = real_scenario(arguments.choice, notes);
  if (!scenario) return bad_input(scenario.error().message);
  if (scenario.value().periodic.empty()) {
    return bad_input(
        fmt::format("{}: nothing in its workload is periodic, and so there is nothing for a beat to do; a periodic job has "
                    "\"every\", such as "
                    R"({{"name": "scan", "every": "5m", "duration": "5s", "run": {{"command": ["/usr/local/bin/scan"]}}}})",
                    arguments.choice.scenario));
  }
  auto postgres = postgres_options(arguments.stores);
  if (!postgres) return bad_input(postgres.error().message);
  const std::string name = arguments.name.empty() ? default_process_name() : arguments.name;
  if (!is_good_process_name(name)) return bad_input(kProcessNameHelp);
  const RealJobs jobs(scenario.value());
  notes.clear();  // they are for schedulers
  for (std::uint32_t j = 0; j < scenario.value().periodic.size(); ++j) {
    if (jobs.says_what_it_runs(PeriodicId{j})) continue;
    notes.push_back(fmt::format("\"{}\" does not say what it runs (\"run\"): its jobs sleep as long as they take",
                                scenarios::printable(scenario.value().periodic[j].schedule.name)));
  }
  for (const std::string& note : notes) fmt::print(stderr, "note: {}\n", note);
  postgres.value().may_install = false;
  if (const auto store = runtime::PostgresClient::connect(postgres.value()); !store) return no_store(store.error().message);
  runtime::BeatProcessOptions options = jobs.beat_options(scenario.value().seed, postgres.value());
  options.name = name;
  return RunningBeat(options).run();
}

#else

int run_beat(const BeatArguments& /*arguments*/) { return bad_input(kNoRuntime); }

#endif

class BeatCommand final : public Command {
 public:
  void declare(CLI::App& app) override {
    app.add_option("--config", arguments_.choice.scenario, "A scenario file, or the name of a built-in scenario")
        ->required()
        ->type_name("SCENARIO");
    declare_choice(app, arguments_.choice);
    declare_postgres(app, arguments_.stores);
    app.add_option("--name", arguments_.name,
                   "Of this process, for people; differs from all others (default: host and process)");
    app.footer(std::string("Hands in the scenario's periodic jobs (those with \"every\") at their due times; schedulers and "
                           "workers do the rest.\n"
                           "Several may run: one is active, by a lease in PostgreSQL, and another takes over within the "
                           "scenario's \"lease\" (15s)\n"
                           "and a second when it dies, stands still or is cut off. Each due time fires once, whatever "
                           "happens; those that passed\n"
                           "while none was active fire later, all of them or the last alone, as \"catch_up\" says.\n"
                           "Due times are every, 2 x every, ... after \"first\", counted from 1970-01-01 00:00 UTC by "
                           "PostgreSQL's clock: \"1h\" is\n"
                           "each full hour. A job that is new begins with its next due time; one that was not in the "
                           "scenario for a while is new\n"
                           "again. What it runs is its \"run\": a command, script or container, as for `drydock submit`. "
                           "The scenario's \"duration\",\n"
                           "hosts and faults have no effect. SIGTERM or Ctrl-C: it gives the lease back, and ends.\n") +
               std::string(kPasswords) +
               "\nExit code 3: PostgreSQL could not be reached at the start, or no scheduler has made the schema; later it "
               "is waited for.");
  }

  int run(const Terminal& /*terminal*/) override { return run_beat(arguments_); }

 private:
  BeatArguments arguments_;
};

}  // namespace

std::unique_ptr<Command> make_beat() { return std::make_unique<BeatCommand>(); }

}  // namespace drydock::cli

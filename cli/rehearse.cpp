// drydock rehearse SCENARIO
#include "cli/command.hpp"
#include "cli/real_scenario.hpp"
#include "cli/runtime_commands.hpp"
#include "cli/version.hpp"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <vector>

#ifdef DRYDOCK_WITH_RUNTIME
#include "cli/real_outcome.hpp"
#include "cli/rehearsal_runs.hpp"
#include "cli/result_files.hpp"
#include "cli/scenario_choice.hpp"
#include "cli/seeds.hpp"
#include "real-runtime/private_server.hpp"
#include "reports/rehearsal.hpp"
#include "scenarios/loader.hpp"
#include "sim/platform.hpp"
#include "sim/simgrid_platform.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#endif

namespace drydock::cli {
namespace {

struct RehearseOptions {
  std::string scenario;
  std::vector<std::string> variants;
  std::vector<std::string> sets;
  std::uint64_t repeats = 1;
  std::optional<std::uint64_t> seed;
  std::optional<double> time_scale;
  std::string calibration;
  std::string out;
  std::string format = "table";
  bool in_process = false;
  bool no_prediction = false;
};

#ifdef DRYDOCK_WITH_RUNTIME

using scenarios::Scenario;

// Of a run for real: a shorter time is no small multiple of what a process may have to wait for its turn.
constexpr Duration kHeartbeatLeast = std::chrono::milliseconds{500};
constexpr std::size_t kMostProcesses = 64;

std::vector<std::string> sets_of(const RehearseOptions& options) {
  std::vector<std::string> sets = options.sets;
  if (options.time_scale) sets.push_back(fmt::format("/time_scale={}", *options.time_scale));
  if (!options.calibration.empty()) sets.push_back("/calibration=" + nlohmann::json(options.calibration).dump());
  return sets;
}

Result<RehearsalPlan> plan_of(const RehearseOptions& options, std::vector<std::string>& notes) {
  RehearsalPlan plan;
  const std::vector<std::string> sets = sets_of(options);
  auto loaded = scenarios::load(options.scenario, {.sets = sets, .read_traces = false, .read_platform = sim::read_platform});
  if (!loaded) return loaded.error();
  const auto chosen = choose_variants(std::move(loaded).value(), options.variants, options.scenario);
  if (!chosen) return chosen.error();
  std::size_t workers = 0;
  for (const Scenario& variant : chosen.value()) {
    RealScenarioOptions choice{.scenario = options.scenario, .variant = std::nullopt, .sets = sets, .trial = true};
    choice.heartbeat_least = kHeartbeatLeast;
    if (!variant.variant.empty()) choice.variant = variant.variant;
    auto trial = trial_scenario(choice, notes);
    if (!trial) return trial.error();
    workers = std::max(workers, sim::Platform(trial.value().real).workers().size());
    plan.variants.push_back(std::move(trial).value());
  }
  plan.in_process = options.in_process || workers > kMostProcesses;
  if (plan.in_process && !options.in_process) {
    notes.push_back(
        fmt::format("{} workers: they are parts of this process, and no processes of their own (as --in-process)", workers));
  }
  const std::uint64_t first = options.seed.value_or(plan.variants.front().real.seed);
  for (std::uint64_t i = 0; i < options.repeats; ++i) plan.seeds.push_back(first + i);
  plan.predict = !options.no_prediction;
  return plan;
}

void print_all(const RehearsalPlan& plan, std::vector<std::string> notes) {
  for (const TrialScenario& variant : plan.variants) {
    for (const auto& note : variant.real.notes) notes.push_back(note);
    for (const LeftOutFault& left : faults_left_out(variant.real, plan.in_process)) {
      notes.push_back(fmt::format("fault {} ({}) is not carried out: {}", left.fault,
                                  type_of(variant.real.faults[left.fault]), left.reason));
    }
  }
  std::set<std::string> told;
  for (const std::string& note : notes) {
    if (told.insert(note).second) fmt::print(stderr, "note: {}\n", note);
  }
}

// How far it is, for people.
class RehearsalLine {
 public:
  explicit RehearsalLine(bool visible) : visible_(visible) {}
  ~RehearsalLine() {
    if (drawn_) fmt::print(stderr, "\r\x1b[K");
  }
  RehearsalLine(const RehearsalLine&) = delete;
  RehearsalLine& operator=(const RehearsalLine&) = delete;

  void show(std::size_t run, std::size_t runs, const RealProgress& now) {
    if (!visible_) return;
    drawn_ = true;
    fmt::print(stderr, "\rrun {} of {} for real: {:.1f} s, {} of {} jobs, {} turns of faults\x1b[K", run + 1, runs,
               seconds(now.time), now.jobs_ended, now.jobs, now.fault_turns);
    std::fflush(stderr);
  }

 private:
  bool visible_;
  bool drawn_ = false;
};

// Both sides as `simulate` has them.
struct Outcomes {
  std::vector<Scenario> real_variants;
  std::vector<Scenario> simulated_variants;
  Outcome real;
  Outcome predicted;
  std::vector<std::string> cautions;
};

// An interruption need not have hit both sides.
bool lacks_runs(const Outcome& outcome) {
  const auto incomplete = [](const auto& run) { return run.partial || run.error; };
  return outcome.runs.size() < outcome.planned || std::ranges::any_of(outcome.runs, incomplete);
}

void fill_outcomes(RehearsalPlan& plan, const RehearsalRuns& runs, std::vector<std::string> cautions, Outcomes& all) {
  all.real.planned = all.predicted.planned = plan.variants.size() * plan.seeds.size();
  for (TrialScenario& variant : plan.variants) {
    all.real_variants.push_back(std::move(variant.real));
    all.simulated_variants.push_back(std::move(variant.simulated));
  }
  all.real.variants = all.real_variants;
  all.predicted.variants = all.simulated_variants;
  for (const RehearsedRun& run : runs.real) all.real.runs.push_back(run.result);
  all.predicted.runs = runs.predicted;
  all.cautions = std::move(cautions);
  all.real.partial = runs.interrupted && lacks_runs(all.real);
  all.predicted.partial = runs.interrupted && lacks_runs(all.predicted);
  all.real.random = all.predicted.random = std::ranges::any_of(all.real_variants, is_random);
}

std::string faults_of_runs(const RehearsalRuns& runs) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const RehearsedRun& run : runs.real) {
    nlohmann::ordered_json one;
    one["variant"] = run.result.variant;
    one["seed"] = run.result.seed;
    one["time_s"] = run.time_s;
    one["workers_started"] = run.workers_started;
    one["faults"] = faults_json(run.faults);
    all.push_back(std::move(one));
  }
  return all.dump(2) + "\n";
}

Result<std::filesystem::path> write_all(const std::filesystem::path& folder, const Outcomes& all, const RehearsalRuns& runs,
                                        const reports::Rehearsal* rehearsal, const Terminal& terminal) {
  auto written = write_whole_file(folder / "real" / "result.json", real_outcome_json(all.real, all.cautions));
  if (written) written = write_whole_file(folder / "real" / "summary.txt", outcome_table(all.real, terminal, true));
  if (written) written = write_whole_file(folder / "real" / "faults.json", faults_of_runs(runs));
  if (!written || rehearsal == nullptr) return written;
  written = write_files(all.predicted, terminal, folder / "predicted");
  if (written) written = write_whole_file(folder / "rehearsal.json", reports::render_rehearsal_json(*rehearsal, kVersion));
  if (written) written = write_whole_file(folder / "rehearsal.txt", reports::render_rehearsal(*rehearsal, terminal.width));
  return written;
}

void print_result(const RehearseOptions& options, const Outcomes& all, const reports::Rehearsal* rehearsal,
                  const Terminal& terminal) {
  if (options.format == "json") {
    fmt::print("{}", rehearsal == nullptr ? real_outcome_json(all.real, all.cautions)
                                          : reports::render_rehearsal_json(*rehearsal, kVersion));
    return;
  }
  fmt::print("FOR REAL\n{}", outcome_table(all.real, terminal, false));
  if (rehearsal != nullptr) {
    fmt::print("\nPREDICTED\n{}\nTHE SIMULATION AGAINST REALITY\n{}", outcome_table(all.predicted, terminal, false),
               reports::render_rehearsal(*rehearsal, terminal.width));
  }
  if (options.out.empty()) return;
  fmt::print("\nWritten: {0}/real{1}\n", options.out,
             rehearsal == nullptr ? "" : fmt::format(", {0}/predicted, {0}/rehearsal.json, {0}/rehearsal.txt", options.out));
}

int code_of(const RehearsalRuns& runs) {
  if (runs.interrupted) return kInterrupted;
  int code = kDone;
  std::fflush(stdout);
  const auto look = [&](const reports::RunResult& run, std::string_view world) {
    const std::string who = fmt::format("{}{}seed {}, {}", run.variant, run.variant.empty() ? "" : ", ", run.seed, world);
    if (run.error) fmt::print(stderr, "drydock: {}: {}\n", who, *run.error);
    if (run.violation_count > 0) fmt::print(stderr, "drydock: {}: {} violations of invariants\n", who, run.violation_count);
    if (run.error || run.violation_count > 0) code = kCheckFailed;
  };
  for (const reports::RunResult& run : runs.predicted) look(run, "simulated");
  for (const RehearsedRun& run : runs.real) look(run.result, "for real");
  return code;
}

// --out, or a folder for the time of the runs.
Result<std::filesystem::path> folder_of(const RehearseOptions& options, runtime::TemporaryFolder& temporary) {
  if (options.out.empty()) {
    if (const auto failed = temporary.make({.prefix = "drydock-rehearse-", .parent = {}, .socket = {}})) return *failed;
  }
  const std::filesystem::path folder = options.out.empty() ? temporary.path() : std::filesystem::path(options.out);
  for (const char* name : {"real", "predicted"}) {
    if (auto made = prepare_folder(folder / name); !made) return made.error();
  }
  return folder;
}

int run_rehearsal(const RehearseOptions& options, const Terminal& terminal) {
  std::vector<std::string> notes;
  auto plan = plan_of(options, notes);
  if (!plan) return bad_input(plan.error().message);
  runtime::TemporaryFolder temporary;
  const auto folder = folder_of(options, temporary);
  if (!folder) return bad_input(folder.error().message);
  plan.value().folder = folder.value();
  print_all(plan.value(), notes);
  auto runs = [&] {
    RehearsalLine line(terminal.err_is_terminal);
    return make_rehearsal_runs(
        plan.value(), [&](std::size_t run, std::size_t total, const RealProgress& now) { line.show(run, total, now); });
  }();
  if (!runs) {
    (void)bad_input(runs.error().message);
    return kNoStore;
  }
  const std::vector<std::string> cautions = rehearsal_cautions(plan.value(), runs.value());
  Outcomes all;
  fill_outcomes(plan.value(), runs.value(), cautions, all);
  std::optional<reports::Rehearsal> rehearsal;
  if (!options.no_prediction) {
    rehearsal = reports::find_rehearsal({.scenario = all.real_variants.front().name,
                                         .predicted = all.predicted.runs,
                                         .real = all.real.runs,
                                         .cautions = cautions});
  }
  const reports::Rehearsal* shown = rehearsal ? &*rehearsal : nullptr;
  if (!options.out.empty()) {
    if (const auto written = write_all(folder.value(), all, runs.value(), shown, terminal); !written)
      return bad_input(written.error().message);
  }
  print_result(options, all, shown, terminal);
  return code_of(runs.value());
}

#else

int run_rehearsal(const RehearseOptions& /*options*/, const Terminal& /*terminal*/) { return bad_input(kNoRuntime); }

#endif

class Rehearse final : public Command {
 public:
  void declare(CLI::App& app) override {
    app.add_option("SCENARIO", options_.scenario, "A scenario file, or the name of a built-in scenario")->required();
    app.add_option("--time-scale", options_.time_scale,
                   "Divide every duration of the scenario by this (as --set /time_scale), not what stores and network take")
        ->type_name("S")
        ->check(CLI::Range(1.0, 1e6));
    app.add_option("--repeats", options_.repeats, "Runs of each variant, under its seed, the next one, ... (default 1)")
        ->type_name("N")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1000}));
    app.add_option("--variant", options_.variants, "Run only this variant; may be repeated")
        ->allow_extra_args(false)
        ->type_name("NAME");
    app.add_option("--set", options_.sets, "Change a value of the scenario, before its variants do; may be repeated")
        ->allow_extra_args(false)
        ->type_name("/JSON/POINTER=VALUE");
    app.add_option("--seed", options_.seed, "The first seed (default: the scenario's)");
    app.add_option("--calibration", options_.calibration,
                   "What `drydock calibrate` wrote: what stores and machine take (as --set /calibration=FILE)")
        ->type_name("FILE");
    app.add_flag("--no-prediction", options_.no_prediction, "Only run it for real");
    app.add_flag("--in-process", options_.in_process,
                 "Run the workers within this process instead of in processes of their own (default above 64 workers)");
    app.add_option("--out", options_.out,
                   "Folder for real/ and predicted/ (result.json, summary.txt, journals), rehearsal.json and rehearsal.txt")
        ->type_name("DIR");
    app.add_option("--format", options_.format, "table (default) or json")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"table", "json"}));
    app.footer(
        "Simulates the scenario, runs it for real as `drydock up` does (each run on servers of its own), and says how far "
        "the\n"
        "two are apart, how much of that is chance, and where the time went. Both sides are of the scaled scenario, under "
        "the\n"
        "same seeds, with what a real run needs filled in; both have the figures of `simulate`.\n"
        "  drydock rehearse worker-pools --time-scale 600 --out rehearsal\n"
        "  drydock compare rehearsal/predicted rehearsal/real\n"
        "Ctrl-C ends the run at hand; what there is is written, marked as partial (exit code 130). Exit code 1: a run "
        "failed, "
        "or\n"
        "broke an invariant; 3: Redis or PostgreSQL could not be started.");
  }

  int run(const Terminal& terminal) override { return run_rehearsal(options_, terminal); }

 private:
  RehearseOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_rehearse() { return std::make_unique<Rehearse>(); }

}  // namespace drydock::cli

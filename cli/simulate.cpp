// drydock simulate SCENARIO
#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/journal_paths.hpp"
#include "cli/metric_choice.hpp"
#include "cli/notes.hpp"
#include "cli/progress.hpp"
#include "cli/result_files.hpp"
#include "cli/run_checker.hpp"
#include "cli/scenario_choice.hpp"
#include "cli/seeds.hpp"
#include "scenarios/loader.hpp"
#include "sim/run.hpp"
#include "sim/simgrid_platform.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace drydock::cli {
namespace {

using scenarios::Scenario;

struct Options {
  std::string scenario;
  std::optional<std::string> seeds;
  std::vector<std::string> sets;
  std::vector<std::string> variants;
  std::optional<std::string> metrics;
  std::string out;
  std::string format = "table";
  std::string journal;
  std::string journal_format;
  bool eager = false;
  bool check = false;
  unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
};

// What is to be run, all of it checked.
struct Work {
  std::vector<Scenario> variants;
  std::vector<std::uint64_t> seeds;
  MetricChoice metrics;
};

Result<MetricChoice> chosen_metrics(const Options& options, const std::vector<Scenario>& variants) {
  if (!options.metrics) return MetricChoice{};
  return choose_metrics(*options.metrics, possible_metrics(variants));
}

// --metrics list: needs no trace, since the names do not depend on jobs.
int print_metrics(const Options& options) {
  auto loaded = scenarios::load(
      options.scenario,
      {.sets = options.sets, .read_traces = false, .read_platform = sim::read_platform, .check_run = problem_with_run});
  if (!loaded) return bad_input(loaded.error().message);
  const auto chosen = choose_variants(std::move(loaded).value(), options.variants, options.scenario);
  if (!chosen) return bad_input(chosen.error().message);
  fmt::print("{}", list_metrics(possible_metrics(chosen.value())));
  return kDone;
}

Result<Work> prepare(const Options& options) {
  Work work;
  if (options.seeds) {  // before the scenario, whose traces may take a moment
    auto seeds = parse_seeds(*options.seeds);
    if (!seeds) return seeds.error();
    work.seeds = std::move(seeds).value();
  }
  auto loaded = scenarios::load(
      options.scenario,
      {.sets = options.sets, .read_traces = true, .read_platform = sim::read_platform, .check_run = problem_with_run});
  if (!loaded) return loaded.error();
  auto chosen = choose_variants(std::move(loaded).value(), options.variants, options.scenario);
  if (!chosen) return chosen.error();
  work.variants = std::move(chosen).value();
  if (work.seeds.empty()) work.seeds = default_seeds(work.variants);
  auto metrics = chosen_metrics(options, work.variants);
  if (!metrics) return metrics.error();
  work.metrics = std::move(metrics).value();
  if (!options.out.empty()) {
    if (auto folder = prepare_folder(options.out); !folder) return folder.error();
  }
  return work;
}

JournalTarget journal_target(const Options& options, const Work& work) {
  const bool by_name = options.journal_format.empty() && options.journal.ends_with(".jsonl");
  return {.path = options.journal,
          .json_lines = by_name || options.journal_format == "jsonl",
          .runs = work.variants.size() * work.seeds.size()};
}

// Seed by seed, so that an interrupted comparison has whole pairs.
std::vector<sim::RunRequest> make_requests(const Options& options, const Work& work) {
  std::vector<sim::RunRequest> requests;
  const JournalTarget journals = journal_target(options, work);
  for (const std::uint64_t seed : work.seeds) {
    for (const Scenario& scenario : work.variants) {
      sim::RunRequest& request = requests.emplace_back();
      request.scenario = &scenario;
      request.seed = seed;
      request.options = {
          .eager = options.eager, .check = options.check, .journal = std::nullopt, .json_lines = journals.json_lines};
      if (!options.journal.empty()) request.options.journal = journal_path(journals, scenario.variant, seed);
    }
  }
  return requests;
}

Outcome run_all(const Options& options, const Work& work, const Terminal& terminal) {
  const std::vector<sim::RunRequest> requests = make_requests(options, work);
  const std::atomic<bool>& stop = stop_on_interrupt();
  Outcome outcome;
  {
    ProgressBar bar(terminal.err_is_terminal, "runs");
    outcome.runs = sim::run_all(requests, options.jobs, stop, [&](const sim::Progress& progress) {
      if (!stop) bar.show({.done = progress.runs_done, .total = progress.runs_total, .fraction = progress.fraction});
    });
  }
  const auto place = [&](const reports::RunResult& run) {
    const auto same = [&](const Scenario& scenario) { return scenario.variant == run.variant; };
    return std::find_if(work.variants.begin(), work.variants.end(), same) - work.variants.begin();
  };
  std::stable_sort(outcome.runs.begin(), outcome.runs.end(),
                   [&](const auto& a, const auto& b) { return place(a) < place(b); });
  outcome.variants = work.variants;
  outcome.metrics = work.metrics;
  outcome.random = std::any_of(work.variants.begin(), work.variants.end(), [](const Scenario& s) { return is_random(s); });
  outcome.partial = stop && std::any_of(outcome.runs.begin(), outcome.runs.end(),
                                        [](const auto& run) { return run.partial || run.error; });
  return outcome;
}

// Tells of broken runs on stderr as well, for those who read only that.
int exit_code(const Outcome& outcome) {
  if (outcome.partial) return kInterrupted;
  int code = kDone;
  for (const auto& run : outcome.runs) {
    const std::string who =
        run.variant.empty() ? fmt::format("seed {}", run.seed) : fmt::format("{}, seed {}", run.variant, run.seed);
    if (run.error) fmt::print(stderr, "drydock: {}: {}\n", who, *run.error);
    if (run.violation_count > 0) fmt::print(stderr, "drydock: {}: {} violations of invariants\n", who, run.violation_count);
    if (run.error || run.violation_count > 0) code = kCheckFailed;
  }
  return code;
}

class Simulate final : public Command {
 public:
  void declare(CLI::App& app) override {
    app.add_option("SCENARIO", options_.scenario, "A scenario file, or the name of a built-in scenario")->required();
    app.add_option("--seeds", options_.seeds,
                   "Seeds to run: 7, 1..20 or 1,2,5 (default: ten from the scenario's own on; one if nothing is random)")
        ->type_name("SEEDS");
    app.add_option("--set", options_.sets, "Change a value of the scenario, before its variants do; may be repeated")
        ->allow_extra_args(false)
        ->type_name("/JSON/POINTER=VALUE");
    app.add_option("--variant", options_.variants, "Run only this variant; may be repeated")
        ->allow_extra_args(false)
        ->type_name("NAME");
    // Not bound to the optional itself: CLI11 takes an empty text for no value, and `--metrics ''` is to be refused.
    app.add_option_function<std::string>(
           "--metrics", [this](const std::string& names) { options_.metrics = names; },
           "Rows of the table: wait_s,utilization or *.p95; `--metrics list` prints what there is, without simulating")
        ->type_name("NAMES");
    app.add_option("--format", options_.format, "table (default) or json")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"table", "json"}));
    app.add_option("--out", options_.out, "Folder for result.json and summary.txt")->type_name("DIR");
    app.add_option("--journal", options_.journal, "Record every decision: a file, or a folder when there are several runs")
        ->type_name("PATH");
    app.add_option("--journal-format", options_.journal_format,
                   "binary or jsonl (default: jsonl for a file of that ending, else binary)")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"binary", "jsonl"}))
        ->needs("--journal");
    app.add_flag("--check", options_.check, "Check the invariants during the runs");
    app.add_flag("--eager", options_.eager, "Simulate each heartbeat as an event: slower, the same results");
    app.add_option("--jobs", options_.jobs, "Runs at the same time (default: one per processor)")
        ->type_name("N")
        ->check(CLI::Range(1U, 1024U));
    app.footer(
        "Examples:\n"
        "  drydock simulate easy-against-fcfs --seeds 1..20 --out results\n"
        "  drydock simulate my.json --variant easy --set /cluster/hosts/0/count=200 --format json\n"
        "  drydock simulate my.json --variant easy --seeds 3 --journal run.journal && drydock replay run.journal\n"
        "Ctrl-C ends the runs and writes what there is, marked as partial (exit code 130).");
  }

  int run(const Terminal& terminal) override {
    if (options_.metrics == "list") return print_metrics(options_);
    auto work = prepare(options_);
    if (!work) return bad_input(work.error().message);
    if (!options_.journal.empty()) {
      if (auto ready = prepare_journals(journal_target(options_, work.value())); !ready)
        return bad_input(ready.error().message);
    }
    print_notes(work.value().variants);
    const Outcome outcome = run_all(options_, work.value(), terminal);
    // The files first: whoever reads standard output may stop reading.
    if (!options_.out.empty()) {
      if (auto written = write_files(outcome, terminal, options_.out); !written) return bad_input(written.error().message);
    }
    fmt::print("{}", options_.format == "json" ? outcome_json(outcome) : outcome_table(outcome, terminal, false));
    if (options_.format == "table" && !options_.out.empty())
      fmt::print("\nWritten: {0}/result.json, {0}/summary.txt\n", options_.out);
    return exit_code(outcome);
  }

 private:
  Options options_;
};

}  // namespace

std::unique_ptr<Command> make_simulate() { return std::make_unique<Simulate>(); }

}  // namespace drydock::cli

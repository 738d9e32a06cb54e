// drydock sweep SCENARIO --vary ...
#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/metric_choice.hpp"
#include "cli/notes.hpp"
#include "cli/progress.hpp"
#include "cli/result_files.hpp"
#include "cli/run_checker.hpp"
#include "cli/scenario_choice.hpp"
#include "cli/sweep_folder.hpp"
#include "cli/sweep_work.hpp"
#include "reports/metric_info.hpp"
#include "reports/sweep_json.hpp"
#include "reports/sweep_table.hpp"
#include "scenarios/loader.hpp"
#include "sim/run.hpp"
#include "sim/simgrid_platform.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace drydock::cli {
namespace {

constexpr std::size_t kRowsOnTerminal = 40;
constexpr std::size_t kFileWidth = 120;
constexpr std::size_t kNotesMost = 5;

// Makes the runs that are missing.
class SweepRunner {
 public:
  SweepRunner(const SweepWork& work, unsigned jobs, reports::SweepRuns& runs, SweepFolder* folder)
      : work_(work), jobs_(jobs), runs_(runs), folder_(folder), most_(count_most()) {}

  // False when it was told to stop, or cannot write what it has (failure() says why).
  bool run(const std::atomic<bool>& stop, const Terminal& terminal) {
    ProgressBar bar(terminal.err_is_terminal, work_.plan.precision.empty() ? "runs" : "runs at most");
    for (auto requests = next_round(); !requests.empty(); requests = next_round()) {
      const std::size_t before = runs_.size();
      const auto show = [&](const sim::Progress& progress) {
        if (stop) halt_ = true;
        const double done = static_cast<double>(before) + progress.fraction * static_cast<double>(requests.size());
        if (!halt_) bar.show({.done = runs_.size(), .total = most_, .fraction = done / static_cast<double>(most_)});
      };
      static_cast<void>(
          sim::run_all(requests, jobs_, halt_, show,
                       [&](std::size_t request, const reports::RunResult& result) { take(points_[request], result); }));
      if (stop || halt_) break;
    }
    if (folder_ != nullptr && !folder_->sync()) return false;
    return next_round().empty();
  }

 private:
  [[nodiscard]] std::size_t count_most() const {
    std::size_t points = 0;
    for (std::size_t point = 0; point < work_.plan.points.size(); ++point) points += work_.plan.shard.has(point) ? 1U : 0U;
    return std::max<std::size_t>(1, points * work_.plan.seeds.size());
  }

  // Seed by seed, so that an interrupted sweep has whole pairs.
  std::vector<sim::RunRequest> next_round() {
    std::map<std::uint64_t, std::vector<std::size_t>> by_seed;
    for (std::size_t point = 0; point < work_.plan.points.size(); ++point) {
      for (const std::uint64_t seed : runs_.wanted(point)) by_seed[seed].push_back(point);
    }
    std::vector<sim::RunRequest> requests;
    points_.clear();
    for (const std::uint64_t seed : work_.plan.seeds) {
      for (const std::size_t point : by_seed[seed]) {
        sim::RunRequest& request = requests.emplace_back();
        request.scenario = &work_.scenarios[point];
        request.seed = seed;
        request.options.find_warmup = work_.plan.mser5;
        points_.push_back(point);
      }
    }
    return requests;
  }

  void take(std::size_t point, const reports::RunResult& result) {
    if (result.partial) return;
    if (result.error) {
      if (!halt_) runs_.failed(point, result.seed, *result.error);
      return;
    }
    reports::SweepRun run{
        .point = point, .seed = result.seed, .metrics = result.metrics, .violations = result.violation_count};
    if (result.settling) {
      run.deleted = result.settling->deleted;
      run.settled = result.settling->settled;
    }
    if (folder_ != nullptr && !folder_->append(run)) halt_ = true;
    else static_cast<void>(runs_.add(std::move(run)));
  }

  const SweepWork& work_;
  unsigned jobs_;
  reports::SweepRuns& runs_;
  SweepFolder* folder_;
  std::size_t most_;
  std::atomic<bool> halt_{false};
  std::vector<std::size_t> points_;  // by request of the round
};

std::string render(const reports::SweepResult& result, const std::string& format, const Terminal& terminal) {
  if (format == "json") return reports::sweep_json(result);
  if (format == "csv") return reports::sweep_csv(result);
  if (format == "markdown") return reports::sweep_markdown(result);
  return reports::sweep_table(result, {.width = terminal.width, .colour = terminal.colour, .unicode = terminal.unicode},
                              kRowsOnTerminal);
}

std::string say_partial(const reports::SweepResult& result) {
  std::size_t runs = 0;
  for (const auto& point : result.runs) runs += point.size();
  return fmt::format("\nPARTIAL RESULT: {} runs are there, not all.\n", runs);
}

// The same whatever the terminal is.
Result<bool> write_sweep(const reports::SweepResult& result, const std::filesystem::path& folder) {
  std::string summary = reports::sweep_table(result, {.width = kFileWidth}, 0);
  if (result.partial) summary += say_partial(result);
  const std::pair<const char*, std::string> files[] = {
      {"result.json", reports::sweep_json(result)}, {"summary.txt", summary}, {"points.csv", reports::sweep_csv(result)}};
  for (const auto& [name, text] : files) {
    if (auto written = write_whole_file(folder / name, text); !written) return Error{written.error().message};
  }
  return true;
}

int exit_code_of(const reports::SweepResult& result) {
  int code = kDone;
  for (const auto& [which, why] : result.failures) {
    fmt::print(stderr, "drydock: {}, seed {}: {}\n", reports::say_point(result.plan, which.first), which.second, why);
    code = kCheckFailed;
  }
  for (std::size_t point = 0; point < result.runs.size(); ++point) {
    for (const reports::SweepRun* run : result.runs[point]) {
      if (run->violations == 0) continue;
      fmt::print(stderr, "drydock: {}, seed {}: {} violations of invariants\n", reports::say_point(result.plan, point),
                 run->seed, run->violations);
      code = kCheckFailed;
    }
  }
  return code;
}

class Sweep final : public Command {
 public:
  Sweep() { options_.jobs = std::max(1U, std::thread::hardware_concurrency()); }

  void declare(CLI::App& app) override {
    declare_points(app);
    declare_runs(app);
    declare_output(app);
    app.footer(
        "A value LOW..HIGH/6 stands for six in equal steps, LOW..HIGH/6log for six in equal ratios (--vary /seed=1,2 gives "
        "the list\n"
        "itself); values go over those of --set and of variants, which are one more dimension. Every point sees the same "
        "seeds.\n"
        "With --out DIR each finished run is kept at once: after Ctrl-C or a kill the same command goes on, and ends with "
        "the same files.\n"
        "Examples:\n"
        "  drydock sweep ttl-knife-edge --variant ttl-60s --vary /policies/liveness/heartbeat=10s,30s --vary "
        "/policies/liveness/ttl=61s..121s/4\n"
        "  drydock sweep my.json --vary /cluster/hosts/0/count=10..40/7 --pareto wait_s.mean,cost_usd --precision "
        "wait_s.mean=5% --out grid\n"
        "  drydock sweep my.json --vary /policies/liveness/ttl=10s..10m/log --random 50 --seeds 1..20 --shard 1/4 --out "
        "shards/1\n"
        "  drydock sweep --merge shards/1 shards/2 shards/3 shards/4 --out whole\n"
        "Exit codes: 0 done, 1 a run failed or is missing, 2 wrong usage or input, 130 interrupted: what there is was "
        "kept.");
  }

  int run(const Terminal& terminal) override {
    if (!options_.merge.empty()) return merge(terminal);
    if (options_.scenario.empty()) return bad_input("sweep: SCENARIO is missing; `drydock sweep --help` explains");
    if (options_.metrics == "list") return print_metrics();
    auto work = prepare_sweep(options_);
    if (!work) return bad_input(work.error().message);
    return sweep(work.value(), terminal);
  }

 private:
  void declare_points(CLI::App& app) {
    app.add_option("SCENARIO", options_.scenario, "A scenario file, or the name of a built-in scenario");
    app.add_option("--vary", options_.varies,
                   "Values for a place in the scenario: a list, or a range; may be repeated: every combination")
        ->allow_extra_args(false)
        ->type_name("/JSON/POINTER=VALUES");
    app.add_option("--random", options_.random,
                   "Draw so many points instead: of ranges LOW..HIGH (or LOW..HIGH/log) and lists")
        ->type_name("N")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{10'000}));
    app.add_option("--random-seed", options_.random_seed, "Of --random (default 1)")->type_name("S")->needs("--random");
    app.add_option("--set", options_.sets, "Change a value of the scenario, before its variants do; may be repeated")
        ->allow_extra_args(false)
        ->type_name("/JSON/POINTER=VALUE");
    app.add_option("--variant", options_.variants, "Only this variant; may be repeated")
        ->allow_extra_args(false)
        ->type_name("NAME");
  }

  void declare_runs(CLI::App& app) {
    app.add_option("--seeds", options_.seeds,
                   "Seeds of each point: 1..20 or 1,2,5 (default: ten from the scenario's own on; one if nothing is random)")
        ->type_name("SEEDS");
    app.add_option("--precision", options_.precision,
                   "Seeds five by five, until the half-width of a metric's 95 % interval is at most this part of the mean "
                   "(wait_s.mean=5%) or this much (=0.5)")
        ->type_name("METRIC=P%");
    app.add_option("--warmup", options_.warmup,
                   "scenario (default): what the scenario says is not measured; mser5: found in each run by MSER-5 on the "
                   "waits, for "
                   "which each run is made twice")
        ->type_name("RULE")
        ->check(CLI::IsMember({"scenario", "mser5"}));
    app.add_option("--shard", options_.shard, "Run only the points of part I of N; needs --out")->type_name("I/N");
    app.add_option("--merge", options_.merge, "Put the folders of all shards together, instead of running")
        ->type_name("DIR");
    app.add_option("--jobs", options_.jobs, "Runs at the same time (default: one per processor)")
        ->type_name("N")
        ->check(CLI::Range(1U, 1024U));
  }

  void declare_output(CLI::App& app) {
    app.add_option_function<std::string>(
           "--metrics", [this](const std::string& names) { options_.metrics = names; },
           "Columns; a point is recommended for the first. `--metrics list` prints what there is, without simulating")
        ->type_name("NAMES");
    app.add_option_function<std::string>(
           "--pareto", [this](const std::string& names) { options_.pareto = names; },
           "Mark the points that none beats in all of these at once, such as wait_s.mean,cost_usd")
        ->type_name("NAMES");
    app.add_option("--baseline", options_.baseline,
                   "Point to compare with (default: the scenario as it is, where that is one of the points, else point 1)")
        ->type_name("POINT");
    app.add_option("--out", options_.out,
                   "Folder for result.json, summary.txt and points.csv, and for what a later start goes on with")
        ->type_name("DIR");
    app.add_option("--format", options_.format, "table (default), json, csv or markdown")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"table", "json", "csv", "markdown"}));
  }

  // Needs no trace, since the names do not depend on jobs.
  [[nodiscard]] int print_metrics() const {
    auto loaded = scenarios::load(
        options_.scenario,
        {.sets = options_.sets, .read_traces = false, .read_platform = sim::read_platform, .check_run = problem_with_run});
    if (!loaded) return bad_input(loaded.error().message);
    const auto chosen = choose_variants(std::move(loaded).value(), options_.variants, options_.scenario);
    if (!chosen) return bad_input(chosen.error().message);
    fmt::print("{}", list_metrics(possible_metrics(chosen.value())));
    return kDone;
  }

  int sweep(const SweepWork& work, const Terminal& terminal) {
    std::unique_ptr<SweepFolder> folder;
    reports::SweepRuns runs(work.plan);
    if (!options_.out.empty()) {
      auto opened = SweepFolder::open(options_.out, work.plan);
      if (!opened) return bad_input(opened.error().message);
      folder = std::move(opened).value();
      for (const reports::SweepRun& run : folder->found()) static_cast<void>(runs.add(run));
    }
    print_notes(work.scenarios, kNotesMost);
    if (runs.size() > 0) fmt::print(stderr, "drydock: going on: {} runs are there already\n", runs.size());
    const std::atomic<bool>& stop = stop_on_interrupt();
    const bool complete = SweepRunner(work, options_.jobs, runs, folder.get()).run(stop, terminal);
    if (folder && !folder->failure().empty()) return bad_input(folder->failure());
    const reports::SweepResult result = make_result(work.plan, runs);
    if (work.plan.shard.of > 1) return tell_of_shard(result, runs, complete);
    if (const int code = show(result, terminal); code != kDone) return code;
    if (complete) return exit_code_of(result);
    fmt::print(stderr, "{}",
               options_.out.empty() ? "drydock: with --out DIR a later start would go on from here\n"
                                    : "drydock: the same command goes on from here; what is finished is kept\n");
    return kInterrupted;
  }

  // The files first: whoever reads standard output may stop reading.
  int show(const reports::SweepResult& result, const Terminal& terminal) const {
    if (!options_.out.empty()) {
      if (auto written = write_sweep(result, options_.out); !written) return bad_input(written.error().message);
    }
    fmt::print("{}", render(result, options_.format, terminal));
    const bool words = options_.format == "table" || options_.format == "markdown";
    if (words && result.partial) fmt::print("{}", say_partial(result));
    if (options_.format == "table" && !options_.out.empty())
      fmt::print("\nWritten: {0}/result.json, {0}/summary.txt, {0}/points.csv\n", options_.out);
    return kDone;
  }

  int tell_of_shard(const reports::SweepResult& result, const reports::SweepRuns& runs, bool complete) const {
    const reports::SweepShard& shard = result.plan.shard;
    fmt::print("Shard {} of {}: {} runs are in {}{}.\n", shard.number, shard.of, runs.size(), options_.out,
               complete ? "" : "; interrupted: the same command goes on from here");
    if (!complete) return kInterrupted;
    fmt::print("When all {} are done: drydock sweep --merge DIR DIR ... --out DIR\n", shard.of);
    return exit_code_of(result);
  }

  int merge(const Terminal& terminal) {
    const bool alone = options_.scenario.empty() && options_.varies.empty() && !options_.seeds && options_.sets.empty() &&
                       options_.variants.empty() && !options_.precision && !options_.random && !options_.shard &&
                       options_.warmup == "scenario";
    if (!alone)
      return bad_input(
          "--merge: what was run is in the folders; only --metrics, --pareto, --baseline, --format and --out go with it");
    auto contents = read_shards();
    if (!contents) return bad_input(contents.error().message);
    SweepContents& whole = contents.value();
    if (auto viewed = change_view(whole); !viewed) return bad_input(viewed.error().message);
    reports::SweepRuns runs(whole.plan);
    for (reports::SweepRun& run : whole.runs) static_cast<void>(runs.add(std::move(run)));
    const reports::SweepResult result = make_result(whole.plan, runs);
    if (!options_.out.empty()) {
      if (auto ready = prepare_folder(options_.out); !ready) return bad_input(ready.error().message);
    }
    const std::vector<std::string> unfinished = find_unfinished(whole.plan, runs);
    if (const int code = show(result, terminal); code != kDone) return code;
    for (const std::string& text : unfinished) fmt::print(stderr, "drydock: {}\n", text);
    const int code = exit_code_of(result);
    return unfinished.empty() ? code : kCheckFailed;
  }

  // All runs under the plan without shards. Refuses folders that are not the shards of one sweep, each once.
  Result<SweepContents> read_shards() {
    std::map<std::uint64_t, SweepContents> shards;
    for (const std::string& folder : options_.merge) {
      auto read = read_sweep(folder);
      if (!read) return Error{read.error().message};
      SweepContents& contents = read.value();
      if (!shards.empty()) {
        if (const auto difference = plan_difference(shards.begin()->second.plan, contents.plan, false))
          return Error{
              fmt::format("--merge {}: is of another sweep than {}: {}", folder, folders_.begin()->second, *difference)};
      }
      const std::uint64_t number = contents.plan.shard.number;
      if (!shards.emplace(number, std::move(contents)).second)
        return Error{fmt::format("--merge: {} and {} are both shard {}", folders_[number], folder, number)};
      folders_[number] = folder;
    }
    SweepContents whole{.plan = shards.begin()->second.plan, .runs = {}};
    for (std::uint64_t number = 1; number <= whole.plan.shard.of; ++number) {
      if (!shards.contains(number))
        return Error{fmt::format("--merge: shard {} of {} is missing", number, whole.plan.shard.of)};
      for (reports::SweepRun& run : shards.at(number).runs) {
        if (shards.at(number).plan.shard.has(run.point)) whole.runs.push_back(std::move(run));
      }
    }
    whole.plan.shard = {};
    return whole;
  }

  // What of the view is given anew.
  Result<bool> change_view(SweepContents& whole) const {
    std::map<std::string, bool> seen;
    for (const reports::SweepRun& run : whole.runs) {
      for (const auto& [metric, value] : run.metrics) seen.emplace(metric, true);
    }
    std::vector<std::string> names;
    for (const auto& [metric, there] : seen) names.push_back(metric);
    auto view = read_view(options_, names, whole.plan.points.size());
    if (!view) return Error{view.error().message};
    if (options_.metrics) whole.plan.view.metrics = view.value().metrics;
    if (options_.pareto) whole.plan.view.pareto = view.value().pareto;
    if (options_.baseline) whole.plan.view.baseline = view.value().baseline;
    return true;
  }

  // A sentence for each shard that lacks runs.
  [[nodiscard]] std::vector<std::string> find_unfinished(const reports::SweepPlan& plan,
                                                         const reports::SweepRuns& runs) const {
    std::map<std::uint64_t, std::size_t> missing;
    for (std::size_t point = 0; point < plan.points.size(); ++point) {
      if (const std::size_t count = runs.wanted(point).size(); count > 0) missing[point % folders_.size() + 1] += count;
    }
    std::vector<std::string> sentences;
    for (const auto& [number, count] : missing) {
      sentences.push_back(
          fmt::format("{}: shard {} of {} is not finished: {} or more runs are missing; its own command goes on",
                      folders_.at(number), number, folders_.size(), count));
    }
    return sentences;
  }

  SweepOptions options_;
  std::map<std::uint64_t, std::string> folders_;  // by number of the shard
};

}  // namespace

std::unique_ptr<Command> make_sweep() { return std::make_unique<Sweep>(); }

}  // namespace drydock::cli

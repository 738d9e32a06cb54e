// drydock hunt SCENARIO
#include "sim/hunt.hpp"

#include "cli/command.hpp"
#include "cli/hunt_report.hpp"
#include "cli/interrupt.hpp"
#include "cli/progress.hpp"
#include "cli/result_files.hpp"
#include "cli/run_checker.hpp"
#include "cli/suggest.hpp"
#include "scenarios/loader.hpp"
#include "scenarios/wording.hpp"
#include "sim/shrink.hpp"
#include "sim/simgrid_platform.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace drydock::cli {
namespace {

using scenarios::Scenario;

constexpr std::uint64_t kMostTries = 2000;

Result<bool> write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.close();
  if (file) return true;
  return Error{fmt::format("{} cannot be written: {}", path.string(), std::strerror(errno))};
}

class Hunt final : public Command {
 public:
  void declare(CLI::App& app) override {
    app.add_option("SCENARIO", scenario_, "A scenario file, or the name of a built-in scenario: `hunt` is made for this")
        ->required();
    app.add_option("--runs", options_.runs, "Runs to make, each under other faults (default 1000)")
        ->type_name("N")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}));
    app.add_option("--seed", options_.seed, "Of all that is drawn (default 1)")->type_name("S");
    app.add_option_function<std::uint64_t>(
           "--run", [this](const std::uint64_t& run) { only_ = run; }, "Make this run alone, of those that --seed draws")
        ->type_name("K")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 47U));
    app.add_option("--set", sets_, "Change a value of the scenario, before its variants do; may be repeated")
        ->allow_extra_args(false)
        ->type_name("/JSON/POINTER=VALUE");
    app.add_option("--variant", variants_, "Hunt only this variant; may be repeated")
        ->allow_extra_args(false)
        ->type_name("NAME");
    app.add_option("--out", out_, "Folder for the scenario and the journal of what is found (default: the current one)")
        ->type_name("DIR");
    app.add_option("--format", format_, "text (default) or json")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"text", "json"}));
    app.add_flag("--no-shrink", whole_, "Leave what is found as it is, instead of making it as small as it gets");
    app.add_option("--jobs", options_.jobs, "Runs at the same time (default: one per processor)")
        ->type_name("N")
        ->check(CLI::Range(1U, 1024U));
    app.footer(
        "Each run draws up to five faults that heal, and fewer jobs, hosts and other latencies here and there; it is "
        "checked\n"
        "against the invariants, and all jobs must end. What is found first is shrunk and written to a scenario file that\n"
        "`drydock simulate` repeats. The same seed finds the same, whatever --jobs says.\n"
        "Examples:\n"
        "  drydock hunt hunt --runs 100000\n"
        "  drydock hunt my.json --variant safe --runs 5000 --out found\n"
        "Exit codes: 0 nothing was found, 1 something was, 2 wrong usage or input, 130 interrupted before.");
  }

  int run(const Terminal& terminal) override {
    auto loaded = scenarios::load(
        scenario_, {.sets = sets_, .read_traces = true, .read_platform = sim::read_platform, .check_run = problem_with_run});
    if (!loaded) return bad_input(loaded.error().message);
    auto variants = choose(std::move(loaded).value());
    if (!variants) return bad_input(variants.error().message);
    if (!out_.empty()) {
      if (auto folder = prepare_folder(out_); !folder) return bad_input(folder.error().message);
    }
    std::error_code ignored;
    if (std::filesystem::exists(scenario_, ignored)) options_.base = std::filesystem::path(scenario_).parent_path();
    if (only_) {
      options_.first = *only_;
      options_.runs = 1;
    }
    return hunt(variants.value(), terminal);
  }

 private:
  [[nodiscard]] Result<std::vector<Scenario>> choose(std::vector<Scenario> all) const {
    if (variants_.empty()) return all;
    std::vector<std::string_view> names;
    for (const Scenario& scenario : all) names.push_back(scenario.variant);
    for (const std::string& wanted : variants_) {
      if (std::ranges::find(names, wanted) != names.end()) continue;
      return Error{fmt::format("--variant {}: {} has no such variant{}", scenarios::printable(wanted), scenario_,
                               did_you_mean(wanted, names))};
    }
    std::erase_if(all, [this](const Scenario& s) { return std::ranges::find(variants_, s.variant) == variants_.end(); });
    return all;
  }

  int hunt(const std::vector<Scenario>& variants, const Terminal& terminal) {
    const std::atomic<bool>& stop = stop_on_interrupt();
    HuntReport report{.scenario = scenario_, .variants = variants.size(), .seed = options_.seed, .runs = options_.runs};
    const auto began = std::chrono::steady_clock::now();
    {
      ProgressBar bar(terminal.err_is_terminal, "runs");
      report.result = sim::hunt(variants, options_, stop, [&](const sim::HuntProgress& now) {
        const double fraction = static_cast<double>(now.runs_done) / static_cast<double>(now.runs_total);
        if (!stop) bar.show({.done = now.runs_done, .total = now.runs_total, .fraction = fraction});
      });
    }
    report.elapsed_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    if (report.result.finding) {
      if (auto kept = keep_finding(report, stop, terminal); !kept) return bad_input(kept.error().message);
    }
    fmt::print("{}", format_ == "json" ? hunt_json(report) : hunt_text(report, terminal));
    if (report.result.error) fmt::print(stderr, "drydock: {}: not all runs were made\n", *report.result.error);
    if (report.result.finding || report.result.error) return kCheckFailed;
    return report.result.interrupted ? kInterrupted : kDone;
  }

  // The scenario so that it can be read from any folder, and says what it is.
  [[nodiscard]] std::string movable(const std::string& scenario, const HuntReport& report) const {
    auto document = nlohmann::json::parse(scenario);
    document["description"] = fmt::format("What run {} of `drydock hunt {} --seed {}` found: {}", report.found.run,
                                          scenario_, options_.seed, sim::symptom_of(report.found.result));
    const auto move = [this](nlohmann::json& path) {
      path = std::filesystem::absolute(options_.base / path.get<std::string>()).string();
    };
    if (document["cluster"].contains("platform")) move(document["cluster"]["platform"]["file"]);
    for (auto& entry : document["workload"]) {
      if (entry.contains("trace")) move(entry["trace"]["path"]);
    }
    return document.dump(2) + "\n";
  }

  // Shrinks it, and writes what repeats it.
  Result<bool> keep_finding(HuntReport& report, const std::atomic<bool>& stop, const Terminal& terminal) {
    report.found = *report.result.finding;
    if (!whole_) {
      ProgressBar bar(terminal.err_is_terminal, "tries to make it smaller");
      const sim::Shrunk shrunk = sim::shrink(report.found, options_, kMostTries, stop, [&](std::uint64_t tries) {
        if (!stop) bar.show({.done = tries, .total = kMostTries, .fraction = double(tries) / double(kMostTries)});
      });
      report.found = shrunk.finding;
      report.tries = shrunk.tries;
      report.smallest = shrunk.smallest;
    }
    const std::filesystem::path folder(out_);
    report.scenario_file = folder / fmt::format("hunt-{}-{}.json", options_.seed, report.found.run);
    report.journal_file = folder / fmt::format("hunt-{}-{}.journal", options_.seed, report.found.run);
    if (auto done = write_text(report.scenario_file, movable(report.found.scenario, report)); !done) return done;
    static const std::atomic<bool> kGoOn{false};
    (void)sim::try_scenario(report.found.scenario, options_, kGoOn, report.journal_file);
    // Several schedulers write a journal each.
    std::error_code ignored;
    report.several_journals = !std::filesystem::exists(report.journal_file, ignored);
    if (report.several_journals)
      report.journal_file = folder / fmt::format("hunt-{}-{}.scheduler-*.journal", options_.seed, report.found.run);
    return true;
  }

  std::string scenario_;
  std::vector<std::string> sets_;
  std::vector<std::string> variants_;
  std::string out_;
  std::string format_ = "text";
  std::optional<std::uint64_t> only_;
  bool whole_ = false;
  sim::HuntOptions options_{.jobs = std::max(1U, std::thread::hardware_concurrency()), .base = {}, .plant = {}};
};

}  // namespace

std::unique_ptr<Command> make_hunt() { return std::make_unique<Hunt>(); }

}  // namespace drydock::cli

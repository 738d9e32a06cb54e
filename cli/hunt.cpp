// drydock hunt SCENARIO
#include "sim/hunt.hpp"

#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/progress.hpp"
#include "scenarios/loader.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <string>
#include <thread>
#include <vector>

namespace drydock::cli {
namespace {

class Hunt final : public Command {
 public:
  void declare(CLI::App& app) override {
    app.add_option("SCENARIO", scenario_, "A scenario file, or the name of a built-in scenario")->required();
    app.add_option("--runs", options_.runs, "How many runs to make, each under other faults (default 1000)")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}));
    app.add_option("--seed", options_.seed, "Of all that is drawn (default 1)");
    app.add_option("--jobs", options_.jobs, "Runs at the same time (default: one per processor)")
        ->check(CLI::Range(1U, 1024U));
  }

  int run(const Terminal& terminal) override {
    auto loaded = scenarios::load(scenario_, {.sets = sets_, .read_traces = true});
    if (!loaded) return bad_input(loaded.error().message);
    const std::atomic<bool>& stop = stop_on_interrupt();
    sim::HuntResult result;
    {
      ProgressBar bar(terminal.err_is_terminal, "runs");
      result = sim::hunt(loaded.value(), options_, stop, [&](const sim::HuntProgress& p) {
        bar.show({.done = p.runs_done, .total = p.runs_total, .fraction = double(p.runs_done) / double(p.runs_total)});
      });
    }
    if (!result.finding) {
      fmt::print("{} runs, nothing found\n", result.runs_done);
      return kDone;
    }
    fmt::print("run {}: {}\n{}\n", result.finding->run, sim::symptom_of(result.finding->result), result.finding->scenario);
    for (const auto& v : result.finding->result.violations) fmt::print("{} {}\n", seconds(v.at), v.what);
    fmt::print("{}\n", result.finding->result.error.value_or(""));
    return kCheckFailed;
  }

 private:
  std::string scenario_;
  std::vector<std::string> sets_;
  sim::HuntOptions options_{.jobs = std::max(1U, std::thread::hardware_concurrency()), .base = {}, .plant = {}};
};

}  // namespace

std::unique_ptr<Command> make_hunt() { return std::make_unique<Hunt>(); }

}  // namespace drydock::cli

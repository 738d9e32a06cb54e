// drydock validate SCENARIO...
#include "cli/command.hpp"
#include "cli/notes.hpp"
#include "cli/run_checker.hpp"
#include "scenarios/loader.hpp"
#include "scenarios/units.hpp"
#include "scenarios/wording.hpp"
#include "scenarios/workload.hpp"
#include "sim/simgrid_platform.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <string>
#include <vector>

namespace drydock::cli {
namespace {

using scenarios::Scenario;

std::string counted(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

// Counting them means to draw the gap before each: many are estimated.
std::string count_jobs(const Scenario& scenario) {
  constexpr double kMany = 1e6;
  const auto expected = scenarios::expected_jobs(scenario);
  if (expected && *expected > kMany) return fmt::format("about {:.3g} jobs", *expected);
  return counted(scenarios::Workload(scenario, scenario.seed).total(), "job");
}

// Everything about a variant that is worth a glance, in one line.
std::string describe(const Scenario& scenario) {
  std::uint64_t hosts = 0;
  std::uint64_t cores = 0;
  std::uint64_t gpus = 0;
  for (const auto& group : scenario.hosts) {
    hosts += group.count;
    cores += std::uint64_t{group.count} * group.cpus;
    gpus += std::uint64_t{group.count} * group.gpus;
  }
  std::string text = fmt::format("{}, {}", counted(hosts, "host"), counted(cores, "core"));
  if (gpus > 0) text += ", " + counted(gpus, "GPU");
  text += ", " + counted(scenario.pools.size(), "pool");
  text += ", " + count_jobs(scenario);
  if (scenario.warmup.fraction > 0) text += fmt::format(" (the first {:g} % not measured)", scenario.warmup.fraction * 100);
  if (!scenario.faults.empty()) text += ", " + counted(scenario.faults.size(), "source") + " of faults";
  if (scenario.must_end_by) text += ", all to end by " + scenarios::format_duration(*scenario.must_end_by);
  else if (scenario.duration) text += ", for " + scenarios::format_duration(*scenario.duration);
  else text += ", until all jobs have ended";
  return text;
}

void print_summary(const std::string& where, const std::vector<Scenario>& variants) {
  fmt::print("ok  {}: {}\n", where, variants.front().name);
  const std::string first = describe(variants.front());
  bool alike = true;
  std::vector<std::string> lines;
  for (const Scenario& scenario : variants) {
    lines.push_back(describe(scenario));
    alike = alike && lines.back() == first;
  }
  if (alike) fmt::print("    {}\n", first);
  if (variants.size() == 1 && variants.front().variant.empty()) return;
  std::string names;
  for (std::size_t i = 0; i < variants.size(); ++i) {
    if (!alike) fmt::print("    {}: {}\n", variants[i].variant, lines[i]);
    names += (i == 0 ? "" : ", ") + variants[i].variant;
  }
  if (alike) fmt::print("    {}: {}\n", counted(variants.size(), "variant"), names);
}

class Validate final : public Command {
 public:
  void declare(CLI::App& app) override {
    app.add_option("SCENARIO", files_, "Scenario files, or names of built-in scenarios")->required();
    app.add_option("--set", sets_, "Change a value first: /json/pointer=value; may be repeated")->allow_extra_args(false);
  }

  int run(const Terminal&) override {
    int code = kDone;
    for (const std::string& file : files_) {
      const auto loaded = scenarios::load(
          file, {.sets = sets_, .read_traces = true, .read_platform = sim::read_platform, .check_run = problem_with_run});
      if (!loaded) {
        code = bad_input(loaded.error().message);
        continue;
      }
      print_summary(file, loaded.value());
      print_notes(loaded.value());
    }
    return code;
  }

 private:
  std::vector<std::string> files_;
  std::vector<std::string> sets_;
};

}  // namespace

std::unique_ptr<Command> make_validate() { return std::make_unique<Validate>(); }

}  // namespace drydock::cli

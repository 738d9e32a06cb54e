// drydock compare RUN RUN...
#include "cli/command.hpp"
#include "cli/gate_file.hpp"
#include "cli/metric_choice.hpp"
#include "cli/result_files.hpp"
#include "cli/run_files.hpp"
#include "cli/version.hpp"
#include "reports/difference_json.hpp"
#include "reports/difference_table.hpp"
#include "reports/difference_words.hpp"
#include "reports/rehearsal.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fmt/format.h>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace drydock::cli {
namespace {

using reports::ChosenRun;
using reports::RecordedSide;

struct CompareOptions {
  std::vector<std::string> runs;
  std::optional<std::string> metrics;
  std::string gate;
  std::string format = "table";
  std::string out;
  double confidence = 0.95;
  double margin_percent = 5;
  bool across = false;
  bool details = false;
};

// What is compared, all of it read and checked. The matches point into the runs.
struct Comparison {
  std::vector<ChosenRun> runs;
  reports::Matches matches;
  std::vector<RecordedSide> alone;  // judged by a gate without a base
  MetricChoice metrics;
  std::vector<reports::GateRule> rules;
};

// Those of all runs: first the overall ones in the order in which people should read them.
std::vector<std::string> measured_metrics(const std::vector<ChosenRun>& runs) {
  std::set<std::string> left;
  for (const ChosenRun& run : runs) {
    for (const reports::RunResult& one : run.recorded.runs) {
      for (const auto& [name, value] : one.metrics) left.insert(name);
    }
  }
  std::vector<std::string> ordered;
  for (std::string& name : reports::metric_names({.queues = {}, .pools = {}, .requests = true, .limits = true})) {
    if (left.erase(name) > 0) ordered.push_back(std::move(name));
  }
  ordered.insert(ordered.end(), left.begin(), left.end());
  return ordered;
}

// The variants that a gate judges.
std::vector<std::string> judged_variants(const Comparison& comparison) {
  std::set<std::string> names;
  for (const reports::Match& match : comparison.matches.matches) names.insert(match.other.which().name);
  for (const RecordedSide& side : comparison.alone) names.insert(side.which().name);
  return {names.begin(), names.end()};
}

Result<bool> read_rules(const CompareOptions& options, Comparison& comparison) {
  auto rules = read_gate(options.gate);
  if (!rules) return rules.error();
  auto resolved = resolve_gate(rules.value(), measured_metrics(comparison.runs), judged_variants(comparison));
  if (!resolved) return resolved.error();
  comparison.rules = std::move(resolved).value();
  if (!comparison.matches.matches.empty()) return true;
  const auto lost = std::ranges::find_if(comparison.rules, [](const auto& rule) { return rule.needs_base(); });
  if (lost == comparison.rules.end()) return true;
  return Error{fmt::format("{}: {} needs a run to compare with, and only one was given: drydock compare BASE RUN --gate {}",
                           lost->place, reports::say_rule(*lost), options.gate)};
}

// A result alone: its first variant is the base of the others, and a gate judges it by what needs no base.
Result<bool> add_alone(const CompareOptions& options, Comparison& comparison) {
  const ChosenRun& only = comparison.runs.front();
  std::size_t first = 0;
  while (only.variant && only.recorded.variants[first].name != *only.variant) ++first;
  comparison.alone.push_back({&only.recorded, first});
  if (!comparison.matches.matches.empty() || !options.gate.empty()) return true;
  return Error{
      fmt::format("{} is one run of one variant: name another to compare it with, or rules that it is to keep (--gate)",
                  only.recorded.label)};
}

Result<bool> prepare_comparison(const CompareOptions& options, Comparison& comparison) {
  for (const std::string& named : options.runs) {
    auto run = read_run(named);
    if (!run) return run.error();
    comparison.runs.push_back(std::move(run).value());
  }
  auto matches = reports::match_runs(comparison.runs, options.across);
  if (!matches) return matches.error();
  comparison.matches = std::move(matches).value();
  if (comparison.runs.size() == 1) {
    if (auto good = add_alone(options, comparison); !good) return good;
  }
  if (options.metrics) {
    auto metrics = choose_metrics(*options.metrics, measured_metrics(comparison.runs), "--metrics", "these runs have");
    if (!metrics) return metrics.error();
    comparison.metrics = std::move(metrics).value();
  }
  if (!options.gate.empty()) {
    if (auto good = read_rules(options, comparison); !good) return good;
  }
  if (!options.out.empty()) {
    if (auto folder = prepare_folder(options.out); !folder) return folder.error();
  }
  return true;
}

std::string heading(const Comparison& comparison) {
  const reports::Recorded& base = comparison.runs.front().recorded;
  const auto say = [](const reports::Recorded& run) {
    return run.version.empty() ? run.label : fmt::format("{} (drydock {})", run.label, run.version);
  };
  std::vector<std::string> others;
  std::set<std::string> told{base.label};
  for (const ChosenRun& run : comparison.runs) {
    if (told.insert(run.recorded.label).second) others.push_back(say(run.recorded));
  }
  if (others.empty()) return fmt::format("{}: variants of {}", base.scenario, say(base));
  return fmt::format("{}: {} against {}", base.scenario, fmt::join(others, ", "), say(base));
}

Result<bool> write_comparison(const std::string& folder, const reports::DifferenceTableInput& input,
                              const Terminal& terminal) {
  const std::filesystem::path path(folder);
  const std::pair<const char*, std::string> files[] = {
      {"comparison.json", reports::render_difference_json(input, kVersion)},
      {"comparison.md", reports::render_markdown(input)},
      {"comparison.txt",
       reports::render_differences(input, {.width = terminal.width, .colour = false, .unicode = terminal.unicode})}};
  for (const auto& [name, text] : files) {
    if (auto written = write_whole_file(path / name, text); !written) return written.error();
  }
  return true;
}

std::string rendered(const CompareOptions& options, const reports::DifferenceTableInput& input, const Terminal& terminal) {
  if (options.format == "json") return reports::render_difference_json(input, kVersion);
  if (options.format == "markdown") return reports::render_markdown(input);
  return reports::render_differences(input,
                                     {.width = terminal.width, .colour = terminal.colour, .unicode = terminal.unicode});
}

// Says on stderr why, for logs that show no more.
int gate_code(const std::vector<reports::GateVerdict>& gate) {
  int code = kDone;
  std::fflush(stdout);
  for (const reports::GateVerdict& verdict : gate) {
    if (!verdict.fails()) continue;
    code = kCheckFailed;
    fmt::print(stderr, "drydock: gate: {}: {}: {}: {}{}\n", outcome_word(verdict.outcome), verdict.subject,
               reports::say_rule(*verdict.rule), verdict.why,
               verdict.rule->place.empty() ? "" : fmt::format(" ({})", verdict.rule->place));
  }
  return code;
}

// Of a simulation and a run for real: how far they are apart, and why.
std::string rehearsal_text(const Comparison& comparison, const Terminal& terminal) {
  if (comparison.runs.size() != 2) return "";
  const ChosenRun* simulated = &comparison.runs[0];
  const ChosenRun* real = &comparison.runs[1];
  if (simulated->recorded.real == real->recorded.real) return "";
  if (simulated->recorded.real) std::swap(simulated, real);
  std::vector<reports::RunResult> runs;
  for (const reports::RunResult& run : real->recorded.runs) {
    if (!real->variant || run.variant == *real->variant) runs.push_back(run);
  }
  const reports::Rehearsal rehearsal = reports::find_rehearsal({.scenario = real->recorded.scenario,
                                                                .predicted = simulated->recorded.runs,
                                                                .real = runs,
                                                                .cautions = real->recorded.cautions});
  if (rehearsal.variants.empty()) return "";
  return "\nTHE SIMULATION AGAINST REALITY\n" + reports::render_rehearsal(rehearsal, terminal.width);
}

class Compare final : public Command {
 public:
  void declare(CLI::App& app) override {
    app.add_option("RUN", options_.runs,
                   "A result: a folder of `simulate --out`, `up --out` or `rehearse --out` (real, predicted), or a file of "
                   "JSON that they wrote; RUN:VARIANT "
                   "for one variant")
        ->required();
    app.add_option("--gate", options_.gate, "Rules that the runs must keep; exit code 1 where they do not")
        ->type_name("RULES.json");
    app.add_option_function<std::string>(
           "--metrics", [this](const std::string& names) { options_.metrics = names; },
           "What to compare: wait_s,utilization or *.p95; `--metrics list` prints what these runs have")
        ->type_name("NAMES");
    app.add_option("--format", options_.format, "table (default), json or markdown")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"table", "json", "markdown"}));
    app.add_option("--out", options_.out, "Folder for comparison.json, comparison.md and comparison.txt")->type_name("DIR");
    app.add_option("--confidence", options_.confidence, "Of intervals and tests (default 0.95)")
        ->type_name("0.5..0.9999")
        ->check(CLI::Range(0.5, 0.9999));
    app.add_option("--margin", options_.margin_percent,
                   "Percent of the base; differences that are shown to be smaller count as none (default 5)")
        ->type_name("PERCENT")
        ->check(CLI::Range(0.0, 100.0));
    app.add_flag("--details", options_.details, "Also bootstrap intervals, p values and effect sizes, in a wider table");
    app.add_flag("--across-scenarios", options_.across, "Compare results of scenarios that are called differently");
    app.footer(
        "The first RUN is the base. Variants are compared with those of the same name; with FILE:a FILE:b, two of one file; "
        "with "
        "one RUN alone, its variants with its first. Runs are paired by seed where both sides have them, so that every "
        "difference is one "
        "under the same jobs and faults.\n"
        "Examples:\n"
        "  drydock compare out/base out/head\n"
        "  drydock compare out/base:fcfs out/base:easy --metrics wait_s --details\n"
        "  drydock compare out/base out/head --gate rules.json --format markdown\n"
        "reports/gate.schema.json defines RULES.json, reports/compare.schema.json what --format json prints.");
  }

  int run(const Terminal& terminal) override {
    if (std::isnan(options_.confidence) || std::isnan(options_.margin_percent))
      return bad_input("compare: --confidence and --margin are numbers; nan is none");
    const bool list = options_.metrics == "list";
    if (list) options_.metrics.reset();
    Comparison comparison;
    if (auto good = prepare_comparison(options_, comparison); !good) return bad_input(good.error().message);
    if (list) {
      fmt::print("{}", list_metrics(measured_metrics(comparison.runs)));
      return kDone;
    }
    const reports::DifferenceReport report =
        reports::find_differences(comparison.matches.matches, comparison.metrics.names,
                                  {.confidence = options_.confidence, .margin = options_.margin_percent / 100});
    const auto gate = reports::judge_gate(comparison.rules, comparison.matches.matches, comparison.alone);
    const reports::DifferenceTableInput input{.title = heading(comparison),
                                              .notes = comparison.matches.notes,
                                              .report = &report,
                                              .gate = options_.gate.empty() ? std::span<const reports::GateVerdict>{} : gate,
                                              .details = options_.details};
    if (!options_.out.empty()) {
      if (auto written = write_comparison(options_.out, input, terminal); !written)
        return bad_input(written.error().message);
    }
    fmt::print("{}", rendered(options_, input, terminal));
    if (options_.format == "table") fmt::print("{}", rehearsal_text(comparison, terminal));
    if (options_.format == "table" && !options_.out.empty())
      fmt::print("\nWritten: {0}/comparison.json, {0}/comparison.md, {0}/comparison.txt\n", options_.out);
    return options_.gate.empty() ? kDone : gate_code(gate);
  }

 private:
  CompareOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_compare() { return std::make_unique<Compare>(); }

}  // namespace drydock::cli

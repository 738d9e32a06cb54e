#include "cli/hunt_report.hpp"

#include "policies/core/check.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <vector>

namespace drydock::cli {
namespace {

using nlohmann::json;

std::string plural(std::uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// "worker-crash: at 10s, for 1s, target big".
std::string describe_fault(const json& fault) {
  std::string text = fault.value("type", "");
  std::string_view comma = ": ";
  for (const auto& [key, value] : fault.items()) {
    if (key == "type") continue;
    text += fmt::format("{}{} {}", comma, key, value.is_string() ? value.get<std::string>() : value.dump());
    comma = ", ";
  }
  return text;
}

std::uint64_t sum_of(const json& list, const char* key) {
  std::uint64_t sum = 0;
  for (const json& entry : list) sum += entry.value(key, std::uint64_t{1});
  return sum;
}

std::uint64_t hosts_in(const json& cluster) {
  if (!cluster.contains("platform")) return sum_of(cluster["hosts"], "count");
  std::uint64_t sum = 0;
  for (const json& group : cluster["platform"]["hosts"]) sum += group["names"].size();
  return sum;
}

// What is needed to make the same run: judged scenarios run with their own seed and are checked by themselves.
std::string command_for(const HuntReport& report) {
  const json scenario = json::parse(report.found.scenario);
  std::string command = fmt::format("drydock simulate {}", report.scenario_file.string());
  if (!scenario.contains("must_end_by"))
    command += fmt::format(" --check --seeds {}", scenario.value("seed", std::uint64_t{1}));
  return command;
}

std::string what_happened(const HuntReport& report, const Terminal& terminal) {
  std::string text;
  const reports::RunResult& result = report.found.result;
  if (result.error) text += paragraph(*result.error, terminal.width, 2);
  for (const Violation& violation : result.violations) {
    text +=
        paragraph(fmt::format("at {:.9f} s: {}", seconds(violation.at), bold(terminal, violation.what)), terminal.width, 2);
    text += paragraph(fmt::format("breaks invariant {}: {}", violation.invariant, invariant_text(violation.invariant)),
                      terminal.width, 6);
  }
  return text;
}

std::string what_is_left(const HuntReport& report, const Terminal& terminal) {
  const json scenario = json::parse(report.found.scenario);
  const json faults = scenario.value("faults", json::array());
  std::string text =
      fmt::format("\n{}, {} of the workload, {}{}\n", plural(faults.size(), "fault"),
                  plural(sum_of(scenario["workload"], "count"), "job"), plural(hosts_in(scenario["cluster"]), "host"),
                  report.tries == 0 ? ""
                  : report.smallest ? fmt::format(": nothing simpler shows it ({} tried)", plural(report.tries, "run"))
                                    : fmt::format(", after {}; there may be simpler ones", plural(report.tries, "try")));
  for (const json& fault : faults) text += paragraph(describe_fault(fault), terminal.width, 2);
  return text;
}

}  // namespace

std::string hunt_text(const HuntReport& report, const Terminal& terminal) {
  const sim::HuntResult& result = report.result;
  const std::string who =
      report.variants == 1 ? report.scenario : fmt::format("{} ({} variants)", report.scenario, report.variants);
  if (!result.finding) {
    std::string text =
        fmt::format("{}: {} of {} with seed {}", who, result.runs_done, plural(report.runs, "run"), report.seed);
    text += result.interrupted ? ", then interrupted: nothing was found so far\n"
                               : fmt::format(" in {:.3g} s: {}\n", report.elapsed_s, bold(terminal, "nothing was found"));
    return text;
  }
  std::string text = result.finding->run == 0
                         ? fmt::format("{}: {} already without any fault{}\n\n", who, bold(terminal, "went wrong"),
                                       report.found.result.variant.empty() ? "" : ", variant " + report.found.result.variant)
                         : fmt::format("{}: run {} with seed {} {}\n\n", who, result.finding->run, report.seed,
                                       bold(terminal, "went wrong"));
  text += what_happened(report, terminal);
  text += what_is_left(report, terminal);
  text += fmt::format("\nwritten: {}, {}\nrepeat:  {}\n", report.scenario_file.string(), report.journal_file.string(),
                      command_for(report));
  text += report.several_journals ? fmt::format("check:   drydock check {}\n", report.journal_file.string())
                                  : fmt::format("explain: drydock explain {} --violation\n", report.journal_file.string());
  return text;
}

std::string hunt_json(const HuntReport& report) {
  json text{{"schema", "drydock.hunt/1"},
            {"scenario", report.scenario},
            {"seed", report.seed},
            {"runs", report.runs},
            {"runs_done", report.result.runs_done},
            {"partial", report.result.interrupted},
            {"error", report.result.error ? json(*report.result.error) : json()},
            {"finding", nullptr}};
  if (report.result.finding) {
    const reports::RunResult& result = report.found.result;
    json violations = json::array();
    for (const Violation& v : result.violations)
      violations.push_back({{"invariant", v.invariant}, {"at_s", seconds(v.at)}, {"what", v.what}});
    const json scenario = json::parse(report.found.scenario);
    text["finding"] = {{"run", report.found.run},
                       {"symptom", sim::symptom_of(result)},
                       {"violations", std::move(violations)},
                       {"error", result.error ? json(*result.error) : json()},
                       {"faults", scenario.value("faults", json::array())},
                       {"jobs", sum_of(scenario["workload"], "count")},
                       {"tries", report.tries},
                       {"smallest", report.smallest},
                       {"scenario_file", report.scenario_file.string()},
                       {"journal_file", report.journal_file.string()},
                       {"command", command_for(report)}};
  }
  return text.dump(2) + "\n";
}

}  // namespace drydock::cli

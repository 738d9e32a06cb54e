#include "reports/findings.hpp"
#include "reports/report.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <set>

namespace drydock::reports {
namespace {

using WordsJson = nlohmann::json;

std::string description_of(const Recorded& result) {
  for (const RecordedVariant& variant : result.variants) {
    const auto scenario = WordsJson::parse(variant.scenario, nullptr, false, true);
    if (scenario.is_object() && scenario.contains("description") && scenario["description"].is_string())
      return scenario["description"].get<std::string>();
  }
  return {};
}

std::string who(const RunResult& run) {
  return run.variant.empty() ? fmt::format("seed {}", run.seed) : fmt::format("{}, seed {}", run.variant, run.seed);
}

// The first few, one by one.
void say_bad_runs(const Recorded& result, std::vector<std::string>& doubts) {
  constexpr std::size_t kMost = 5;
  const auto say = [&](const char* what, const auto& why) {
    std::size_t count = 0;
    for (const RunResult& run : result.runs) {
      const std::string reason = why(run);
      if (reason.empty() || ++count > kMost) continue;
      doubts.push_back(fmt::format("{}: {}: {}", result.label, who(run), reason));
    }
    if (count > kMost) doubts.push_back(fmt::format("{}: {} more runs {}", result.label, count - kMost, what));
  };
  say("gave no result", [](const RunResult& run) { return run.error ? "no result: " + *run.error : std::string(); });
  say("broke invariants", [](const RunResult& run) {
    if (run.violation_count == 0) return std::string();
    return fmt::format("{} violation{} of invariants{}", run.violation_count, run.violation_count == 1 ? "" : "s",
                       run.violations.empty() ? "" : ", the first: " + run.violations.front().what);
  });
  say("were stopped before their end", [](const RunResult& run) {
    return run.partial && !run.error ? std::string("stopped before its end: its figures count nowhere") : std::string();
  });
}

void say_results(const ReportInput& input, ReportWords& words) {
  for (const Recorded& result : input.results) {
    if (result.partial)
      words.doubts.push_back(
          fmt::format("{}: interrupted before all its runs had ended: what is missing is not in any figure", result.label));
    say_bad_runs(result, words.doubts);
    const auto summaries = summarise(result.runs);
    for (const VariantSummary& one : summaries) {
      if (one.runs - one.partial - one.failed == 1 && result.random)
        words.notes.push_back(fmt::format("{}: {} has one complete run: no interval, and no difference can be shown",
                                          result.label, one.variant.empty() ? "it" : one.variant));
    }
    if (std::ranges::none_of(result.runs, [](const RunResult& run) { return run.checked; }) && !result.real)
      words.notes.push_back(fmt::format("{}: invariants were not checked (simulate --check does)", result.label));
    if (input.results.size() > 1) continue;
    // Those that sum a schedule up, as the terminal says them.
    const std::vector<std::string> metrics{"wait_s.mean", "bounded_slowdown.mean", "makespan_s"};
    words.findings = say_findings(result.runs, metrics, ShownUnits(summaries), result.random);
  }
}

void take_sentences(const WordsJson& from, const char* key, std::vector<std::string>& to) {
  if (!from.contains(key) || !from[key].is_array()) return;
  for (const WordsJson& one : from[key]) {
    if (one.is_string()) to.push_back(one.get<std::string>());
  }
}

void say_comparison(const ReportInput& input, ReportWords& words) {
  const auto compared = WordsJson::parse(input.comparison, nullptr, false);
  if (!compared.is_object() || !compared.contains("comparisons")) return;
  take_sentences(compared, "notes", words.notes);
  std::set<std::string> told;
  for (const WordsJson& match : compared["comparisons"]) {
    take_sentences(match, "sentences", words.findings);
    for (const char* side : {"base", "other"}) {
      const WordsJson& one = match.value(side, WordsJson::object());
      const auto incomplete = one.value("incomplete", std::uint64_t{0});
      const std::string name = one.value("title", std::string());
      if (incomplete > 0 && told.insert(name).second)
        words.doubts.push_back(fmt::format("{}: {} run{} failed or {} stopped before the end, and counted nowhere", name,
                                           incomplete, incomplete == 1 ? "" : "s", incomplete == 1 ? "was" : "were"));
    }
  }
  if (!compared.contains("gate") || !compared["gate"].is_object()) return;
  for (const WordsJson& verdict : compared["gate"].value("verdicts", WordsJson::array())) {
    if (verdict.value("fails", false))
      words.doubts.push_back(fmt::format("Gate: {}: {}: {}: {}", verdict.value("outcome", ""), verdict.value("subject", ""),
                                         verdict.value("rule", ""), verdict.value("why", "")));
  }
}

void say_sweep(const ReportInput& input, ReportWords& words) {
  const auto sweep = WordsJson::parse(input.sweep, nullptr, false);
  if (!sweep.is_object()) return;
  const WordsJson scenario = sweep.value("scenario", WordsJson::object());
  words.title = scenario.value("name", std::string());
  words.description = scenario.value("description", std::string());
  if (sweep.value("partial", false))
    words.doubts.emplace_back("The sweep was interrupted, or is one shard: runs are missing.");
  const auto failed = sweep.value("failed", WordsJson::array());
  if (!failed.empty())
    words.doubts.push_back(
        fmt::format("{} run{} gave no result, and count nowhere.", failed.size(), failed.size() == 1 ? "" : "s"));
  std::uint64_t violations = 0;
  for (const WordsJson& point : sweep.value("points", WordsJson::array()))
    violations += point.value("violations", std::uint64_t{0});
  if (violations > 0) words.doubts.push_back(fmt::format("{} violations of invariants.", violations));
  take_sentences(sweep, "findings", words.findings);
}

void say_journals(const ReportInput& input, ReportWords& words) {
  for (const JournalCourse& journal : input.journals) {
    for (const std::string& doubt : journal.doubts) words.doubts.push_back(fmt::format("{}: {}", journal.label, doubt));
    const Timeline::Course& course = journal.course;
    std::string text = fmt::format("{}: {} attempts on {} worker{} in {:.0f} s", journal.title, course.attempts,
                                   journal.workers, journal.workers == 1 ? "" : "s", seconds(course.to - course.from));
    if (course.failures_in_all > 0)
      text += fmt::format("; {} time{} a worker was missed, and {} time{} taken for dead", course.failures_in_all,
                          course.failures_in_all == 1 ? "" : "s", course.losses, course.losses == 1 ? "" : "s");
    words.findings.push_back(text + ".");
  }
}

}  // namespace

ReportWords say_report(const ReportInput& input) {
  ReportWords words;
  std::set<std::string> names;
  for (const Recorded& result : input.results) {
    if (names.insert(result.scenario).second) words.title += (words.title.empty() ? "" : ", ") + result.scenario;
    if (words.description.empty()) words.description = description_of(result);
  }
  say_results(input, words);
  if (!input.comparison.empty()) say_comparison(input, words);
  if (!input.sweep.empty()) say_sweep(input, words);
  say_journals(input, words);
  if (words.title.empty() && !input.journals.empty()) words.title = input.journals.front().title;
  if (words.title.empty()) words.title = "comparison";
  return words;
}

}  // namespace drydock::reports

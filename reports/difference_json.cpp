#include "reports/difference_json.hpp"

#include "reports/difference_words.hpp"
#include "reports/effect_size.hpp"
#include "reports/json_text.hpp"

#include <cmath>
#include <utility>

namespace drydock::reports {
namespace {

using CompareJson = nlohmann::ordered_json;

CompareJson maybe(const std::optional<double>& value) { return value ? json_number(*value) : CompareJson(nullptr); }

CompareJson maybe(const std::optional<Interval>& interval) {
  if (!interval || !std::isfinite(interval->low) || !std::isfinite(interval->high)) return nullptr;
  return CompareJson::array({json_number(interval->low), json_number(interval->high)});
}

CompareJson side_json(const RecordedSide& side, const std::string& title) {
  CompareJson json;
  json["title"] = title;
  json["run"] = side.of->label;
  json["variant"] = side.which().name;
  json["scenario"] = side.of->scenario;
  json["scenario_hash"] = side.which().hash.empty() ? CompareJson(nullptr) : CompareJson(side.which().hash);
  json["version"] = side.of->version.empty() ? CompareJson(nullptr) : CompareJson(side.of->version);
  json["world"] = side.of->real ? "real" : "simulated";
  json["runs"] = complete_runs(side).size();
  json["incomplete"] = incomplete_runs(side);
  return json;
}

CompareJson estimate_json(const Estimate& value) {
  return {
      {"mean", json_number(value.mean)}, {"sd", value.n > 1 ? json_number(value.sd) : CompareJson(nullptr)}, {"n", value.n}};
}

std::string_view finding_key(Finding finding) {
  switch (finding) {
    case Finding::better: return "better";
    case Finding::worse: return "worse";
    case Finding::different: return "different";
    case Finding::equal: return "equal";
    case Finding::not_shown: return "not_shown";
    case Finding::unknown: return "unknown";
  }
  return {};
}

CompareJson metric_json(const Difference& one) {
  CompareJson json;
  json["metric"] = one.metric;
  json["better"] = one.better == Better::lower    ? CompareJson("lower")
                   : one.better == Better::higher ? CompareJson("higher")
                                                  : CompareJson(nullptr);
  json["base"] = estimate_json(one.base);
  json["other"] = estimate_json(one.other);
  json["n"] = one.n;
  json["change"] = json_number(one.change);
  json["student"] = maybe(one.student);
  json["bootstrap"] = maybe(one.bootstrap);
  json["relative"] = maybe(one.relative);
  json["relative_interval"] = maybe(one.relative_range);
  json["p"] = maybe(one.p);
  json["p_holm"] = maybe(one.p_holm);
  json["cohens_d"] = maybe(one.cohens_d);
  json["cliffs_delta"] = maybe(one.cliffs_delta);
  json["effect"] = one.cliffs_delta ? CompareJson(std::string(effect_word(*one.cliffs_delta))) : CompareJson(nullptr);
  json["equivalent"] = one.equivalent;
  json["finding"] = std::string(finding_key(one.finding));
  return json;
}

CompareJson distribution_json(const DistributionDifference& one) {
  CompareJson json;
  json["metric"] = one.metric;
  json["distance"] = json_number(one.ks.distance);
  json["at"] = json_number(one.ks.at);
  json["base_part"] = json_number(one.ks.base_part);
  json["other_part"] = json_number(one.ks.other_part);
  json["p"] = maybe(one.ks.p);
  json["p_holm"] = maybe(one.p_holm);
  return json;
}

CompareJson match_json(const SideDifferences& side, const DifferenceReport& report, const ShownUnits& units) {
  CompareJson json;
  json["base"] = side_json(side.match->base, side.match->base_title);
  json["other"] = side_json(side.match->other, side.match->title);
  json["pairing"] = side.samples.pairing == Pairing::paired ? "paired" : "unpaired";
  json["exact"] = side.samples.exact;
  json["seeds"] = CompareJson::array();
  if (side.samples.pairing == Pairing::paired) {
    for (const RunResult* run : side.samples.base) json["seeds"].push_back(run->seed);
  }
  json["left_out"] = side.samples.left_out;
  json["same_decisions"] = side.samples.same_steps;
  json["sentences"] = say_differences(side, report.options, units);
  json["metrics"] = CompareJson::array();
  for (const Difference& one : side.metrics) json["metrics"].push_back(metric_json(one));
  json["distributions"] = CompareJson::array();
  for (const DistributionDifference& one : side.distributions) json["distributions"].push_back(distribution_json(one));
  return json;
}

CompareJson gate_json(std::span<const GateVerdict> gate) {
  if (gate.empty()) return nullptr;
  bool passed = true;
  CompareJson verdicts = CompareJson::array();
  for (const GateVerdict& verdict : gate) {
    passed = passed && !verdict.fails();
    CompareJson one;
    one["subject"] = verdict.subject;
    one["rule"] = say_rule(*verdict.rule);
    one["place"] = verdict.rule->place.empty() ? CompareJson(nullptr) : CompareJson(verdict.rule->place);
    one["metric"] = verdict.rule->metric.empty() ? CompareJson(nullptr) : CompareJson(verdict.rule->metric);
    one["outcome"] = std::string(outcome_word(verdict.outcome));
    one["fails"] = verdict.fails();
    one["why"] = verdict.why;
    verdicts.push_back(std::move(one));
  }
  return {{"passed", passed}, {"verdicts", std::move(verdicts)}};
}

}  // namespace

std::string render_difference_json(const DifferenceTableInput& input, std::string_view version) {
  const DifferenceReport& report = *input.report;
  const ShownUnits units = units_of(report);
  CompareJson json;
  json["schema"] = std::string(kCompareSchema);
  json["version"] = std::string(version);
  json["confidence"] = report.options.confidence;
  json["margin"] = report.options.margin;
  json["tests"] = report.tests;
  json["distribution_tests"] = report.distribution_tests;
  json["notes"] = CompareJson(std::vector<std::string>(input.notes.begin(), input.notes.end()));
  json["comparisons"] = CompareJson::array();
  for (const SideDifferences& side : report.sides) json["comparisons"].push_back(match_json(side, report, units));
  json["gate"] = gate_json(input.gate);
  return json_text(json) + "\n";
}

}  // namespace drydock::reports

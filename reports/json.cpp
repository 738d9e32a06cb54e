#include "reports/json.hpp"

#include "reports/json_text.hpp"

#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

namespace drydock::reports {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) { return json_number(value); }

std::string hex(std::uint64_t value) { return fmt::format("{:016x}", value); }

// FNV-1a.
std::uint64_t hash_text(std::string_view text, std::uint64_t hash) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

// nlohmann::json keeps its keys sorted, so that equal documents have equal text.
std::string canonical(const std::string& text) {
  const auto parsed = nlohmann::json::parse(text, nullptr, false, true);
  return parsed.is_discarded() ? text : parsed.dump();
}

std::uint64_t hash_scenario(const VariantScenario& scenario, std::uint64_t hash) {
  return hash_text(canonical(scenario.json), hash_text(scenario.variant, hash) * 0x100000001b3U);
}
constexpr std::uint64_t kHashSeed = 0xcbf29ce484222325U;

Json context_json(const ResultInput& input) {
  Json json = Json::object();
  for (const auto& [name, value] : input.context.facts) json[name] = value;
  json["scenario_hash"] = scenario_hash(input.variants);
  return json;
}

Json scenario_json(const ResultInput& input) {
  Json json;
  json["name"] = input.scenario_name;
  json["description"] = input.scenario_description;
  json["random"] = input.random;
  json["variants"] = Json::array();
  for (const VariantScenario& variant : input.variants) {
    Json one;
    one["variant"] = variant.variant;
    one["hash"] = hex(hash_scenario(variant, kHashSeed));
    const Json parsed = Json::parse(variant.json, nullptr, false, true);
    one["scenario"] = parsed.is_discarded() ? Json(nullptr) : parsed;
    json["variants"].push_back(std::move(one));
  }
  return json;
}

Json violations_json(const RunResult& run) {
  Json list = Json::array();
  for (const Violation& violation : run.violations) {
    Json one;
    one["invariant"] = violation.invariant;
    one["at_s"] = number(seconds(violation.at));
    one["text"] = std::string(invariant_text(violation.invariant));
    one["what"] = violation.what;
    list.push_back(std::move(one));
  }
  return list;
}

Json distributions_json(const Distributions& distributions) {
  Json json = Json::object();
  for (const auto& [name, distribution] : distributions) {
    Json one;
    one["at"] = Json::array();
    for (const double value : distribution.at) one["at"].push_back(number(value));
    one["up_to"] = distribution.up_to;
    json[name] = std::move(one);
  }
  return json;
}

Json run_json(const RunResult& run) {
  Json json;
  json["variant"] = run.variant;
  json["seed"] = run.seed;
  json["partial"] = run.partial;
  json["error"] = run.error ? Json(*run.error) : Json(nullptr);
  json["metrics"] = Json::object();
  for (const auto& [name, value] : run.metrics) {
    if (std::isfinite(value)) json["metrics"][name] = number(value);
  }
  if (!run.distributions.empty()) json["distributions"] = distributions_json(run.distributions);
  json["checked"] = run.checked;
  json["violation_count"] = run.violation_count;
  json["violations"] = violations_json(run);
  json["journal_hash"] = hex(run.journal_hash);
  json["steps"] = run.steps;
  json["resources"] = {{"cpu_s", number(run.cpu_s)}, {"peak_rss_bytes", number(run.peak_rss_bytes)}};
  return json;
}

Json interval(const Estimate& estimated) {
  if (!estimated.half_width || !std::isfinite(*estimated.half_width)) return nullptr;
  return Json::array({number(estimated.low()), number(estimated.high())});
}

Json summary_json(std::span<const RunResult> runs) {
  Json list = Json::array();
  for (const VariantSummary& summary : summarise(runs)) {
    for (const auto& [metric, estimated] : summary.metrics) {
      if (!std::isfinite(estimated.mean)) continue;
      Json one;
      one["variant"] = summary.variant;
      one["metric"] = metric;
      one["mean"] = number(estimated.mean);
      one["ci95"] = interval(estimated);
      one["n"] = estimated.n;
      one["sd"] = estimated.n > 1 ? number(estimated.sd) : Json(nullptr);
      list.push_back(std::move(one));
    }
  }
  return list;
}

Json verdict_json(const Verdict& verdict) {
  Json json;
  json["metric"] = verdict.metric;
  json["better"] = verdict.better == Better::lower ? "lower" : "higher";
  json["leader"] = verdict.leader;
  json["best"] = verdict.best;
  json["confidence"] = verdict.confidence;
  json["against"] = Json::array();
  for (const Rival& rival : verdict.rivals) {
    Json one;
    one["variant"] = rival.variant;
    one["lead"] = number(rival.lead.mean);
    one["interval"] = interval(rival.lead);
    one["n"] = rival.lead.n;
    one["shown"] = rival.shown;
    json["against"].push_back(std::move(one));
  }
  return json;
}

Json comparisons_json(std::span<const RunResult> runs) {
  Json list = Json::array();
  std::map<std::string, bool> names;
  for (const RunResult& run : runs) {
    for (const auto& [metric, value] : run.metrics) names.emplace(metric, true);
  }
  for (const auto& [metric, seen] : names) {
    if (const auto verdict = judge(runs, metric)) list.push_back(verdict_json(*verdict));
  }
  return list;
}

}  // namespace

std::string scenario_hash(std::span<const VariantScenario> variants) {
  std::uint64_t hash = kHashSeed;
  for (const VariantScenario& variant : variants) hash = hash_scenario(variant, hash);
  return hex(hash);
}

std::string render_json(const ResultInput& input) {
  Json json;
  json["schema"] = kResultSchema;
  json["version"] = input.context.version;
  json["partial"] = input.partial;
  if (input.real) json["world"] = "real";
  if (!input.cautions.empty()) json["cautions"] = input.cautions;
  json["context"] = context_json(input);
  json["scenario"] = scenario_json(input);
  json["runs"] = Json::array();
  for (const RunResult& run : input.runs) json["runs"].push_back(run_json(run));
  json["summary"] = summary_json(input.runs);
  json["comparisons"] = comparisons_json(input.runs);
  return json_text(json) + "\n";
}

}  // namespace drydock::reports

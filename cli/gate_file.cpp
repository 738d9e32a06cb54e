#include "cli/gate_file.hpp"

#include "cli/metric_choice.hpp"
#include "cli/suggest.hpp"
#include "reports/metric_info.hpp"
#include "scenarios/reader.hpp"
#include "scenarios/units.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace drydock::cli {
namespace {

using reports::GateKind;
using reports::GateRule;
using scenarios::Diagnostics;
using scenarios::Document;
using scenarios::Node;
using scenarios::ObjectKeys;
using scenarios::ObjectReader;

constexpr std::array<std::string_view, 4> kGateKeys{"$schema", "confidence", "undecided", "rules"};
constexpr std::array<std::string_view, 10> kRuleKeys{
    "metric",    "not_worse_than_percent", "not_worse_than", "at_most",    "at_least",
    "every_run", "no_violations",          "variants",       "confidence", "undecided"};
constexpr ObjectKeys kGate{"gate", kGateKeys};
constexpr ObjectKeys kRule{"rule", kRuleKeys};

struct BoundKey {
  std::string_view key;
  GateKind kind;
};
constexpr std::array<BoundKey, 5> kBounds{{{"not_worse_than_percent", GateKind::not_worse_than_percent},
                                           {"not_worse_than", GateKind::not_worse_than},
                                           {"at_most", GateKind::at_most},
                                           {"at_least", GateKind::at_least},
                                           {"no_violations", GateKind::no_violations}}};

double read_confidence(const Node& node) {
  if (node.json().is_number()) {
    const double value = node.json().get<double>();
    if (value > 0.5 && value < 1) return value;
  }
  node.expected("a confidence above 0.5 and below 1, such as 0.95");
  return 0.95;
}

bool read_undecided(const Node& node) {
  constexpr std::array<std::string_view, 2> kWords{"fail", "pass"};
  return node.word(kWords) == "fail";
}

// A number, or a duration of a metric in seconds.
double read_amount(const Node& node, const std::string& metric) {
  if (node.json().is_number() && std::isfinite(node.json().get<double>())) return node.json().get<double>();
  const bool pattern_of_times = metric.find("_s.") != std::string::npos || metric.ends_with("_s");
  const auto info = reports::describe(metric);
  const bool time = info ? info->family->unit == reports::Unit::seconds : pattern_of_times;
  if (node.json().is_string() && time) return seconds(node.duration());
  node.expected(time ? "a number of seconds, or a duration such as \"90s\"" : "a number, in the unit that result.json has");
  return 0;
}

void read_limit(const ObjectReader& reader, const BoundKey& bound, GateRule& rule) {
  const Node node = reader.require(bound.key);
  rule.kind = bound.kind;
  if (bound.kind == GateKind::no_violations) {
    if (!node.boolean()) node.fail("expected true: leave the rule out where violations are allowed");
    if (reader.has("metric")) reader.node().member("metric").fail("no_violations is about runs, not about a metric");
    return;
  }
  rule.metric = reader.require("metric").text();
  if (rule.metric.empty()) reader.node().member("metric").fail("no metric is named");
  if (bound.kind != GateKind::not_worse_than_percent) {
    rule.limit = read_amount(node, rule.metric);
    return;
  }
  const bool number = node.json().is_number();
  rule.limit = number ? node.json().get<double>() : 0;
  if (!number || rule.limit < -100 || rule.limit > 1e6)
    node.expected(
        "a number of percent from -100 to 1000000: how much worse than the base is allowed; below 0: how much better it "
        "must be");
}

GateRule read_rule(const Node& node, const GateRule& defaults, const Document& document) {
  const ObjectReader reader(node, kRule);
  GateRule rule = defaults;
  rule.place = document.place(node.pointer());
  if (!node.json().is_object()) return rule;
  const BoundKey* bound = nullptr;
  for (const BoundKey& one : kBounds) {
    if (!reader.has(one.key)) continue;
    if (bound != nullptr)
      node.fail(fmt::format("a rule has one bound, this one has {} and {}: make it two rules", bound->key, one.key));
    bound = &one;
  }
  if (bound == nullptr) {
    node.fail(
        "a rule needs a bound: not_worse_than_percent, not_worse_than, at_most, at_least (of a metric), or no_violations");
    return rule;
  }
  read_limit(reader, *bound, rule);
  rule.every_run = reader.boolean("every_run", false);
  if (reader.has("every_run") && rule.kind != GateKind::at_most && rule.kind != GateKind::at_least)
    node.member("every_run").fail("every_run goes with at_most and at_least");
  if (const auto variants = reader.find("variants")) {
    rule.variants = variants->texts();
    if (variants->json().is_array() && variants->json().empty())
      variants->fail("no variant is named; leave the key out for all of them");
  }
  if (const auto confidence = reader.find("confidence")) rule.confidence = read_confidence(*confidence);
  if (const auto undecided = reader.find("undecided")) rule.undecided_fails = read_undecided(*undecided);
  return rule;
}

// Behind the checks above, which say better what is wrong.
Result<bool> check_schema(const Document& document, std::string_view label) {
  static const valijson::Schema* const kSchema = [] {
    auto* schema = new valijson::Schema;  // never freed: it is used until the process ends
    const scenarios::Json definition = scenarios::Json::parse(gate_schema_text());
    valijson::SchemaParser().populateSchema(valijson::adapters::NlohmannJsonAdapter(definition), *schema);
    return schema;
  }();
  valijson::Validator validator(valijson::Validator::kStrongTypes);
  valijson::ValidationResults results;
  if (validator.validate(*kSchema, valijson::adapters::NlohmannJsonAdapter(document.root()), &results)) return true;
  valijson::ValidationResults::Error error;
  results.popError(error);
  return Error{fmt::format("{}: not as gate.schema.json says: {}", label, error.description)};
}

std::string rule_error(const GateRule& rule, std::string_view message) { return fmt::format("{}: {}", rule.place, message); }

Result<bool> check_variants(const GateRule& rule, std::span<const std::string> variants) {
  const std::vector<std::string_view> names(variants.begin(), variants.end());
  for (const std::string& wanted : rule.variants) {
    if (std::ranges::find(names, wanted) != names.end()) continue;
    return Error{
        rule_error(rule, fmt::format("no run that is judged has the variant \"{}\"{}; there are: {}",
                                     scenarios::printable(wanted), did_you_mean(wanted, names), scenarios::listed(names)))};
  }
  return true;
}

Result<bool> append_rules(const GateRule& rule, std::span<const std::string> metrics, std::vector<GateRule>& resolved) {
  if (rule.metric.empty()) {
    resolved.push_back(rule);
    return true;
  }
  const bool pattern = rule.metric.find('*') != std::string::npos;
  std::vector<std::string> fitting = pattern ? metrics_like(rule.metric, metrics) : std::vector<std::string>{};
  // A metric that no run has although it is one was not measured: that is for the verdict to say.
  if (!pattern && (std::ranges::find(metrics, rule.metric) != metrics.end() || reports::describe(rule.metric)))
    fitting.push_back(rule.metric);
  if (fitting.empty()) {
    std::vector<std::string_view> names(metrics.begin(), metrics.end());
    const std::string guess = did_you_mean(rule.metric, names);
    return Error{rule_error(
        rule, fmt::format("no run has a metric {}\"{}\"{}", pattern ? "like " : "", scenarios::printable(rule.metric),
                          guess.empty() ? "; `drydock simulate SCENARIO --metrics list` prints what there is" : guess))};
  }
  const std::size_t before = resolved.size();
  for (std::string& metric : fitting) {
    const auto info = reports::describe(metric);
    const bool directed = info && info->better() != reports::Better::neither;
    if (rule.needs_base() && !directed) {
      if (pattern) continue;
      return Error{rule_error(rule, fmt::format("neither direction of {} is better: give it at_most or at_least", metric))};
    }
    GateRule& one = resolved.emplace_back(rule);
    one.metric = std::move(metric);
  }
  if (resolved.size() == before)
    return Error{rule_error(
        rule, fmt::format("of no metric like \"{}\" a direction is better: give it at_most or at_least", rule.metric))};
  return true;
}

}  // namespace

Result<std::vector<GateRule>> read_gate_text(std::string_view text, std::string_view label) {
  const auto document = Document::parse(text, label);
  if (!document) return document.error();
  Diagnostics diagnostics(document.value());
  const ObjectReader reader(Node(document.value().root(), "", diagnostics), kGate);
  GateRule defaults;
  if (const auto confidence = reader.find("confidence")) defaults.confidence = read_confidence(*confidence);
  if (const auto undecided = reader.find("undecided")) defaults.undecided_fails = read_undecided(*undecided);
  if (const auto schema = reader.find("$schema")) static_cast<void>(schema->text());
  std::vector<GateRule> rules;
  const Node list = reader.require("rules");
  if (!diagnostics.failed()) {
    for (const Node& item : list.items()) rules.push_back(read_rule(item, defaults, document.value()));
    if (list.json().is_array() && list.json().empty()) list.fail("there is no rule");
  }
  if (diagnostics.failed()) return diagnostics.error();
  if (auto valid = check_schema(document.value(), label); !valid) return valid.error();
  return rules;
}

Result<std::vector<GateRule>> read_gate(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{fmt::format("--gate: cannot read {}", path)};
  const std::string text(std::istreambuf_iterator<char>(file), {});
  if (file.bad()) return Error{fmt::format("--gate: cannot read all of {}", path)};
  return read_gate_text(text, path);
}

Result<std::vector<GateRule>> resolve_gate(std::span<const GateRule> rules, std::span<const std::string> metrics,
                                           std::span<const std::string> variants) {
  std::vector<GateRule> resolved;
  for (const GateRule& rule : rules) {
    if (auto good = check_variants(rule, variants); !good) return good.error();
    if (auto good = append_rules(rule, metrics, resolved); !good) return good.error();
  }
  return resolved;
}

}  // namespace drydock::cli

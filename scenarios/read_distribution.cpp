// Random amounts and arrival processes as written in a scenario.
#include "scenarios/keys.hpp"
#include "scenarios/sections.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

namespace drydock::scenarios {
namespace {

constexpr std::size_t kMostValues = 1'000'000;

// Amounts of a distribution are durations or plain numbers, both above 0; here they become seconds or stay as they are.
using ReadAmount = double (*)(const Node&);
double read_seconds(const Node& node) { return seconds(node.duration(Duration{1})); }
double read_amount(const Node& node) { return node.number({0, 1e9, true}); }

std::vector<double> read_values(const Node& node, ReadAmount amount) {
  std::vector<double> values;
  for (const Node& item : node.items()) values.push_back(amount(item));
  if (values.empty()) node.expected("at least one value");
  if (values.size() > kMostValues) node.fail(fmt::format("{} values; at most {} are allowed", values.size(), kMostValues));
  return values;
}

void require_order(const ObjectReader& object, double low, double high) {
  if (!(low < high)) object.node().fail("\"low\" must be below \"high\"");
}

Distribution read_hyperexponential(const Node& node, ReadAmount amount) {
  const ObjectReader object(node, keys::kHyperexponential);
  Hyperexponential d{{}, read_values(object.require("means"), amount)};
  const Node probabilities = object.require("probabilities");
  for (const Node& item : probabilities.items()) d.probabilities.push_back(item.number({0, 1}));
  if (d.probabilities.size() != d.means.size()) {
    node.fail(fmt::format("{} probabilities, but {} means", d.probabilities.size(), d.means.size()));
  } else if (std::abs(std::accumulate(d.probabilities.begin(), d.probabilities.end(), 0.0) - 1) > 1e-9) {
    probabilities.fail("the probabilities must add up to 1");
  }
  return d;
}

Distribution read_bounded_pareto(const Node& node, ReadAmount amount) {
  const ObjectReader object(node, keys::kBoundedPareto);
  const BoundedPareto d{object.require("shape").number({1e-3, 100}), amount(object.require("low")),
                        amount(object.require("high"))};
  require_order(object, d.low, d.high);
  return d;
}

Distribution read_kind(const std::string& kind, const Node& node, ReadAmount amount) {
  if (kind == "exponential") return Exponential{amount(ObjectReader(node, keys::kExponential).require("mean"))};
  if (kind == "deterministic") {
    if (!node.json().is_object()) return Deterministic{amount(node)};
    return Deterministic{amount(ObjectReader(node, keys::kDeterministic).require("value"))};
  }
  if (kind == "uniform") {
    const ObjectReader object(node, keys::kUniform);
    const Uniform d{amount(object.require("low")), amount(object.require("high"))};
    require_order(object, d.low, d.high);
    return d;
  }
  if (kind == "lognormal") {
    const ObjectReader object(node, keys::kLognormal);
    return Lognormal{amount(object.require("mean")), object.require("cv").number({0, 1e3, true})};
  }
  if (kind == "weibull") {
    const ObjectReader object(node, keys::kWeibull);
    return Weibull{object.require("shape").number({0.05, 100}), amount(object.require("scale"))};
  }
  if (kind == "hyperexponential") return read_hyperexponential(node, amount);
  if (kind == "bounded-pareto") return read_bounded_pareto(node, amount);
  if (node.json().is_array()) return Empirical{read_values(node, amount)};
  return Empirical{read_values(ObjectReader(node, keys::kEmpirical).require("values"), amount)};
}

// The one key of an object that says which kind it is; empty after an error.
std::string only_key(const Node& node, const ObjectKeys& keys) {
  const ObjectReader object(node, keys);
  if (!node.json().is_object() || node.diagnostics().failed()) return "";
  if (node.json().size() == 1) return node.json().begin().key();
  node.expected(fmt::format("exactly one of the keys {}", fmt::join(keys.keys, ", ")));
  return "";
}

Distribution read_object(const Node& node, ReadAmount amount) {
  const std::string kind = only_key(node, keys::kDistribution);
  if (kind.empty()) return Deterministic{1};
  return read_kind(kind, node.member(kind), amount);
}

double read_state_rate(const Node& node) {
  if (!node.json().is_string()) return node.rate();
  const auto parsed = parse_rate(node.json().get_ref<const std::string&>());
  return parsed && parsed.value() == 0 ? 0 : node.rate();
}

MmppArrivals read_mmpp(const Node& node) {
  const ObjectReader object(node, keys::kMmpp);
  MmppArrivals arrivals;
  const Node states = object.require("states");
  for (const Node& item : states.items()) {
    const ObjectReader state(item, keys::kState);
    arrivals.rates.push_back(read_state_rate(state.require("rate")));
    arrivals.mean_sojourns.push_back(seconds(state.require("sojourn").duration(Duration{1})));
  }
  if (arrivals.rates.size() < 2) states.expected("at least two states");
  if (std::ranges::all_of(arrivals.rates, [](double rate) { return rate == 0; })) {
    states.fail("no state has a rate above 0: no job would ever come");
  }
  // Each change of state costs a step: a limit keeps a run from spending its time on states without jobs.
  const double sojourns = std::accumulate(arrivals.mean_sojourns.begin(), arrivals.mean_sojourns.end(), 0.0);
  const double jobs = std::inner_product(arrivals.rates.begin(), arrivals.rates.end(), arrivals.mean_sojourns.begin(), 0.0);
  if (sojourns > 0 && jobs < 1e-6)
    states.fail("states change more than a million times per job; make them longer or rates higher");
  return arrivals;
}

LublinArrivals read_lublin(const Node& node) {
  constexpr std::array<std::string_view, 3> kJobs{"batch", "interactive", "all"};
  const ObjectReader object(node, keys::kLublin);
  if (node.diagnostics().time_scale() != 1) {
    node.fail("goes with \"time_scale\": 1 only: this model has days and nights of 24 hours");
  }
  LublinArrivals arrivals;
  arrivals.nodes = static_cast<std::uint32_t>(object.count("nodes", 128, {2, 1 << 24}));
  arrivals.jobs = static_cast<LublinJobs>(object.choice("jobs", kJobs, 0));
  arrivals.gap_scale = object.number("gap_scale", 1.0, {1e-6, 1e6});
  return arrivals;
}

}  // namespace

Distribution read_duration_distribution(const Node& node) {
  if (node.json().is_object()) return read_object(node, read_seconds);
  return Deterministic{read_seconds(node)};
}

std::optional<double> upper_bound(const Distribution& distribution) {
  if (const auto* d = std::get_if<Deterministic>(&distribution)) return d->value;
  if (const auto* d = std::get_if<Uniform>(&distribution)) return d->high;
  if (const auto* d = std::get_if<BoundedPareto>(&distribution)) return d->high;
  if (const auto* d = std::get_if<Empirical>(&distribution)) return *std::ranges::max_element(d->values);
  return std::nullopt;
}

double lower_bound(const Distribution& distribution) {
  if (const auto* d = std::get_if<Deterministic>(&distribution)) return d->value;
  if (const auto* d = std::get_if<Uniform>(&distribution)) return d->low;
  if (const auto* d = std::get_if<BoundedPareto>(&distribution)) return d->low;
  if (const auto* d = std::get_if<Empirical>(&distribution)) return *std::ranges::min_element(d->values);
  return 0;
}

Distribution read_number_distribution(const Node& node) {
  if (node.json().is_object()) return read_object(node, read_amount);
  return Deterministic{read_amount(node)};
}

Arrivals read_arrivals(const Node& node) {
  const std::string kind = only_key(node, keys::kArrivals);
  if (kind.empty()) return PoissonArrivals{1};
  const Node value = node.member(kind);
  if (kind == "poisson") return PoissonArrivals{ObjectReader(value, keys::kPoisson).require("rate").rate()};
  if (kind == "renewal")
    return RenewalArrivals{read_duration_distribution(ObjectReader(value, keys::kRenewal).require("gap"))};
  if (kind == "mmpp") return read_mmpp(value);
  if (kind == "lublin") return read_lublin(value);
  if (kind == "at-once") return AtOnce{ObjectReader(value, keys::kAtOnce).duration("at", Duration{0})};
  const ObjectReader regular(value, keys::kRegular);
  (void)regular.require("interval");
  return RegularArrivals{regular.duration("interval", std::chrono::seconds{1}, Duration{1}),
                         regular.duration("first", Duration{0})};
}

Cycle read_cycle(const Node& node) {
  const ObjectReader object(node, keys::kCycle);
  Cycle cycle{object.require("period").duration(std::chrono::seconds{1}), {}};
  const Node factors = object.require("factors");
  for (const Node& item : factors.items()) cycle.factors.push_back(item.number({0, 1e6}));
  if (cycle.factors.empty() || cycle.factors.size() > 10'000) factors.expected("1 to 10000 factors");
  if (std::ranges::all_of(cycle.factors, [](double factor) { return factor == 0; })) {
    factors.fail("all factors are 0: no job would ever come");
  }
  return cycle;
}

}  // namespace drydock::scenarios

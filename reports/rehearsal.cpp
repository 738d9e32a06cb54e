#include "reports/rehearsal.hpp"

#include "reports/contrast.hpp"
#include "reports/kolmogorov.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

namespace drydock::reports {
namespace {

constexpr double kConfidence = 0.95;

// In the order in which people should read them.
constexpr std::array kFigures{"jobs_completed",
                              "makespan_s",
                              "throughput_per_s",
                              "wait_s.mean",
                              "wait_s.p50",
                              "wait_s.p95",
                              "response_s.mean",
                              "utilization",
                              "attempts_lost",
                              "retries",
                              "detection_s.mean",
                              "detection_s.p95",
                              "false_expiries",
                              "time_to_baseline_s",
                              "availability",
                              "drift.time_avg_abs",
                              "drift.abs_max",
                              "drift.abs_mean",
                              "leader_changes",
                              "leaderless_s",
                              "share_excess.max_ratio",
                              "share_excess.seconds"};
constexpr std::array kRanked{"wait_s.mean", "wait_s.p95", "makespan_s"};

struct PhaseName {
  std::string_view name;
  std::string_view what;
};
constexpr std::array kWaitPhases{
    PhaseName{"late", "handed in late (timers)"}, PhaseName{"intake", "until the scheduler knows (the store)"},
    PhaseName{"queued", "in the queue"}, PhaseName{"commit", "until the assignment is in the store"},
    PhaseName{"start", "from the order to the start at the worker"}};
constexpr std::array kHoldPhases{PhaseName{"start", "from the order to the start at the worker"},
                                 PhaseName{"overrun", "longer than its work (timers)"},
                                 PhaseName{"report", "from the end until the scheduler knows"}};

struct Pair {
  const RunResult* predicted = nullptr;
  const RunResult* real = nullptr;
};

bool whole(const RunResult& run) { return !run.partial && !run.error; }

std::vector<Pair> pairs_of(const RehearsalInput& input, const std::string& variant) {
  std::vector<Pair> pairs;
  for (const RunResult& real : input.real) {
    if (real.variant != variant || !whole(real)) continue;
    const auto same = std::ranges::find_if(input.predicted, [&](const RunResult& run) {
      return run.variant == variant && run.seed == real.seed && whole(run);
    });
    if (same != input.predicted.end()) pairs.push_back({&*same, &real});
  }
  return pairs;
}

std::optional<double> value_of(const RunResult& run, const std::string& metric) {
  const auto found = run.metrics.find(metric);
  return found == run.metrics.end() ? std::nullopt : std::optional(found->second);
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

struct Sides {
  std::vector<double> predicted;
  std::vector<double> real;
};

Sides sides_of(const std::vector<Pair>& pairs, const std::string& metric) {
  Sides sides;
  for (const Pair& pair : pairs) {
    const auto predicted = value_of(*pair.predicted, metric);
    const auto real = value_of(*pair.real, metric);
    if (!predicted || !real) continue;
    sides.predicted.push_back(*predicted);
    sides.real.push_back(*real);
  }
  return sides;
}

std::optional<RehearsedFigure> rehearse_figure(const std::vector<Pair>& pairs, const std::string& metric) {
  const Sides sides = sides_of(pairs, metric);
  if (sides.real.empty()) return std::nullopt;
  RehearsedFigure figure{.metric = metric,
                         .predicted = mean(sides.predicted),
                         .real = mean(sides.real),
                         .pairs = sides.real.size(),
                         .spread = std::nullopt};
  if (figure.pairs < 2) return figure;
  double least = sides.real.front() - sides.predicted.front();
  double greatest = least;
  for (std::size_t i = 1; i < figure.pairs; ++i) {
    least = std::min(least, sides.real[i] - sides.predicted[i]);
    greatest = std::max(greatest, sides.real[i] - sides.predicted[i]);
  }
  figure.spread = greatest - least;
  return figure;
}

// A mean over those runs that have it.
std::optional<double> mean_over(const std::vector<Pair>& pairs, const RunResult* Pair::*side, const std::string& metric) {
  std::vector<double> values;
  for (const Pair& pair : pairs) {
    if (const auto value = value_of(*(pair.*side), metric)) values.push_back(*value);
  }
  return values.empty() ? std::nullopt : std::optional(mean(values));
}

template <std::size_t N>
std::vector<RehearsedPart> phases_of(const std::vector<Pair>& pairs, const std::array<PhaseName, N>& phases) {
  std::vector<RehearsedPart> parts;
  for (const PhaseName& phase : phases) {
    const std::string metric = "phase_" + std::string(phase.name) + "_s.mean";
    RehearsedPart part{phase.name, phase.what, mean_over(pairs, &Pair::predicted, metric),
                       mean_over(pairs, &Pair::real, metric)};
    if (part.predicted_s || part.real_s) parts.push_back(part);
  }
  return parts;
}

std::optional<RehearsedDistance> distance_of(const std::vector<Pair>& pairs) {
  std::vector<const Distribution*> predicted;
  std::vector<const Distribution*> real;
  for (const Pair& pair : pairs) {
    const auto first = pair.predicted->distributions.find("wait_s");
    const auto second = pair.real->distributions.find("wait_s");
    if (first == pair.predicted->distributions.end() || second == pair.real->distributions.end()) continue;
    predicted.push_back(&first->second);
    real.push_back(&second->second);
  }
  if (real.empty()) return std::nullopt;
  RehearsedDistance waits{.distance = ks_compare(predicted, real, Pairing::paired, 1).distance, .floor = std::nullopt};
  std::vector<double> among;
  for (std::size_t i = 0; i < real.size(); ++i) {
    for (std::size_t j = i + 1; j < real.size(); ++j) {
      among.push_back(ks_compare(std::span(&real[i], 1), std::span(&real[j], 1), Pairing::unpaired, 1).distance);
    }
  }
  if (!among.empty()) waits.floor = mean(among);
  return waits;
}

std::vector<std::string> only_predicted(const std::vector<Pair>& pairs) {
  std::vector<std::string> names;
  for (const char* metric : kFigures) {
    if (mean_over(pairs, &Pair::predicted, metric) && !mean_over(pairs, &Pair::real, metric)) names.emplace_back(metric);
  }
  return names;
}

RehearsedVariant rehearse_variant(const std::string& name, const std::vector<Pair>& pairs) {
  RehearsedVariant variant{.name = name,
                           .pairs = pairs.size(),
                           .figures = {},
                           .waits = distance_of(pairs),
                           .wait_parts = phases_of(pairs, kWaitPhases),
                           .hold_parts = phases_of(pairs, kHoldPhases),
                           .only_predicted = only_predicted(pairs)};
  for (const char* metric : kFigures) {
    if (auto figure = rehearse_figure(pairs, metric)) variant.figures.push_back(std::move(*figure));
  }
  return variant;
}

// Under the seeds that both variants have.
std::optional<RehearsedOrder> order_of(const std::string& metric, const std::vector<Pair>& first,
                                       const std::vector<Pair>& second) {
  std::vector<double> predicted;
  std::vector<double> base;
  std::vector<double> other;
  for (const Pair& one : first) {
    const auto same = std::ranges::find_if(second, [&](const Pair& pair) { return pair.real->seed == one.real->seed; });
    if (same == second.end()) continue;
    const auto a = value_of(*one.predicted, metric);
    const auto b = value_of(*same->predicted, metric);
    const auto real_a = value_of(*one.real, metric);
    const auto real_b = value_of(*same->real, metric);
    if (!a || !b || !real_a || !real_b) continue;
    predicted.push_back(*b - *a);
    base.push_back(*real_a);
    other.push_back(*real_b);
  }
  if (base.empty()) return std::nullopt;
  RehearsedOrder order{.metric = metric,
                       .first = first.front().real->variant,
                       .second = second.front().real->variant,
                       .predicted = mean(predicted),
                       .real = mean(other) - mean(base)};
  const Contrast contrast = paired_contrast(base, other);
  if (contrast.has_interval()) {
    const Interval interval = contrast.interval(kConfidence);
    order.shown = interval.low > 0 || interval.high < 0;
  }
  return order;
}

}  // namespace

std::optional<double> RehearsedFigure::relative() const {
  if (predicted == 0) return std::nullopt;
  return difference() / std::abs(predicted);
}

std::optional<bool> RehearsedFigure::within_spread() const {
  if (!spread) return std::nullopt;
  return std::abs(difference()) <= *spread;
}

Rehearsal find_rehearsal(const RehearsalInput& input) {
  Rehearsal rehearsal{.scenario = input.scenario, .cautions = input.cautions, .variants = {}, .orders = {}};
  std::vector<std::vector<Pair>> all;
  std::set<std::string> seen;
  for (const RunResult& run : input.real) {
    if (!seen.insert(run.variant).second) continue;
    std::vector<Pair> pairs = pairs_of(input, run.variant);
    if (pairs.empty()) continue;
    rehearsal.variants.push_back(rehearse_variant(run.variant, pairs));
    all.push_back(std::move(pairs));
  }
  for (const char* metric : kRanked) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      for (std::size_t j = i + 1; j < all.size(); ++j) {
        if (auto order = order_of(metric, all[i], all[j])) rehearsal.orders.push_back(std::move(*order));
      }
    }
  }
  return rehearsal;
}

}  // namespace drydock::reports

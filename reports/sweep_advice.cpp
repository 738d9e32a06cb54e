#include "reports/sweep_advice.hpp"

#include "reports/comparison.hpp"
#include "reports/pareto.hpp"
#include "reports/phrases.hpp"
#include "reports/sensitivity.hpp"
#include "reports/sweep_units.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace drydock::reports {
namespace {

constexpr std::size_t kPointsNamed = 8;

bool has_direction(const std::string& metric) {
  const auto info = describe(metric);
  return info && info->better() != Better::neither;
}

bool lower_is_better(const std::string& metric) { return describe(metric)->better() == Better::lower; }

// Points with a value of it.
std::vector<std::size_t> points_with(const SweepResult& result, const std::string& metric) {
  std::vector<std::size_t> points;
  for (std::size_t point = 0; point < result.runs.size(); ++point) {
    if (result.estimate_of(point, metric).n > 0) points.push_back(point);
  }
  return points;
}

std::string named_points(const std::vector<std::size_t>& points) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < points.size() && i < kPointsNamed; ++i) names.push_back(std::to_string(points[i] + 1));
  if (points.size() > kPointsNamed) names.push_back(fmt::format("{} more", points.size() - kPointsNamed));
  return join(names);
}

std::string say_percent(double confidence) {
  std::string percent = fmt::format("{:.3f}", confidence * 100);
  percent.erase(percent.find_last_not_of('0') + 1);
  if (percent.ends_with('.')) percent.pop_back();
  return percent;
}

std::string say_baseline(const SweepResult& result, std::size_t point) {
  if (result.plan.own == point) return fmt::format("the scenario as it is ({})", fmt::format("point {}", point + 1));
  return say_point(result.plan, point);
}

// "9.1 s less", "3 percentage points more".
std::string say_amount(const SweepUnits& units, const std::string& metric, const Estimate& difference) {
  const auto info = describe(metric);
  const Scale scale = units.of(metric);
  const double amount = std::abs(difference.mean) * scale.factor;
  const auto half = half_width_of(difference, scale);
  const std::string figure = half ? fixed_visibly(amount, decimals_for(amount, *half)) : round_to(amount, std::nullopt);
  const std::string_view less = info->family->unit == Unit::count ? "fewer" : "less";
  return fmt::format("{}{} {}", figure, info->family->unit == Unit::fraction ? " percentage points" : scale.suffix,
                     difference.mean < 0 ? less : "more");
}

// "99.9 % interval 3.6 to 14.6 s, 20 paired seeds", of the size of a difference.
std::string say_certainty(const SweepResult& result, const SweepUnits& units, const std::string& metric,
                          const Estimate& difference, double confidence) {
  if (!result.plan.random) return "exact: nothing in it is random";
  if (!difference.half_width) return fmt::format("{} seed: no interval", difference.n);
  const bool less = difference.mean < 0;
  const Scale scale = units.of(metric);
  const auto half = half_width_of(difference, scale);
  const auto figure = [&](double bound) {
    const double scaled = bound * scale.factor;
    return half ? fixed_visibly(scaled, decimals_for(difference.mean * scale.factor, *half))
                : round_to(scaled, std::nullopt);
  };
  const bool fraction = describe(metric)->family->unit == Unit::fraction;
  return fmt::format("{} % interval {} to {}{}, {} paired seeds", say_percent(confidence),
                     figure(less ? -difference.high() : difference.low()),
                     figure(less ? -difference.low() : difference.high()), fraction ? " points" : scale.suffix,
                     difference.n);
}

std::string say_share(const SweepResult& result, const SweepAdvice& advice) {
  const double base = result.estimate_of(advice.baseline, advice.metric).mean;
  if (base == 0 || describe(advice.metric)->family->unit == Unit::fraction) return {};
  return fmt::format(" ({:.2g} %)", std::abs(advice.difference.mean / base) * 100);
}

std::string say_sides(const SweepUnits& units, const SweepAdvice& advice, bool better) {
  std::vector<std::string> parts;
  for (const SweepAdvice::Side& side : advice.sides) {
    if (side.better != better) continue;
    parts.push_back(fmt::format("{} {}", describe(side.metric)->noun(), say_amount(units, side.metric, side.difference)));
  }
  return join(parts);
}

std::string say_recommendation(const SweepResult& result, const SweepUnits& units, const SweepAdvice& advice) {
  const std::string noun = describe(advice.metric)->noun();
  if (advice.best == advice.baseline) {
    return fmt::format("{}: {} has the best mean ({}); no other point is to be preferred.", capitalised(noun),
                       say_baseline(result, advice.best),
                       say_value(units.of(advice.metric), result.estimate_of(advice.best, advice.metric)));
  }
  const std::string certainty = say_certainty(result, units, advice.metric, advice.difference, advice.confidence);
  if (!advice.shown) {
    return fmt::format(
        "{}: no difference shown between {}, which has the best mean, and {} ({} with the former; {}). There may still be "
        "one: "
        "more seeds would tell.",
        capitalised(noun), say_point(result.plan, advice.best), say_baseline(result, advice.baseline),
        say_amount(units, advice.metric, advice.difference), certainty);
  }
  return fmt::format("{}: {} {}{} than {} ({}).", capitalised(say_point(result.plan, advice.best)), noun,
                     say_amount(units, advice.metric, advice.difference), say_share(result, advice),
                     say_baseline(result, advice.baseline), certainty);
}

// What else changes with the best point, where it is recommended.
std::string say_elsewhere(const SweepUnits& units, const SweepAdvice& advice) {
  std::vector<std::string> sentences;
  if (const std::string costs = say_sides(units, advice, false); !costs.empty())
    sentences.push_back(fmt::format("It costs: {}.", costs));
  if (const std::string gains = say_sides(units, advice, true); !gains.empty())
    sentences.push_back(fmt::format("It also gives: {}.", gains));
  std::vector<std::string> same;
  for (const std::string& metric : advice.same) same.push_back(describe(metric)->noun());
  if (!same.empty()) sentences.push_back(fmt::format("No difference shown in {}.", join(same)));
  return fmt::format("{}", fmt::join(sentences, " "));
}

std::string say_effects(const SweepResult& result, const SweepUnits& units, const std::string& metric) {
  const std::vector<std::string> names = short_names(result.plan.parameters);
  std::vector<std::string> parts;
  for (const MainEffect& effect : main_effects(result, metric)) {
    const std::string& name = names[effect.parameter];
    if (!effect.shown) {
      parts.push_back(fmt::format("{} (no effect shown)", name));
      continue;
    }
    const auto& levels = result.plan.parameters[effect.parameter].levels;
    const std::string amount = say_amount(units, metric, effect.range);
    parts.push_back(fmt::format("{} ({} from {} to {})", name, amount, levels[effect.least], levels[effect.most]));
  }
  if (parts.size() < 2) return {};
  return fmt::format("What matters for the {}, most first, averaged over the others: {}.", describe(metric)->noun(),
                     join(parts));
}

}  // namespace

std::optional<SweepFront> front_of(const SweepResult& result) {
  if (result.plan.view.pareto.empty()) return std::nullopt;
  SweepFront front{.metrics = result.plan.view.pareto, .points = {}, .dominated_by = {}};
  front.dominated_by.resize(result.runs.size());
  std::vector<Better> better;
  for (const std::string& metric : front.metrics) better.push_back(describe(metric)->better());
  std::vector<std::size_t> points;
  std::vector<std::vector<double>> rows;
  for (std::size_t point = 0; point < result.runs.size(); ++point) {
    std::vector<double> row;
    for (const std::string& metric : front.metrics) {
      if (const Estimate value = result.estimate_of(point, metric); value.n > 0) row.push_back(value.mean);
    }
    if (row.size() != front.metrics.size()) continue;
    points.push_back(point);
    rows.push_back(std::move(row));
  }
  const auto by = dominated_by(rows, better);
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (by[i]) front.dominated_by[points[i]] = points[*by[i]];
    else front.points.push_back(points[i]);
  }
  return front;
}

std::optional<SweepAdvice> advise(const SweepResult& result) {
  const auto found = std::ranges::find_if(result.metrics, [&](const std::string& metric) {
    return has_direction(metric) && points_with(result, metric).size() > 1;
  });
  if (found == result.metrics.end()) return std::nullopt;
  SweepAdvice advice{.metric = *found, .difference = {}, .sides = {}, .same = {}, .equals = {}};
  const std::vector<std::size_t> points = points_with(result, *found);
  const auto better = [&](const std::string& metric, double difference) {
    return lower_is_better(metric) ? difference < 0 : difference > 0;
  };
  advice.best = points.front();
  for (const std::size_t point : points) {
    const double gain = result.estimate_of(point, *found).mean - result.estimate_of(advice.best, *found).mean;
    if (better(*found, gain)) advice.best = point;
  }
  advice.baseline = result.plan.view.baseline.value_or(result.plan.own.value_or(0));
  advice.confidence = 1 - (1 - kConfidence) / static_cast<double>(points.size() - 1);
  advice.difference = result.difference(advice.best, advice.baseline, *found, advice.confidence);
  advice.shown = advice.best != advice.baseline && result.shown(advice.difference);
  for (const std::size_t point : points) {
    if (point == advice.best) continue;
    const Estimate lead = result.difference(advice.best, point, *found, advice.confidence);
    if (!result.shown(lead)) advice.equals.push_back(point);
  }
  for (const std::string& metric : result.metrics) {
    if (metric == *found || !has_direction(metric)) continue;
    const Estimate side = result.difference(advice.best, advice.baseline, metric, advice.confidence);
    if (side.n == 0) continue;
    if (result.shown(side)) advice.sides.push_back({metric, side, better(metric, side.mean)});
    else advice.same.push_back(metric);
  }
  return advice;
}

std::vector<std::string> say_advice(const SweepResult& result) {
  std::vector<std::string> sentences;
  const SweepUnits units(result);
  const auto advice = advise(result);
  if (!advice) return sentences;
  sentences.push_back(say_recommendation(result, units, *advice));
  if (advice->shown) {
    if (std::string elsewhere = say_elsewhere(units, *advice); !elsewhere.empty()) sentences.push_back(std::move(elsewhere));
  }
  if (!advice->equals.empty()) {
    sentences.push_back(
        fmt::format("Not shown to be worse than point {}: {}.", advice->best + 1, named_points(advice->equals)));
  }
  if (std::string effects = say_effects(result, units, advice->metric); !effects.empty())
    sentences.push_back(std::move(effects));
  if (const auto front = front_of(result); front && !front->points.empty()) {
    std::vector<std::string> nouns;
    for (const std::string& metric : front->metrics) nouns.push_back(describe(metric)->noun());
    sentences.push_back(fmt::format("Not beaten in all of {} at once, by their means: {} {}.", join(nouns),
                                    front->points.size() == 1 ? "point" : "points", named_points(front->points)));
  }
  return sentences;
}

}  // namespace drydock::reports

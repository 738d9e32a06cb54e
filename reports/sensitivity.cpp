#include "reports/sensitivity.hpp"

#include "reports/comparison.hpp"

#include <algorithm>
#include <functional>
#include <limits>

namespace drydock::reports {
namespace {

// Values of the metric by seed and point, for the seeds for which every point has one.
std::vector<std::vector<double>> whole_seeds(const SweepResult& result, const std::string& metric) {
  std::vector<std::vector<double>> rows;
  for (const std::uint64_t seed : result.plan.seeds) {
    std::vector<double> row;
    for (std::size_t point = 0; point < result.runs.size(); ++point) {
      const auto value = result.value(point, seed, metric);
      if (!value) break;
      row.push_back(*value);
    }
    if (row.size() == result.runs.size()) rows.push_back(std::move(row));
  }
  return rows;
}

// The mean of a row's values by level of the parameter; levels that no point has (a draw may leave one out) have no part.
std::vector<std::optional<double>> level_means(const SweepResult& result, std::size_t parameter,
                                               const std::vector<double>& row) {
  const std::size_t levels = result.plan.parameters[parameter].levels.size();
  std::vector<double> sums(levels);
  std::vector<std::size_t> counts(levels);
  for (std::size_t point = 0; point < row.size(); ++point) {
    const std::size_t level = result.plan.points[point].levels[parameter];
    sums[level] += row[point];
    ++counts[level];
  }
  std::vector<std::optional<double>> means(levels);
  for (std::size_t i = 0; i < levels; ++i) {
    if (counts[i] > 0) means[i] = sums[i] / static_cast<double>(counts[i]);
  }
  return means;
}

std::optional<MainEffect> effect_of(const SweepResult& result, const std::vector<std::vector<double>>& rows,
                                    std::size_t parameter, const std::string& metric) {
  std::vector<std::vector<std::optional<double>>> by_seed;
  for (const auto& row : rows) by_seed.push_back(level_means(result, parameter, row));
  std::vector<std::size_t> used;
  for (std::size_t level = 0; level < by_seed.front().size(); ++level) {
    if (by_seed.front()[level]) used.push_back(level);
  }
  if (used.size() < 2) return std::nullopt;
  MainEffect effect{.parameter = parameter, .metric = metric, .means = {}, .range = {}};
  effect.means.assign(by_seed.front().size(), std::numeric_limits<double>::quiet_NaN());
  for (const std::size_t level : used) {
    effect.means[level] = 0;
    for (const auto& means : by_seed) effect.means[level] += *means[level] / static_cast<double>(by_seed.size());
  }
  const auto smaller = [&](std::size_t a, std::size_t b) { return effect.means[a] < effect.means[b]; };
  effect.least = *std::ranges::min_element(used, smaller);
  effect.most = *std::ranges::max_element(used, smaller);
  std::vector<double> ranges;
  for (const auto& means : by_seed) ranges.push_back(*means[effect.most] - *means[effect.least]);
  const double pairs = static_cast<double>(used.size()) * static_cast<double>(used.size() - 1) / 2;
  effect.confidence = 1 - (1 - kConfidence) / pairs;
  effect.range = estimate(ranges, effect.confidence);
  effect.shown = result.shown(effect.range);
  return effect;
}

}  // namespace

std::vector<MainEffect> main_effects(const SweepResult& result, const std::string& metric) {
  const std::vector<std::vector<double>> rows = whole_seeds(result, metric);
  std::vector<MainEffect> effects;
  if (rows.empty()) return effects;
  for (std::size_t parameter = 0; parameter < result.plan.parameters.size(); ++parameter) {
    if (auto effect = effect_of(result, rows, parameter, metric)) effects.push_back(std::move(*effect));
  }
  std::ranges::stable_sort(effects, std::greater<>(), [](const MainEffect& e) { return e.range.mean; });
  return effects;
}

}  // namespace drydock::reports

#include "reports/bootstrap.hpp"

#include "policies/core/assert.hpp"
#include "policies/core/rng.hpp"
#include "reports/normal.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace drydock::reports {
namespace {

double mean_of(std::span<const double> values) {
  double sum = 0;
  for (const double v : values) sum += v - values.front();
  return values.front() + sum / static_cast<double>(values.size());
}

void resample(std::span<const double> from, std::vector<double>& into, Rng& rng) {
  into.resize(from.size());
  for (double& value : into) value = from[rng.below(from.size())];
}

// The value that a part `q` of the sorted values lie below, between two of them by weight.
double sorted_quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size()) - 0.5;
  const double last = static_cast<double>(sorted.size() - 1);
  const double held = std::clamp(at, 0.0, last);
  const auto below = static_cast<std::size_t>(held);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double weight = held - static_cast<double>(below);
  return sorted[below] + weight * (sorted[above] - sorted[below]);
}

// Skewness of the influence that single values have on the statistic, over six: sum u^3 / (6 (sum u^2)^1.5).
double acceleration_of(std::span<const double> influence) {
  double squares = 0;
  double cubes = 0;
  for (const double u : influence) {
    squares += u * u;
    cubes += u * u * u;
  }
  return squares > 0 ? cubes / (6 * std::pow(squares, 1.5)) : 0;
}

BootstrapResult intervals_of(std::vector<double> replicates, double estimate, double acceleration, double confidence) {
  std::sort(replicates.begin(), replicates.end());
  const double tail = (1 - confidence) / 2;
  BootstrapResult result;
  result.percentile = {sorted_quantile(replicates, tail), sorted_quantile(replicates, 1 - tail)};
  result.bca = result.percentile;
  result.acceleration = acceleration;
  // Values that equal the estimate count half, so that a statistic with few values has no bias by that alone.
  double below = 0;
  for (const double value : replicates) below += value < estimate ? 1 : value == estimate ? 0.5 : 0;
  const double part = below / static_cast<double>(replicates.size());
  if (part <= 0 || part >= 1) return result;
  result.bias = normal_quantile(part);
  const auto corrected = [&](double probability) {
    const double z = result.bias + normal_quantile(probability);
    const double whole = 1 - acceleration * z;
    return whole > 0 ? normal_cdf(result.bias + z / whole) : probability;
  };
  result.bca = {sorted_quantile(replicates, corrected(tail)), sorted_quantile(replicates, corrected(1 - tail))};
  return result;
}

}  // namespace

BootstrapResult bootstrap(std::span<const double> values, const Statistic& statistic, const BootstrapOptions& options) {
  DRYDOCK_CHECK(values.size() >= 2 && options.resamples >= 2, "a bootstrap needs two values and two resamples");
  Rng rng(options.seed, "bootstrap");
  std::vector<double> sample;
  std::vector<double> replicates(options.resamples);
  for (double& replicate : replicates) {
    resample(values, sample, rng);
    replicate = statistic(sample);
  }
  // The jackknife: the statistic without each value in turn.
  std::vector<double> without(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    sample.assign(values.begin(), values.end());
    sample.erase(sample.begin() + static_cast<std::ptrdiff_t>(i));
    without[i] = statistic(sample);
  }
  const double middle = mean_of(without);
  for (double& value : without) value = middle - value;
  return intervals_of(std::move(replicates), statistic(values), acceleration_of(without), options.confidence);
}

BootstrapResult bootstrap_difference(std::span<const double> a, std::span<const double> b, const BootstrapOptions& options) {
  DRYDOCK_CHECK(a.size() >= 2 && b.size() >= 2 && options.resamples >= 2, "a bootstrap needs two values of each sample");
  Rng rng(options.seed, "bootstrap-difference");
  std::vector<double> from_a;
  std::vector<double> from_b;
  std::vector<double> replicates(options.resamples);
  for (double& replicate : replicates) {
    resample(a, from_a, rng);
    resample(b, from_b, rng);
    replicate = mean_of(from_b) - mean_of(from_a);
  }
  std::vector<double> influence;
  for (const double v : a) influence.push_back(-(v - mean_of(a)) / static_cast<double>(a.size()));
  for (const double v : b) influence.push_back((v - mean_of(b)) / static_cast<double>(b.size()));
  return intervals_of(std::move(replicates), mean_of(b) - mean_of(a), acceleration_of(influence), options.confidence);
}

std::size_t usual_resamples(std::size_t n) {
  constexpr std::size_t kDraws = 1'000'000;
  return std::clamp<std::size_t>(kDraws / std::max<std::size_t>(n, 1), 2000, 10'000);
}

}  // namespace drydock::reports

#include "reports/kolmogorov.hpp"

#include "policies/core/assert.hpp"
#include "policies/core/rng.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

namespace drydock::reports {
namespace {

constexpr std::size_t kPointsMost = 2048;
constexpr std::size_t kPairsExact = 12;
constexpr std::size_t kExchanges = 1999;

// Of one run at each point: its cumulative part.
using RunParts = std::vector<double>;

std::vector<double> points_of(std::span<const Distribution* const> base, std::span<const Distribution* const> other) {
  std::vector<double> points;
  for (const auto side : {base, other}) {
    for (const Distribution* one : side) points.insert(points.end(), one->at.begin(), one->at.end());
  }
  std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end()), points.end());
  if (points.size() <= kPointsMost) return points;
  std::vector<double> kept;
  for (std::size_t i = 0; i < kPointsMost; ++i) kept.push_back(points[i * (points.size() - 1) / (kPointsMost - 1)]);
  return kept;
}

std::vector<RunParts> rows_of(std::span<const Distribution* const> side, const std::vector<double>& points) {
  std::vector<RunParts> rows;
  for (const Distribution* one : side) {
    RunParts& row = rows.emplace_back();
    for (const double point : points) row.push_back(one->part_up_to(point));
  }
  return rows;
}

RunParts mean_of_rows(const std::vector<RunParts>& rows) {
  RunParts mean(rows.front().size(), 0.0);
  for (const RunParts& row : rows) {
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += row[i];
  }
  for (double& value : mean) value /= static_cast<double>(rows.size());
  return mean;
}

// The greatest of |sum weight_r row_r|.
double farthest(const std::vector<RunParts>& rows, const std::vector<double>& weights, RunParts& sum) {
  sum.assign(rows.front().size(), 0.0);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += weights[r] * rows[r][i];
  }
  double most = 0;
  for (const double value : sum) most = std::max(most, std::abs(value));
  return most;
}

// Sums in another order differ in their last digits.
bool as_far(double distance, double observed) { return distance >= observed * (1 - 1e-9) - 1e-15; }

double p_of_pairs(const std::vector<RunParts>& base, const std::vector<RunParts>& other, std::uint64_t seed) {
  std::vector<RunParts> differences = other;
  for (std::size_t r = 0; r < base.size(); ++r) {
    for (std::size_t i = 0; i < base[r].size(); ++i) differences[r][i] -= base[r][i];
  }
  const double each = 1 / static_cast<double>(base.size());
  std::vector<double> weights(base.size(), each);
  RunParts sum;
  const double observed = farthest(differences, weights, sum);
  std::uint64_t as_far_ways = 0;
  if (base.size() <= kPairsExact) {
    const std::uint64_t ways = std::uint64_t{1} << (base.size() - 1);  // the other half are their mirror images
    for (std::uint64_t way = 0; way < ways; ++way) {
      for (std::size_t r = 0; r < weights.size(); ++r) weights[r] = (way >> r & 1U) != 0 ? -each : each;
      if (as_far(farthest(differences, weights, sum), observed)) ++as_far_ways;
    }
    return static_cast<double>(as_far_ways) / static_cast<double>(ways);
  }
  Rng rng(seed, "ks-pairs");
  for (std::size_t k = 0; k < kExchanges; ++k) {
    for (double& weight : weights) weight = rng.below(2) == 0 ? each : -each;
    if (as_far(farthest(differences, weights, sum), observed)) ++as_far_ways;
  }
  return static_cast<double>(as_far_ways + 1) / (kExchanges + 1);
}

double p_of_groups(const std::vector<RunParts>& base, const std::vector<RunParts>& other, std::uint64_t seed) {
  std::vector<RunParts> rows = base;
  rows.insert(rows.end(), other.begin(), other.end());
  std::vector<double> weights(rows.size());
  for (std::size_t r = 0; r < rows.size(); ++r)
    weights[r] = r < base.size() ? -1 / static_cast<double>(base.size()) : 1 / static_cast<double>(other.size());
  RunParts sum;
  const double observed = farthest(rows, weights, sum);
  Rng rng(seed, "ks-groups");
  std::uint64_t as_far_ways = 0;
  for (std::size_t k = 0; k < kExchanges; ++k) {
    for (std::size_t r = weights.size() - 1; r > 0; --r) std::swap(weights[r], weights[rng.below(r + 1)]);
    if (as_far(farthest(rows, weights, sum), observed)) ++as_far_ways;
  }
  return static_cast<double>(as_far_ways + 1) / (kExchanges + 1);
}

}  // namespace

double kolmogorov_tail(double x) {
  if (x <= 0) return 1;
  if (x < 1) {  // the other series of the same function (Jacobi's theta), which converges fast here
    double sum = 0;
    for (int k = 1; k <= 20; ++k) {
      const double odd = (2 * k - 1) * 3.14159265358979323846;
      sum += std::exp(-odd * odd / (8 * x * x));
    }
    return 1 - std::sqrt(2 * 3.14159265358979323846) / x * sum;
  }
  double sum = 0;
  for (int k = 1; k <= 20; ++k) sum += (k % 2 == 1 ? 1 : -1) * std::exp(-2.0 * k * k * x * x);
  return 2 * sum;
}

double ks_critical(double n, double m, double alpha) {
  DRYDOCK_CHECK(n > 0 && m > 0 && alpha > 0 && alpha < 1, "a critical distance needs samples and 0 < alpha < 1");
  double low = 0;
  double high = 20;
  for (int i = 0; i < 200 && high - low > 1e-14; ++i) {
    const double x = (low + high) / 2;
    (kolmogorov_tail(x) > alpha ? low : high) = x;
  }
  return high * std::sqrt((n + m) / (n * m));
}

KsResult ks_compare(std::span<const Distribution* const> base, std::span<const Distribution* const> other, Pairing pairing,
                    std::uint64_t seed) {
  DRYDOCK_CHECK(!base.empty() && !other.empty(), "a distance needs two distributions");
  DRYDOCK_CHECK(pairing == Pairing::unpaired || base.size() == other.size(), "pairs need as many runs of each");
  const std::vector<double> points = points_of(base, other);
  const std::vector<RunParts> base_rows = rows_of(base, points);
  const std::vector<RunParts> other_rows = rows_of(other, points);
  const RunParts base_mean = mean_of_rows(base_rows);
  const RunParts other_mean = mean_of_rows(other_rows);
  KsResult result;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double apart = std::abs(other_mean[i] - base_mean[i]);
    if (i > 0 && apart <= result.distance) continue;
    result = {apart, points[i], base_mean[i], other_mean[i], std::nullopt};
  }
  if (base.size() < 2 || other.size() < 2) return result;
  result.p = pairing == Pairing::paired ? p_of_pairs(base_rows, other_rows, seed) : p_of_groups(base_rows, other_rows, seed);
  return result;
}

}  // namespace drydock::reports

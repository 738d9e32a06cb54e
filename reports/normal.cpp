#include "reports/normal.hpp"

#include "policies/core/assert.hpp"

#include <cmath>
#include <numbers>

namespace drydock::reports {
namespace {

double normal_density(double z) { return std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi); }

// The z >= 0 with P(Z > z) = tail (0 < tail <= 0.5).
double normal_upper_quantile(double tail) {
  const double t = std::sqrt(-2 * std::log(tail));
  double z = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  for (int i = 0; i < 6; ++i) z += (normal_cdf(-z) - tail) / normal_density(z);
  return z;
}

}  // namespace

double normal_cdf(double z) { return std::erfc(-z / std::numbers::sqrt2) / 2; }

double normal_quantile(double probability) {
  DRYDOCK_CHECK(probability > 0 && probability < 1, "a quantile needs 0 < probability < 1");
  if (probability == 0.5) return 0;
  return probability > 0.5 ? normal_upper_quantile(1 - probability) : -normal_upper_quantile(probability);
}

}  // namespace drydock::reports

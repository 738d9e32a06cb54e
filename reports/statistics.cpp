#include "reports/statistics.hpp"

#include "policies/core/assert.hpp"

#include <cmath>
#include <limits>
#include <numbers>

namespace drydock::reports {
namespace {

// The continued fraction of the incomplete beta function, fast for x < (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  constexpr int kMaxTerms = 10'000;
  const auto nonzero = [](double v) { return std::abs(v) < kTiny ? kTiny : v; };
  double c = 1;
  double d = 1 / nonzero(1 - (a + b) * x / (a + 1));
  double product = d;
  for (int i = 1; i <= kMaxTerms; ++i) {
    const double m = i;
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonzero(1 + even * d);
    c = nonzero(1 + even / c);
    product *= c * d;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonzero(1 + odd * d);
    c = nonzero(1 + odd / c);
    product *= c * d;
    if (std::abs(c * d - 1) < 1e-16) break;
  }
  return product;
}

// I_x(a, b); `y` is 1 - x, given apart because it may be too small to survive the subtraction.
double incomplete_beta(double a, double b, double x, double y) {
  if (x <= 0) return 0;
  if (y <= 0) return 1;
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log(y));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, y) / b;
}

// P(T > t) for t >= 0, without cancellation.
double upper_tail(double t, double df) {
  const double whole = df + t * t;
  return 0.5 * incomplete_beta(df / 2, 0.5, df / whole, t * t / whole);
}

double density(double t, double df) {
  const double log_scale = std::lgamma((df + 1) / 2) - std::lgamma(df / 2) - 0.5 * std::log(df * std::numbers::pi);
  return std::exp(log_scale - (df + 1) / 2 * std::log1p(t * t / df));
}

// The t >= 0 with P(T > t) = tail (0 < tail <= 0.5).
double upper_quantile(double tail, double df) {
  double low = 0;
  double high = 1;
  while (upper_tail(high, df) > tail && high < 1e300) {
    low = high;
    high *= 2;
  }
  double t = 0.5 * (low + high);
  for (int i = 0; i < 200; ++i) {
    const double excess = upper_tail(t, df) - tail;
    (excess > 0 ? low : high) = t;
    double next = t + excess / density(t, df);
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    if (std::abs(next - t) <= 1e-14 * next) return next;
    t = next;
  }
  return t;
}

}  // namespace

double student_t_cdf(double t, double df) {
  DRYDOCK_CHECK(df > 0, "degrees of freedom must be positive");
  const double tail = upper_tail(std::abs(t), df);
  return t > 0 ? 1 - tail : tail;
}

double student_t_quantile(double probability, double df) {
  DRYDOCK_CHECK(df > 0 && probability > 0 && probability < 1, "a quantile needs 0 < probability < 1 and df > 0");
  if (probability == 0.5) return 0;
  return probability > 0.5 ? upper_quantile(1 - probability, df) : -upper_quantile(probability, df);
}

Estimate estimate(std::span<const double> values, double confidence) {
  Estimate result;
  result.n = values.size();
  if (values.empty()) return result;
  const auto n = static_cast<double>(values.size());
  // Deviations from the first value, so that equal values have exactly no spread and large ones lose no digits.
  const double origin = values.front();
  double sum = 0;
  for (const double v : values) sum += v - origin;
  const double shift = sum / n;
  result.mean = origin + shift;
  if (values.size() < 2) return result;
  double squares = 0;
  for (const double v : values) squares += (v - origin - shift) * (v - origin - shift);
  result.sd = std::sqrt(squares / (n - 1));
  result.half_width = student_t_quantile(0.5 + confidence / 2, n - 1) * result.sd / std::sqrt(n);
  return result;
}

}  // namespace drydock::reports

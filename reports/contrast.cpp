#include "reports/contrast.hpp"

#include "policies/core/assert.hpp"
#include "reports/normal.hpp"
#include "reports/statistics.hpp"

#include <cmath>
#include <vector>

namespace drydock::reports {
namespace {

// Of Student's t; of the normal where nothing limits the degrees of freedom.
double t_quantile(double probability, double df) {
  return std::isfinite(df) ? student_t_quantile(probability, df) : normal_quantile(probability);
}

double covariance(std::span<const double> a, std::span<const double> b) {
  const double mean_a = estimate(a).mean;
  const double mean_b = estimate(b).mean;
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - mean_a) * (b[i] - mean_b);
  return sum / static_cast<double>(a.size() - 1);
}

// Variance of a mean.
double variance_of_mean(const Estimate& of) { return of.sd * of.sd / static_cast<double>(of.n); }

double satterthwaite(double variance_a, std::size_t n_a, double variance_b, std::size_t n_b) {
  const double sum = variance_a + variance_b;
  if (sum == 0) return std::numeric_limits<double>::infinity();
  const double parts =
      variance_a * variance_a / static_cast<double>(n_a - 1) + variance_b * variance_b / static_cast<double>(n_b - 1);
  return sum * sum / parts;
}

}  // namespace

Interval Contrast::interval(double confidence) const {
  DRYDOCK_CHECK(standard_error.has_value(), "there is no interval");
  const double half = *standard_error == 0 ? 0 : t_quantile(0.5 + confidence / 2, df) * *standard_error;
  return {mean - half, mean + half};
}

double Contrast::upper(double confidence) const {
  DRYDOCK_CHECK(standard_error.has_value(), "there is no interval");
  return *standard_error == 0 ? mean : mean + t_quantile(confidence, df) * *standard_error;
}

double Contrast::lower(double confidence) const {
  DRYDOCK_CHECK(standard_error.has_value(), "there is no interval");
  return *standard_error == 0 ? mean : mean - t_quantile(confidence, df) * *standard_error;
}

std::optional<double> Contrast::p_value() const {
  if (!standard_error) return std::nullopt;
  if (mean == 0) return 1;
  if (*standard_error == 0) return 0;
  const double t = -std::abs(mean) / *standard_error;
  return 2 * (std::isfinite(df) ? student_t_cdf(t, df) : normal_cdf(t));
}

Contrast paired_contrast(std::span<const double> base, std::span<const double> other, double factor) {
  DRYDOCK_CHECK(base.size() == other.size(), "pairs need as many values of each");
  std::vector<double> differences(base.size());
  for (std::size_t i = 0; i < base.size(); ++i) differences[i] = other[i] - factor * base[i];
  const Estimate all = estimate(differences);
  Contrast contrast{.mean = all.mean, .standard_error = std::nullopt};
  if (all.n < 2) return contrast;
  contrast.standard_error = all.sd / std::sqrt(static_cast<double>(all.n));
  contrast.df = static_cast<double>(all.n - 1);
  return contrast;
}

Contrast welch_contrast(std::span<const double> base, std::span<const double> other, double factor) {
  const Estimate of_base = estimate(base);
  const Estimate of_other = estimate(other);
  Contrast contrast{.mean = of_other.mean - factor * of_base.mean, .standard_error = std::nullopt};
  if (of_base.n < 2 || of_other.n < 2) return contrast;
  const double variance_base = factor * factor * variance_of_mean(of_base);
  const double variance_other = variance_of_mean(of_other);
  contrast.standard_error = std::sqrt(variance_base + variance_other);
  contrast.df = satterthwaite(variance_base, of_base.n, variance_other, of_other.n);
  return contrast;
}

Contrast exact_contrast(double base, double other, double factor) {
  return {.mean = other - factor * base, .standard_error = 0};
}

std::optional<Interval> relative_change(std::span<const double> base, std::span<const double> other, Pairing pairing,
                                        double confidence) {
  const Estimate of_base = estimate(base);
  const Estimate of_other = estimate(other);
  if (of_base.n < 2 || of_other.n < 2 || of_base.mean == 0) return std::nullopt;
  const double ratio = of_other.mean / of_base.mean;
  const double v_base = variance_of_mean(of_base);
  const double v_other = variance_of_mean(of_other);
  const double v_both = pairing == Pairing::paired ? covariance(base, other) / static_cast<double>(of_base.n) : 0;
  const double df = pairing == Pairing::paired ? static_cast<double>(of_base.n - 1)
                                               : satterthwaite(ratio * ratio * v_base, of_base.n, v_other, of_other.n);
  const double t = t_quantile(0.5 + confidence / 2, df);
  const double g = t * t * v_base / (of_base.mean * of_base.mean);
  if (g >= 1) return std::nullopt;
  // The ratios r for which |mean(other) - r mean(base)| <= t * its standard error: between the roots of a parabola.
  const double a = of_base.mean * of_base.mean - t * t * v_base;
  const double b = of_base.mean * of_other.mean - t * t * v_both;
  const double c = of_other.mean * of_other.mean - t * t * v_other;
  const double root = std::sqrt(std::max(0.0, b * b - a * c));
  return Interval{(b - root) / a - 1, (b + root) / a - 1};
}

}  // namespace drydock::reports

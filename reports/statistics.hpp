// Means over replications and what they are worth: Student-t intervals, and the t distribution they need.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace drydock::reports {

// A mean over independent replications.
struct Estimate {
  std::size_t n = 0;
  double mean = 0;                   // 0 when n is 0
  double sd = 0;                     // of one replication (n - 1 in the denominator); 0 when n < 2
  std::optional<double> half_width;  // of the confidence interval around the mean; nothing when n < 2
  [[nodiscard]] double low() const { return mean - half_width.value_or(0); }
  [[nodiscard]] double high() const { return mean + half_width.value_or(0); }
  // There is an interval and 0 lies outside it.
  [[nodiscard]] bool excludes_zero() const { return half_width && (low() > 0 || high() < 0); }
};

// Two-sided interval of the given confidence (0..1) from Student's t with n - 1 degrees of freedom.
[[nodiscard]] Estimate estimate(std::span<const double> values, double confidence = 0.95);

// P(T <= t) for Student's t with `df` > 0 degrees of freedom: the regularised incomplete beta function by its continued
// fraction (modified Lentz; Abramowitz and Stegun 26.5.8, 26.7.1). Absolute error below 1e-13.
[[nodiscard]] double student_t_cdf(double t, double df);

// The t with P(T <= t) = probability (0 < probability < 1), by safeguarded Newton steps; relative error below 1e-10.
[[nodiscard]] double student_t_quantile(double probability, double df);

}  // namespace drydock::reports

// The difference of two means, paired or not, and the ratio of two means: Student, Welch and Fieller.
#pragma once

#include "reports/bootstrap.hpp"

#include <cstddef>
#include <limits>
#include <optional>
#include <span>

namespace drydock::reports {

// An estimate of mean(other) - factor * mean(base), and what it is worth.
struct Contrast {
  double mean = 0;
  std::optional<double> standard_error;  // nothing where there are too few values to tell
  double df = std::numeric_limits<double>::infinity();

  [[nodiscard]] bool has_interval() const { return standard_error.has_value(); }
  // Two-sided; needs an interval.
  [[nodiscard]] Interval interval(double confidence) const;
  // One-sided: the true value is not above (below) this with that confidence.
  [[nodiscard]] double upper(double confidence) const;
  [[nodiscard]] double lower(double confidence) const;
  // Two-sided, of the hypothesis that the true value is 0: 0 where nothing varies and the mean is not 0. Nothing without an
  // interval.
  [[nodiscard]] std::optional<double> p_value() const;
};

// base[i] belongs with other[i]: Student's t over the differences other[i] - factor * base[i].
[[nodiscard]] Contrast paired_contrast(std::span<const double> base, std::span<const double> other, double factor = 1);

// Independent samples, whose variances may differ: Welch's t with Satterthwaite's degrees of freedom (Welch, Biometrika 1947).
[[nodiscard]] Contrast welch_contrast(std::span<const double> base, std::span<const double> other, double factor = 1);

// Values that are what they are: a single run each, in which nothing is random.
[[nodiscard]] Contrast exact_contrast(double base, double other, double factor = 1);

enum class Pairing { paired, unpaired };

// Two-sided interval of mean(other) / mean(base) - 1 by Fieller's theorem (J. Royal Statistical Society B, 1954). Nothing where it
// is not bounded: the mean of the base is not shown to differ from 0, or there are too few values.
[[nodiscard]] std::optional<Interval> relative_change(std::span<const double> base, std::span<const double> other,
                                                      Pairing pairing, double confidence);

}  // namespace drydock::reports

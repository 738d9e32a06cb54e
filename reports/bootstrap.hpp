// Bootstrap intervals: what a statistic would do over other samples, judged from the sample itself. The BCa interval corrects
// for bias and skewness (Efron, "Better bootstrap confidence intervals", JASA 1987; Efron and Tibshirani, "An Introduction to
// the Bootstrap", 1993, chapter 14). Resampling is seeded: the same sample gives the same interval everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace drydock::reports {

struct Interval {
  double low = 0;
  double high = 0;
  [[nodiscard]] bool contains(double value) const { return low <= value && value <= high; }
  friend bool operator==(const Interval&, const Interval&) = default;
};

struct BootstrapOptions {
  double confidence = 0.95;
  std::uint64_t seed = 1;
  std::size_t resamples = 10'000;
};

struct BootstrapResult {
  Interval percentile;
  Interval bca;             // the percentile interval where BCa is not defined (all resamples on one side)
  double bias = 0;          // z0: 0 where the median of the resamples is the estimate
  double acceleration = 0;  // a: 0 for a symmetric sample
};

using Statistic = std::function<double(std::span<const double>)>;

// Of any statistic of one sample of at least two values. Costs `resamples` times the statistic.
[[nodiscard]] BootstrapResult bootstrap(std::span<const double> values, const Statistic& statistic,
                                        const BootstrapOptions& options = {});

// Of mean(b) - mean(a), two independent samples of at least two values each.
[[nodiscard]] BootstrapResult bootstrap_difference(std::span<const double> a, std::span<const double> b,
                                                   const BootstrapOptions& options = {});

// Resamples that take about a millisecond for `n` values: 10 000 up to 100 values, then fewer, at least 2000.
[[nodiscard]] std::size_t usual_resamples(std::size_t n);

}  // namespace drydock::reports

// What a sweep says to do, in sentences.
#pragma once

#include "reports/sweep.hpp"

#include <optional>
#include <string>
#include <vector>

namespace drydock::reports {

// The front of the sweep's Pareto metrics, by their means.
struct SweepFront {
  std::vector<std::string> metrics;
  std::vector<std::size_t> points;                       // on it
  std::vector<std::optional<std::size_t>> dominated_by;  // by point; also nothing where a metric is missing
};
[[nodiscard]] std::optional<SweepFront> front_of(const SweepResult& result);

// The best point against the baseline: the scenario as it is written, where the sweep has that, else the first point. The best was picked
// among K - 1 others, so each interval has confidence 1 - 0.05 / (K - 1) (Bonferroni).
struct SweepAdvice {
  std::string metric;
  std::size_t best = 0;      // with the best mean
  std::size_t baseline = 0;  // may be the same
  double confidence = 0.95;
  Estimate difference;  // best - baseline
  bool shown = false;
  struct Side {
    std::string metric;
    Estimate difference;
    bool better = false;  // with the best point
  };
  std::vector<Side> sides;          // other metrics for which a difference is shown
  std::vector<std::string> same;    // and for which none is
  std::vector<std::size_t> equals;  // points that are not shown to be worse than the best
};
// Nothing where no metric has a better direction and values at two points.
[[nodiscard]] std::optional<SweepAdvice> advise(const SweepResult& result);

// One sentence or two each; the first is the recommendation.
[[nodiscard]] std::vector<std::string> say_advice(const SweepResult& result);

}  // namespace drydock::reports

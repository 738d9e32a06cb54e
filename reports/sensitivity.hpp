// How much each parameter of a sweep matters for a metric.
#pragma once

#include "reports/sweep.hpp"

#include <string>
#include <vector>

namespace drydock::reports {

// The main effect of a parameter: the metric's mean over all points that have one of its levels, for each level.
struct MainEffect {
  std::size_t parameter = 0;
  std::string metric;
  std::vector<double> means;  // by level; not a number for one that no point has
  std::size_t least = 0;      // level with the least mean
  std::size_t most = 0;       // and with the greatest
  // Mean of `most` - mean of `least`, seed by seed: the range of the effect. Its confidence is 1 - 0.05 / (number of pairs of levels),
  // because the two were picked among all (Bonferroni).
  Estimate range;
  double confidence = 0.95;
  bool shown = false;  // the range is more than chance
};

// Of each parameter with at least two levels, those with the greatest range first. Only seeds count that every point has a value for; empty
// where there are none (a metric that some point has not, or runs that are missing). Where points were drawn, the interval tells of other
// seeds, not of other draws.
[[nodiscard]] std::vector<MainEffect> main_effects(const SweepResult& result, const std::string& metric);

}  // namespace drydock::reports

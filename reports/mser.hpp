// How much of the beginning of a series is warm-up: MSER-5.
#pragma once

#include <cstddef>
#include <span>

namespace drydock::reports {

struct Truncation {
  std::size_t deleted = 0;  // values at the beginning: whole batches
  bool settled = true;      // else the least error lies in the second half of the series, which means that it is too short
};

// The marginal standard error rule on means of `batch` values: deletes so many batches that the squared deviations of the others from
// their mean, over the square of their number, are least; of several such numbers the smallest, and never more than half. What does
// not fill a batch at the end counts as not there. White, "An effective truncation heuristic for bias reduction in simulation
// output", Simulation 69 (1997); batches of five: White, Cobb, Spratt, WSC 2000.
[[nodiscard]] Truncation mser(std::span<const double> series, std::size_t batch = 5);

}  // namespace drydock::reports

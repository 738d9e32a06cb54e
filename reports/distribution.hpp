// How values were distributed in a run, in few numbers: points of the cumulative distribution.
#pragma once

#include "reports/histogram.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace drydock::reports {

// up_to[i] of the values were at[i] or less. Both ascend strictly; the last of `up_to` is how many values there were. Where two
// points are next to each other nothing is known of the values between them but how many they are: at most one in a hundred.
struct Distribution {
  std::vector<double> at;
  std::vector<std::uint64_t> up_to;

  [[nodiscard]] std::uint64_t count() const { return up_to.empty() ? 0 : up_to.back(); }
  // Part of the values at or below `value`, by the last point that is.
  [[nodiscard]] double part_up_to(double value) const;
  friend bool operator==(const Distribution&, const Distribution&) = default;
};

using Distributions = std::map<std::string, Distribution>;  // by metric: "wait_s"

// At the hundredths and the upper thousandths of the values, which are multiplied by `unit` and rounded to five digits: about a
// hundred points, whatever the histogram has.
[[nodiscard]] Distribution distribution_of(const Histogram& values, double unit);

// Why this is no distribution, or empty: as of a file that somebody wrote.
[[nodiscard]] std::string distribution_error(const Distribution& distribution);

}  // namespace drydock::reports

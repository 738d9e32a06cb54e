// How far two distributions are apart: the Kolmogorov-Smirnov distance, the greatest difference of their cumulative parts.
#pragma once

#include "reports/contrast.hpp"
#include "reports/distribution.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace drydock::reports {

// P(sqrt(n) D > x) of Kolmogorov's limit distribution, 2 sum (-1)^(k-1) exp(-2 k^2 x^2); 1 for x <= 0.
[[nodiscard]] double kolmogorov_tail(double x);

// The distance that samples of n and m *independent* values of one distribution exceed with probability `alpha` (0..1), for large n
// and m. The waits of one run depend on each other: beyond this says little of them, within it much.
[[nodiscard]] double ks_critical(double n, double m, double alpha);

struct KsResult {
  double distance = 0;      // 0..1, of the mean distributions of both sides, each run counting as much
  double at = 0;            // the value where they are farthest apart
  double base_part = 0;     // of the base's values at or below it
  double other_part = 0;    // of the other side's
  std::optional<double> p;  // that runs of one kind would be so far apart; nothing for fewer than two runs of each
};

// Whether the two differ is judged by exchanging whole runs at random, which is right however the values within a run depend on each
// other: within pairs (all 2^n ways for up to 12 pairs, else 1999 drawn by `seed`), or, unpaired, between the sides (1999 ways). When
// paired, base[i] belongs with other[i]. No distribution may be empty. Points of which the result is a function are at most 2048.
[[nodiscard]] KsResult ks_compare(std::span<const Distribution* const> base, std::span<const Distribution* const> other,
                                  Pairing pairing, std::uint64_t seed);

}  // namespace drydock::reports

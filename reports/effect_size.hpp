// How large a difference is beside the spread of the values, whatever their unit.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace drydock::reports {

// Mean of the paired differences over their standard deviation (Cohen, "Statistical Power Analysis", 1988, section 2.3.5: d_z).
// Nothing for fewer than two pairs, or where all differences are the same.
[[nodiscard]] std::optional<double> cohens_d_paired(std::span<const double> differences);

// (mean(b) - mean(a)) over the pooled standard deviation (ibid., section 2.5). Nothing for fewer than two values of either, or
// without any spread.
[[nodiscard]] std::optional<double> cohens_d(std::span<const double> a, std::span<const double> b);

// P(b > a) - P(b < a) for one value of each at random (Cliff, Psychological Bulletin 1993): from -1 to 1, of ranks alone, so
// that outliers do not matter. Nothing where either is empty. O((n + m) log n).
[[nodiscard]] std::optional<double> cliffs_delta(std::span<const double> a, std::span<const double> b);

// How Cliff's delta is called: below 0.147, 0.33 and 0.474 negligible, small and medium, else large (Romano et al. 2006).
[[nodiscard]] std::string_view effect_word(double cliffs_delta);

}  // namespace drydock::reports

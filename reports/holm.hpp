// Many comparisons at once.
#pragma once

#include <span>
#include <vector>

namespace drydock::reports {

// P values so raised that rejecting those of at most 5 % is wrong about any of them in at most 5 % of cases, whatever depends on
// what (Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statistics 1979). In the order given, none
// above 1.
[[nodiscard]] std::vector<double> holm(std::span<const double> p_values);

}  // namespace drydock::reports

// The normal distribution, as confidence intervals need it.
#pragma once

namespace drydock::reports {

// P(Z <= z) of the standard normal, from erfc: no cancellation in either tail.
[[nodiscard]] double normal_cdf(double z);

// The z with P(Z <= z) = probability (0 < probability < 1), by Newton steps from the rational approximation of Abramowitz and
// Stegun 26.2.23; relative error below 1e-12.
[[nodiscard]] double normal_quantile(double probability);

}  // namespace drydock::reports

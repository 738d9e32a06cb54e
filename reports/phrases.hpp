// Parts of sentences about differences.
#pragma once

#include "reports/comparison.hpp"
#include "reports/numbers.hpp"

#include <string>
#include <vector>

namespace drydock::reports {

// "a, b and c".
[[nodiscard]] std::string join(const std::vector<std::string>& names);
[[nodiscard]] std::string capitalised(std::string text);

// "41 s less", "3.1 percentage points more": by how much the leader is better, with the decimals that its interval deserves.
[[nodiscard]] std::string say_lead(const MetricInfo& info, const ShownUnits& units, const Rival& rival);
// "41 s (36 %) less": also as a share of the rival's mean, where that makes sense.
[[nodiscard]] std::string say_lead_and_share(const MetricInfo& info, const ShownUnits& units, const Rival& rival);
// "95 % interval 35 to 47 s": needs a half-width.
[[nodiscard]] std::string say_interval(const MetricInfo& info, const ShownUnits& units, const Estimate& lead,
                                       double confidence);

}  // namespace drydock::reports

// Figures as text: in which unit, and with how many decimals.
#pragma once

#include "reports/comparison.hpp"
#include "reports/metric_info.hpp"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace drydock::reports {

// How values of like size are shown: multiply by `factor`, append `suffix`.
struct Scale {
  double factor = 1;
  std::string suffix;
};
[[nodiscard]] Scale scale_for(Unit unit, double largest);

// One unit for each family of metrics, so that its rows (those of queues and pools too) and the sentences about it can be
// compared at a glance. It suits the largest mean among the variants; seconds, if that is below one and the longest is not.
class ShownUnits {
 public:
  explicit ShownUnits(std::span<const VariantSummary> summaries);
  [[nodiscard]] Scale of(const MetricFamily& family) const;

 private:
  std::map<std::string_view, double> largest_;  // by name of the family
};

// Decimals for a value and its half-width (> 0): two digits of the half-width if the value then has at most five significant
// digits, else one.
[[nodiscard]] int decimals_for(double value, double half_width);
// Rounded; never "-0".
[[nodiscard]] std::string fixed(double value, int decimals);
// The same with more decimals where a value other than 0 would show as 0, so that its sign is visible.
[[nodiscard]] std::string fixed_visibly(double value, int decimals);
// The half-width in the unit shown; nothing where there is none above what rounding errors make.
[[nodiscard]] std::optional<double> half_width_of(const Estimate& value, const Scale& scale);
// As decimals_for says, or four significant digits without a half-width.
[[nodiscard]] std::string round_to(double value, std::optional<double> half_width);
// A value as the table has it, with its unit, for sentences: "41.2 s", "82.1 %", "12.40 USD".
[[nodiscard]] std::string say_value(const Scale& scale, const Estimate& value);

}  // namespace drydock::reports

#include "reports/numbers.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fmt/format.h>

namespace drydock::reports {
namespace {

constexpr int kDigitsMost = 5;  // more than that nobody compares by eye
constexpr int kDecimalsMost = 9;
constexpr double kNoise = 1e-9;  // relative spread that sums of floating-point numbers may have
constexpr int kDigitsAlone = 4;  // of a value without an interval

// Of the leading digit once `value` (not 0) is rounded to so many digits: 0 for 9.4, 1 for 9.96 with two digits.
int exponent_of(double value, int digits) {
  const std::string text = fmt::format("{:.{}e}", value, digits - 1);
  return static_cast<int>(std::strtol(text.c_str() + text.find('e') + 1, nullptr, 10));
}

// Decimals that show so many digits of `value`.
int decimals_of(double value, int digits) { return std::clamp(digits - 1 - exponent_of(value, digits), 0, kDecimalsMost); }

bool is_zero(std::string_view text) { return text.find_first_not_of("-0.") == std::string_view::npos; }

}  // namespace

Scale scale_for(Unit unit, double largest) {
  const double size = std::abs(largest);
  switch (unit) {
    case Unit::seconds:
    case Unit::core_seconds: {
      const std::string_view core = unit == Unit::core_seconds ? "core-" : "";
      if (size == 0 || (size >= 1 && size < 10'000)) return {1, fmt::format(" {}s", core)};
      if (size < 1e-3) return {1e6, fmt::format(" {}us", core)};
      if (size < 1) return {1e3, fmt::format(" {}ms", core)};
      if (size < 30 * 86'400.0) return {1 / 3600.0, fmt::format(" {}h", core)};
      return {1 / 86'400.0, fmt::format(" {}d", core)};
    }
    case Unit::fraction: return {100, " %"};
    case Unit::per_second: return {1, " /s"};
    case Unit::per_hour: return {1, " /h"};
    case Unit::usd: return {1, " USD"};
    case Unit::count:
    case Unit::ratio: return {1, ""};
  }
  return {};
}

ShownUnits::ShownUnits(std::span<const VariantSummary> summaries) {
  std::map<std::string_view, double> of_parts;
  for (const VariantSummary& summary : summaries) {
    for (const auto& [name, value] : summary.metrics) {
      const auto info = describe(name);
      if (!info) continue;
      const bool decides = info->statistic.empty() || info->statistic == "mean";
      // Where the mean is a fraction of a second and the longest is not, milliseconds would be many digits.
      const bool time = info->family->unit == Unit::seconds;
      if (!decides && !(time && std::abs(value.mean) >= 1)) continue;
      double& largest = (info->part.empty() ? largest_ : of_parts)[info->family->name];
      largest = std::max(largest, decides ? std::abs(value.mean) : 1.0);
    }
  }
  largest_.merge(of_parts);  // only what the whole does not have
}

Scale ShownUnits::of(const MetricFamily& family) const {
  const auto found = largest_.find(family.name);
  return scale_for(family.unit, found == largest_.end() ? 0 : found->second);
}

int decimals_for(double value, double half_width) {
  const int two = decimals_of(half_width, 2);
  const int digits = value == 0 ? 0 : exponent_of(value, kDigitsMost) + 1 + two;
  return digits <= kDigitsMost ? two : decimals_of(half_width, 1);
}

std::string fixed(double value, int decimals) {
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (text.starts_with('-') && is_zero(text)) text.erase(0, 1);
  return text;
}

std::string fixed_visibly(double value, int decimals) {
  if (value == 0) return "0";
  while (decimals < kDecimalsMost && is_zero(fixed(value, decimals))) ++decimals;
  return fixed(value, decimals);
}

std::optional<double> half_width_of(const Estimate& value, const Scale& scale) {
  if (!value.half_width || *value.half_width <= kNoise * std::abs(value.mean)) return std::nullopt;
  return *value.half_width * scale.factor;
}

std::string round_to(double value, std::optional<double> half_width) {
  if (half_width && *half_width > 0) return fixed(value, decimals_for(value, *half_width));
  if (value == std::floor(value) && std::abs(value) < 1e15) return fixed(value, 0);
  return fixed(value, decimals_of(value, kDigitsAlone));
}

std::string say_value(const Scale& scale, const Estimate& value) {
  return round_to(value.mean * scale.factor, half_width_of(value, scale)) + scale.suffix;
}

}  // namespace drydock::reports

// Differences between recorded runs in words and figures, the same for the terminal and for Markdown.
#pragma once

#include "reports/difference.hpp"
#include "reports/numbers.hpp"

#include <optional>
#include <string>
#include <vector>

namespace drydock::reports {

// One metric as text. Figures have the decimals that their intervals deserve, without their unit.
struct DifferenceRow {
  std::string label;  // "wait, mean"
  std::string unit;   // "s", or empty
  std::string base;
  std::string other;
  std::string change;     // "-9.1"
  std::string interval;   // "-14.6 to -3.6"; empty where there is none
  std::string bootstrap;  // likewise
  std::string relative;   // "-34 %"; empty where the base is 0
  std::string finding;    // "better", "no difference shown", "same within 5 %", ...
  std::string effect;     // Cohen's d
  std::string delta;      // Cliff's
  std::string p;          // corrected
};

// One unit for each family of metrics over all sides of a report.
[[nodiscard]] ShownUnits units_of(const DifferenceReport& report);
[[nodiscard]] DifferenceRow row_of(const Difference& difference, const DifferenceOptions& options, const ShownUnits& units);

// Which is better, by how much, how sure: a sentence that sums up, then what is better, worse, how the distributions differ, and
// what to be careful about.
[[nodiscard]] std::vector<std::string> say_differences(const SideDifferences& side, const DifferenceOptions& options,
                                                       const ShownUnits& units);

// How to read all this: intervals, correction, margin.
[[nodiscard]] std::vector<std::string> say_method(const DifferenceReport& report);

// "5 %", "2.5 %" of 0.05, 0.025.
[[nodiscard]] std::string say_percent(double part);
// "+3.4 %", with two or three digits.
[[nodiscard]] std::string say_change_percent(double part);

}  // namespace drydock::reports

// A scenario for real beside what the simulation had said of it: what differs, how much of that is chance, where the time went, and whether
// both rank the variants alike.
#pragma once

#include "reports/run_result.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::reports {

inline constexpr std::string_view kRehearsalSchema = "drydock.rehearsal/1";

struct RehearsalInput {
  std::string scenario;  // its name
  std::span<const RunResult> predicted;
  std::span<const RunResult> real;
  std::vector<std::string> cautions;  // why the simulation may not be trusted here, in sentences
};

// Means over the pairs of runs, each of one variant under one seed.
struct RehearsedFigure {
  std::string metric;
  double predicted = 0;
  double real = 0;
  std::size_t pairs = 0;         // that have it on both sides
  std::optional<double> spread;  // of the differences of the pairs, the greatest minus the least: what chance makes of them
  [[nodiscard]] double difference() const { return real - predicted; }
  // Nothing where the prediction is 0.
  [[nodiscard]] std::optional<double> relative() const;
  // No farther from the prediction than the real runs are from each other. Nothing without a spread.
  [[nodiscard]] std::optional<bool> within_spread() const;
};

// Between the real and the predicted distribution of waits.
struct RehearsedDistance {
  double distance = 0;
  std::optional<double> floor;  // mean distance between two real runs
};

// A part of the mean time from being due to the first start, or after it.
struct RehearsedPart {
  std::string_view name;  // "commit"
  std::string_view what;  // in words
  std::optional<double> predicted_s;
  std::optional<double> real_s;
};

struct RehearsedVariant {
  std::string name;
  std::size_t pairs = 0;
  std::vector<RehearsedFigure> figures;
  std::optional<RehearsedDistance> waits;
  std::vector<RehearsedPart> wait_parts;    // that the mean wait is made of
  std::vector<RehearsedPart> hold_parts;    // by which an attempt holds its place longer than its work takes
  std::vector<std::string> only_predicted;  // metrics that were not measured for real
};

// Of two variants under the same seeds.
struct RehearsedOrder {
  std::string metric;
  std::string first;
  std::string second;
  double predicted = 0;  // mean of second - first
  double real = 0;
  bool shown = false;  // the interval of the real difference excludes 0
  [[nodiscard]] bool same() const { return (predicted < 0) == (real < 0); }
};

struct Rehearsal {
  std::string scenario;
  std::vector<std::string> cautions;
  std::vector<RehearsedVariant> variants;  // with at least one pair
  std::vector<RehearsedOrder> orders;
};

// Runs that are partial or have errors are left out.
[[nodiscard]] Rehearsal find_rehearsal(const RehearsalInput& input);

// For people; `width` in columns.
[[nodiscard]] std::string render_rehearsal(const Rehearsal& rehearsal, std::size_t width);
// Schema "drydock.rehearsal/1", see README.md; ends with a newline.
[[nodiscard]] std::string render_rehearsal_json(const Rehearsal& rehearsal, std::string_view version);

}  // namespace drydock::reports

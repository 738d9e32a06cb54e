// The result table for people: metrics as rows, variants side by side, and a few sentences that say what was found.
#pragma once

#include "reports/comparison.hpp"
#include "reports/run_result.hpp"

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace drydock::reports {

struct TableStyle {
  std::size_t width = 100;  // columns; more variants than fit are shown in further blocks below
  bool colour = false;      // ANSI colours
  bool unicode = true;      // otherwise "+-" and "*"
};

struct TableInput {
  std::string title;                       // of the scenario
  std::string description;                 // of the scenario, or empty
  std::span<const RunResult> runs;         // in the order in which variants are to be shown
  std::vector<std::string> metrics;        // names to show, in order; empty: default_metrics()
  bool random = true;                      // the results depend on the seed
  std::set<std::string> if_measured = {};  // of `metrics`: left out where no variant has a value
  std::string unmeasured = {};  // what the figures leave out, for the heading: "first 10 % of the jobs not measured"
};

// A dozen rows that fit most questions: rows about failures, rejections and cost only where there were any, waits by queue
// only where there are several queues.
[[nodiscard]] std::vector<std::string> default_metrics(std::span<const RunResult> runs);

[[nodiscard]] std::string render_table(const TableInput& input, const TableStyle& style);

}  // namespace drydock::reports

// The result table for people: metrics as rows, variants side by side, and a few sentences that say what was found.
#pragma once

#include "reports/comparison.hpp"
#include "reports/run_result.hpp"

#include <cstddef>
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
  std::string title;                 // of the scenario
  std::string description;           // of the scenario, or empty
  std::span<const RunResult> runs;   // in the order in which variants are to be shown
  std::vector<std::string> metrics;  // names to show, in order; empty: default_metrics()
  bool random = true;                // the results depend on the seed
};

// A dozen rows that fit most questions: rows about failures, rejections and cost only where there were any, waits by queue
// only where there are several queues.
[[nodiscard]] std::vector<std::string> default_metrics(std::span<const RunResult> runs);

[[nodiscard]] std::string render_table(const TableInput& input, const TableStyle& style);

}  // namespace drydock::reports

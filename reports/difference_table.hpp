// The differences between recorded runs as a table with words, for the terminal or in Markdown.
#pragma once

#include "reports/difference.hpp"
#include "reports/gate.hpp"
#include "reports/table.hpp"

#include <span>
#include <string>
#include <vector>

namespace drydock::reports {

struct DifferenceTableInput {
  std::string title;                   // "base against head"
  std::span<const std::string> notes;  // of matching
  const DifferenceReport* report = nullptr;
  std::span<const GateVerdict> gate;  // empty: there is none
  bool details = false;               // also bootstrap intervals, effect sizes and p values
};

// Words first, then one table for each match, then how to read it, then the gate.
[[nodiscard]] std::string render_differences(const DifferenceTableInput& input, const TableStyle& style);

// The same as GitHub-flavoured Markdown, fit for a comment on a pull request: the gate first, tables of more than three matches folded.
// Begins with a comment that tells it apart from others.
[[nodiscard]] std::string render_markdown(const DifferenceTableInput& input);

}  // namespace drydock::reports

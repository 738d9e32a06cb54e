#include "reports/difference_table.hpp"

#include "reports/difference_words.hpp"
#include "reports/layout.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace drydock::reports {
namespace {

struct DifferenceColumn {
  std::string head;
  std::string DifferenceRow::*cell;
  bool right = true;
};

// What the rows of one match show, of which columns without any text are left out.
std::vector<DifferenceColumn> columns_of_match(const SideDifferences& side, const DifferenceTableInput& input,
                                               const std::vector<DifferenceRow>& rows) {
  const std::string percent = say_percent(input.report->options.confidence);
  std::vector<DifferenceColumn> columns{{"", &DifferenceRow::label, false},
                                        {"", &DifferenceRow::unit, false},
                                        {side.match->base_title, &DifferenceRow::base},
                                        {side.match->title, &DifferenceRow::other},
                                        {"change", &DifferenceRow::change},
                                        {percent + " interval", &DifferenceRow::interval}};
  if (input.details) columns.push_back({"bootstrap", &DifferenceRow::bootstrap});
  columns.push_back({"relative", &DifferenceRow::relative});
  if (input.details) {
    columns.push_back({"p (Holm)", &DifferenceRow::p});
    columns.push_back({"Cohen's d", &DifferenceRow::effect});
    columns.push_back({"Cliff's delta", &DifferenceRow::delta});
  }
  columns.push_back({"", &DifferenceRow::finding, false});
  std::erase_if(columns, [&](const DifferenceColumn& column) {
    return std::ranges::all_of(rows, [&](const DifferenceRow& row) { return (row.*column.cell).empty(); });
  });
  return columns;
}

std::string colour_of(Finding finding) {
  if (finding == Finding::better) return "1;32";
  return finding == Finding::worse ? "1;31" : "";
}

std::string coloured(const std::string& text, const std::string& code, const TableStyle& style) {
  return style.colour && !code.empty() ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
}

std::vector<DifferenceRow> rows_of_match(const SideDifferences& side, const DifferenceOptions& options,
                                         const ShownUnits& units) {
  std::vector<DifferenceRow> rows;
  for (const Difference& one : side.metrics) rows.push_back(row_of(one, options, units));
  return rows;
}

std::string render_match(const SideDifferences& side, const DifferenceTableInput& input, const ShownUnits& units,
                         const TableStyle& style) {
  const std::vector<DifferenceRow> rows = rows_of_match(side, input.report->options, units);
  const std::vector<DifferenceColumn> columns = columns_of_match(side, input, rows);
  std::vector<std::size_t> widths;
  std::string head;
  std::size_t length = 0;
  for (const DifferenceColumn& column : columns) {
    std::size_t width = columns_of(column.head);
    for (const DifferenceRow& row : rows) width = std::max(width, columns_of(row.*column.cell));
    widths.push_back(width);
    head += (head.empty() ? "" : "  ") + padded(column.head, width, column.right);
    length += width + 2;
  }
  head.erase(head.find_last_not_of(' ') + 1);
  std::string rule;
  for (std::size_t i = 0; i + 2 < length; ++i) rule += style.unicode ? "─" : "-";
  std::string text = coloured(head, "1", style) + "\n" + coloured(rule, "2", style) + "\n";
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (std::size_t c = 0; c < columns.size(); ++c) {
      if (c > 0) line += "  ";
      const std::string& cell = rows[r].*columns[c].cell;
      const bool last = c + 1 == columns.size();
      line += last ? coloured(cell, colour_of(side.metrics[r].finding), style) : padded(cell, widths[c], columns[c].right);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string gate_line(const GateVerdict& verdict) {
  const bool excused = verdict.outcome != GateOutcome::holds && !verdict.fails();
  return fmt::format("{}{}: {}: {}: {}", outcome_word(verdict.outcome), excused ? " (passes)" : "", verdict.subject,
                     say_rule(*verdict.rule), verdict.why);
}

std::string gate_sum(std::span<const GateVerdict> gate) {
  const auto failed = std::ranges::count_if(gate, [](const GateVerdict& verdict) { return verdict.fails(); });
  return failed == 0 ? fmt::format("Gate passed: {} of {} rules.", gate.size(), gate.size())
                     : fmt::format("Gate FAILED: {} of {} rules.", failed, gate.size());
}

// What Markdown and HTML would take for their own.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') out += "&lt;";
    else if (c == '&') out += "&amp;";
    else if (c == '\n' || c == '\r') out += ' ';
    else {
      if (std::string_view("|*_`[]\\~").find(c) != std::string_view::npos) out += '\\';
      out += c;
    }
  }
  return out;
}

std::string markdown_table(const SideDifferences& side, const DifferenceTableInput& input, const ShownUnits& units) {
  const std::vector<DifferenceRow> rows = rows_of_match(side, input.report->options, units);
  const std::vector<DifferenceColumn> columns = columns_of_match(side, input, rows);
  std::string head = "|";
  std::string rule = "|";
  for (const DifferenceColumn& column : columns) {
    head += fmt::format(" {} |", escaped(column.head));
    rule += column.right ? " ---: |" : " :--- |";
  }
  std::string text = head + "\n" + rule + "\n";
  for (std::size_t r = 0; r < rows.size(); ++r) {
    text += "|";
    for (const DifferenceColumn& column : columns) {
      const std::string cell = escaped(rows[r].*column.cell);
      const bool strong = column.cell == &DifferenceRow::finding && is_shown(side.metrics[r].finding);
      text += strong ? fmt::format(" **{}** |", cell) : fmt::format(" {} |", cell);
    }
    text += "\n";
  }
  return text;
}

std::string markdown_gate(std::span<const GateVerdict> gate) {
  std::string text = fmt::format("**{}**\n\n| | | rule | |\n| :--- | :--- | :--- | :--- |\n", escaped(gate_sum(gate)));
  for (const GateVerdict& verdict : gate) {
    const std::string mark = verdict.outcome == GateOutcome::holds    ? "✅ holds"
                             : verdict.outcome == GateOutcome::broken ? "❌ broken"
                             : verdict.fails()                        ? "❌ undecided"
                                                                      : "⚠️ undecided";
    text += fmt::format("| {} | {} | {} | {} |\n", mark, escaped(verdict.subject), escaped(say_rule(*verdict.rule)),
                        escaped(verdict.why));
  }
  return text + "\n";
}

}  // namespace

std::string render_differences(const DifferenceTableInput& input, const TableStyle& style) {
  const ShownUnits units = units_of(*input.report);
  std::string text = coloured(input.title, "1", style) + "\n";
  for (const std::string& note : input.notes) text += wrapped(note, style.width);
  for (const SideDifferences& side : input.report->sides) {
    text += "\n";
    for (const std::string& sentence : say_differences(side, input.report->options, units))
      text += wrapped(sentence, style.width);
    if (!side.metrics.empty()) text += "\n" + render_match(side, input, units, style);
  }
  std::string method;
  for (const std::string& sentence : say_method(*input.report)) method += wrapped(sentence, style.width);
  if (!method.empty()) text += "\n" + coloured(method.substr(0, method.size() - 1), "2", style) + "\n";
  if (input.gate.empty()) return text;
  text += "\n";
  for (const GateVerdict& verdict : input.gate) {
    const std::string line = wrapped(gate_line(verdict), style.width);
    const std::string code = verdict.fails() ? "1;31" : verdict.outcome == GateOutcome::holds ? "32" : "33";
    text += coloured(line.substr(0, line.size() - 1), code, style) + "\n";
  }
  return text + gate_sum(input.gate) + "\n";
}

std::string render_markdown(const DifferenceTableInput& input) {
  constexpr std::size_t kOpenMost = 3;
  const ShownUnits units = units_of(*input.report);
  std::string text = fmt::format("<!-- drydock compare -->\n### {}\n\n", escaped(input.title));
  if (!input.gate.empty()) text += markdown_gate(input.gate);
  for (const std::string& note : input.notes) text += fmt::format("> {}\n", escaped(note));
  if (!input.notes.empty()) text += "\n";
  const bool fold = input.report->sides.size() > kOpenMost;
  for (const SideDifferences& side : input.report->sides) {
    const auto sentences = say_differences(side, input.report->options, units);
    text += fmt::format("**{}**\n", escaped(sentences.front()));
    for (std::size_t i = 1; i < sentences.size(); ++i) text += fmt::format("- {}\n", escaped(sentences[i]));
    text += "\n";
    if (side.metrics.empty()) continue;
    const std::string table = markdown_table(side, input, units);
    text += fold ? fmt::format("<details><summary>table</summary>\n\n{}\n</details>\n\n", table) : table + "\n";
  }
  for (const std::string& sentence : say_method(*input.report)) text += fmt::format("<sub>{}</sub>\n", escaped(sentence));
  return text;
}

}  // namespace drydock::reports

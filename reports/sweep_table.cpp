#include "reports/sweep_table.hpp"

#include "reports/sweep_advice.hpp"
#include "reports/sweep_units.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>
#include <set>

namespace drydock::reports {
namespace {

constexpr std::size_t kSweepGap = 2;

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

// A table as text: the heading first; the columns from `numbers` on are aligned to the right.
struct SweepGrid {
  std::vector<std::vector<std::string>> rows;
  std::size_t numbers = 0;
};

std::string cell_text(const Estimate& value, const Scale& scale, bool unicode) {
  if (value.n == 0) return "-";
  const auto half = half_width_of(value, scale);
  const double mean = value.mean * scale.factor;
  if (!half) return round_to(mean, half);
  return fmt::format("{} {} {}", round_to(mean, half), unicode ? "±" : "+-", fixed(*half, decimals_for(mean, *half)));
}

std::string heading_of(const std::string& metric, const SweepUnits& units) {
  const auto info = describe(metric);
  const std::string& unit = units.of(metric).suffix;
  return (info ? info->label() : metric) + (unit.empty() ? "" : "," + unit);
}

std::vector<std::size_t> shown_points(const SweepResult& result, std::size_t rows, const std::optional<SweepFront>& front) {
  std::vector<std::size_t> points(result.runs.size());
  std::iota(points.begin(), points.end(), std::size_t{0});
  if (rows == 0 || points.size() <= rows) return points;
  const auto advice = advise(result);
  std::set<std::size_t> kept;
  if (advice) {
    kept = {advice->best, advice->baseline};
    const auto info = describe(advice->metric);
    const double sign = info->better() == Better::lower ? 1 : -1;
    std::ranges::stable_sort(points, {}, [&](std::size_t point) {
      const Estimate value = result.estimate_of(point, advice->metric);
      return std::pair(value.n == 0, sign * value.mean);
    });
  }
  if (front) {
    for (const std::size_t point : front->points) {
      if (kept.size() < rows) kept.insert(point);
    }
  }
  for (const std::size_t point : points) {
    if (kept.size() < rows) kept.insert(point);
  }
  return {kept.begin(), kept.end()};
}

SweepGrid grid_of(const SweepResult& result, const std::vector<std::size_t>& points, const std::optional<SweepFront>& front,
                  bool unicode) {
  const SweepUnits units(result);
  const auto advice = advise(result);
  SweepGrid grid;
  std::vector<std::string> head{"point"};
  for (const std::string& name : short_names(result.plan.parameters)) head.push_back(name);
  grid.numbers = head.size();
  head.emplace_back("runs");
  for (const std::string& metric : result.metrics) head.push_back(heading_of(metric, units));
  grid.rows.push_back(std::move(head));
  for (const std::size_t point : points) {
    std::string marks;
    if (result.plan.own == point) marks += " =";
    if (front && std::ranges::find(front->points, point) != front->points.end()) marks += " P";
    if (advice && advice->best == point && advice->shown) marks += " *";
    std::vector<std::string> row{std::to_string(point + 1) + marks};
    for (const std::string& value : result.plan.points[point].values) row.push_back(value);
    row.push_back(std::to_string(result.runs[point].size()));
    for (const std::string& metric : result.metrics)
      row.push_back(cell_text(result.estimate_of(point, metric), units.of(metric), unicode));
    grid.rows.push_back(std::move(row));
  }
  return grid;
}

std::vector<std::size_t> column_widths(const SweepGrid& grid) {
  std::vector<std::size_t> widths(grid.rows.front().size());
  for (const auto& row : grid.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  return widths;
}

std::string line_of(const std::vector<std::string>& row, const std::vector<std::size_t>& widths,
                    const std::vector<std::size_t>& columns, std::size_t numbers) {
  std::string line;
  for (const std::size_t i : columns) {
    const std::string space(widths[i] - width_of(row[i]), ' ');
    line += (line.empty() ? "" : std::string(kSweepGap, ' ')) + (i >= numbers ? space + row[i] : row[i] + space);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

// Metrics that do not fit beside each other go into further blocks, each with the points and their values.
std::string render_grid(const SweepGrid& grid, const TableStyle& style) {
  const std::vector<std::size_t> widths = column_widths(grid);
  std::string text;
  std::size_t next = grid.numbers;
  while (next < widths.size()) {
    std::vector<std::size_t> columns(grid.numbers);
    std::iota(columns.begin(), columns.end(), std::size_t{0});
    std::size_t used = 0;
    for (const std::size_t i : columns) used += widths[i] + kSweepGap;
    const std::size_t first = next;
    while (next < widths.size() && (next == first || used + widths[next] <= style.width)) {
      columns.push_back(next);
      used += widths[next++] + kSweepGap;
    }
    if (first > grid.numbers) text += "\n";
    const std::string head = line_of(grid.rows.front(), widths, columns, grid.numbers);
    text += style.colour ? fmt::format("\x1b[1m{}\x1b[0m\n", head) : head + "\n";
    std::string rule;
    for (std::size_t i = 0; i + kSweepGap < used; ++i) rule += style.unicode ? "─" : "-";
    text += rule + "\n";
    for (std::size_t row = 1; row < grid.rows.size(); ++row)
      text += line_of(grid.rows[row], widths, columns, grid.numbers) + "\n";
  }
  return text;
}

std::string broken(const std::string& sentence, std::size_t width) {
  std::string text;
  std::size_t used = 0;
  for (std::size_t at = 0; at < sentence.size();) {
    const std::size_t end = std::min(sentence.find(' ', at), sentence.size());
    const std::string word = sentence.substr(at, end - at);
    if (used > 0 && used + 1 + width_of(word) > width) {
      text += "\n  ";
      used = 2;
    } else if (used > 0) {
      text += ' ';
      ++used;
    }
    text += word;
    used += width_of(word);
    at = end + 1;
  }
  return text + "\n";
}

std::string say_what(const SweepResult& result) {
  const SweepPlan& plan = result.plan;
  std::size_t runs = 0;
  for (const auto& point : result.runs) runs += point.size();
  std::string text = fmt::format("{}: {} points, {} runs, {}", plan.scenario, plan.points.size(), runs,
                                 plan.random ? "mean and half-width of the 95 % interval" : "nothing in it is random");
  if (plan.draw) text += fmt::format(", points drawn from seed {}", *plan.draw);
  if (!plan.precision.empty()) text += ", each point with seeds until it is precise enough";
  if (plan.mser5) text += ", warm-up found by MSER-5";
  else if (!plan.unmeasured.empty()) text += ", " + plan.unmeasured;
  return text;
}

std::string say_marks(const SweepResult& result, const std::optional<SweepFront>& front) {
  std::vector<std::string> marks;
  if (result.plan.own) marks.emplace_back("=: the scenario as it is");
  if (front) marks.emplace_back("P: on the front");
  if (const auto advice = advise(result); advice && advice->shown) marks.emplace_back("*: recommended");
  return marks.empty() ? "" : fmt::format("{}\n", fmt::join(marks, "; "));
}

// What casts doubt on the figures.
std::vector<std::string> doubts(const SweepResult& result) {
  std::vector<std::string> sentences;
  std::size_t unsettled = 0;
  std::size_t runs = 0;
  std::uint64_t violations = 0;
  std::size_t imprecise = 0;
  for (const auto& point : result.runs) {
    runs += point.size();
    for (const SweepRun* run : point) {
      unsettled += run->settled ? 0 : 1;
      violations += run->violations;
    }
    imprecise += point.size() == result.plan.seeds.size() ? 1U : 0U;
  }
  if (result.plan.mser5 && unsettled > 0)
    sentences.push_back(fmt::format(
        "In {} of {} runs the waits do not settle: MSER-5 finds the end of the warm-up in the second half, so that "
        "half of the jobs were left out. Make the workload longer.",
        unsettled, runs));
  if (!result.plan.precision.empty() && imprecise > 0)
    sentences.push_back(
        fmt::format("{} of {} points used all {} seeds; whether they are precise enough, their intervals tell.", imprecise,
                    result.runs.size(), result.plan.seeds.size()));
  if (violations > 0) sentences.push_back(fmt::format("Violations of invariants: {}.", violations));
  if (!result.failures.empty())
    sentences.push_back(fmt::format("Runs that gave no result, and are left out: {}.", result.failures.size()));
  return sentences;
}

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

std::string escaped_cell(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '|' ? "\\|" : std::string(1, c);
  return out;
}

}  // namespace

std::string sweep_table(const SweepResult& result, const TableStyle& style, std::size_t rows) {
  const auto front = front_of(result);
  const std::vector<std::size_t> points = shown_points(result, rows, front);
  std::string text = broken(say_what(result), style.width);
  if (!result.plan.description.empty()) text += broken(result.plan.description, style.width);
  text += "\n" + render_grid(grid_of(result, points, front, style.unicode), style);
  if (points.size() < result.runs.size())
    text += broken(
        fmt::format("{} of {} points: the best, and those on the front; --out has all.", points.size(), result.runs.size()),
        style.width);
  text += say_marks(result, front) + "\n";
  for (const std::string& sentence : say_advice(result)) text += broken(sentence, style.width);
  for (const std::string& sentence : doubts(result)) text += broken(sentence, style.width);
  return text;
}

std::string sweep_markdown(const SweepResult& result) {
  const auto front = front_of(result);
  const SweepGrid grid = grid_of(result, shown_points(result, 0, front), front, true);
  std::string text = fmt::format("**{}**\n\n", say_what(result));
  for (std::size_t row = 0; row < grid.rows.size(); ++row) {
    text += "|";
    for (const std::string& cell : grid.rows[row]) text += fmt::format(" {} |", escaped_cell(cell));
    text += "\n";
    if (row > 0) continue;
    for (std::size_t i = 0; i < grid.rows[row].size(); ++i) text += i < grid.numbers ? "|---" : "|---:";
    text += "|\n";
  }
  text += "\n" + say_marks(result, front) + "\n";
  for (const std::string& sentence : say_advice(result)) text += fmt::format("- {}\n", sentence);
  for (const std::string& sentence : doubts(result)) text += fmt::format("- {}\n", sentence);
  return text;
}

std::string sweep_csv(const SweepResult& result) {
  const auto front = front_of(result);
  std::string text = "point";
  for (const SweepParameter& parameter : result.plan.parameters) text += "," + quoted(parameter.name);
  text += ",runs,on_front";
  for (const std::string& metric : result.metrics)
    text += fmt::format(",{},{},{}", quoted(metric), quoted(metric + ".low"), quoted(metric + ".high"));
  text += "\n";
  for (std::size_t point = 0; point < result.runs.size(); ++point) {
    text += std::to_string(point + 1);
    for (const std::string& value : result.plan.points[point].values) text += "," + quoted(value);
    const bool on = front && std::ranges::find(front->points, point) != front->points.end();
    text += fmt::format(",{},{}", result.runs[point].size(), front ? (on ? "1" : "0") : "");
    for (const std::string& metric : result.metrics) {
      const Estimate value = result.estimate_of(point, metric);
      text += value.n == 0 ? "," : fmt::format(",{}", value.mean);
      text += value.half_width ? fmt::format(",{},{}", value.low(), value.high()) : ",,";
    }
    text += "\n";
  }
  return text;
}

}  // namespace drydock::reports

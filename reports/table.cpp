#include "reports/table.hpp"

#include "reports/findings.hpp"
#include "reports/layout.hpp"
#include "reports/numbers.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <set>
#include <utility>

namespace drydock::reports {
namespace {

constexpr std::size_t kGap = 3;         // spaces between columns
constexpr std::size_t kQueuesMost = 6;  // rows of waits by queue among the default metrics

struct Cell {
  std::string mark;  // the sign of the best, or empty
  std::string mean;
  std::string half;  // "± 0.3", or empty
};
struct Row {
  std::string label;
  std::string unit;
  std::vector<Cell> cells;  // by variant
};
struct ColumnWidths {
  std::size_t mark = 0;
  std::size_t mean = 0;
  std::size_t half = 0;
  [[nodiscard]] std::size_t total() const { return mark + mean + (half > 0 ? 1 + half : 0); }
};

class Painter {
 public:
  explicit Painter(const TableStyle& style) : style_(style) {}
  [[nodiscard]] std::string bold(const std::string& text) const { return paint("1", text); }
  [[nodiscard]] std::string best(const std::string& text) const { return paint("1;32", text); }
  [[nodiscard]] std::string bad(const std::string& text) const { return paint("1;31", text); }
  [[nodiscard]] std::string faint(const std::string& text) const { return paint("2", text); }
  [[nodiscard]] std::string star() const { return style_.unicode ? "★" : "*"; }
  [[nodiscard]] std::string plus_minus() const { return style_.unicode ? "±" : "+-"; }
  [[nodiscard]] std::size_t width() const { return style_.width; }
  [[nodiscard]] std::string rule(std::size_t length) const {
    std::string line;
    for (std::size_t i = 0; i < length; ++i) line += style_.unicode ? "─" : "-";
    return faint(line) + "\n";
  }

 private:
  [[nodiscard]] std::string paint(std::string_view code, const std::string& text) const {
    return style_.colour ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
  }
  TableStyle style_;
};

std::string column_name(const VariantSummary& summary) {
  const std::string name = summary.variant.empty() ? "value" : summary.variant;
  if (summary.failed == summary.runs) return name + " (no result)";
  return summary.only_partial() ? name + " (partial)" : name;
}

Cell make_cell(const Estimate& value, const Scale& scale, const Painter& painter) {
  const auto half = half_width_of(value, scale);
  const double mean = value.mean * scale.factor;
  Cell cell{{}, round_to(mean, half), {}};
  if (half) cell.half = fmt::format("{} {}", painter.plus_minus(), fixed(*half, decimals_for(mean, *half)));
  return cell;
}

Row make_row(const std::string& metric, const TableInput& input, const std::vector<VariantSummary>& summaries,
             const Painter& painter) {
  const auto info = describe(metric);
  const auto verdict = judge(input.runs, metric);
  const Scale scale = info ? ShownUnits(summaries).of(*info->family) : Scale{};
  Row row{info ? info->label() : metric, scale.suffix, {}};
  for (const auto& summary : summaries) {
    const auto found = summary.metrics.find(metric);
    row.cells.push_back(found == summary.metrics.end() ? Cell{{}, "-", {}} : make_cell(found->second, scale, painter));
    if (verdict && verdict->best && verdict->leader == summary.variant) row.cells.back().mark = painter.star() + " ";
  }
  return row;
}

ColumnWidths widths_of(const std::vector<Row>& rows, std::size_t variant, const std::string& name) {
  ColumnWidths widths;
  for (const Row& row : rows) {
    const Cell& cell = row.cells[variant];
    widths.mark = std::max(widths.mark, columns_of(cell.mark));
    widths.mean = std::max(widths.mean, columns_of(cell.mean));
    widths.half = std::max(widths.half, columns_of(cell.half));
  }
  if (widths.total() < columns_of(name)) widths.mean += columns_of(name) - widths.total();
  return widths;
}

std::string render_cell(const Cell& cell, const ColumnWidths& widths, const Painter& painter) {
  std::string text = padded(cell.mark + cell.mean, widths.mark + widths.mean, true);
  if (widths.half > 0) text += " " + padded(cell.half, widths.half, false);
  return cell.mark.empty() ? text : painter.best(text);
}

// The variants [first, last) as one block of lines.
std::string render_block(const std::vector<Row>& rows, const std::vector<VariantSummary>& summaries,
                         const std::vector<ColumnWidths>& widths, std::pair<std::size_t, std::size_t> range,
                         const Painter& painter) {
  std::size_t label = 0;
  std::size_t unit = 0;
  for (const Row& row : rows) {
    label = std::max(label, columns_of(row.label));
    unit = std::max(unit, columns_of(row.unit));
  }
  std::string head(label + unit, ' ');
  std::size_t length = label + unit;
  for (std::size_t v = range.first; v < range.second; ++v) {
    head += std::string(kGap, ' ') + padded(column_name(summaries[v]), widths[v].total(), true);
    length += kGap + widths[v].total();
  }
  std::string text = painter.bold(head) + "\n" + painter.rule(length);
  for (const Row& row : rows) {
    std::string line = padded(row.label, label, false) + painter.faint(padded(row.unit, unit, false));
    for (std::size_t v = range.first; v < range.second; ++v) {
      line += std::string(kGap, ' ') + render_cell(row.cells[v], widths[v], painter);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string render_blocks(const std::vector<Row>& rows, const std::vector<VariantSummary>& summaries,
                          const Painter& painter) {
  std::size_t label = 0;
  std::size_t unit = 0;
  for (const Row& row : rows) {
    label = std::max(label, columns_of(row.label));
    unit = std::max(unit, columns_of(row.unit));
  }
  std::vector<ColumnWidths> widths;
  for (std::size_t v = 0; v < summaries.size(); ++v) widths.push_back(widths_of(rows, v, column_name(summaries[v])));
  std::string text;
  std::size_t first = 0;
  while (first < summaries.size()) {
    std::size_t last = first;
    std::size_t used = label + unit;
    while (last < summaries.size() && (last == first || used + kGap + widths[last].total() <= painter.width())) {
      used += kGap + widths[last].total();
      ++last;
    }
    text += (first > 0 ? "\n" : "") + render_block(rows, summaries, widths, {first, last}, painter);
    first = last;
  }
  return text;
}

// Without the newline at the end.
std::string trimmed(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

// "10 seeds", or "3 to 5 of 5 seeds" where runs failed or were stopped; nothing for one run each.
std::string say_seeds(std::span<const RunResult> runs, std::size_t seeds) {
  std::map<std::string, std::size_t> complete;
  for (const RunResult& run : runs) complete[run.variant] += run.error || run.partial ? 0U : 1U;
  const auto [least, most] = std::ranges::minmax_element(complete, {}, [](const auto& entry) { return entry.second; });
  if (least->second == seeds) return fmt::format("{} seeds", seeds);
  if (least->second == most->second) return fmt::format("{} of {} seeds", least->second, seeds);
  return fmt::format("{} to {} of {} seeds", least->second, most->second, seeds);
}

std::string render_headline(const TableInput& input, const std::vector<VariantSummary>& summaries, const Painter& painter) {
  std::set<std::uint64_t> seeds;
  for (const RunResult& run : input.runs) seeds.insert(run.seed);
  const std::string title = input.title.empty() ? "result" : input.title;
  std::vector<std::string> facts;
  if (summaries.size() > 1) facts.push_back(fmt::format("{} variants", summaries.size()));
  if (seeds.size() > 1) {
    facts.push_back(say_seeds(input.runs, seeds.size()) + (summaries.size() > 1 ? " each" : ""));
    const bool intervals = std::ranges::any_of(summaries, [](const auto& s) { return s.runs - s.partial > 1; });
    if (intervals) facts.push_back(fmt::format("mean {} half-width of the 95 % interval", painter.plus_minus()));
  } else if (!seeds.empty() && input.random) {
    facts.push_back(fmt::format("seed {}", *seeds.begin()));
  }
  if (!input.unmeasured.empty()) facts.push_back(input.unmeasured);
  std::string line = title;
  for (std::size_t i = 0; i < facts.size(); ++i) line += (i == 0 ? ": " : ", ") + facts[i];
  std::string text = wrapped(line, painter.width());
  if (text.starts_with(title)) text = painter.bold(title) + text.substr(title.size());
  if (!input.description.empty()) text += painter.faint(trimmed(wrapped(input.description, painter.width(), 0))) + "\n";
  return text + "\n";
}

bool any_above_zero(std::span<const RunResult> runs, const std::string& metric) {
  return std::any_of(runs.begin(), runs.end(), [&](const RunResult& run) {
    const auto found = run.metrics.find(metric);
    return found != run.metrics.end() && found->second != 0;
  });
}

bool any_below_one(std::span<const RunResult> runs, const std::string& metric) {
  return std::any_of(runs.begin(), runs.end(), [&](const RunResult& run) {
    const auto found = run.metrics.find(metric);
    return found != run.metrics.end() && found->second < 1;
  });
}

std::string render_findings(const TableInput& input, const std::vector<std::string>& metrics,
                            const std::vector<VariantSummary>& summaries, const Painter& painter) {
  if (summaries.size() < 2) return {};
  // With the default rows, the figures that sum a schedule up; otherwise what was asked for.
  std::vector<std::string> said{"wait_s.mean", "bounded_slowdown.mean", "makespan_s"};
  if (!input.metrics.empty()) said = metrics;
  std::string text;
  for (const std::string& sentence : say_findings(input.runs, said, ShownUnits(summaries), input.random))
    text += wrapped(sentence, painter.width());
  bool marked = false;
  for (const std::string& metric : metrics) {
    const auto verdict = judge(input.runs, metric);
    marked = marked || (verdict && verdict->best);
  }
  if (marked) {
    std::string legend = painter.star() + " best: its paired 95 % interval against every other variant excludes 0";
    if (summaries.size() > 2) legend += fmt::format(" (Bonferroni over {} comparisons)", summaries.size() - 1);
    text += painter.faint(trimmed(wrapped(legend + ".", painter.width()))) + "\n";
  }
  return text.empty() ? text : "\n" + text;
}

std::string render_violations(std::span<const RunResult> runs, const Painter& painter) {
  std::string text;
  std::size_t checked = 0;
  for (const RunResult& run : runs) {
    if (run.checked) ++checked;
    if (run.violation_count == 0) continue;
    text += painter.bad(fmt::format("{}seed {}: {} invariant violation{}", run.variant.empty() ? "" : run.variant + ", ",
                                    run.seed, run.violation_count, run.violation_count == 1 ? "" : "s"));
    if (!run.violations.empty()) {
      const Violation& first = run.violations.front();
      text += fmt::format(", the first at {:.9g} s: [{}] {}: {}", seconds(first.at), first.invariant,
                          invariant_text(first.invariant), first.what);
    }
    text += "\n";
  }
  if (checked > 0 && text.empty()) {
    const std::string where = checked < runs.size() ? fmt::format(" in {} of {} runs", checked, runs.size()) : "";
    text = painter.faint(fmt::format("Checked{}: no invariant was violated.", where)) + "\n";
  }
  return text;
}

std::string render_notes(const TableInput& input, const std::vector<VariantSummary>& summaries, const Painter& painter) {
  std::string text;
  const auto note = [&](const std::string& paragraph) { text += wrapped(paragraph, painter.width()); };
  const bool one_each =
      std::all_of(summaries.begin(), summaries.end(), [](const auto& s) { return s.runs == 1 && s.partial == 0; });
  if (one_each && input.random) {
    note(summaries.size() == 1
             ? "One run, so there is no interval; --seeds 1..10 gives one."
             : "One run each, so there are no intervals and nothing is marked as best; --seeds 1..10 gives them.");
  }
  if (one_each && !input.random) note("Nothing is random in this scenario: further seeds would repeat these figures.");
  std::set<std::string> messages;
  for (const VariantSummary& s : summaries) {
    const std::string who = s.variant.empty() ? "" : s.variant + ": ";
    if (s.only_partial())
      text +=
          painter.bad(fmt::format("PARTIAL: {}stopped before the end.", who)) + " The figures cover the time until then.\n";
    else if (s.partial > 0)
      note(fmt::format("PARTIAL: {}{} of {} runs stopped before their end and are left out.", who, s.partial, s.runs));
  }
  for (const RunResult& run : input.runs) {
    if (run.error && messages.insert(run.variant + *run.error).second) {
      text += painter.bad(fmt::format("{}seed {}: ", run.variant.empty() ? "" : run.variant + ", ", run.seed)) + *run.error +
              "\n";
    }
  }
  for (const VariantSummary& s : summaries) {
    const auto found = s.metrics.find("jobs_unfinished");
    if (found == s.metrics.end() || found->second.mean == 0) continue;
    note(
        "Jobs were still waiting or running when the run ended; they are in no other figure, so that the true waits are "
        "longer.");
    break;
  }
  text += render_violations(input.runs, painter);
  return text.empty() ? text : "\n" + text;
}

}  // namespace

std::vector<std::string> default_metrics(std::span<const RunResult> runs) {
  std::vector<std::string> chosen{
      "jobs_completed",  "wait_s.mean",           "wait_s.p50",      "wait_s.p95", "wait_s.max",
      "response_s.mean", "bounded_slowdown.mean", "waited_fraction", "makespan_s", "utilization"};
  for (const char* metric :
       {"jobs_failed", "jobs_quarantined", "jobs_rejected", "rejected_fraction", "jobs_unfinished", "retries",
        "attempts_lost", "wasted_cpu_s", "detection_s.mean", "detection_s.max", "false_expiries", "leader_changes",
        "leaderless_s", "refused_writes", "time_to_baseline_s", "cost_usd"}) {
    if (any_above_zero(runs, metric)) chosen.emplace_back(metric);
  }
  for (const char* metric : {"baseline_regained", "availability"}) {
    if (any_below_one(runs, metric)) chosen.emplace_back(metric);
  }
  const auto measured = [&](const char* metric) {
    return std::ranges::any_of(runs, [&](const RunResult& run) { return run.metrics.contains(metric); });
  };
  for (const char* metric : {"drift.time_avg_abs", "drift.abs_max", "share_excess.max_ratio", "share_excess.seconds",
                             "requests_per_minute.mean", "requests_in_flight.max", "throttled_fraction"}) {
    if (measured(metric)) chosen.emplace_back(metric);
  }
  for (const char* metric : {"requests_refused", "requests_stopped"}) {
    if (any_above_zero(runs, metric)) chosen.emplace_back(metric);
  }
  std::set<std::string> queues;
  for (const RunResult& run : runs) {
    for (const auto& [name, value] : run.metrics) {
      if (name.starts_with("per_queue.") && name.ends_with(".wait_s.mean")) queues.insert(name);
    }
  }
  if (queues.size() > 1 && queues.size() <= kQueuesMost) chosen.insert(chosen.end(), queues.begin(), queues.end());
  return chosen;
}

std::string render_table(const TableInput& input, const TableStyle& style) {
  const Painter painter(style);
  const std::vector<VariantSummary> summaries = summarise(input.runs);
  const std::vector<std::string> metrics = input.metrics.empty() ? default_metrics(input.runs) : input.metrics;
  std::vector<Row> rows;
  for (const std::string& metric : metrics) {
    const bool measured =
        std::any_of(summaries.begin(), summaries.end(), [&](const auto& s) { return s.metrics.contains(metric); });
    const bool wanted = !input.metrics.empty() && !input.if_measured.contains(metric);
    if (measured || wanted) rows.push_back(make_row(metric, input, summaries, painter));
  }
  std::string text = render_headline(input, summaries, painter);
  if (!rows.empty()) text += render_blocks(rows, summaries, painter);
  else if (!input.metrics.empty()) text += "None of the metrics asked for has a value in any run.\n";
  return text + render_findings(input, metrics, summaries, painter) + render_notes(input, summaries, painter);
}

}  // namespace drydock::reports

// For a comment on a pull request: what is wrong, what is found, then one table each.
#include "reports/metric_info.hpp"
#include "reports/numbers.hpp"
#include "reports/report.hpp"
#include "reports/table.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace drydock::reports {
namespace {

using MarkdownJson = nlohmann::ordered_json;

constexpr std::size_t kRowsMost = 20;

// Names are text: nothing in them is markup, begins a row or ends a cell.
std::string plain(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\n' || c == '\r') escaped += ' ';
    else if (c == '<') escaped += "&lt;";
    else if (c == '&') escaped += "&amp;";
    else if (std::string_view("\\`*_[]|~#").find(c) != std::string_view::npos) escaped += fmt::format("\\{}", c);
    else escaped += c;
  }
  return escaped;
}

std::string row_of_table(const std::vector<std::string>& cells) {
  std::string text = "|";
  for (const std::string& cell : cells) text += " " + cell + " |";
  return text + "\n";
}

std::string head_of_table(const std::vector<std::string>& cells) {
  std::string text = row_of_table(cells) + "|---|";
  for (std::size_t i = 1; i < cells.size(); ++i) text += "---:|";
  return text + "\n";
}

std::string in_unit(const Scale& scale) {
  if (scale.suffix.empty()) return {};
  return (scale.suffix.starts_with(' ') ? "," : ", ") + scale.suffix;
}

std::string cell_of(const Estimate& value, const Scale& scale, bool best) {
  const auto half = half_width_of(value, scale);
  const double mean = value.mean * scale.factor;
  std::string text = round_to(mean, half);
  if (half) text += fmt::format(" ± {}", fixed(*half, decimals_for(mean, *half)));
  return best ? "**" + text + "**" : text;
}

std::string table_of(const Recorded& result) {
  const auto summaries = summarise(result.runs);
  const ShownUnits units(summaries);
  std::vector<std::string> head{""};
  for (const VariantSummary& one : summaries) head.push_back(one.variant.empty() ? "value" : plain(one.variant));
  std::string text = head_of_table(head);
  for (const std::string& metric : default_metrics(result.runs)) {
    const auto info = describe(metric);
    const auto verdict = judge(result.runs, metric);
    const Scale scale = info ? units.of(*info->family) : Scale{};
    std::vector<std::string> cells{plain(info ? info->label() : metric) + in_unit(scale)};
    for (const VariantSummary& one : summaries) {
      const auto found = one.metrics.find(metric);
      const bool best = verdict && verdict->best && verdict->leader == one.variant;
      cells.push_back(found == one.metrics.end() ? "–" : cell_of(found->second, scale, best));
    }
    text += row_of_table(cells);
  }
  return text;
}

std::string table_of_comparison(const std::string& comparison) {
  const auto compared = MarkdownJson::parse(comparison);
  std::string text;
  for (const MarkdownJson& match : compared.at("comparisons")) {
    std::size_t rows = 0;
    std::string table = head_of_table({"", "change", "95 % interval", "finding"});
    for (const MarkdownJson& row : match.at("metrics")) {
      const std::string finding = row.at("finding");
      if ((finding != "better" && finding != "worse" && finding != "different") || ++rows > kRowsMost) continue;
      const auto info = describe(row.at("metric").get<std::string>());
      const Scale scale = info ? scale_for(info->family->unit, row.at("base").at("mean").get<double>()) : Scale{};
      std::string interval;
      if (row.at("student").is_array())
        interval = fmt::format("{:.4g} to {:.4g}", row.at("student")[0].get<double>() * scale.factor,
                               row.at("student")[1].get<double>() * scale.factor);
      const std::string label = info ? info->label() : row.at("metric").get<std::string>();
      table += row_of_table({plain(label) + in_unit(scale),
                             fmt::format("{:+.4g}", row.at("change").get<double>() * scale.factor), interval, finding});
    }
    if (rows > kRowsMost) table += fmt::format("\n{} more rows differ.\n", rows - kRowsMost);
    if (rows > 0)
      text += fmt::format("\n**{} against {}**\n\n{}", plain(match.at("other").at("title").get<std::string>()),
                          plain(match.at("base").at("title").get<std::string>()), table);
  }
  return text;
}

std::string table_of_sweep(const std::string& text_of_sweep) {
  const auto sweep = MarkdownJson::parse(text_of_sweep);
  std::vector<std::string> metrics;
  for (const MarkdownJson& metric : sweep.at("metrics")) metrics.push_back(metric);
  if (metrics.size() > 5) metrics.resize(5);
  std::vector<std::string> head{"point"};
  for (const MarkdownJson& parameter : sweep.at("parameters"))
    head.push_back(plain(parameter.at("name").get<std::string>()));
  for (const std::string& metric : metrics) head.push_back(plain(metric));
  std::string text = head_of_table(head);
  std::size_t left_out = 0;
  std::size_t rows = 0;
  const auto add = [&](const MarkdownJson& point) {
    std::vector<std::string> cells{std::to_string(point.at("point").get<std::uint64_t>())};
    for (const auto& [name, value] : point.at("values").items()) cells.push_back(plain(value.get<std::string>()));
    for (const std::string& metric : metrics) {
      const MarkdownJson value = point.at("metrics").value(metric, MarkdownJson::object()).value("mean", MarkdownJson());
      cells.push_back(value.is_number() ? fmt::format("{:.4g}", value.get<double>()) : "–");
    }
    text += row_of_table(cells);
  };
  for (const MarkdownJson& point : sweep.at("points")) {
    if (++rows <= kRowsMost) add(point);
    else ++left_out;
  }
  if (left_out > 0) text += fmt::format("\n{} more points are in the other forms of this report.\n", left_out);
  return text;
}

}  // namespace

std::string report_markdown(const ReportInput& input) {
  const ReportWords words = say_report(input);
  std::string text = fmt::format("<!-- drydock report -->\n### {}\n", plain(words.title));
  if (!words.doubts.empty()) {
    text += "\n> **Not to be trusted as it is:**\n";
    for (const std::string& doubt : words.doubts) text += fmt::format("> - {}\n", plain(doubt));
  }
  if (!words.findings.empty()) text += "\n";
  for (const std::string& finding : words.findings) text += fmt::format("- {}\n", plain(finding));
  for (const Recorded& result : input.results) {
    if (!input.comparison.empty()) continue;
    text += "\n" + table_of(result);
  }
  if (!input.comparison.empty()) text += table_of_comparison(input.comparison);
  if (!input.sweep.empty()) text += "\n" + table_of_sweep(input.sweep);
  for (const std::string& note : words.notes) text += fmt::format("\n<sub>{}</sub>\n", plain(note));
  return text;
}

}  // namespace drydock::reports

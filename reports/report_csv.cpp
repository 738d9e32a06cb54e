// Tables for spreadsheets and scripts: one line for each value, times in seconds.
#include "reports/comparison.hpp"
#include "reports/report.hpp"

#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>

namespace drydock::reports {
namespace {

using CsvJson = nlohmann::ordered_json;

// Rows of one file.
class CsvTable {
 public:
  explicit CsvTable(std::vector<std::string> head) { add(head); }
  void add(const std::vector<std::string>& fields) {
    ++rows_;
    for (std::size_t i = 0; i < fields.size(); ++i) text_ += (i > 0 ? "," : "") + csv_field(fields[i]);
    text_ += "\r\n";
  }
  // Nothing where there is but the head.
  void move_to(std::vector<std::pair<std::string, std::string>>& files, const char* name) {
    if (rows_ > 1) files.emplace_back(name, std::move(text_));
  }

 private:
  std::string text_;
  std::size_t rows_ = 0;
};

std::string csv_figure(double value) { return std::isfinite(value) ? fmt::format("{}", value) : ""; }
std::string csv_figure(const CsvJson& value) { return value.is_number() ? csv_figure(value.get<double>()) : ""; }
std::string instant_s(Time at) { return fmt::format("{:.6f}", seconds(at)); }
std::string instant_s(const std::optional<Time>& at) { return at ? instant_s(*at) : ""; }

using Files = std::vector<std::pair<std::string, std::string>>;

void add_results(const ReportInput& input, Files& files) {
  CsvTable runs({"result", "variant", "seed", "complete", "error", "violations"});
  CsvTable metrics({"result", "variant", "seed", "metric", "value"});
  CsvTable summary({"result", "variant", "metric", "mean", "low", "high", "sd", "n"});
  CsvTable distributions({"result", "variant", "seed", "metric", "at", "up_to"});
  for (const Recorded& result : input.results) {
    for (const RunResult& run : result.runs) {
      const std::string seed = std::to_string(run.seed);
      runs.add({result.label, run.variant, seed, run.partial || run.error ? "no" : "yes", run.error.value_or(""),
                std::to_string(run.violation_count)});
      for (const auto& [name, value] : run.metrics) metrics.add({result.label, run.variant, seed, name, csv_figure(value)});
      for (const auto& [name, one] : run.distributions) {
        for (std::size_t i = 0; i < one.at.size(); ++i)
          distributions.add({result.label, run.variant, seed, name, csv_figure(one.at[i]), std::to_string(one.up_to[i])});
      }
    }
    for (const VariantSummary& one : summarise(result.runs)) {
      for (const auto& [name, value] : one.metrics) {
        const bool interval = value.half_width.has_value();
        summary.add({result.label, one.variant, name, csv_figure(value.mean), interval ? csv_figure(value.low()) : "",
                     interval ? csv_figure(value.high()) : "", value.n > 1 ? csv_figure(value.sd) : "",
                     std::to_string(value.n)});
      }
    }
  }
  runs.move_to(files, "runs.csv");
  metrics.move_to(files, "metrics.csv");
  summary.move_to(files, "summary.csv");
  distributions.move_to(files, "distributions.csv");
}

std::string bound(const CsvJson& interval, std::size_t which) {
  return interval.is_array() && interval.size() == 2 ? csv_figure(interval[which]) : "";
}

void add_comparison(const ReportInput& input, Files& files) {
  if (input.comparison.empty()) return;
  const auto compared = CsvJson::parse(input.comparison);
  CsvTable differences({"base", "other", "metric", "base_mean", "other_mean", "change", "low", "high", "relative", "p_holm",
                        "cliffs_delta", "finding"});
  for (const CsvJson& match : compared.at("comparisons")) {
    for (const CsvJson& row : match.at("metrics"))
      differences.add({match.at("base").at("title"), match.at("other").at("title"), row.at("metric"),
                       csv_figure(row.at("base").at("mean")), csv_figure(row.at("other").at("mean")),
                       csv_figure(row.at("change")), bound(row.at("student"), 0), bound(row.at("student"), 1),
                       csv_figure(row.at("relative")), csv_figure(row.at("p_holm")), csv_figure(row.at("cliffs_delta")),
                       row.at("finding")});
  }
  differences.move_to(files, "differences.csv");
}

void add_sweep(const ReportInput& input, Files& files) {
  if (input.sweep.empty()) return;
  const auto sweep = CsvJson::parse(input.sweep);
  std::vector<std::string> head{"point"};
  for (const CsvJson& parameter : sweep.at("parameters")) head.push_back(parameter.at("name"));
  for (const char* name : {"metric", "mean", "low", "high", "n"}) head.emplace_back(name);
  CsvTable points(head);
  for (const CsvJson& point : sweep.at("points")) {
    for (const auto& [metric, value] : point.at("metrics").items()) {
      std::vector<std::string> row{std::to_string(point.at("point").get<std::uint64_t>())};
      for (const CsvJson& parameter : sweep.at("parameters"))
        row.push_back(point.at("values").value(parameter.at("name").get<std::string>(), std::string()));
      row.insert(row.end(), {metric, csv_figure(value.at("mean")), bound(value.at("ci95"), 0), bound(value.at("ci95"), 1),
                             std::to_string(value.at("n").get<std::uint64_t>())});
      points.add(row);
    }
  }
  points.move_to(files, "points.csv");
}

void add_journals(const ReportInput& input, Files& files) {
  CsvTable series({"journal", "series", "unit", "from_s", "to_s", "least", "mean", "greatest"});
  CsvTable failures(
      {"journal", "worker", "what", "fault_s", "suspected_s", "known_s", "attempts_lost", "resumed_s", "returned_s"});
  CsvTable faults({"journal", "type", "target", "from_s", "to_s"});
  for (const JournalCourse& journal : input.journals) {
    for (const NamedSeries& one : journal.course.series) {
      for (std::size_t i = 0; i < one.series.buckets.size(); ++i) {
        const SeriesBucket& bucket = one.series.buckets[i];
        if (bucket.length == Duration{}) continue;
        const Time from = one.series.from + one.series.width * static_cast<std::int64_t>(i);
        series.add({journal.label, one.name, one.unit, instant_s(from), instant_s(from + bucket.length),
                    csv_figure(static_cast<double>(bucket.least) * one.factor), csv_figure(bucket.mean() * one.factor),
                    csv_figure(static_cast<double>(bucket.greatest) * one.factor)});
      }
    }
    for (const Failure& one : journal.course.failures)
      failures.add({journal.label, std::to_string(one.worker.value), one.what, instant_s(one.fault),
                    instant_s(one.suspected), instant_s(one.known), std::to_string(one.lost), instant_s(one.resumed),
                    instant_s(one.returned)});
    for (const FaultSpan& one : journal.faults)
      faults.add({journal.label, one.type, one.target, instant_s(one.from), instant_s(one.to)});
  }
  series.move_to(files, "series.csv");
  failures.move_to(files, "failures.csv");
  faults.move_to(files, "faults.csv");
}

}  // namespace

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::vector<std::pair<std::string, std::string>> report_csv(const ReportInput& input) {
  Files files;
  add_results(input, files);
  add_comparison(input, files);
  add_sweep(input, files);
  add_journals(input, files);
  return files;
}

}  // namespace drydock::reports

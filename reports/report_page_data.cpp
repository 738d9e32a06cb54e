// The page's data. Numbers are as they are: the page gives them units and decimals.
#include "reports/json_text.hpp"
#include "reports/metric_info.hpp"
#include "reports/numbers.hpp"
#include "reports/report.hpp"
#include "reports/table.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace drydock::reports {
namespace {

using PageJson = nlohmann::ordered_json;

// Five digits are more than a screen has.
PageJson page_number(double value) {
  if (!std::isfinite(value)) return nullptr;
  if (value == 0) return 0;
  const double unit = std::pow(10.0, std::floor(std::log10(std::abs(value))) - 5);
  return json_number(unit >= 1 ? std::round(value / unit) * unit : std::round(value / unit) / std::round(1 / unit));
}

// Within a tenth of a millisecond, however late it is.
PageJson page_time(Time t) { return json_number(std::round(seconds(t) * 1e4) / 1e4); }
PageJson page_time(const std::optional<Time>& t) { return t ? page_time(*t) : PageJson(nullptr); }

const char* page_direction(Better better) {
  switch (better) {
    case Better::lower: return "lower";
    case Better::higher: return "higher";
    case Better::neither: return "";
  }
  return "";
}

// How the page is to call and show each metric.
PageJson page_metric(const std::string& name, const ShownUnits& units) {
  const auto info = describe(name);
  if (!info) return {{"label", name}, {"unit", ""}, {"factor", 1}, {"better", ""}, {"help", ""}};
  const Scale scale = units.of(*info->family);
  return {{"label", info->label()},
          {"unit", scale.suffix.substr(scale.suffix.starts_with(' ') ? 1 : 0)},
          {"factor", scale.factor},
          {"better", page_direction(info->better())},
          {"help", std::string(info->family->help)}};
}

// Default ones first, then all the others as the table of metrics has them, those of queues and pools last.
std::vector<std::string> ordered_metrics(const Recorded& result, std::size_t& main) {
  std::vector<std::string> ordered = default_metrics(result.runs);
  std::set<std::string> left;
  for (const RunResult& run : result.runs) {
    for (const auto& [name, value] : run.metrics) left.insert(name);
  }
  std::erase_if(ordered, [&](const std::string& name) { return left.erase(name) == 0; });
  main = ordered.size();
  for (std::string& name : metric_names({.queues = {}, .pools = {}, .requests = true, .limits = true})) {
    if (left.erase(name) > 0) ordered.push_back(std::move(name));
  }
  ordered.insert(ordered.end(), left.begin(), left.end());
  return ordered;
}

PageJson page_estimate(const Estimate& value) {
  PageJson json{{"mean", page_number(value.mean)}, {"n", value.n}};
  if (value.half_width) json["half"] = page_number(*value.half_width);
  return json;
}

PageJson page_values(const Recorded& result, const std::string& variant, const std::string& metric) {
  PageJson values = PageJson::array();
  for (const RunResult& run : result.runs) {
    const auto value = run.metrics.find(metric);
    if (run.variant == variant && !run.partial && !run.error && value != run.metrics.end())
      values.push_back({run.seed, page_number(value->second)});
  }
  return values;
}

PageJson page_metrics(const Recorded& result, const std::vector<VariantSummary>& summaries) {
  std::size_t main = 0;
  PageJson rows = PageJson::array();
  for (const std::string& metric : ordered_metrics(result, main)) {
    PageJson row{{"metric", metric}, {"main", rows.size() < main}, {"best", nullptr}, {"cells", PageJson::array()}};
    if (const auto verdict = judge(result.runs, metric); verdict && verdict->best) row["best"] = verdict->leader;
    for (const VariantSummary& summary : summaries) {
      const auto found = summary.metrics.find(metric);
      PageJson cell = found == summary.metrics.end() ? PageJson(nullptr) : page_estimate(found->second);
      if (!cell.is_null() && rows.size() < main) cell["values"] = page_values(result, summary.variant, metric);
      row["cells"].push_back(std::move(cell));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

// The mean distribution of a variant's runs, each counting as much, with the range of the single runs; at points between which little
// happens.
PageJson page_distribution(const Recorded& result, const std::string& variant, const std::string& metric) {
  constexpr double kStep = 1.0 / 256;
  std::vector<const Distribution*> all;
  std::set<double> points;
  std::uint64_t values = 0;
  for (const RunResult& run : result.runs) {
    const auto found = run.distributions.find(metric);
    if (run.variant != variant || run.partial || run.error || found == run.distributions.end()) continue;
    all.push_back(&found->second);
    points.insert(found->second.at.begin(), found->second.at.end());
    values += found->second.count();
  }
  if (all.empty()) return nullptr;
  PageJson json{{"variant", variant}, {"runs", all.size()}, {"values", values}};
  for (const char* key : {"at", "part", "low", "high"}) json[key] = PageJson::array();
  double last = -1;
  for (const double point : points) {
    double sum = 0;
    double low = 1;
    double high = 0;
    for (const Distribution* one : all) {
      const double part = one->part_up_to(point);
      sum += part;
      low = std::min(low, part);
      high = std::max(high, part);
    }
    const double mean = sum / static_cast<double>(all.size());
    if (mean - last < kStep && point != *points.rbegin()) continue;
    last = mean;
    json["at"].push_back(page_number(point));
    json["part"].push_back(page_number(mean));
    json["low"].push_back(page_number(low));
    json["high"].push_back(page_number(high));
  }
  return json;
}

PageJson page_result(const Recorded& result) {
  const auto summaries = summarise(result.runs);
  const ShownUnits units(summaries);
  PageJson json{{"label", result.label},        {"scenario", result.scenario}, {"version", result.version},
                {"real", result.real},          {"random", result.random},     {"facts", PageJson::array()},
                {"variants", PageJson::array()}};
  for (const auto& [name, value] : result.facts) json["facts"].push_back({name, value});
  std::set<std::string> distributions;
  std::set<std::string> names;
  for (const RunResult& run : result.runs) {
    for (const auto& [name, one] : run.distributions) distributions.insert(name);
    for (const auto& [name, value] : run.metrics) names.insert(name);
  }
  for (const VariantSummary& one : summaries) {
    json["variants"].push_back(
        {{"name", one.variant}, {"runs", one.runs}, {"partial", one.partial}, {"failed", one.failed}});
  }
  json["metrics"] = page_metrics(result, summaries);
  json["info"] = PageJson::object();
  for (const std::string& name : names) json["info"][name] = page_metric(name, units);
  json["distributions"] = PageJson::array();
  for (const std::string& metric : distributions) {
    PageJson lines = PageJson::array();
    for (const VariantSummary& one : summaries) {
      PageJson line = page_distribution(result, one.variant, metric);
      if (!line.is_null()) lines.push_back(std::move(line));
    }
    json["distributions"].push_back({{"metric", metric}, {"lines", std::move(lines)}});
  }
  return json;
}

// --- journals ---

PageJson page_series(const NamedSeries& named) {
  PageJson json{{"name", named.name}, {"unit", named.unit}};
  for (const char* key : {"least", "mean", "greatest"}) json[key] = PageJson::array();
  for (const SeriesBucket& bucket : named.series.buckets) {
    const bool covered = bucket.length > Duration{};
    const auto value = [&](double v) { return covered ? page_number(v * named.factor) : PageJson(nullptr); };
    json["least"].push_back(value(static_cast<double>(bucket.least)));
    json["mean"].push_back(value(bucket.mean()));
    json["greatest"].push_back(value(static_cast<double>(bucket.greatest)));
  }
  return json;
}

PageJson page_failure(const Failure& failure) {
  return {{"worker", failure.worker.value},        {"what", failure.what},
          {"fault", page_time(failure.fault)},     {"suspected", page_time(failure.suspected)},
          {"known", page_time(failure.known)},     {"lost", failure.lost},
          {"resumed", page_time(failure.resumed)}, {"returned", page_time(failure.returned)}};
}

// [from, to, lane, queue, end, job, attempt], and of several drawn together [..., attempts, busy].
PageJson page_bar(const GanttBar& bar) {
  PageJson json = PageJson::array({page_time(bar.from), page_time(bar.to), bar.lane, bar.queue.value,
                                   static_cast<int>(bar.end), bar.first.job.value, bar.first.number});
  if (bar.attempts > 1) {
    json.push_back(bar.attempts);
    json.push_back(page_number(seconds(bar.busy)));
  }
  return json;
}

PageJson page_journal(const JournalCourse& journal) {
  const Timeline::Course& course = journal.course;
  PageJson json{{"label", journal.label},
                {"title", journal.title},
                {"queues", journal.queues},
                {"hosts", PageJson::object()},
                {"notes", journal.notes},
                {"from", page_time(course.from)},
                {"to", page_time(course.to)},
                {"steps", journal.steps},
                {"workers", journal.workers},
                {"attempts", course.attempts},
                {"more_faults", journal.more_faults},
                {"failures_in_all", course.failures_in_all}};
  std::set<std::uint32_t> shown;
  for (const GanttRow& row : journal.gantt.rows) shown.insert(row.worker.value);
  for (const Failure& failure : course.failures) shown.insert(failure.worker.value);
  for (const std::uint32_t worker : shown) {
    if (worker < journal.hosts.size()) json["hosts"][std::to_string(worker)] = journal.hosts[worker];
  }
  json["bucket"] = course.series.empty() ? PageJson(0) : PageJson(seconds(course.series.front().series.width));
  json["series"] = PageJson::array();
  for (const NamedSeries& series : course.series) json["series"].push_back(page_series(series));
  json["faults"] = PageJson::array();
  for (const FaultSpan& fault : journal.faults)
    json["faults"].push_back({{"type", fault.type},
                              {"target", fault.target},
                              {"from", page_time(fault.from)},
                              {"to", page_time(fault.to)},
                              {"lasts", fault.lasts}});
  json["failures"] = PageJson::array();
  for (const Failure& failure : course.failures) json["failures"].push_back(page_failure(failure));
  const Gantt::Chart& gantt = journal.gantt;
  json["gantt"] = {{"together", seconds(gantt.together)},
                   {"drawn", gantt.drawn},
                   {"beyond_lanes", gantt.beyond_lanes},
                   {"rows", PageJson::array()}};
  for (const GanttRow& row : gantt.rows) {
    PageJson bars = PageJson::array();
    for (const GanttBar& bar : row.bars) bars.push_back(page_bar(bar));
    json["gantt"]["rows"].push_back({{"worker", row.worker.value}, {"lanes", row.lanes}, {"bars", std::move(bars)}});
  }
  return json;
}

// --- comparisons and sweeps: as they are, with how to show their metrics ---

PageJson page_infos(const std::set<std::string>& names, const PageJson& means) {
  std::vector<VariantSummary> summaries;
  for (const PageJson& one : means) {
    VariantSummary& summary = summaries.emplace_back();
    summary.runs = 1;
    for (const auto& [name, mean] : one.items()) {
      if (mean.is_number()) summary.metrics[name] = {.n = 1, .mean = mean.get<double>(), .sd = 0, .half_width = {}};
    }
  }
  const ShownUnits units(summaries);
  PageJson info = PageJson::object();
  for (const std::string& name : names) info[name] = page_metric(name, units);
  return info;
}

PageJson page_comparison(const std::string& text) {
  PageJson compared = PageJson::parse(text);
  std::set<std::string> names;
  PageJson means = PageJson::array();
  for (const PageJson& match : compared["comparisons"]) {
    PageJson base = PageJson::object();
    PageJson other = PageJson::object();
    for (const PageJson& row : match["metrics"]) {
      const std::string name = row["metric"];
      names.insert(name);
      base[name] = row["base"]["mean"];
      other[name] = row["other"]["mean"];
    }
    means.push_back(std::move(base));
    means.push_back(std::move(other));
  }
  compared["info"] = page_infos(names, means);
  return compared;
}

PageJson page_sweep(const std::string& text) {
  PageJson sweep = PageJson::parse(text);
  sweep.erase("runs");
  std::set<std::string> names;
  PageJson means = PageJson::array();
  for (const PageJson& point : sweep["points"]) {
    PageJson mean = PageJson::object();
    for (const auto& [name, estimated] : point["metrics"].items()) {
      names.insert(name);
      mean[name] = estimated["mean"];
    }
    means.push_back(std::move(mean));
  }
  sweep["info"] = page_infos(names, means);
  return sweep;
}

// So that no text in it can end the element that it stands in, or begin another.
std::string for_script(const std::string& json) {
  std::string text;
  text.reserve(json.size() + json.size() / 64);
  for (const char c : json) {
    if (c == '<') text += "\\u003c";
    else if (c == '>') text += "\\u003e";
    else if (c == '&') text += "\\u0026";
    else text += c;
  }
  return text;
}

}  // namespace

std::string report_page_data(const ReportInput& input) {
  const ReportWords words = say_report(input);
  PageJson json{{"schema", std::string(kReportSchema)},
                {"version", input.version},
                {"title", words.title},
                {"description", words.description},
                {"doubts", words.doubts},
                {"findings", words.findings},
                {"notes", words.notes},
                {"results", PageJson::array()},
                {"comparison", nullptr},
                {"sweep", nullptr},
                {"journals", PageJson::array()}};
  for (const Recorded& result : input.results) json["results"].push_back(page_result(result));
  if (!input.comparison.empty()) json["comparison"] = page_comparison(input.comparison);
  if (!input.sweep.empty()) json["sweep"] = page_sweep(input.sweep);
  for (const JournalCourse& journal : input.journals) json["journals"].push_back(page_journal(journal));
  return for_script(json.dump(-1, ' ', false, PageJson::error_handler_t::replace));
}

}  // namespace drydock::reports

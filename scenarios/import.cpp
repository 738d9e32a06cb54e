#include "scenarios/import.hpp"

#include "scenarios/units.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <set>

namespace drydock::scenarios {
namespace {

using Ordered = nlohmann::ordered_json;

// Processors of the machine, by the header.
std::optional<std::uint64_t> machine_size(const std::map<std::string, std::string>& header) {
  for (const char* key : {"MaxProcs", "MaxNodes"}) {
    const auto it = header.find(key);
    if (it == header.end()) continue;
    std::uint64_t size = 0;
    const char* end = it->second.data() + it->second.size();
    const auto [stop, code] = std::from_chars(it->second.data(), end, size);
    if (code == std::errc{} && stop == end && size > 0 && size <= 1'000'000'000) return size;
  }
  return std::nullopt;
}

void measure(const TraceWindow& window, ImportReport& report) {
  double runtime = 0;
  std::int64_t longest = 0;
  for (const TraceJob& job : window.jobs) {
    const double s = static_cast<double>(job.work_ns) / 1e9;
    runtime += s;
    report.work_s += s * job.tasks;
    longest = std::max(longest, job.work_ns);
    report.max_tasks = std::max<std::uint64_t>(report.max_tasks, job.tasks);
  }
  report.used = window.jobs.size();
  report.mean_runtime_s = runtime / static_cast<double>(report.used);
  report.max_runtime_s = static_cast<double>(longest) / 1e9;
  report.period_s = static_cast<double>(window.jobs.back().submit_ns - window.jobs.front().submit_ns) / 1e9;
}

// For a machine of unknown size: room for the largest job and a load of at most 80 %.
std::uint64_t enough_processors(const ImportReport& report) {
  constexpr double kLoad = 0.8;
  const double busy = report.period_s > 0 ? report.work_s / report.period_s : 0;
  return std::max(report.max_tasks, static_cast<std::uint64_t>(std::min(1e6, std::ceil(busy / kLoad))));
}

std::string tally_text(const std::map<std::string, LineTally>& tallies, std::string_view counts) {
  std::string text;
  for (const auto& [what, tally] : tallies) {
    text += fmt::format("  {:>9}  {}", tally.count, what);
    if (!tally.first_lines.empty()) {
      const bool more = tally.count > tally.first_lines.size();
      text += fmt::format(" ({}{} {}{})", counts, tally.count == 1 ? "" : "s", fmt::join(tally.first_lines, ", "),
                          more ? ", ..." : "");
    }
    text += "\n";
  }
  return text;
}

Ordered tally_json(const std::map<std::string, LineTally>& tallies) {
  Ordered list = Ordered::array();
  for (const auto& [what, tally] : tallies) {
    list.push_back({{"what", what}, {"jobs", tally.count}, {"first_lines", tally.first_lines}});
  }
  return list;
}

std::string span_text(double s) {
  if (s >= 2 * 86400) return fmt::format("{:.1f} days", s / 86400);
  if (s >= 2 * 3600) return fmt::format("{:.1f} hours", s / 3600);
  return fmt::format("{:.6g} s", s);
}

Ordered columns_json(const CsvColumns& csv) {
  Ordered terms = Ordered::array();
  for (const CsvTerm& term : csv.runtime) {
    terms.push_back(
        {{"column", term.column}, {"factor", format_duration(Duration{static_cast<std::int64_t>(term.factor_ns)})}});
  }
  Ordered columns{{"submit", csv.submit}, {"runtime", terms}};
  if (csv.runtime_base_ns > 0) columns["runtime_base"] = format_duration(Duration{csv.runtime_base_ns});
  if (!csv.tasks.empty()) columns["tasks"] = csv.tasks;
  if (!csv.estimate.empty()) columns["estimate"] = csv.estimate;
  if (!csv.queue.empty()) columns["queue"] = csv.queue;
  return columns;
}

// A name that scenarios allow.
std::string plain_name(std::string name) {
  for (char& c : name) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!good) c = '-';
  }
  return name;
}

// The name of a unit of the schema.
std::string unit_name(std::int64_t unit_ns) { return format_duration(Duration{unit_ns}).substr(1); }

Ordered trace_json(const ImportReport& report, const TraceOptions& options, const std::string& trace_path) {
  Ordered trace{{"format", name_of(options.format)}, {"path", trace_path}};
  if (options.first > 0) trace["first"] = options.first;
  if (options.count) trace["count"] = *options.count;
  // What is timed in a recorded scenario, such as faults, stays where it was; but a scheduler that has run for days need not be waited for.
  constexpr double kDay = 86400;
  trace["rebase"] = options.format == TraceFormat::journal ? report.first_submit_s > kDay : options.rebase;
  if (options.load != 1.0) trace["load"] = options.load;
  trace["estimate"] = options.estimate == TraceEstimate::runtime ? "runtime" : "requested";
  const bool oversized =
      std::ranges::any_of(report.skipped, [](const auto& s) { return s.first.starts_with("larger than"); });
  if (oversized) trace["oversized"] = "skip";
  if (options.format == TraceFormat::batsim && options.flops_per_s != 1e9) trace["flops_per_s"] = options.flops_per_s;
  if (options.format == TraceFormat::csv) {
    trace["columns"] = columns_json(options.csv);
    trace["units"] = {{"submit", unit_name(options.csv.submit_unit_ns)},
                      {"estimate", unit_name(options.csv.estimate_unit_ns)}};
    if (options.csv.delimiter != ',') trace["delimiter"] = std::string(1, options.csv.delimiter);
  }
  return trace;
}

// A queue for each of the trace's, all served by one pool. Queues of SWF are numbers of which few know the meaning.
void add_queues(const ImportReport& report, Ordered& scenario, Ordered& jobs) {
  std::set<std::string> names;
  for (const auto& [queue, count] : report.queues) {
    std::string name = plain_name(queue).substr(0, 90);
    if (name.empty()) name = "none";
    while (!names.insert(name).second) name += "_";
    scenario["queues"].push_back({{"name", name}});
    jobs["trace"]["queues"][queue] = name;
    if (!jobs.contains("queue")) jobs["queue"] = name;
  }
}

constexpr std::array<const char*, 2> kPlacements{"fcfs", "easy"};

// All of what was recorded but for its jobs, and what only those of its own can have.
Ordered recorded_machines(const ImportReport& report) {
  Ordered scenario = Ordered::parse(report.scenario, nullptr, false, true);
  if (!scenario.is_object()) scenario = Ordered::object();
  for (const char* key : {"workload", "variants", "limits", "$schema", "must_end_by"}) scenario.erase(key);
  if (!scenario.contains("policies") || !scenario["policies"].is_object()) scenario["policies"] = Ordered::object();
  scenario["policies"].erase("share");
  return scenario;
}

}  // namespace

Result<ImportReport> import_trace(const std::filesystem::path& path, TraceOptions options) {
  auto read = read_trace(path, path.string(), options);
  if (!read) return Error{read.error().message};
  const RawTrace& raw = read.value();
  ImportReport report;
  report.path = path.string();
  report.format = options.format;
  report.counts = raw.counts;
  report.read = raw.read;
  report.skipped = raw.skipped;
  report.remarks = raw.remarks;
  report.header = raw.header;
  report.scenario = raw.scenario;
  const auto machine = machine_size(raw.header);
  constexpr std::int64_t kAnySize = 1'000'000'000;
  const std::vector<TraceTarget> targets(raw.queues.size(), {0, machine ? static_cast<std::int64_t>(*machine) : kAnySize});
  options.skip_oversized = true;
  auto window = select_jobs(raw, options, targets);
  if (!window) return Error{window.error().message};
  measure(window.value(), report);
  report.valid = raw.jobs.size() - window.value().oversized.count;
  if (window.value().oversized.count > 0) {
    report.skipped[fmt::format("larger than the machine ({} processors)", *machine)] = window.value().oversized;
  }
  if (window.value().without_estimate.count > 0) {
    report.remarks["requested time unknown; the runtime used as estimate"] = window.value().without_estimate;
  }
  for (const RawJob& job : raw.jobs) ++report.queues[raw.queues[job.queue]];
  const auto first = std::min<std::uint64_t>(options.first, raw.jobs.size() - 1);
  report.first_submit_s = static_cast<double>(raw.jobs[first].submit_ns) / 1e9;
  report.assumed_processors = !machine.has_value();
  report.processors = machine.value_or(enough_processors(report));
  if (report.period_s > 0) report.mean_load = report.work_s / (report.period_s * static_cast<double>(report.processors));
  return report;
}

std::string import_text(const ImportReport& report) {
  std::string text =
      fmt::format("{}: {} jobs read, {} valid, {} used\n", report.path, report.read, report.valid, report.used);
  if (!report.skipped.empty()) text += "skipped:\n" + tally_text(report.skipped, report.counts);
  if (!report.remarks.empty()) text += "remarks:\n" + tally_text(report.remarks, report.counts);
  if (report.format == TraceFormat::swf && report.header.empty()) text += "header: none\n";
  for (const auto& [key, value] : report.header) text += fmt::format("header {}: {}\n", key, value);
  if (report.queues.size() > 1) {
    text += "queues:";
    std::size_t shown = 0;
    for (const auto& [queue, jobs] : report.queues) {
      if (++shown > 20) break;
      text += fmt::format(" {} ({} jobs)", queue.empty() ? "(no name)" : printable(queue), jobs);
    }
    text += shown > 20 ? fmt::format(" and {} more\n", report.queues.size() - 20) : "\n";
  }
  text += fmt::format("submissions: from {} s in the file, over {}\n", fmt::format("{:.3f}", report.first_submit_s),
                      span_text(report.period_s));
  text += fmt::format("runtimes: mean {}, longest {}\n", span_text(report.mean_runtime_s), span_text(report.max_runtime_s));
  if (report.format == TraceFormat::journal) return text + fmt::format("tasks: {} in the largest job\n", report.max_tasks);
  text += fmt::format("processors: {} in the largest job, {} {}\n", report.max_tasks, report.processors,
                      report.assumed_processors ? "assumed (the file does not say: enough for it and for a load of 80 %)"
                                                : "in the machine");
  if (report.mean_load && !report.assumed_processors) text += fmt::format("mean load: {:.1f} %\n", *report.mean_load * 100);
  return text;
}

std::string import_json(const ImportReport& report) {
  Ordered json{{"path", report.path},
               {"format", name_of(report.format)},
               {"read", report.read},
               {"valid", report.valid},
               {"used", report.used},
               {"skipped", tally_json(report.skipped)},
               {"remarks", tally_json(report.remarks)},
               {"header", report.header},
               {"queues", report.queues},
               {"first_submit_s", report.first_submit_s},
               {"period_s", report.period_s},
               {"work_s", report.work_s},
               {"mean_runtime_s", report.mean_runtime_s},
               {"max_runtime_s", report.max_runtime_s},
               {"max_tasks", report.max_tasks},
               {"processors", report.processors},
               {"assumed_processors", report.assumed_processors}};
  json["mean_load"] = report.mean_load ? Ordered(*report.mean_load) : Ordered(nullptr);
  return json.dump(2, ' ', false, Ordered::error_handler_t::replace) + "\n";
}

std::string scenario_for(const ImportReport& report, const TraceOptions& options, const std::string& trace_path) {
  const std::string name = plain_name(std::filesystem::path(trace_path).stem().stem().string());
  Ordered scenario;
  if (options.format == TraceFormat::journal) scenario = recorded_machines(report);
  scenario["name"] = name.empty() ? "trace" : name.substr(0, 100);
  if (options.format == TraceFormat::journal) {
    scenario["description"] =
        fmt::format("The {} jobs that {} recorded, under other policies", report.used, printable(trace_path, 200));
    scenario["workload"] = Ordered::array({{{"trace", trace_json(report, options, trace_path)}}});
    scenario["variants"] = {{{"name", "recorded"}, {"set", Ordered::object()}}};
    for (const char* policy : kPlacements) {
      scenario["variants"].push_back({{"name", policy}, {"set", {{"/policies/placement", policy}}}});
    }
    return scenario.dump(2, ' ', false, Ordered::error_handler_t::replace) + "\n";
  }
  scenario["description"] =
      fmt::format("{} jobs from {}, on {} processors", report.used, printable(trace_path, 200), report.processors);
  scenario["cluster"] = {{"hosts", {{{"name", "node"}, {"count", report.processors}, {"cpus", 1}}}}};
  Ordered jobs{{"trace", trace_json(report, options, trace_path)}};
  if (options.format == TraceFormat::csv && report.queues.size() > 1) add_queues(report, scenario, jobs);
  scenario["workload"] = Ordered::array({std::move(jobs)});
  scenario["variants"] = Ordered::array();
  for (const char* policy : kPlacements) {
    scenario["variants"].push_back({{"name", policy}, {"set", {{"/policies", {{"placement", policy}}}}}});
  }
  return scenario.dump(2, ' ', false, Ordered::error_handler_t::replace) + "\n";
}

}  // namespace drydock::scenarios

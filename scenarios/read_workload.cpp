// Section: workload.
#include "policies/catalog.hpp"
#include "scenarios/arrivals.hpp"
#include "scenarios/keys.hpp"
#include "scenarios/sections.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

namespace drydock::scenarios {
namespace {

constexpr std::int64_t kMostTasks = 1'000'000'000;

Resources capacity_of(const HostGroup& group, const Pool& pool) {
  ResourceAmounts amounts;
  amounts.cpus_milli = pool.processor_sharing ? kUnlimited : std::int64_t{group.cpus} * 1000;
  amounts.memory_bytes = group.memory_bytes > 0 ? group.memory_bytes : kUnlimited;
  amounts.gpus = group.gpus;
  amounts.slots = pool.processor_sharing || !pool.slots_per_worker ? kUnlimited : std::int64_t{*pool.slots_per_worker};
  return make_resources(amounts);
}

std::string amounts_text(const Resources& per_task) {
  std::string text = fmt::format("{} cpus", static_cast<double>(per_task.cpus()) / 1000);
  if (per_task.memory() > 0) text += fmt::format(", {} of memory", format_size(per_task.memory()));
  if (per_task.gpus() > 0) text += fmt::format(", {} gpus", per_task.gpus());
  return text;
}

std::int64_t read_cpus(const ObjectReader& entry) {
  const double cpus = entry.number("cpus", 1.0, {0.001, 1e6});
  const double milli = std::round(cpus * 1000);
  if (std::abs(cpus * 1000 - milli) > 1e-6)
    entry.node().member("cpus").fail("cpus are given in thousandths: at most 3 decimals");
  return static_cast<std::int64_t>(milli);
}

OnInterrupt read_on(const ObjectReader& entry, std::string_view key, OnInterrupt fallback, const Scenario& scenario) {
  constexpr std::array<std::string_view, 3> kWords{"restart", "resume", "checkpoint"};
  const auto choice = static_cast<OnInterrupt>(entry.choice(key, kWords, static_cast<std::size_t>(fallback)));
  if (choice == OnInterrupt::checkpoint && scenario.checkpoint.interval == Duration{0}) {
    entry.node().member(key).fail(
        R"(needs the top-level key "checkpoint", such as "checkpoint": {"interval": "15m", "cost": "10s"}, or policies.checkpoint)");
  }
  return choice;
}

JobHazards read_hazards(const ObjectReader& entry) {
  JobHazards hazards{.failure_probability = entry.number("failure_probability", 0, {0, 1}), .time_limit = {}};
  if (entry.has("time_limit")) hazards.time_limit = entry.duration("time_limit", Duration{0}, Duration{1});
  return hazards;
}

// What trace and synthetic jobs have in common.
JobSpec read_shape(const ObjectReader& entry, const Scenario& scenario) {
  JobSpec shape;
  const auto queue = entry.find("queue");
  if (queue) {
    shape.queue = find_queue(*queue, queue->text(), scenario);
  } else if (scenario.scheduler.queues.size() > 1) {
    std::vector<std::string> names;
    for (const QueueConfig& config : scenario.scheduler.queues) names.push_back(config.name);
    entry.node().fail(fmt::format("the key \"queue\" is missing; the queues are: {}", fmt::join(names, ", ")));
  }
  ResourceAmounts amounts;
  amounts.cpus_milli = read_cpus(entry);
  amounts.memory_bytes = entry.size("memory", 0);
  amounts.gpus = entry.count("gpus", 0, {0, 1'000'000});
  shape.per_task = make_resources(amounts);
  shape.priority = static_cast<std::int32_t>(entry.count("priority", 0, {-1'000'000, 1'000'000}));
  shape.input_bytes = entry.size("input", 0);
  shape.output_bytes = entry.size("output", 0);
  shape.on_failure = read_on(entry, "on_failure", OnInterrupt::restart, scenario);
  shape.on_preemption = read_on(entry, "on_preemption", OnInterrupt::resume, scenario);
  return shape;
}

// The most tasks of one job that the policy could ever start.
std::int64_t most_of_one_job(const Scenario& scenario, const Room& room) {
  return make_placement(scenario.scheduler.placement)->traits().one_worker ? room.on_one_worker : room.tasks;
}

// Refuses a task that fits on no worker; gives the room there is for gangs.
Room require_room(const Node& node, const Scenario& scenario, const JobSpec& shape) {
  if (node.diagnostics().failed()) return {};
  Room room = room_for(scenario, shape.queue, shape.per_task);
  if (room.tasks == 0) {
    node.fail(fmt::format("a task of these jobs ({}) is larger than every worker that serves the queue \"{}\"",
                          amounts_text(shape.per_task), scenario.scheduler.queues[index(shape.queue)].name));
  }
  return room;
}

void refuse_gang(const Node& node, std::int64_t tasks, const Room& room, const Scenario& scenario) {
  if (node.diagnostics().failed()) return;
  if (tasks > room.tasks) {
    node.fail(fmt::format(
        "{} tasks start together, but the largest pool that serves the queue, \"{}\", can hold {} of them at once", tasks,
        room.pool, room.tasks));
  } else if (tasks > most_of_one_job(scenario, room)) {
    node.fail(fmt::format("there may be {} tasks, which {} puts on one worker, but the largest worker can hold {} of them",
                          tasks, scenario.scheduler.placement.type, room.on_one_worker));
  }
}

void read_tasks(const ObjectReader& entry, SyntheticSource& source, const Room& room, const Scenario& scenario) {
  source.most_tasks = static_cast<std::uint32_t>(std::max<std::int64_t>(1, room.tasks));
  const auto node = entry.find("tasks");
  const auto* lublin = std::get_if<LublinArrivals>(&source.arrivals);
  if (!node) {
    if (lublin != nullptr) refuse_gang(entry.node().member("arrivals").member("lublin"), lublin->nodes, room, scenario);
    return;
  }
  if (!node->json().is_object()) {
    source.shape.tasks = static_cast<std::uint32_t>(node->count({1, kMostTasks}));
    refuse_gang(*node, source.shape.tasks, room, scenario);
    if (lublin != nullptr) source.tasks = Deterministic{static_cast<double>(source.shape.tasks)};
    return;
  }
  source.tasks = read_number_distribution(*node);
  if (node->diagnostics().failed()) return;
  const auto bound = upper_bound(*source.tasks);
  refuse_gang(*node, bound ? std::llround(std::min(*bound, 1e9)) : room.tasks, room, scenario);
}

void read_estimate(const ObjectReader& entry, SyntheticSource& source) {
  const auto node = entry.find("estimate");
  if (!node) return;
  if (node->json().is_object()) {
    source.estimate_factor = read_number_distribution(ObjectReader(*node, keys::kEstimate).require("factor"));
  } else if (!(node->json().is_string() && node->json().get_ref<const std::string&>() == "exact")) {
    node->expected(R"("exact" or {"factor": ...}, a number or distribution by which the true duration is multiplied)");
  }
}

// Refuses arrivals that would never end, or take longer than any run may.
void check_length(const ObjectReader& entry, const SyntheticSource& source, const Scenario& scenario) {
  const Node& node = entry.node();
  if (!source.count) {
    if (std::holds_alternative<AtOnce>(source.arrivals)) {
      node.fail("the key \"count\" is missing: how many jobs come at once?");
    } else if (!scenario.duration) {
      node.fail("these jobs would never end: give \"count\" here, or \"duration\" for the whole scenario");
    }
  }
  if (node.diagnostics().failed()) return;
  const auto rate = mean_rate(source.arrivals, source.cycle);
  if (!rate) return;
  const double span = source.count ? static_cast<double>(*source.count) / *rate : 0;
  if (!scenario.duration && !(span < seconds(kLongest) / 2)) {
    node.fail(fmt::format("{} jobs at {:.3g} a second take more than {:.0f} years", *source.count, *rate,
                          seconds(kLongest) / 2 / 31'536'000));
  }
  if (source.cycle && *rate * seconds(source.cycle->period) / static_cast<double>(source.cycle->factors.size()) < 1e-6) {
    node.member("cycle").fail("a million parts of the cycle would pass for each job; make them longer");
  }
}

// What its jobs run for real: what it is is of no use here, but it must be right.
void check_run(const ObjectReader& entry, const RunChecker& checker) {
  const auto node = entry.find("run");
  if (!node) return;
  if (!node->json().is_object())
    return node->expected(R"(an object with what to run, such as {"command": ["/usr/local/bin/scan", "--all"]})");
  if (!checker) return;
  const auto problem = checker(node->json().dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!problem) return;
  const std::size_t end = problem->starts_with('/') ? problem->find(": ") : std::string::npos;
  if (end == std::string::npos) return node->fail(*problem);
  node->diagnostics().fail(node->pointer() + problem->substr(0, end), problem->substr(end + 2));
}

SyntheticSource read_synthetic(const Node& node, const Scenario& scenario, const RunChecker& checker) {
  const ObjectReader entry(node, keys::kSynthetic);
  SyntheticSource source;
  source.name = entry.text("name");
  source.shape = read_shape(entry, scenario);
  source.hazards = read_hazards(entry);
  if (const auto count = entry.find("count"))
    source.count = static_cast<std::uint64_t>(count->count({1, 1'000'000'000'000}));
  source.arrivals = read_arrivals(entry.require("arrivals"));
  const bool lublin = std::holds_alternative<LublinArrivals>(source.arrivals);
  if (const auto cycle = entry.find("cycle")) {
    source.cycle = read_cycle(*cycle);
    if (lublin) cycle->fail("the Lublin-Feitelson model has a daily cycle of its own");
    if (std::holds_alternative<AtOnce>(source.arrivals)) cycle->fail("has no effect on jobs that come at once");
  }
  if (const auto requests = entry.find("requests")) {
    source.requests = read_requests(*requests);
    if (entry.has("duration")) {
      entry.node().member("duration").fail("follows from \"requests\": leave it out, or write it there for each request");
    }
    if (source.shape.on_failure == OnInterrupt::checkpoint || source.shape.on_preemption == OnInterrupt::checkpoint) {
      node.fail("jobs that make requests write no checkpoints: with \"resume\" the requests that were answered stay done");
    }
  } else if (const auto duration = entry.find("duration")) {
    source.duration = read_duration_distribution(*duration);
  } else if (!lublin) {
    (void)entry.require("duration");
    source.duration = Deterministic{1};
  }
  const Room room = require_room(node, scenario, source.shape);
  read_tasks(entry, source, room, scenario);
  read_estimate(entry, source);
  check_length(entry, source, scenario);
  check_run(entry, checker);
  source.runs = entry.has("run");
  return source;
}

// A job with "every" instead of "arrivals".
PeriodicSource read_periodic(const Node& node, const Scenario& scenario, const RunChecker& checker) {
  constexpr std::array<std::string_view, 2> kCatchUp{"all", "latest"};
  const ObjectReader entry(node, keys::kPeriodic);
  PeriodicSource source;
  PeriodicJob& schedule = source.schedule;
  schedule.name = entry.require("name").text();
  for (const PeriodicSource& other : scenario.periodic) {
    if (other.schedule.name != schedule.name) continue;
    node.member("name").fail(
        fmt::format("there is another periodic job \"{}\": a firing is known by its name and due time", schedule.name));
  }
  schedule.every = entry.require("every").duration(std::chrono::milliseconds{1});
  schedule.first = kTimeZero + entry.duration("first", Duration{0});
  schedule.catch_up = static_cast<CatchUp>(entry.choice("catch_up", kCatchUp, 0));
  if (!scenario.duration) node.fail("a periodic job never ends: give \"duration\" for the whole scenario");
  SyntheticSource& jobs = source.jobs;
  jobs.name = schedule.name;
  jobs.arrivals = RegularArrivals{schedule.every, schedule.first.time_since_epoch()};
  jobs.shape = read_shape(entry, scenario);
  jobs.duration = read_duration_distribution(entry.require("duration"));
  read_tasks(entry, jobs, require_room(node, scenario, jobs.shape), scenario);
  read_estimate(entry, jobs);
  check_run(entry, checker);
  jobs.runs = entry.has("run");
  return source;
}

std::int64_t read_unit(const ObjectReader& units, std::string_view key) {
  constexpr std::array<std::string_view, 7> kUnits{"ns", "us", "ms", "s", "m", "h", "d"};
  const std::size_t unit = units.choice(key, kUnits, 3);
  const auto one = parse_duration("1" + std::string(kUnits[unit]));
  return nanos(one.value());
}

void read_runtime(const ObjectReader& columns, const ObjectReader* units, CsvColumns& csv) {
  const Node node = columns.require("runtime");
  const double unit = static_cast<double>(units != nullptr ? read_unit(*units, "runtime") : 1'000'000'000);
  const auto add = [&](const Node& term) {
    if (!term.json().is_object()) {
      csv.runtime.push_back({term.text(), unit});
      return;
    }
    const ObjectReader object(term, keys::kTerm);
    csv.runtime.push_back(
        {object.require("column").text(), static_cast<double>(nanos(object.require("factor").duration(Duration{1})))});
  };
  if (node.json().is_array()) {
    for (const Node& item : node.items()) add(item);
    if (csv.runtime.empty()) node.expected("at least one column");
  } else {
    add(node);
  }
  csv.runtime_base_ns = nanos(columns.duration("runtime_base", Duration{0}));
}

CsvColumns read_columns(const ObjectReader& trace) {
  CsvColumns csv;
  const AsWritten as_written(trace.node().diagnostics());
  const ObjectReader columns(trace.require("columns"), keys::kColumns);
  std::optional<ObjectReader> units;
  if (const auto node = trace.find("units")) units.emplace(*node, keys::kUnits);
  csv.submit = columns.require("submit").text();
  if (csv.submit.empty()) columns.require("submit").expected("the name of a column");
  read_runtime(columns, units ? &*units : nullptr, csv);
  csv.tasks = columns.text("tasks");
  csv.estimate = columns.text("estimate");
  csv.queue = columns.text("queue");
  if (units) {
    csv.submit_unit_ns = read_unit(*units, "submit");
    csv.estimate_unit_ns = read_unit(*units, "estimate");
  }
  if (const auto node = trace.find("delimiter")) {
    constexpr std::array<std::string_view, 4> kDelimiters{",", ";", "\t", "|"};
    csv.delimiter = node->word(kDelimiters).substr(0, 1).c_str()[0];
  }
  return csv;
}

TraceOptions read_options(const ObjectReader& trace) {
  constexpr std::array<std::string_view, 4> kFormats{"swf", "csv", "batsim", "journal"};
  constexpr std::array<std::string_view, 2> kEstimates{"runtime", "requested"};
  constexpr std::array<std::string_view, 2> kOversized{"error", "skip"};
  constexpr std::int64_t kMost = 1'000'000'000'000;
  TraceOptions options;
  options.time_scale = trace.node().diagnostics().time_scale();
  (void)trace.require("format");
  options.format = static_cast<TraceFormat>(trace.choice("format", kFormats, 0));
  options.first = static_cast<std::uint64_t>(trace.count("first", 0, {0, kMost}));
  if (const auto count = trace.find("count")) options.count = static_cast<std::uint64_t>(count->count({1, kMost}));
  options.rebase = trace.boolean("rebase", true);
  options.load = trace.number("load", 1.0, {1e-6, 1e6});
  options.estimate =
      static_cast<TraceEstimate>(trace.choice("estimate", kEstimates, options.format == TraceFormat::journal ? 1 : 0));
  options.skip_oversized = trace.choice("oversized", kOversized, 0) == 1;
  options.flops_per_s = trace.number("flops_per_s", 1e9, {1, 1e18});
  if (options.format != TraceFormat::batsim && trace.has("flops_per_s")) {
    trace.node().member("flops_per_s").fail("goes with \"format\": \"batsim\" only");
  }
  if (options.format == TraceFormat::csv) {
    options.csv = read_columns(trace);
  } else {
    for (const std::string_view key : {"columns", "units", "delimiter"}) {
      if (trace.has(key)) trace.node().member(key).fail("goes with \"format\": \"csv\" only");
    }
  }
  return options;
}

// A name in the map that the trace does not have is a slip: its jobs would go elsewhere.
void refuse_unknown_queues(const ObjectReader& trace, const std::vector<std::string>& queues) {
  const auto map = trace.find("queues");
  if (!map || queues.empty()) return;  // empty: the trace was not read
  const std::vector<std::string_view> names(queues.begin(), queues.end());
  for (const auto& [name, queue] : map->json().items()) {
    if (std::ranges::find(names, name) != names.end()) continue;
    map->member(name).fail(
        fmt::format("the trace has no jobs of a queue \"{}\"{}", printable(name), suggestion(name, names)));
  }
}

// Queues of the trace, by their names there, and the scenario's that they are.
using QueueMap = std::map<std::string, QueueId>;
QueueMap read_queue_map(const ObjectReader& trace, const Scenario& scenario) {
  QueueMap queues;
  const auto map = trace.find("queues");
  if (!map) return queues;
  if (!map->json().is_object())
    map->expected("an object such as {\"1\": \"batch\"}: queues of the trace and of the scenario");
  for (const auto& [name, queue] : map->json().items()) {
    const Node target = map->member(name);
    queues[name] = find_queue(target, target.text(), scenario);
  }
  return queues;
}

void take_jobs(const TraceCache::Jobs& jobs, const ObjectReader& trace, TraceSource& source, Scenario& scenario) {
  source.jobs = jobs.jobs;
  refuse_unknown_queues(trace, jobs.queues);
  if (!jobs.left_out.empty()) scenario.notes.push_back(jobs.left_out);
}

// A journal says of each job what it asks for. Its queues are the scenario's of the same names, or as they are mapped.
void read_journal_jobs(const ObjectReader& entry, const ObjectReader& trace, TraceSource& source, Scenario& scenario,
                       TraceCache& traces) {
  for (const std::string_view key :
       {"queue", "cpus", "memory", "gpus", "priority", "input", "output", "on_failure", "on_preemption"}) {
    if (entry.has(key)) entry.node().member(key).fail("has no effect: the journal says it of each job");
  }
  const TraceOptions options = read_options(trace);
  const Node path = trace.require("path");
  const QueueMap queues = read_queue_map(trace, scenario);
  if (entry.node().diagnostics().failed()) return;
  const auto queue_of = [&](const std::string& name) {
    const auto mapped = queues.find(name);
    if (mapped != queues.end()) return mapped->second;
    const std::vector<QueueConfig>& known = scenario.scheduler.queues;
    const auto same = std::ranges::find(known, name, &QueueConfig::name);
    if (same == known.end()) {
      path.fail(fmt::format(
          R"(the journal has jobs of a queue "{0}", which is none of the scenario: add it, or map it: "queues": {{"{0}": "{1}"}})",
          printable(name), known.front().name));
      return QueueId{0};
    }
    return QueueId{static_cast<std::uint32_t>(same - known.begin())};
  };
  const auto target_of = [&](const std::string& name, const JobSpec* kind) {
    const Room room = room_for(scenario, queue_of(name), kind->per_task);
    return TraceTarget{0, room.tasks, most_of_one_job(scenario, room)};
  };
  const auto jobs = traces.jobs(source.path, options, target_of);
  if (!jobs) return path.fail(jobs.error().message);
  take_jobs(jobs.value(), trace, source, scenario);
  source.kinds = jobs.value().kinds;
  if (make_isolation(scenario.scheduler.isolation)->traits().serves_all && scenario.pools.size() > 1) {
    scenario.notes.push_back(
        fmt::format("{}: with isolation {} each pool serves each queue, also one whose jobs are too large for it: what such "
                    "jobs ask for is "
                    "in the journal alone, and they may hold up others there",
                    source.path, scenario.scheduler.isolation.type));
  }
  for (std::size_t k = 0; k < source.kinds.size(); ++k) {
    JobSpec& kind = source.kinds[k];
    kind.queue = queue_of(jobs.value().queues[k]);
    if (scenario.checkpoint.interval > Duration{0}) continue;
    for (const OnInterrupt on : {kind.on_failure, kind.on_preemption}) {
      if (on == OnInterrupt::checkpoint)
        return path.fail(R"(its jobs have checkpoints: that needs the top-level key "checkpoint", or policies.checkpoint)");
    }
  }
}

TraceSource read_trace_jobs(const Node& node, Scenario& scenario, TraceCache& traces) {
  const ObjectReader entry(node, keys::kTraceJobs);
  TraceSource source;
  source.name = entry.text("name");
  source.hazards = read_hazards(entry);
  const Node trace_node = entry.require("trace");
  const ObjectReader trace(trace_node, keys::kTrace);
  const Node path = trace.require("path");
  source.path = path.text();
  if (source.path.empty()) path.expected("the path of a file, relative to the scenario's file");
  if (trace.require("format").json() == "journal") {
    read_journal_jobs(entry, trace, source, scenario, traces);
    return source;
  }
  source.shape = read_shape(entry, scenario);
  const TraceOptions options = read_options(trace);
  const QueueMap queues = read_queue_map(trace, scenario);
  source.queues.push_back(source.shape.queue);
  for (const auto& [name, queue] : queues) source.queues.push_back(queue);
  (void)require_room(node, scenario, source.shape);
  if (node.diagnostics().failed()) return source;
  const auto target_of = [&](const std::string& name, const JobSpec* /*kind*/) {
    const auto it = queues.find(name);
    const QueueId queue = it == queues.end() ? source.shape.queue : it->second;
    const Room room = room_for(scenario, queue, source.shape.per_task);
    return TraceTarget{queue.value, room.tasks, most_of_one_job(scenario, room)};
  };
  const auto jobs = traces.jobs(source.path, options, target_of);
  if (jobs) take_jobs(jobs.value(), trace, source, scenario);
  else path.fail(jobs.error().message);
  return source;
}

}  // namespace

Room room_in(const Scenario& scenario, const Pool& pool, const Resources& per_task) {
  Room room{.pool = pool.name};
  for (const HostGroup& group : scenario.hosts) {
    if (std::ranges::find(pool.hosts, group.name) == pool.hosts.end()) continue;
    std::int64_t on_one = std::min(kMostTasks, fit_count(per_task, capacity_of(group, pool)));
    if (pool.admission == Admission::slots && on_one > 0) on_one = *pool.slots_per_worker;
    room.tasks = std::min(kMostTasks, room.tasks + on_one * std::int64_t{group.count});
    room.on_one_worker = std::max(room.on_one_worker, on_one);
  }
  return room;
}

Room room_for(const Scenario& scenario, QueueId queue, const Resources& per_task) {
  Room best;
  const std::string& name = scenario.scheduler.queues[index(queue)].name;
  for (const Pool& pool : scenario.pools) {
    if (std::ranges::find(pool.queues, name) == pool.queues.end()) continue;
    const Room room = room_in(scenario, pool, per_task);
    if (room.tasks > best.tasks || best.pool.empty())
      best = {room.tasks, std::max(best.on_one_worker, room.on_one_worker), room.pool};
    else best.on_one_worker = std::max(best.on_one_worker, room.on_one_worker);
  }
  return best;
}

QueueId find_queue(const Node& node, const std::string& name, const Scenario& scenario) {
  std::vector<std::string_view> names;
  for (const QueueConfig& queue : scenario.scheduler.queues) names.push_back(queue.name);
  const auto it = std::ranges::find(names, name);
  if (it != names.end()) return QueueId{static_cast<std::uint32_t>(it - names.begin())};
  node.fail(fmt::format("there is no queue \"{}\"{}", printable(name), suggestion(name, names)));
  return QueueId{0};
}

bool is_periodic(const Node& entry) { return entry.json().is_object() && entry.json().contains("every"); }

void read_workload(const ObjectReader& top, Scenario& scenario, TraceCache& traces, const RunChecker& checker) {
  const Node workload = top.require("workload");
  const std::vector<Node> items = workload.items();
  if (items.empty()) workload.expected("at least one entry: jobs to run");
  for (std::size_t i = 0; i < items.size() && !workload.diagnostics().failed(); ++i) {
    if (is_periodic(items[i])) {
      scenario.periodic.push_back(read_periodic(items[i], scenario, checker));
      continue;
    }
    const bool is_trace = items[i].json().is_object() && items[i].json().contains("trace");
    Source source =
        is_trace ? Source(read_trace_jobs(items[i], scenario, traces)) : Source(read_synthetic(items[i], scenario, checker));
    std::visit(
        [&](auto& s) {
          if (s.name.empty()) s.name = fmt::format("jobs-{}", i);
        },
        source);
    scenario.workload.push_back(std::move(source));
  }
  if (!workload.diagnostics().failed()) narrow_reach(scenario);
}

}  // namespace drydock::scenarios

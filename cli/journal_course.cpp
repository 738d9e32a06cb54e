#include "cli/journal_course.hpp"

#include "cli/journal_file.hpp"
#include "policies/core/replay_facts.hpp"
#include "reports/chrome_trace.hpp"
#include "scenarios/faults/schedule.hpp"
#include "scenarios/loader.hpp"
#include "sim/platform.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <map>
#include <set>
#include <tuple>
#include <unistd.h>
#include <utility>

namespace drydock::cli {
namespace {

using reports::FaultSpan;
using reports::Happenings;

constexpr std::size_t kFaultsLooked = 500'000;  // turns of faults that may explain losses
constexpr std::size_t kFaultsDrawn = 1000;

// A journal while it is read, with what its header says.
struct OpenJournal {
  JournalFile file;
  scenarios::Scenario scenario;
  std::vector<std::string> queues;
};

Result<OpenJournal> open_with_scenario(const std::string& path) {
  auto file = open_journal(path);
  if (!file) return file.error();
  const JournalHeader& header = file.value().reader->header();
  auto loaded = scenarios::load_text(header.scenario, path + " (scenario)", std::filesystem::path(path).parent_path(),
                                     {.sets = {}, .read_traces = false});
  if (!loaded) return loaded.error();
  OpenJournal journal{std::move(file).value(), std::move(loaded.value().front()), {}};
  journal.scenario.scheduler.seed = header.seed;
  for (const QueueConfig& queue : journal.scenario.scheduler.queues) journal.queues.push_back(queue.name);
  return journal;
}

struct ReadThrough {
  Time end{};
  std::uint64_t steps = 0;
  std::optional<std::string> doubt;
};

// Calls `each` after every step. A journal that breaks off ends there; a fact that cannot be is an error.
template <class Each>
Result<ReadThrough> read_through(const std::string& path, OpenJournal& journal, Happenings& all, const Each& each) {
  replay_detail::FactChecker facts(journal.scenario.scheduler);
  JournalReader& reader = *journal.file.reader;
  JournalStep step;
  ReadThrough read;
  while (true) {
    const auto more = reader.next(step);
    if (!more) {
      if (read.steps == 0) return Error{fmt::format("{}: {}", path, more.error().message)};
      read.doubt = fmt::format("the journal breaks off after step {}, at {:.3f} s ({}); what came later is not shown",
                               read.steps, seconds(read.end), more.error().message);
      break;
    }
    if (!more.value()) break;
    ++read.steps;
    if (const auto problem = facts.problem_with(step))
      return Error{fmt::format("{}: step {} holds a fact that cannot be: {}", path, read.steps, *problem)};
    read.end = step.now;
    all.step(step.now, step.events, step.commands);
    each(step.now);
  }
  if (!read.doubt && reader.end() == JournalEnd::missing)
    read.doubt = fmt::format("the journal has no end: its writer died at {:.3f} s or later", seconds(read.end));
  all.finish(read.end);
  return read;
}

// Of the worker that each pool has on each host.
std::vector<std::string> hosts_of_workers(const scenarios::Scenario& scenario, const sim::Platform& platform) {
  std::vector<std::string> names;
  for (const sim::WorkerFacts& worker : platform.workers()) {
    const sim::HostFacts& host = platform.hosts()[worker.host];
    names.push_back(scenarios::host_name(scenario.hosts[host.group], host.number));
  }
  return names;
}

// What the scenario's faults did until `end`, by the draws of the seed.
std::vector<FaultSpan> faults_until(const OpenJournal& journal, const sim::Platform& platform, Time end) {
  using Phase = scenarios::FaultTurn::Phase;
  scenarios::FaultSchedule schedule(journal.scenario, journal.file.reader->header().seed);
  std::vector<FaultSpan> spans;
  std::map<std::tuple<std::size_t, std::uint32_t, std::uint64_t>, std::size_t> open;
  for (std::size_t turns = 0; schedule.next() <= end && turns < kFaultsLooked; ++turns) {
    const scenarios::FaultTurn turn = schedule.take();
    const auto key = std::tuple(turn.fault, turn.host.value_or(~0U), turn.number);
    if (turn.phase == Phase::ends) {
      const auto span = open.find(key);
      if (span == open.end()) continue;
      spans[span->second].to = turn.at;
      spans[span->second].lasts = false;
      open.erase(span);
    } else if (turn.phase != Phase::prepares) {
      FaultSpan span{.type = std::string(scenarios::type_of(journal.scenario.faults[turn.fault])),
                     .target = {},
                     .workers = {},
                     .from = turn.at,
                     .to = {},
                     .lasts = turn.phase == Phase::begins && !turn.down};
      if (turn.host) {
        const sim::HostFacts& host = platform.hosts()[*turn.host];
        span.target = scenarios::host_name(journal.scenario.hosts[host.group], host.number);
        span.workers = host.workers;
      }
      if (span.lasts) open[key] = spans.size();
      spans.push_back(std::move(span));
    }
  }
  return spans;
}

// Those that concern all, and of single hosts those whose workers are drawn.
void choose_faults(reports::JournalCourse& course) {
  std::set<WorkerId> drawn;
  for (const reports::GanttRow& row : course.gantt.rows) drawn.insert(row.worker);
  const std::size_t all = course.faults.size();
  std::size_t kept = 0;
  std::erase_if(course.faults, [&](const FaultSpan& fault) {
    const bool shown =
        fault.workers.empty() || std::ranges::any_of(fault.workers, [&](WorkerId w) { return drawn.contains(w); });
    return !shown || ++kept > kFaultsDrawn;
  });
  course.more_faults = all - course.faults.size();
}

void say_notes(const OpenJournal& journal, const ReadThrough& read, reports::JournalCourse& course) {
  course.notes.emplace_back(
      "Of the scheduler's view: a worker counts as live until the scheduler learns of its death, an attempt runs from when "
      "it was sent "
      "until its end was reported.");
  if (!course.faults.empty())
    course.notes.emplace_back(
        "Faults stand where the scenario and its seed put them; those that each message or order has for itself, and poison "
        "jobs, are not drawn.");
  if (std::ranges::any_of(journal.scenario.faults,
                          [](const auto& f) { return std::holds_alternative<scenarios::WorkerStop>(f); }))
    course.notes.emplace_back("Of a worker-stop its beginning is drawn; it ends when the worker is back.");
  if (read.doubt) course.doubts.push_back(*read.doubt);
}

// The chart needs to know beforehand which workers it is to have.
Result<reports::Gantt::Chart> read_gantt(const std::string& path, std::span<const std::uint32_t> losses) {
  auto opened = open_with_scenario(path);
  if (!opened) return opened.error();
  const reports::GanttOptions options;
  reports::Gantt gantt(reports::choose_workers(losses, options.workers), options);
  Happenings all(false);
  const auto take = [&](Time) {
    for (const reports::Stretch& stretch : all.ended()) gantt.add(stretch);
  };
  const auto read = read_through(path, opened.value(), all, take);
  if (!read) return read.error();
  take(read.value().end);
  return gantt.finish();
}

}  // namespace

Result<reports::JournalCourse> read_course(const std::string& path) {
  auto opened = open_with_scenario(path);
  if (!opened) return opened.error();
  OpenJournal& journal = opened.value();
  reports::JournalCourse course;
  course.label = path;
  course.title = describe(journal.file.reader->header());
  course.queues = journal.queues;
  Happenings all(!journal.scenario.scheduler.accounting.type.empty());
  reports::Timeline timeline(journal.queues);
  std::vector<std::uint32_t> losses;
  const auto read = read_through(path, journal, all, [&](Time now) {
    timeline.step(now, all);
    for (const reports::WorkerMark& mark : all.marks()) {
      if (index(mark.worker) >= losses.size()) losses.resize(index(mark.worker) + 1);
      losses[index(mark.worker)] += mark.lost;
    }
  });
  if (!read) return read.error();
  const sim::Platform platform(journal.scenario);
  course.hosts = hosts_of_workers(journal.scenario, platform);
  course.faults = faults_until(journal, platform, read.value().end);
  course.steps = read.value().steps;
  course.workers = losses.size();
  course.course = timeline.finish(read.value().end, course.faults);
  auto gantt = read_gantt(path, losses);
  if (!gantt) return gantt.error();
  course.gantt = std::move(gantt).value();
  choose_faults(course);
  say_notes(journal, read.value(), course);
  return course;
}

Result<TraceWritten> write_trace(const std::string& path, const std::string& out, std::uint64_t most_events) {
  auto opened = open_with_scenario(path);
  if (!opened) return opened.error();
  OpenJournal& journal = opened.value();
  const sim::Platform platform(journal.scenario);
  const std::string draft = fmt::format("{}.{}.tmp", out, getpid());
  errno = 0;
  std::ofstream file(draft, std::ios::binary);
  if (!file) return Error{fmt::format("cannot write {}: {}", out, std::strerror(errno))};
  Happenings all(false);
  reports::ChromeTrace trace(file, {.title = describe(journal.file.reader->header()),
                                    .queues = journal.queues,
                                    .hosts = hosts_of_workers(journal.scenario, platform),
                                    .most_events = most_events});
  const auto read = read_through(path, journal, all, [&](Time now) { trace.step(now, all); });
  std::error_code ignored;
  if (!read) {
    std::filesystem::remove(draft, ignored);
    return read.error();
  }
  std::vector<FaultSpan> faults = faults_until(journal, platform, read.value().end);
  if (faults.size() > kFaultsDrawn) faults.resize(kFaultsDrawn);
  trace.finish(read.value().end, all, faults);
  file.close();
  if (!file || std::rename(draft.c_str(), out.c_str()) != 0) {
    const std::string why = std::strerror(errno);
    std::filesystem::remove(draft, ignored);
    return Error{fmt::format("cannot write {}: {}", out, why)};
  }
  return TraceWritten{trace.events(), trace.left_out(), trace.full_since(), read.value().doubt};
}

}  // namespace drydock::cli

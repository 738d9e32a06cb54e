#include "scenarios/trace.hpp"

#include "scenarios/units.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace drydock::scenarios {

void LineTally::add(std::uint64_t line) {
  constexpr std::size_t kShown = 10;
  if (++count <= kShown) first_lines.push_back(line);
}

Result<RawTrace> read_trace(const std::filesystem::path& file, std::string path, const TraceOptions& options) {
  auto opened = open_file(file);
  if (!opened) return Error{opened.error().message};
  switch (options.format) {
    case TraceFormat::swf: return read_swf(std::move(opened).value(), std::move(path));
    case TraceFormat::csv: return read_csv(std::move(opened).value(), std::move(path), options.csv);
    case TraceFormat::batsim: return read_batsim(std::move(opened).value(), std::move(path), options.flops_per_s);
    case TraceFormat::journal: return read_journal_jobs(std::move(opened).value(), std::move(path));
  }
  return Error{"no such format"};
}

std::string_view name_of(TraceFormat format) {
  switch (format) {
    case TraceFormat::swf: return "swf";
    case TraceFormat::csv: return "csv";
    case TraceFormat::batsim: return "batsim";
    case TraceFormat::journal: return "journal";
  }
  return {};
}

std::string place_in(const RawTrace& raw, std::uint64_t line) {
  return raw.counts == "line" ? fmt::format("{}:{}", raw.path, line) : fmt::format("{}: {} {}", raw.path, raw.counts, line);
}

namespace {

// Submission of a job relative to the first one used.
std::int64_t moved(std::int64_t submit_ns, std::int64_t first_ns, const TraceOptions& options) {
  std::int64_t since = submit_ns - first_ns;
  if (options.load != 1.0) {
    since =
        static_cast<std::int64_t>(std::min(static_cast<double>(since) / options.load, static_cast<double>(nanos(kLongest))));
  }
  return std::min(options.rebase ? since : first_ns + since, nanos(kLongest));
}

// What runs for some time, runs for some time.
std::int64_t faster(std::int64_t ns, double scale) {
  if (scale == 1.0 || ns <= 0) return ns;
  return std::max<std::int64_t>(1, std::llround(static_cast<long double>(ns) / static_cast<long double>(scale)));
}

}  // namespace

Result<TraceWindow> select_jobs(const RawTrace& raw, const TraceOptions& options, const std::vector<TraceTarget>& targets) {
  TraceWindow window;
  const double scale = options.time_scale / raw.time_scale;
  const std::uint64_t most = options.count.value_or(raw.jobs.size());
  window.jobs.reserve(std::min<std::uint64_t>(most, raw.jobs.size()));
  std::uint64_t valid = 0;
  std::int64_t first_ns = 0;
  for (const RawJob& job : raw.jobs) {
    if (window.jobs.size() == most) break;
    const TraceTarget& target = targets[job.queue];
    if (job.tasks > target.most_tasks) {
      if (options.skip_oversized) {
        window.oversized.add(job.line);
        continue;
      }
      return Error{
          fmt::format("{}: this job has {} tasks, but the largest pool that serves its queue can hold {} of them at "
                      "once; add hosts, or set \"oversized\": \"skip\" to leave such jobs out",
                      place_in(raw, job.line), job.tasks, target.most_tasks)};
    }
    if (job.tasks > target.most_startable) {
      return Error{
          fmt::format("{}: this job has {} tasks, which the placement policy puts on one worker, but the largest "
                      "worker can hold {} of them",
                      place_in(raw, job.line), job.tasks, target.most_startable)};
    }
    if (valid++ < options.first) continue;
    if (window.jobs.empty()) first_ns = job.submit_ns;
    TraceJob used;
    used.submit_ns = moved(job.submit_ns, first_ns, options);
    used.work_ns = job.runtime_ns;
    used.estimate_ns = job.runtime_ns;
    used.tasks = job.tasks;
    used.queue = target.queue;
    if (options.estimate == TraceEstimate::requested) {
      if (job.requested_ns > 0) {
        used.estimate_ns = job.requested_ns;
      } else {
        window.without_estimate.add(job.line);
      }
    }
    used.submit_ns = faster(used.submit_ns, scale);
    used.work_ns = faster(used.work_ns, scale);
    used.estimate_ns = faster(used.estimate_ns, scale);
    window.jobs.push_back(used);
  }
  if (window.jobs.empty()) {
    return Error{fmt::format("{}: no jobs to use: {} read, {} valid, {} too large for the pools, {} left out at the front",
                             raw.path, raw.read, raw.jobs.size(), window.oversized.count, std::min(valid, options.first))};
  }
  return window;
}

}  // namespace drydock::scenarios

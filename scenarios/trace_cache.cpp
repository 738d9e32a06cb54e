#include "scenarios/trace_cache.hpp"

#include <fmt/format.h>

namespace drydock::scenarios {
namespace {

// Everything that says how a file is read.
std::string file_key(const std::string& path, const TraceOptions& options) {
  const CsvColumns& csv = options.csv;
  std::string key = fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}", path, static_cast<int>(options.format),
                                options.flops_per_s, csv.submit, csv.submit_unit_ns, csv.runtime_base_ns, csv.tasks,
                                csv.estimate, csv.estimate_unit_ns, csv.queue, csv.delimiter);
  for (const CsvTerm& term : csv.runtime) key += fmt::format("\n{}\n{}", term.column, term.factor_ns);
  return key;
}

// "25 with a runtime that is not positive (lines 3, 17), 884 larger than the pools (line 40)"; by intent left out are not told.
std::string left_out(const RawTrace& raw, const TraceWindow& window) {
  std::string text;
  const auto tell = [&](const LineTally& tally, std::string_view why) {
    if (tally.count == 0) return;
    const bool more = tally.count > tally.first_lines.size();
    text += fmt::format("{}{} {} ({}{} {}{})", text.empty() ? "" : ", ", tally.count, why, raw.counts,
                        tally.count == 1 ? "" : "s", fmt::join(tally.first_lines, ", "), more ? ", ..." : "");
  };
  for (const auto& [why, tally] : raw.skipped) tell(tally, why);
  tell(window.oversized, "larger than the pools");
  return text.empty() ? text : fmt::format("{}: jobs left out: {}", raw.path, text);
}

}  // namespace

Result<TraceCache::Jobs> TraceCache::jobs(const std::string& path, const TraceOptions& options,
                                          const std::function<TraceTarget(const std::string&, const JobSpec*)>& target_of) {
  if (!read_) return Jobs{std::make_shared<const std::vector<TraceJob>>(), {}, {}, {}};
  std::string key = file_key(path, options);
  auto& raw = raw_[key];
  if (!raw) {
    const std::filesystem::path file(path);
    auto trace = read_trace(file.is_absolute() ? file : base_ / file, path, options);
    if (!trace) return Error{trace.error().message};
    raw = std::make_shared<const RawTrace>(std::move(trace).value());
  }
  std::vector<TraceTarget> targets;
  key +=
      fmt::format("\n{}\n{}\n{}\n{}\n{}\n{}\n{}", options.first, options.count.value_or(~std::uint64_t{0}), options.rebase,
                  options.load, options.time_scale, static_cast<int>(options.estimate), options.skip_oversized);
  for (std::size_t q = 0; q < raw->queues.size(); ++q) {
    targets.push_back(target_of(raw->queues[q], raw->kinds.empty() ? nullptr : &raw->kinds[q]));
    if (!raw->kinds.empty()) targets.back().queue = static_cast<std::uint32_t>(q);
    key += fmt::format("\n{} {} {}", targets.back().queue, targets.back().most_tasks, targets.back().most_startable);
  }
  Jobs& window = windows_[key];
  if (!window.jobs) {
    auto selected = select_jobs(*raw, options, targets);
    if (!selected) return Error{selected.error().message};
    window.left_out = left_out(*raw, selected.value());
    window.queues = raw->queues;
    window.kinds = raw->kinds;
    window.jobs = std::make_shared<const std::vector<TraceJob>>(std::move(selected).value().jobs);
  }
  return window;
}

}  // namespace drydock::scenarios

#include "cli/journal_measure.hpp"

#include "cli/journal_file.hpp"
#include "policies/core/check_leaders.hpp"
#include "reports/journal_meter.hpp"
#include "sim/measured.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <utility>
#include <vector>

namespace drydock::cli {
namespace {

// A journal with the step that is next in it.
struct Segment {
  std::string path;
  JournalFile file;
  JournalStep step;
  bool more = false;
};

Result<bool> advance(Segment& segment) {
  const auto more = segment.file.reader->next(segment.step);
  if (!more) return Error{fmt::format("{}: {}", segment.path, more.error().message)};
  segment.more = more.value();
  return segment.more;
}

Result<std::vector<std::unique_ptr<Segment>>> open_all(std::span<const std::filesystem::path> paths) {
  std::vector<std::unique_ptr<Segment>> segments;
  for (const std::filesystem::path& path : paths) {
    auto file = open_journal(path.string());
    if (!file) return file.error();
    segments.push_back(std::make_unique<Segment>(
        Segment{.path = path.string(), .file = std::move(file).value(), .step = {}, .more = false}));
    if (const auto begun = advance(*segments.back()); !begun) return begun.error();
  }
  return segments;
}

// One after the other, as `drydock check` reads them.
Result<bool> check_all(const JournalRun& run, reports::RunResult& result) {
  constexpr std::size_t kMost = 100;
  const ControlPlaneConfig& plane = run.scenario.scheduler.control_plane;
  LeaderChecker leaders;
  for (const std::filesystem::path& path : run.journals) {
    auto file = open_journal(path.string());
    if (!file) return file.error();
    Checker checker({.limit = kMost, .per_worker = !plane.aggregate, .holds_all = plane.lookahead == 0});
    leaders.begin(path.string());
    JournalStep step;
    while (true) {
      const auto more = file.value().reader->next(step);
      if (!more) return Error{fmt::format("{}: {}", path.string(), more.error().message)};
      if (!more.value()) break;
      checker.step(step.now, step.events, step.commands);
      leaders.step(step.now, step.events, step.commands);
    }
    checker.finish(file.value().reader->end() == JournalEnd::all_ended);
    result.violations.insert(result.violations.end(), checker.violations().begin(), checker.violations().end());
    result.violation_count += checker.violation_count();
  }
  const std::vector<Violation> together = leaders.finish();
  result.violations.insert(result.violations.end(), together.begin(), together.end());
  result.violation_count += together.size();
  result.checked = true;
  return true;
}

}  // namespace

Result<reports::RunResult> measure_journals(const JournalRun& run) {
  auto opened = open_all(run.journals);
  if (!opened) return opened.error();
  const std::vector<std::unique_ptr<Segment>>& segments = opened.value();
  const sim::Platform platform(run.scenario);
  reports::JournalMeter meter(sim::meter_config(run.scenario, platform, run.seed), run.seen);
  reports::RunResult result;
  result.variant = run.scenario.variant;
  result.seed = run.seed;
  Time last = run.seen.origin;
  while (true) {
    const auto key = [](const std::unique_ptr<Segment>& segment) { return segment->more ? segment->step.now : kNever; };
    const auto next = std::ranges::min_element(segments, {}, key);
    if (next == segments.end() || !(*next)->more) break;
    Segment& segment = **next;
    last = segment.step.now;
    ++result.steps;
    result.journal_hash = segment.step.hash;
    meter.step(static_cast<std::size_t>(next - segments.begin()), last, segment.step.events, segment.step.commands);
    if (const auto more = advance(segment); !more) return more.error();
  }
  reports::JournalMeter::Measured measured = meter.finish(std::max(last, run.ended.value_or(last)));
  result.metrics = std::move(measured.metrics);
  result.distributions = std::move(measured.distributions);
  if (run.check) {
    if (const auto checked = check_all(run, result); !checked) return checked.error();
  }
  return result;
}

}  // namespace drydock::cli

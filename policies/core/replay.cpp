#include "policies/core/replay.hpp"

#include "policies/core/journal_json.hpp"
#include "policies/core/replay_facts.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <variant>

namespace drydock {

namespace {

bool same(std::span<const Placement> a, std::span<const Placement> b) { return std::ranges::equal(a, b); }

bool same(const Assignment& a, const Assignment& b) { return a.attempt == b.attempt && same(a.placements, b.placements); }

bool same(const Release& a, const Release& b) { return a.attempt == b.attempt && a.reason == b.reason; }

// One overload per kind of order, so that a new one does not compile until it is compared.
bool same(const Commit& a, const Commit& b) {
  return a.request == b.request &&
         std::ranges::equal(a.releases, b.releases, [](const Release& x, const Release& y) { return same(x, y); }) &&
         std::ranges::equal(a.assignments, b.assignments,
                            [](const Assignment& x, const Assignment& y) { return same(x, y); });
}
bool same(const ReadBatch& a, const ReadBatch& b) { return a.request == b.request && a.commit == b.commit; }
bool same(const Dispatch& a, const Dispatch& b) { return a.attempt == b.attempt && same(a.placements, b.placements); }
bool same(const StopAttempt& a, const StopAttempt& b) { return a.attempt == b.attempt && a.reason == b.reason; }
bool same(const RejectJob& a, const RejectJob& b) { return a.job == b.job && a.reason == b.reason; }
bool same(const Halt& a, const Halt& b) { return a.why == b.why; }
bool same(const ReadRegistry& a, const ReadRegistry& b) { return a.request == b.request; }
bool same(const AskCounter& a, const AskCounter& b) {
  return a.request == b.request && a.op == b.op && a.amount == b.amount && a.limit == b.limit && a.version == b.version &&
         a.batch == b.batch && a.lease == b.lease;
}
bool same(const SumAllocations& a, const SumAllocations& b) { return a.request == b.request; }
bool same(const DeclareDead& a, const DeclareDead& b) { return a.worker == b.worker && a.incarnation == b.incarnation; }
bool same(const AskLease& a, const AskLease& b) { return a.request == b.request && a.op == b.op && a.ttl == b.ttl; }
bool same(const AskState& a, const AskState& b) { return a.request == b.request; }
bool same(const AskWorkers& a, const AskWorkers& b) { return a.request == b.request; }
bool same(const StepDown& a, const StepDown& b) { return a.reason == b.reason; }
bool same(const AskWaiting& a, const AskWaiting& b) {
  return a.request == b.request && a.queue == b.queue && a.after == b.after && a.limit == b.limit;
}
bool same(const NoteStatistics& a, const NoteStatistics& b) {
  return a.workers == b.workers && a.cpus == b.cpus && a.allocated == b.allocated && a.counted == b.counted &&
         a.waiting == b.waiting && a.delayed == b.delayed && a.active == b.active;
}

std::string list(std::span<const Command> commands) {
  if (commands.empty()) return "    (none)\n";
  std::string text;
  for (const Command& command : commands) {
    text += "    ";
    journal_detail::append_json(text, command);
    text += '\n';
  }
  return text;
}

std::string place_of(std::uint64_t step, Time now) { return fmt::format("step {} at {:.9f} s", step, seconds(now)); }

std::string describe(std::uint64_t step, const JournalStep& recorded, std::span<const Command> replayed, std::size_t first) {
  const std::string place = place_of(step, recorded.now);
  std::string facts;
  for (const Event& event : recorded.events) {
    facts += "    ";
    journal_detail::append_json(facts, event);
    facts += '\n';
  }
  return fmt::format("{}: command {} differs\n  facts of this step:\n{}  recorded commands:\n{}  replayed commands:\n{}",
                     place, first + 1, facts.empty() ? "    (none)\n" : facts, list(recorded.commands), list(replayed));
}

}  // namespace

bool same_command(const Command& a, const Command& b) {
  if (a.index() != b.index()) return false;
  return std::visit([&b](const auto& x) { return same(x, *std::get_if<std::remove_cvref_t<decltype(x)>>(&b)); }, a);
}

Result<ReplayReport> replay(JournalReader& journal, Scheduler& scheduler, Shadow* shadow) {
  ReplayReport report;
  JournalStep step;
  replay_detail::FactChecker facts(scheduler.config());
  while (true) {
    const Result<bool> more = journal.next(step);
    if (!more) return more.error();
    if (!more.value()) return report;
    ++report.steps;
    if (const auto problem = facts.problem_with(step)) {
      return Error{fmt::format("{} holds a fact that cannot be: {}", place_of(report.steps, step.now), *problem)};
    }
    const std::span<const Command> replayed = scheduler.step(step.now, step.events);
    if (shadow != nullptr) shadow->catch_up();
    report.commands += replayed.size();
    report.hash = scheduler.journal_hash();
    const auto first = std::ranges::mismatch(step.commands, replayed, same_command);
    if (first.in1 != step.commands.end() || first.in2 != replayed.end()) {
      report.difference = describe(report.steps, step, replayed, static_cast<std::size_t>(first.in2 - replayed.begin()));
      return report;
    }
    if (report.hash != step.hash) {
      report.difference = fmt::format("{}: the commands are the same, but the hash was {:016x} and is {:016x}",
                                      place_of(report.steps, step.now), step.hash, report.hash);
      return report;
    }
  }
}

}  // namespace drydock

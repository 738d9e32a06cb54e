#include "reports/trade_offs.hpp"

#include "reports/phrases.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <set>

namespace drydock::reports {
namespace {

constexpr std::string_view kLongestWait = "wait_s.max";
constexpr double kMuchLonger = 1.5;  // below that nobody would choose another variant for it

// How many times the reference's mean is the rival's, over the seeds of both; for metrics of which less is better.
double times_that_of(const Rival& rival) { return (rival.value.mean - rival.lead.mean) / rival.value.mean; }

// "But its longest wait, 6233 s, is 2.0 times that of greedy-backfill (3081 s)."
std::optional<std::string> say_longest_wait(const Verdict& wait, std::span<const RunResult> runs, const ShownUnits& units) {
  const auto longest = compare_with(wait.leader, runs, kLongestWait);
  if (!longest) return std::nullopt;
  const Rival* shortest = nullptr;
  for (const Rival& rival : longest->rivals) {
    const bool shown_worse = rival.lead.excludes_zero() && rival.lead.high() < 0;
    if (!shown_worse || rival.value.mean <= 0 || times_that_of(rival) < kMuchLonger) continue;
    if (shortest == nullptr || rival.value.mean < shortest->value.mean) shortest = &rival;
  }
  if (shortest == nullptr) return std::nullopt;
  const Scale scale = units.of(*describe(kLongestWait)->family);
  return fmt::format("{} longest wait, {}, is {:.1f} times that of {} ({}).",
                     wait.best ? "But its" : fmt::format("But {}'s", wait.leader), say_value(scale, longest->leader_value),
                     times_that_of(*shortest), shortest->variant, say_value(scale, shortest->value));
}

std::set<std::string> mean_waits_by_queue(std::span<const RunResult> runs) {
  std::set<std::string> names;
  for (const RunResult& run : runs) {
    for (const auto& [name, value] : run.metrics) {
      const auto info = describe(name);
      if (info && info->part.starts_with("queue ") && info->family->name == "wait_s" && info->statistic == "mean")
        names.insert(name);
    }
  }
  return names;
}

// "Queue interactive waits least under priority: 27.8 s (90 %) less than under easy."
std::string say_queue(const Verdict& queue, const std::string& overall, const ShownUnits& units) {
  const auto info = describe(queue.metric);
  const auto other =
      std::find_if(queue.rivals.begin(), queue.rivals.end(), [&](const Rival& rival) { return rival.variant == overall; });
  const Rival& against = other == queue.rivals.end() ? queue.rivals.front() : *other;
  return fmt::format("{} waits least under {}: {} than under {}.", capitalised(info->part), queue.leader,
                     say_lead_and_share(*info, units, against), against.variant);
}

std::vector<std::string> say_queues(const Verdict& wait, std::span<const RunResult> runs, std::span<const std::string> said,
                                    const ShownUnits& units, std::size_t room) {
  const std::set<std::string> queues = mean_waits_by_queue(runs);
  std::vector<std::string> sentences;
  if (queues.size() < 2) return sentences;
  for (const std::string& metric : queues) {
    if (std::find(said.begin(), said.end(), metric) != said.end()) continue;
    const auto verdict = judge(runs, metric);
    if (verdict && verdict->best && verdict->leader != wait.leader)
      sentences.push_back(say_queue(*verdict, wait.leader, units));
  }
  if (sentences.size() <= room) return sentences;
  const std::size_t kept = room - 1;
  const std::string rest = fmt::format("{}{} queues wait least under other variants than {}.", sentences.size() - kept,
                                       kept > 0 ? " further" : "", wait.leader);
  sentences.resize(kept);
  sentences.push_back(rest);
  return sentences;
}

}  // namespace

std::vector<std::string> say_trade_offs(const Verdict& wait, std::span<const RunResult> runs,
                                        std::span<const std::string> said, const ShownUnits& units, std::size_t room) {
  std::vector<std::string> sentences;
  if (room == 0) return sentences;
  if (auto longest = say_longest_wait(wait, runs, units)) {
    sentences.push_back(std::move(*longest));
    --room;
  }
  if (room == 0) return sentences;
  for (std::string& sentence : say_queues(wait, runs, said, units, room)) sentences.push_back(std::move(sentence));
  return sentences;
}

}  // namespace drydock::reports

#include "reports/findings.hpp"

#include "reports/phrases.hpp"
#include "reports/trade_offs.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>
#include <vector>

namespace drydock::reports {
namespace {

constexpr std::size_t kNamesMost = 3;      // of tied variants in a sentence
constexpr std::size_t kSentencesMost = 6;  // in all
constexpr std::size_t kMetricsMost = 3;    // with a sentence of their own

std::string say_best(const Verdict& verdict, const MetricInfo& info, const ShownUnits& units) {
  const Rival& next = verdict.rivals.front();
  const Rival& last = verdict.rivals.back();
  std::string text = fmt::format("{} has the {} {}: {} than {}", verdict.leader, info.family->best_is, info.noun(),
                                 say_lead_and_share(info, units, next), next.variant);
  if (verdict.rivals.size() > 1) text += ", the next best";
  text += fmt::format(" ({}, {} paired seeds)", say_interval(info, units, next.lead, verdict.confidence), next.lead.n);
  if (verdict.rivals.size() > 1)
    text += fmt::format(", and {} than {}", say_lead_and_share(info, units, last), last.variant);
  return text + ".";
}

std::string say_tie(const Verdict& verdict, const MetricInfo& info, const ShownUnits& units) {
  std::vector<std::string> open;
  std::vector<std::string> equal;
  std::vector<std::string> beaten;
  const Rival* nearest = nullptr;
  for (const Rival& rival : verdict.rivals) {
    (rival.shown ? beaten : rival.equal ? equal : open).push_back(rival.variant);
    if (!rival.shown && !rival.equal && nearest == nullptr) nearest = &rival;
  }
  std::string text = capitalised(info.noun()) + ": ";
  if (open.empty()) {
    equal.insert(equal.begin(), verdict.leader);
    text += fmt::format("{} give exactly the same", join(equal));
  } else if (open.size() + equal.size() > kNamesMost) {
    text += fmt::format("{} has the best mean ({}), but no difference is shown to {} others", verdict.leader,
                        say_value(units.of(*info.family), verdict.leader_value), open.size() + equal.size());
  } else {
    open.insert(open.begin(), equal.begin(), equal.end());
    open.insert(open.begin(), verdict.leader);
    text += fmt::format("no difference shown between {}", join(open));
    if (open.size() == 2) {
      text += fmt::format(" ({} with {}; {}, {} paired seeds)", say_lead(info, units, *nearest), verdict.leader,
                          say_interval(info, units, nearest->lead, verdict.confidence), nearest->lead.n);
    }
  }
  if (!beaten.empty()) text += fmt::format("; {} is shown to be better than {}", verdict.leader, join(beaten));
  return text + ".";
}

// One run each: no interval, so nothing is claimed beyond these runs.
std::string say_single(const Verdict& verdict, const MetricInfo& info, const ShownUnits& units, bool random) {
  const Rival& next = verdict.rivals.front();
  std::string text =
      fmt::format("{} has the {} {} in this {}: {} than {}", verdict.leader, info.family->best_is, info.noun(),
                  random ? "one run" : "scenario", say_lead_and_share(info, units, next), next.variant);
  if (next.equal) {
    text = fmt::format("{}: {} and {} give exactly the same", capitalised(info.noun()), verdict.leader, next.variant);
  } else if (verdict.rivals.size() > 1) {
    text += ", the next best";
  }
  if (verdict.rivals.size() > 1 && !verdict.rivals.back().equal) {
    const Rival& last = verdict.rivals.back();
    text += fmt::format(", and {} than {}", say_lead_and_share(info, units, last), last.variant);
  }
  return text + ".";
}

bool is_open(const Verdict& verdict) {
  return std::any_of(verdict.rivals.begin(), verdict.rivals.end(),
                     [](const Rival& r) { return r.lead.half_width && !r.shown && !r.equal; });
}

}  // namespace

std::string say(const Verdict& verdict, const ShownUnits& units, bool random) {
  const auto info = describe(verdict.metric);
  if (!info || verdict.rivals.empty()) return {};
  if (verdict.all_equal) return fmt::format("{}: exactly the same in all variants.", capitalised(info->noun()));
  if (verdict.best) return say_best(verdict, *info, units);
  const bool intervals = std::all_of(verdict.rivals.begin(), verdict.rivals.end(),
                                     [](const Rival& r) { return r.lead.half_width.has_value(); });
  return intervals ? say_tie(verdict, *info, units) : say_single(verdict, *info, units, random);
}

std::vector<std::string> say_findings(std::span<const RunResult> runs, std::span<const std::string> metrics,
                                      const ShownUnits& units, bool random) {
  std::vector<Verdict> verdicts;
  for (const std::string& metric : metrics) {
    if (verdicts.size() == kMetricsMost) break;
    if (auto verdict = judge(runs, metric)) verdicts.push_back(std::move(*verdict));
  }
  const bool open = std::any_of(verdicts.begin(), verdicts.end(), is_open);
  const std::size_t room = kSentencesMost - verdicts.size() - (open ? 1 : 0);
  std::vector<std::string> sentences;
  for (const Verdict& verdict : verdicts) {
    sentences.push_back(say(verdict, units, random));
    if (verdict.metric != kMeanWait) continue;
    for (std::string& sentence : say_trade_offs(verdict, runs, metrics, units, room))
      sentences.push_back(std::move(sentence));
  }
  if (open) sentences.emplace_back("Where no difference is shown there may still be one: more seeds would tell.");
  return sentences;
}

}  // namespace drydock::reports

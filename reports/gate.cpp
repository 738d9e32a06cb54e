#include "reports/gate.hpp"

#include "reports/difference_words.hpp"
#include "reports/numbers.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace drydock::reports {
namespace {

struct Judged {
  GateOutcome outcome = GateOutcome::undecided;
  std::string why;
};

bool lower_is_better(const std::string& metric) {
  const auto info = describe(metric);
  return !info || info->better() != Better::higher;
}

std::string say_amount(const std::string& metric, double value) {
  const auto info = describe(metric);
  const Scale scale = info ? scale_for(info->family->unit, value) : Scale{};
  return round_to(value * scale.factor, std::nullopt) + scale.suffix;
}

std::string say_runs_of(std::size_t n) { return fmt::format("{} run{}", n, n == 1 ? "" : "s"); }

// How a contrast lies to 0, where it should be at most that.
GateOutcome outcome_of(const Contrast& excess, double confidence) {
  if (!excess.has_interval()) return GateOutcome::undecided;
  if (excess.upper(confidence) <= 0) return GateOutcome::holds;
  return excess.lower(confidence) > 0 ? GateOutcome::broken : GateOutcome::undecided;
}

Contrast negated(Contrast contrast) {
  contrast.mean = -contrast.mean;
  return contrast;
}

// How many runs would probably decide what `n` of them leave open.
std::string say_runs_needed(const Contrast& excess, double confidence, std::size_t n) {
  if (!excess.has_interval()) return "a single run tells nothing of chance: run more seeds";
  constexpr double kMost = 10'000;
  const double half = excess.upper(confidence) - excess.mean;
  const double needed = excess.mean == 0 ? kMost : std::ceil(static_cast<double>(n) * std::pow(half / excess.mean, 2)) + 1;
  if (needed >= kMost) return "it is too close to the limit for any reasonable number of seeds";
  return fmt::format("about {:.0f} seeds would probably tell, these are {}", needed, n);
}

// "3.1 % worse", "1.2 % better".
std::string say_worsening(double part) {
  if (part == 0) return "no worse";
  return fmt::format("{:.2g} % {}", std::abs(part) * 100, part > 0 ? "worse" : "better");
}

std::string say_allowed(const GateRule& rule, const std::string& limit) {
  return rule.limit >= 0 ? fmt::format("{} worse is allowed", limit) : fmt::format("{} better is asked for", limit);
}

// The bounds, each with the confidence of the rule, of how much worse the other side is, as a part of the base.
std::optional<Interval> worsening_range(const Samples& samples, const SampledValues& values, bool lower, double confidence) {
  const auto range = relative_change(values.base, values.other, samples.pairing, 2 * confidence - 1);
  if (!range) return std::nullopt;
  return lower ? *range : Interval{-range->high, -range->low};
}

enum class ShownBound { least, most, both };

// What of a range is worth telling: the bound that decided, or both.
ShownBound shown_of(GateOutcome outcome, bool limit_above) {
  if (outcome == GateOutcome::undecided) return ShownBound::both;
  return (outcome == GateOutcome::holds) == limit_above ? ShownBound::most : ShownBound::least;
}

std::string say_bounds(const GateRule& rule, ShownBound shown, const std::string& least, const std::string& most) {
  const std::string confidence = say_percent(rule.confidence);
  switch (shown) {
    case ShownBound::most: return fmt::format(", with {} confidence at most {}", confidence, most);
    case ShownBound::least: return fmt::format(", with {} confidence at least {}", confidence, least);
    case ShownBound::both: return fmt::format(", between {} and {} with {} confidence each", least, most, confidence);
  }
  return {};
}

Judged judge_worsening(const GateRule& rule, const Samples& samples) {
  const SampledValues values = values_of(samples, rule.metric);
  if (values.base.empty() || values.other.empty()) return {GateOutcome::undecided, "not measured on both sides"};
  const bool lower = lower_is_better(rule.metric);
  const bool percent = rule.kind == GateKind::not_worse_than_percent;
  const double part = percent ? rule.limit / 100 : 0;
  Contrast excess = contrast_of(samples, values, lower ? 1 + part : 1 - part);
  if (!lower) excess = negated(excess);
  if (!percent) excess.mean -= rule.limit;
  Judged judged{outcome_of(excess, rule.confidence), {}};

  const double base = estimate(values.base).mean;
  const double other = estimate(values.other).mean;
  const double worse = lower ? other - base : base - other;
  std::string text = fmt::format("{} against {}", say_amount(rule.metric, other), say_amount(rule.metric, base));
  std::string limit;
  if (percent) {
    limit = fmt::format("{:.6g} %", std::abs(rule.limit));
    if (base != 0) text += fmt::format(", {}", say_worsening(worse / std::abs(base)));
    const auto range = samples.exact ? std::nullopt : worsening_range(samples, values, lower, rule.confidence);
    if (range)
      text += say_bounds(rule, shown_of(judged.outcome, true), say_worsening(range->low), say_worsening(range->high));
  } else {
    const auto say = [&](double by) {
      return by == 0 ? std::string("no worse")
                     : fmt::format("{} {}", say_amount(rule.metric, std::abs(by)), by > 0 ? "worse" : "better");
    };
    limit = say_amount(rule.metric, std::abs(rule.limit));
    text += ", " + say(worse);
    if (excess.has_interval() && !samples.exact)
      text += say_bounds(rule, shown_of(judged.outcome, true), say(excess.lower(rule.confidence) + rule.limit),
                         say(excess.upper(rule.confidence) + rule.limit));
  }
  judged.why = fmt::format("{}; {}", text, say_allowed(rule, limit));
  if (judged.outcome == GateOutcome::undecided)
    judged.why +=
        fmt::format("; {}", say_runs_needed(excess, rule.confidence, std::min(values.base.size(), values.other.size())));
  return judged;
}

Judged judge_every_run(const GateRule& rule, const std::vector<const RunResult*>& runs) {
  std::size_t beyond = 0;
  std::size_t measured = 0;
  const RunResult* worst = nullptr;
  const bool most = rule.kind == GateKind::at_most;
  for (const RunResult* run : runs) {
    const auto found = run->metrics.find(rule.metric);
    if (found == run->metrics.end()) continue;
    ++measured;
    const double value = found->second;
    if (most ? value <= rule.limit : value >= rule.limit) continue;
    ++beyond;
    if (worst == nullptr || (most ? value > worst->metrics.at(rule.metric) : value < worst->metrics.at(rule.metric)))
      worst = run;
  }
  if (measured == 0) return {GateOutcome::undecided, "not measured in any run"};
  const std::string limit = say_amount(rule.metric, rule.limit);
  if (beyond == 0)
    return {GateOutcome::holds,
            fmt::format("{} {} in each of {}", most ? "at most" : "at least", limit, say_runs_of(measured))};
  return {GateOutcome::broken,
          fmt::format("{} in {} of {}, as {} of seed {}", most ? "above " + limit : "below " + limit, beyond,
                      say_runs_of(measured), say_amount(rule.metric, worst->metrics.at(rule.metric)), worst->seed)};
}

Judged judge_bound(const GateRule& rule, const RecordedSide& side) {
  const std::vector<const RunResult*> runs = complete_runs(side);
  if (rule.every_run) return judge_every_run(rule, runs);
  std::vector<double> values;
  for (const RunResult* run : runs) {
    if (const auto found = run->metrics.find(rule.metric); found != run->metrics.end()) values.push_back(found->second);
  }
  if (values.empty()) return {GateOutcome::undecided, "not measured in any run"};
  const std::vector<double> nothing(values.size(), 0.0);
  const bool exact = values.size() == 1 && !side.of->random;
  const Contrast mean = exact ? exact_contrast(0, values.front()) : paired_contrast(nothing, values);
  const bool most = rule.kind == GateKind::at_most;
  Contrast excess = most ? mean : negated(mean);
  excess.mean += most ? -rule.limit : rule.limit;
  Judged judged{outcome_of(excess, rule.confidence), {}};
  judged.why = fmt::format("{} on average over {}", say_amount(rule.metric, mean.mean), say_runs_of(values.size()));
  if (mean.has_interval() && !exact)
    judged.why += say_bounds(rule, shown_of(judged.outcome, most), say_amount(rule.metric, mean.lower(rule.confidence)),
                             say_amount(rule.metric, mean.upper(rule.confidence)));
  judged.why += fmt::format("; {} {} is allowed", most ? "at most" : "at least", say_amount(rule.metric, rule.limit));
  if (judged.outcome == GateOutcome::undecided) judged.why += "; " + say_runs_needed(excess, rule.confidence, values.size());
  return judged;
}

Judged judge_violations(const RecordedSide& side) {
  std::size_t runs = 0;
  std::size_t checked = 0;
  std::uint64_t violations = 0;
  const RunResult* first = nullptr;
  for (const RunResult& run : side.of->runs) {
    if (run.variant != side.which().name) continue;
    ++runs;
    if (run.checked) ++checked;
    violations += run.violation_count;
    if (run.violation_count > 0 && first == nullptr) first = &run;
  }
  if (violations > 0) {
    std::string why = fmt::format("{} violation{} of invariants, the first under seed {}", violations,
                                  violations == 1 ? "" : "s", first->seed);
    if (!first->violations.empty())
      why += fmt::format(": [{}] {}", first->violations.front().invariant, first->violations.front().what);
    return {GateOutcome::broken, why};
  }
  if (checked < runs)
    return {GateOutcome::undecided,
            fmt::format("{} of {} were not checked: simulate with --check", runs - checked, say_runs_of(runs))};
  return {GateOutcome::holds, fmt::format("{} checked", say_runs_of(runs))};
}

Judged judge_complete(const RecordedSide& side) {
  const std::size_t incomplete = incomplete_runs(side);
  if (incomplete == 0) return {GateOutcome::holds, {}};
  return {GateOutcome::broken, fmt::format("{} failed or stopped before the end", say_runs_of(incomplete))};
}

const GateRule& completeness() {
  static const GateRule kRule = [] {
    GateRule rule;
    rule.kind = GateKind::all_complete;
    return rule;
  }();
  return kRule;
}

bool is_about(const GateRule& rule, const std::string& variant) {
  return rule.variants.empty() || std::ranges::find(rule.variants, variant) != rule.variants.end();
}

// `samples`: of the match, or null for a side by itself.
std::vector<GateVerdict> judge_side(std::span<const GateRule> rules, const RecordedSide& side, const std::string& title,
                                    const Samples* samples) {
  std::vector<GateVerdict> verdicts;
  if (Judged complete = judge_complete(side); complete.outcome == GateOutcome::broken)
    verdicts.push_back({&completeness(), title, complete.outcome, std::move(complete.why)});
  for (const GateRule& rule : rules) {
    if (!is_about(rule, side.which().name) || (rule.needs_base() && samples == nullptr)) continue;
    Judged judged;
    switch (rule.kind) {
      case GateKind::not_worse_than_percent:
      case GateKind::not_worse_than: judged = judge_worsening(rule, *samples); break;
      case GateKind::at_most:
      case GateKind::at_least: judged = judge_bound(rule, side); break;
      case GateKind::no_violations: judged = judge_violations(side); break;
      case GateKind::all_complete: judged = judge_complete(side); break;
    }
    verdicts.push_back({&rule, title, judged.outcome, std::move(judged.why)});
  }
  return verdicts;
}

}  // namespace

std::vector<GateVerdict> judge_gate(std::span<const GateRule> rules, std::span<const Match> matches,
                                    std::span<const RecordedSide> alone) {
  std::vector<GateVerdict> verdicts;
  const auto append = [&](std::vector<GateVerdict> more) {
    verdicts.insert(verdicts.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  for (const RecordedSide& side : alone) {
    const std::string& name = side.which().name;
    append(judge_side(rules, side, name.empty() ? side.of->label : name, nullptr));
  }
  for (const Match& match : matches) {
    const Samples samples = samples_of(match.base, match.other);
    append(judge_side(rules, match.other, match.title, &samples));
  }
  return verdicts;
}

std::string_view outcome_word(GateOutcome outcome) {
  switch (outcome) {
    case GateOutcome::holds: return "holds";
    case GateOutcome::broken: return "broken";
    case GateOutcome::undecided: return "undecided";
  }
  return {};
}

std::string say_rule(const GateRule& rule) {
  const std::string& metric = rule.metric;
  switch (rule.kind) {
    case GateKind::not_worse_than_percent:
      return rule.limit < 0 ? fmt::format("{} better by {:.6g} %", metric, -rule.limit)
                            : fmt::format("{} not worse than {:.6g} %", metric, rule.limit);
    case GateKind::not_worse_than:
      return rule.limit < 0 ? fmt::format("{} better by {}", metric, say_amount(metric, -rule.limit))
                            : fmt::format("{} not worse than {}", metric, say_amount(metric, rule.limit));
    case GateKind::at_most:
    case GateKind::at_least:
      return fmt::format("{} {} {}{}", metric, rule.kind == GateKind::at_most ? "at most" : "at least",
                         say_amount(metric, rule.limit), rule.every_run ? " in every run" : "");
    case GateKind::no_violations: return "no violations";
    case GateKind::all_complete: return "all runs complete";
  }
  return {};
}

}  // namespace drydock::reports

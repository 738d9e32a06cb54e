// Rules that recorded runs must keep, and whether they do: holds, broken, or undecided, because the runs are too few to say.
#pragma once

#include "reports/difference.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::reports {

enum class GateKind {
  not_worse_than_percent,  // than the base's mean; below 0: better by at least that
  not_worse_than,          // than the base's mean, in the unit of the metric
  at_most,                 // the mean, or each run
  at_least,
  no_violations,  // of invariants, in runs that looked for them
  all_complete,   // no run failed or was stopped: always asked for
};

struct GateRule {
  GateKind kind = GateKind::at_most;
  std::string metric;  // empty for no_violations
  double limit = 0;
  double confidence = 0.95;  // of `holds` and of `broken`, each by itself
  bool every_run = false;    // at_most, at_least: each run by itself, without statistics
  bool undecided_fails = true;
  std::vector<std::string> variants;  // that it is about; empty: all
  std::string place;                  // "rules.json:3: /rules/0", for messages
  [[nodiscard]] bool needs_base() const {
    return kind == GateKind::not_worse_than_percent || kind == GateKind::not_worse_than;
  }
};

enum class GateOutcome { holds, broken, undecided };

struct GateVerdict {
  const GateRule* rule = nullptr;
  std::string subject;  // whose runs: "easy"
  GateOutcome outcome = GateOutcome::undecided;
  std::string why;  // "mean wait is at most 3.1 % higher with 95 % confidence (5 % allowed)"
  [[nodiscard]] bool fails() const {
    return outcome == GateOutcome::broken || (outcome == GateOutcome::undecided && rule->undecided_fails);
  }
};

// Each rule, in order, for the `other` of each match that it is about; rules that need no base also for sides by themselves. That all runs
// were complete is a verdict only where it is broken. `rules` must outlive what is returned; the metrics of those that need a base must be
// ones of which a direction is better.
[[nodiscard]] std::vector<GateVerdict> judge_gate(std::span<const GateRule> rules, std::span<const Match> matches,
                                                  std::span<const RecordedSide> alone);

[[nodiscard]] std::string_view outcome_word(GateOutcome outcome);
// What the rule asks for: "wait_s.p95 not worse than 5 %", "jobs_failed at most 0 in every run", "no violations".
[[nodiscard]] std::string say_rule(const GateRule& rule);

}  // namespace drydock::reports

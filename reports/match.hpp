// Which of the recorded results are compared with which, and what to know about that.
#pragma once

#include "policies/core/result.hpp"
#include "reports/recorded.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace drydock::reports {

struct ChosenRun {
  Recorded recorded;
  std::optional<std::string> variant;  // the one that is meant; else all of them
};

struct Match {
  RecordedSide base;
  RecordedSide other;
  std::string title;       // of the other, as tables name it: "easy", "head", "head:easy"
  std::string base_title;  // never the same as `title`
};

struct Matches {
  std::vector<Match> matches;
  std::vector<std::string> notes;  // what both sides do not share, in sentences
};

// The first of `runs` is what the others are compared with, by the names of their variants; where one is chosen of both sides, or both
// have but one, these two. One result alone: its variants with its first. `runs` must outlive what is returned. Refuses results of
// scenarios that are not called the same, unless `across`; and what has nothing in common, or no complete run.
[[nodiscard]] Result<Matches> match_runs(std::span<const ChosenRun> runs, bool across);

// Where two JSON texts differ: pointers with what is there, "/policies/placement/type (\"fcfs\" -> \"sjf\")"; at most `most`, and how many
// more there are.
[[nodiscard]] std::vector<std::string> scenario_differences(const std::string& base, const std::string& other,
                                                            std::size_t most);

}  // namespace drydock::reports

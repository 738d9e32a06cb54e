// Variants side by side: what each gives over its seeds, and which differences are shown to be real.
//
// Runs are paired by seed: under one seed every variant sees the same jobs and faults, so that the difference of two
// variants varies far less than either (common random numbers). With K variants, "A is best" needs K - 1 comparisons to
// hold; each is made at confidence 1 - 0.05 / (K - 1) (Bonferroni), so that a wrong "best" is named in at most 5 % of
// comparisons, whatever the true order. See Hsu, "Multiple Comparisons" (1996), chapter 4.
#pragma once

#include "reports/metric_info.hpp"
#include "reports/run_result.hpp"
#include "reports/statistics.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::reports {

inline constexpr double kConfidence = 0.95;

struct VariantSummary {
  std::string variant;
  std::size_t runs = 0;
  std::size_t partial = 0;  // stopped before their end; they count in `metrics` only if no run was complete
  std::size_t failed = 0;   // gave no result
  std::map<std::string, Estimate> metrics;
  [[nodiscard]] bool only_partial() const { return runs > 0 && partial + failed == runs && partial > 0; }
};
// In the order in which variants first appear in `runs`.
[[nodiscard]] std::vector<VariantSummary> summarise(std::span<const RunResult> runs);

// How another variant differs from the leader.
struct Rival {
  std::string variant;
  Estimate value;      // of this variant, over the seeds that both completed
  Estimate lead;       // over the same seeds: by how much the leader is better
  bool shown = false;  // the interval of `lead` is above 0
  bool equal = false;  // the same value under every seed
};

struct Verdict {
  std::string metric;
  Better better = Better::lower;
  std::string leader;  // who has the best mean
  Estimate leader_value;
  std::vector<Rival> rivals;        // all other variants with this metric, the nearest first
  double confidence = kConfidence;  // of each rival's interval, after the correction
  bool best = false;                // shown against every rival, of whom there is at least one
  bool all_equal = false;
};
// Nothing when fewer than two variants have the metric from complete runs, or no direction of it is better, or some variants
// have no seed in common, or it is the makespan and a run was cut short.
[[nodiscard]] std::optional<Verdict> judge(std::span<const RunResult> runs, std::string_view metric);
// The same comparisons with a given variant in the leader's place, who may be worse than others: their leads are then below
// 0. Nothing also when the variant does not have the metric.
[[nodiscard]] std::optional<Verdict> compare_with(std::string_view variant, std::span<const RunResult> runs,
                                                  std::string_view metric);

}  // namespace drydock::reports

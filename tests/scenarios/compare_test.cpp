// What `compare` says of simulations of which the truth is known: the same system under other seeds, and one that is slower.
#include "reports/difference.hpp"
#include "scenarios/loader.hpp"
#include "sim/run.hpp"

#include <algorithm>
#include <atomic>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

namespace drydock::reports::compare_runs_test {
namespace {

constexpr std::uint64_t kSeeds = 8;  // of each side
constexpr std::uint64_t kRepetitions = 100;

// Two machines half busy; jobs take 2 s on average, and a tenth longer in the variant "slower".
std::vector<RunResult> simulate_all(std::uint64_t seeds) {
  constexpr std::string_view kScenario = R"({"name": "queue",
    "cluster": {"hosts": [{"name": "node", "count": 2, "cpus": 1}]},
    "workload": [{"count": 300, "arrivals": {"poisson": {"rate": "0.5/s"}}, "duration": {"exponential": {"mean": "2s"}}}],
    "variants": [{"name": "now"}, {"name": "slower", "set": {"/workload/0/duration": {"exponential": {"mean": "2.2s"}}}}]})";
  const auto loaded = scenarios::load_text(kScenario, "queue.json", ".");
  EXPECT_TRUE(loaded.ok()) << loaded.error().message;
  std::vector<sim::RunRequest> requests;
  for (const scenarios::Scenario& scenario : loaded.value()) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed)
      requests.push_back({.scenario = &scenario, .seed = seed, .options = {}});
  }
  const std::atomic<bool> stop{false};
  return sim::run_all(requests, 2, stop, [](const sim::Progress&) {});
}

ChosenRun chosen(const std::vector<RunResult>& runs, const std::string& variant, std::uint64_t first) {
  ChosenRun result;
  result.recorded.label = variant + std::to_string(first);
  result.recorded.variants.push_back({variant, "", ""});
  for (const RunResult& run : runs) {
    if (run.variant == variant && run.seed >= first && run.seed < first + kSeeds) result.recorded.runs.push_back(run);
  }
  return result;
}

// Whether any metric, or the response time alone, is shown to differ.
struct Shown {
  bool any = false;
  bool response_worse = false;
  bool distribution = false;
};
Shown compare(std::vector<ChosenRun> runs) {
  const auto matches = match_runs(runs, false);
  EXPECT_TRUE(matches.ok());
  const DifferenceReport report =
      find_differences(matches.value().matches, {}, {.confidence = 0.95, .margin = 0.05, .seed = 1, .resamples = 50});
  Shown shown;
  for (const Difference& one : report.sides.front().metrics) {
    shown.any = shown.any || is_shown(one.finding);
    if (one.metric == "response_s.mean") shown.response_worse = one.finding == Finding::worse;
  }
  for (const DistributionDifference& one : report.sides.front().distributions)
    shown.distribution = shown.distribution || (one.p_holm && *one.p_holm < 0.05);
  return shown;
}

TEST(CompareRuns, TheSameSystemIsNotToldApartFromItselfAndASlowerOneIs) {
  const std::vector<RunResult> runs = simulate_all(2 * kSeeds * kRepetitions);
  std::uint64_t clean = 0;
  std::uint64_t same_distribution = 0;
  std::uint64_t found = 0;
  std::uint64_t found_unpaired = 0;
  for (std::uint64_t k = 0; k < kRepetitions; ++k) {
    const std::uint64_t first = 1 + 2 * kSeeds * k;
    const Shown same = compare({chosen(runs, "now", first), chosen(runs, "now", first + kSeeds)});
    clean += same.any ? 0U : 1U;
    same_distribution += same.distribution ? 0U : 1U;
    found += compare({chosen(runs, "now", first), chosen(runs, "slower", first)}).response_worse ? 1U : 0U;
    found_unpaired += compare({chosen(runs, "now", first), chosen(runs, "slower", first + kSeeds)}).response_worse ? 1U : 0U;
  }
  EXPECT_GE(clean, 93U);
  EXPECT_GE(same_distribution, 93U);
  EXPECT_GE(found, 80U) << "a tenth longer, under the same seeds";
  EXPECT_LT(found_unpaired, found) << "what pairing is for";
}

}  // namespace
}  // namespace drydock::reports::compare_runs_test

// What poison-job and metastable-overload say that they show.
#include "tests/scenarios/runs.hpp"

namespace drydock::scenarios::retries_test {
namespace {

constexpr std::uint64_t kSeeds = 5;

TEST(MetastableOverload, LastsWithRetriesAndHealsWithABudget) {
  const auto runs = runs_of("metastable-overload", kSeeds);
  for (const std::string variant : {"fixed", "backoff"}) {
    for (const Metrics& run : runs.at(variant)) {
      EXPECT_EQ(run.at("baseline_regained"), 0) << variant << ": 80 minutes after the machines are back";
      EXPECT_FALSE(run.contains("time_to_baseline_s"));
      EXPECT_GT(run.at("jobs_failed"), 9000) << variant << ": all that came in the meantime";
    }
  }
  for (const std::string variant : {"budget", "backoff-and-budget", "no-retries"}) {
    for (const Metrics& run : runs.at(variant)) {
      EXPECT_EQ(run.at("baseline_regained"), 1) << variant;
      EXPECT_LT(run.at("time_to_baseline_s"), 60) << variant;
      EXPECT_LT(run.at("jobs_failed"), 2000) << variant;
    }
  }
}

// The fault is the same and ends at the same time: only what follows differs.
TEST(MetastableOverload, IsNotAboutTheLoadBefore) {
  auto loaded = load("metastable-overload");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  std::vector<sim::RunRequest> requests;
  for (Scenario& scenario : loaded.value()) {
    scenario.faults.clear();
    requests.push_back({.scenario = &scenario, .seed = 1, .options = {}});
  }
  const std::atomic<bool> stop{false};
  for (const auto& run : sim::run_all(requests, 2, stop, {})) {
    EXPECT_LT(run.metrics.at("jobs_failed"), 20) << run.variant;
    EXPECT_LT(run.metrics.at("response_s.mean"), 3) << run.variant;
  }
}

TEST(PoisonJob, TakesWorkersUntilItIsGivenUp) {
  const auto runs = runs_of("poison-job", kSeeds);
  for (const Metrics& run : runs.at("for-ever")) {
    EXPECT_GT(run.at("attempts_lost"), 300) << "one each half minute, for three hours, and others with it";
    EXPECT_EQ(run.at("jobs_quarantined"), 0);
  }
  for (const Metrics& run : runs.at("quarantine-3")) {
    EXPECT_GE(run.at("jobs_quarantined"), 1);
    EXPECT_LE(run.at("jobs_quarantined"), 3) << "hardly any innocent ones";
    EXPECT_LT(run.at("attempts_lost"), 20);
  }
  // One loss is no proof: those that ran beside it are given up as well.
  EXPECT_GT(mean_of(runs.at("quarantine-1"), "jobs_quarantined"), 1.5);
  EXPECT_LT(mean_of(runs.at("quarantine-3"), "wait_s.mean"), mean_of(runs.at("for-ever"), "wait_s.mean"));
}

}  // namespace
}  // namespace drydock::scenarios::retries_test

// What the built-in scenarios about several schedulers say that they show.
#include "tests/scenarios/runs.hpp"

namespace drydock::scenarios::leaders_test {
namespace {

constexpr std::uint64_t kSeeds = 6;
constexpr double kLease = 15;
constexpr double kRenew = 5;

TEST(SplitBrain, AnotherLeadsWithinTheLeaseAndASecond) {
  const auto runs = runs_of("split-brain", kSeeds);
  for (const char* variant : {"paused", "killed", "cut-off"}) {
    for (const Metrics& run : runs.at(variant)) {
      EXPECT_EQ(run.at("leader_changes"), 1) << variant;
      EXPECT_LE(run.at("leaderless_longest_s"), kLease + 1) << variant;
      EXPECT_EQ(run.at("jobs_completed"), 6000) << variant;
      EXPECT_EQ(run.at("attempts_lost"), 0) << variant;
      EXPECT_EQ(run.at("wasted_cpu_s"), 0) << variant;
    }
  }
  for (const Metrics& run : runs.at("none")) {
    EXPECT_EQ(run.at("leader_changes"), 0);
    EXPECT_LT(run.at("leaderless_s"), 1);
    EXPECT_EQ(run.at("refused_writes"), 0);
  }
}

TEST(SplitBrain, WhatThePausedLeaderHadNotSentIsRefusedWhenItIs) {
  const auto runs = runs_of("split-brain", kSeeds);
  for (const Metrics& run : runs.at("paused")) EXPECT_GT(run.at("refused_writes"), 0);
  // The dead write nothing, and one that is cut off stops by itself before anybody can refuse it.
  for (const char* variant : {"killed", "cut-off"}) {
    for (const Metrics& run : runs.at(variant)) EXPECT_EQ(run.at("refused_writes"), 0) << variant;
  }
}

TEST(RollingUpgrade, NothingIsLostOrRunTwiceAndTheTimeWithoutDecisionsIsBounded) {
  const auto runs = runs_of("rolling-upgrade", kSeeds);
  for (const auto& [variant, metrics] : runs) {
    const double bound = variant == "asked" ? kRenew : kLease;
    for (const Metrics& run : metrics) {
      EXPECT_EQ(run.at("jobs_completed"), 6000) << variant;
      EXPECT_EQ(run.at("attempts_lost"), 0) << variant;
      EXPECT_EQ(run.at("wasted_cpu_s"), 0) << variant;
      EXPECT_GE(run.at("leader_changes"), 1) << variant;
      EXPECT_LE(run.at("leader_changes"), 3) << variant;
      EXPECT_LE(run.at("leaderless_longest_s"), bound + 1) << variant;
    }
  }
}

TEST(ThunderingRestart, SchedulersCostNoWorkAndBothLittleMoreThanTheWorkers) {
  const auto runs = runs_of("thundering-restart", kSeeds);
  for (const auto& [variant, metrics] : runs) {
    for (const Metrics& run : metrics) {
      EXPECT_EQ(run.at("jobs_completed"), 9000) << variant;
      EXPECT_EQ(run.at("baseline_regained"), 1) << variant;
    }
  }
  for (const Metrics& run : runs.at("schedulers")) {
    EXPECT_EQ(run.at("attempts_lost"), 0);
    EXPECT_EQ(run.at("wasted_cpu_s"), 0);
    EXPECT_LE(run.at("leaderless_longest_s"), 20 + 1);
  }
  EXPECT_GT(mean_of(runs.at("workers"), "wasted_cpu_s"), 0);
  EXPECT_LT(mean_of(runs.at("both"), "time_to_baseline_s"), 2 * mean_of(runs.at("workers"), "time_to_baseline_s"));
}

}  // namespace
}  // namespace drydock::scenarios::leaders_test

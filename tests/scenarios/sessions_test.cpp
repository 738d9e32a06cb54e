// What short-lived-nodes says that it shows (the figures of a notebook service and of its alternatives).
#include "tests/scenarios/runs.hpp"

namespace drydock::scenarios::sessions_test {
namespace {

constexpr std::uint64_t kSeeds = 5;
constexpr double kMonths = 28 / (365.25 / 12);

const auto& runs() {
  static const auto all = runs_of("short-lived-nodes", kSeeds);
  return all;
}

TEST(ShortLivedNodes, FreeAccountsCoverLittleMoreThanHalfOfTheWeek) {
  for (const std::string variant : {"free", "free-fitting"}) {
    for (const Metrics& run : runs().at(variant)) {
      // 90 of 168 h less the startups, 2 min for each of 4 sessions in a window.
      EXPECT_NEAR(run.at("availability"), (90.0 - 12 * 2.0 / 60) / 168, 0.001) << variant;
      EXPECT_LE(run.at("availability"), 90.0 / 168);
      EXPECT_EQ(run.at("cost_usd"), 0);
    }
  }
}

TEST(ShortLivedNodes, PaidAndCloudNodesAreAlwaysThereAndCostByTheMonth) {
  const std::map<std::string, double> per_month{{"free-and-paid", 20}, {"free-and-cloud", 30}, {"mix", 50}};
  for (const auto& [variant, usd] : per_month) {
    for (const Metrics& run : runs().at(variant)) {
      EXPECT_DOUBLE_EQ(run.at("availability"), 1) << variant;
      EXPECT_NEAR(run.at("cost_usd"), usd * kMonths, 1e-6) << variant;
    }
  }
}

TEST(ShortLivedNodes, NobodyIsThereOnSundayEvening) {
  auto loaded = load("short-lived-nodes");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  for (const HostGroup& group : loaded.value().front().hosts) {
    ASSERT_TRUE(group.sessions);
    const SessionClock clock(*group.sessions);
    const Time sunday_evening = kTimeZero + std::chrono::hours{6 * 24 + 18};
    EXPECT_GE(clock.next_start(sunday_evening), kTimeZero + std::chrono::hours{7 * 24}) << group.name;
  }
}

TEST(ShortLivedNodes, WhatNobodyStopsIsFinished) {
  EXPECT_GT(mean_of(runs().at("free"), "wait_s.mean"), 4 * mean_of(runs().at("free-and-paid"), "wait_s.mean"));
  // Starting only what will end loses next to nothing at the ends of sessions; but for hours before them less and less starts.
  EXPECT_GT(mean_of(runs().at("free-fitting"), "wait_s.mean"), 1.1 * mean_of(runs().at("free"), "wait_s.mean"));
  EXPECT_LT(mean_of(runs().at("free-fitting"), "attempts_lost"), 0.05 * mean_of(runs().at("free"), "attempts_lost"));
}

}  // namespace
}  // namespace drydock::scenarios::sessions_test

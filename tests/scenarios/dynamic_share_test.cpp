// What the built-in scenario dynamic-share says that it shows.
#include "scenarios/loader.hpp"
#include "sim/run.hpp"

#include <algorithm>
#include <atomic>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

namespace drydock::scenarios::dynamic_share_test {
namespace {

constexpr std::uint64_t kSeeds = 20;
constexpr double kRequest = 2.9;  // seconds, of one request
constexpr double kLatency = 0.1;  // and more than what messages take in all

using Runs = std::map<std::string, std::vector<std::map<std::string, double>>>;

// The metrics of all runs, by variant.
const Runs& runs() {
  static const Runs all = [] {
    const auto loaded = load("dynamic-share");
    EXPECT_TRUE(loaded.ok()) << loaded.error().message;
    std::vector<sim::RunRequest> requests;
    for (const Scenario& scenario : loaded.value()) {
      EXPECT_EQ(requesting_workers(scenario), 4);
      for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        requests.push_back({.scenario = &scenario, .seed = seed, .options = {.check = true, .journal = {}}});
      }
    }
    const std::atomic<bool> stop{false};
    Runs by_variant;
    for (const auto& run : sim::run_all(requests, 2, stop, {})) {
      EXPECT_FALSE(run.error) << *run.error;
      EXPECT_EQ(run.violation_count, 0U);
      EXPECT_EQ(run.metrics.at("jobs_unfinished"), 0);
      by_variant[run.variant].push_back(run.metrics);
    }
    return by_variant;
  }();
  return all;
}

TEST(DynamicShare, HasTheFiguresOfTheSourceSystem) {
  const auto loaded = load("dynamic-share");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const ShareLimits& limits = loaded.value().front().limits->shares;
  EXPECT_EQ(limits.total, (Share{40, 800, 40'000}));
  EXPECT_EQ(limits.base, (Share{10, 200, 10'000}));
}

TEST(DynamicShare, OneWorkerAloneIsFourTimesFasterThanWithItsBaseShare) {
  for (std::uint64_t i = 0; i < kSeeds; ++i) {
    const double alone = runs().at("low-load")[i].at("makespan_s");
    const double base = runs().at("low-load-base-share")[i].at("makespan_s");
    EXPECT_NEAR(base / alone, 4, 0.05);
    EXPECT_NEAR(runs().at("low-load")[i].at("requests_per_minute.mean"), 800, 10);
    EXPECT_NEAR(runs().at("low-load-base-share")[i].at("requests_per_minute.mean"), 200, 1);
  }
}

TEST(DynamicShare, UnderHighLoadAllGetTheSame) {
  for (const auto& metrics : runs().at("high-load")) {
    // As long as one with its base share, all four of them.
    EXPECT_NEAR(metrics.at("response_s.mean"), runs().at("low-load-base-share")[0].at("response_s.mean"), 3);
    EXPECT_LT(metrics.at("response_s.max") - metrics.at("response_s.p50"), 3);
    EXPECT_NEAR(metrics.at("requests_per_minute.mean"), 800, 5);
    EXPECT_LE(metrics.at("share_excess.max_ratio"), 1);
  }
}

TEST(DynamicShare, TheNaiveRuleExceedsTheLimitUntilTheOldHolderHasAdjusted) {
  double most = 0;
  for (const std::string variant : {"changing-load", "changing-load-refused"}) {
    for (const auto& metrics : runs().at(variant)) {
      for (const std::string limit : {"", ".concurrency", ".requests_per_minute", ".tokens_per_minute"}) {
        EXPECT_DOUBLE_EQ(metrics.at("share_excess" + limit + ".max_ratio"), 2 - 1.0 / 4) << limit;
      }
      // Until it has noticed (5 s) and adjusted (10 s); requests beyond its share end by themselves.
      EXPECT_LE(metrics.at("share_excess.requests_per_minute.seconds"), 15 + kLatency);
      EXPECT_LE(metrics.at("share_excess.seconds"), 15 + kRequest + kLatency);
      most = std::max(most, metrics.at("share_excess.requests_per_minute.seconds"));
    }
  }
  EXPECT_GT(most, 10);
}

TEST(DynamicShare, WhatIsTooMuchIsServedOrRefused) {
  double served = 0;
  for (const auto& metrics : runs().at("changing-load")) {
    EXPECT_EQ(metrics.at("requests_refused"), 0);
    served = std::max(served, metrics.at("requests_in_flight.max"));
  }
  EXPECT_LE(served, 70);
  EXPECT_GE(served, 65);  // some of the first worker's tasks are between two requests
  for (const auto& metrics : runs().at("changing-load-refused")) {
    EXPECT_EQ(metrics.at("requests_in_flight.max"), 40);
    EXPECT_GT(metrics.at("requests_refused"), 0);
  }
}

TEST(DynamicShare, LeasedSharesNeverExceedAndLoseNoTime) {
  for (std::uint64_t i = 0; i < kSeeds; ++i) {
    const auto& metrics = runs().at("changing-load-leased")[i];
    EXPECT_LE(metrics.at("share_excess.max_ratio"), 1);
    EXPECT_EQ(metrics.at("share_excess.seconds"), 0);
    EXPECT_EQ(metrics.at("requests_refused"), 0);
    EXPECT_EQ(metrics.at("requests_stopped"), 0);
    EXPECT_EQ(metrics.at("jobs_failed"), 0);
    EXPECT_LT(metrics.at("makespan_s"), runs().at("changing-load-refused")[i].at("makespan_s"));
  }
}

}  // namespace
}  // namespace drydock::scenarios::dynamic_share_test

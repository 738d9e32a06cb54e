// A simulation beside reality: means, spread, distances, parts and ranking, by hand.
#include "reports/rehearsal.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace drydock::reports::rehearsal_test {
namespace {

RunResult run(const std::string& variant, std::uint64_t seed, double wait) {
  RunResult result;
  result.variant = variant;
  result.seed = seed;
  result.metrics["wait_s.mean"] = wait;
  return result;
}

const RehearsedFigure& wait_of(const RehearsedVariant& variant) { return variant.figures.front(); }

TEST(Rehearsal, DifferencesArePairedBySeed) {
  // Differences of 1, 2 and 3 under the seeds 1, 2 and 3; seed 4 was only simulated, seed 5 was interrupted.
  const std::vector<RunResult> predicted{run("", 1, 10), run("", 2, 20), run("", 3, 30), run("", 4, 40), run("", 5, 50)};
  std::vector<RunResult> real{run("", 3, 33), run("", 1, 11), run("", 2, 22), run("", 5, 0)};
  real.back().partial = true;
  const Rehearsal rehearsal = find_rehearsal({.scenario = "s", .predicted = predicted, .real = real, .cautions = {}});
  ASSERT_EQ(rehearsal.variants.size(), 1U);
  EXPECT_EQ(rehearsal.variants[0].pairs, 3U);
  const RehearsedFigure& wait = wait_of(rehearsal.variants[0]);
  EXPECT_EQ(wait.metric, "wait_s.mean");
  EXPECT_DOUBLE_EQ(wait.predicted, 20);
  EXPECT_DOUBLE_EQ(wait.real, 22);
  EXPECT_DOUBLE_EQ(*wait.relative(), 0.1);
  EXPECT_DOUBLE_EQ(*wait.spread, 2);
  EXPECT_TRUE(*wait.within_spread());
}

TEST(Rehearsal, OneRunHasNoSpread) {
  const std::vector<RunResult> predicted{run("", 1, 0)};
  const std::vector<RunResult> real{run("", 1, 1)};
  const Rehearsal rehearsal = find_rehearsal({.scenario = "s", .predicted = predicted, .real = real, .cautions = {}});
  const RehearsedFigure& wait = wait_of(rehearsal.variants.at(0));
  EXPECT_FALSE(wait.spread);
  EXPECT_FALSE(wait.within_spread());
  EXPECT_FALSE(wait.relative());  // of a prediction of 0
}

// For real "b" waits 1 less under each seed, give or take; the simulation has it the other way round.
TEST(Rehearsal, ARankingThatIsNotTheSameIsSaid) {
  std::vector<RunResult> predicted;
  std::vector<RunResult> real;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const double noise = 0.01 * static_cast<double>(seed);
    predicted.push_back(run("a", seed, 5));
    predicted.push_back(run("b", seed, 6));
    real.push_back(run("a", seed, 5));
    real.push_back(run("b", seed, 4 + noise));
  }
  const Rehearsal rehearsal =
      find_rehearsal({.scenario = "s", .predicted = predicted, .real = real, .cautions = {"It may not be trusted."}});
  ASSERT_EQ(rehearsal.orders.size(), 1U);
  EXPECT_TRUE(rehearsal.orders[0].shown);
  EXPECT_FALSE(rehearsal.orders[0].same());
  const std::string text = render_rehearsal(rehearsal, 120);
  EXPECT_TRUE(text.starts_with("CAUTION: It may not be trusted.")) << text;
  EXPECT_NE(text.find("NOT the same"), std::string::npos) << text;
  const auto json = nlohmann::json::parse(render_rehearsal_json(rehearsal, "1"));
  EXPECT_EQ(json["schema"], "drydock.rehearsal/1");
  EXPECT_EQ(json["orders"][0]["same"], false);
  EXPECT_EQ(json["variants"][1]["figures"][0]["difference"].get<double>() < 0, true);
}

TEST(Rehearsal, WaitsArePutTogetherOfTheirParts) {
  std::vector<RunResult> predicted{run("", 1, 2)};
  std::vector<RunResult> real{run("", 1, 2.5)};
  predicted[0].metrics["phase_queued_s.mean"] = 2;
  real[0].metrics["phase_queued_s.mean"] = 2.1;
  real[0].metrics["phase_start_s.mean"] = 0.4;
  predicted[0].metrics["drift.abs_max"] = 1;
  predicted[0].distributions["wait_s"] = {.at = {1, 3}, .up_to = {1, 2}};
  real[0].distributions["wait_s"] = {.at = {2, 3}, .up_to = {1, 2}};
  const Rehearsal rehearsal = find_rehearsal({.scenario = "s", .predicted = predicted, .real = real, .cautions = {}});
  const RehearsedVariant& variant = rehearsal.variants.at(0);
  ASSERT_EQ(variant.wait_parts.size(), 2U);
  EXPECT_EQ(variant.wait_parts[0].name, "queued");
  EXPECT_DOUBLE_EQ(*variant.wait_parts[0].real_s, 2.1);
  EXPECT_FALSE(variant.wait_parts[1].predicted_s);
  EXPECT_DOUBLE_EQ(variant.waits->distance, 0.5);
  EXPECT_EQ(variant.only_predicted, std::vector<std::string>{"drift.abs_max"});
}

}  // namespace
}  // namespace drydock::reports::rehearsal_test

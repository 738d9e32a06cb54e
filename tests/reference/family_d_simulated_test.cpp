// Shares in the simulation: what the source system's rule and its other readings exceed the limit by, and that leased ones do
// not. family_d_test.cpp has the derivations, and the same for the core in the toy world.
#include "scenarios/loader.hpp"
#include "sim/run.hpp"
#include "tests/reference/replications.hpp"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace drydock::reference::family_d_simulated_test {
namespace {

constexpr double kTimes = 9000;  // that a newcomer comes in each run

std::vector<Case> cases() {
  const auto of = [](std::string id, std::string variant, double mean_s, double tolerance_s) {
    return Case{std::move(id), "shares", std::move(variant), "share_excess.seconds", mean_s * kTimes, tolerance_s * kTimes};
  };
  return {of("D4", "naive", 7.5, 0.05),
          of("holder_at_check", "holder-shrinks-at-check", 2.5, 0.05),
          of("newcomer_waits", "newcomer-waits", 3.28125, 0.05),
          of("newcomer_waits_holder_at_check", "newcomer-waits-holder-at-check", 25.0 / 60, 0.02),
          of("idle_base", "idle-base", 7.5, 0.05),
          of("idle_base_newcomer_waits", "idle-base-newcomer-waits", 7.5, 0.05),
          of("idle_base_newcomer_waits_holder_at_check", "idle-base-newcomer-waits-holder-at-check", 2.5, 0.05)};
}

class FamilyDSimulated : public ::testing::TestWithParam<Case> {};
TEST_P(FamilyDSimulated, AgreesWithTheory) { expect_agreement(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Shares, FamilyDSimulated, ::testing::ValuesIn(cases()),
                         [](const auto& param) { return param.param.id; });

TEST(FamilyDSimulatedList, IsThatOfTheReference) {
  const std::filesystem::path file = std::filesystem::path(DRYDOCK_SOURCE_DIR) / "../shared/reference/expected.json";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "no reference list beside the repository";
  std::ifstream in(file);
  for (const auto& entry : nlohmann::json::parse(in)) {
    if (entry.at("id") != "D4") continue;
    EXPECT_EQ(cases().front().expected, entry.at("expected").get<double>() * kTimes);
    EXPECT_LE(cases().front().tolerance, entry.at("tol").get<double>() * kTimes);
  }
}

struct Bounds {
  double longest_s = 0;
  double max_ratio = 0;
};

// No excess lasts longer than check + adjust, or than check where that is when holders shrink; and some last nearly so long.
TEST(FamilyDSimulated, NoExcessIsLongerThanItsBound) {
  const std::map<std::string, Bounds> bounds{{"naive", {15, 1.5}},
                                             {"holder-shrinks-at-check", {5, 1.5}},
                                             {"newcomer-waits", {15, 1.5}},
                                             {"newcomer-waits-holder-at-check", {5, 1.5}},
                                             {"idle-base", {15, 1.5}},
                                             {"idle-base-newcomer-waits", {15, 1.5}},
                                             {"idle-base-newcomer-waits-holder-at-check", {5, 1.5}},
                                             {"leased", {0, 1}}};
  const auto loaded = scenarios::load(DRYDOCK_SOURCE_DIR "/scenarios/reference/shares.json");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  std::vector<sim::RunRequest> requests;
  for (const scenarios::Scenario& scenario : loaded.value()) {
    for (const std::uint64_t seed : {1U, 2U}) requests.push_back({.scenario = &scenario, .seed = seed, .options = {}});
  }
  const std::atomic<bool> stop{false};
  for (const auto& run : sim::run_all(requests, 2, stop, {})) {
    SCOPED_TRACE(run.variant);
    ASSERT_FALSE(run.error) << *run.error;
    const Bounds& bound = bounds.at(run.variant);
    EXPECT_LE(run.metrics.at("share_excess.longest_s"), bound.longest_s);
    EXPECT_GE(run.metrics.at("share_excess.longest_s"), 0.85 * bound.longest_s);
    EXPECT_EQ(run.metrics.at("share_excess.max_ratio"), bound.max_ratio);
    EXPECT_EQ(run.metrics.at("requests_refused"), 0);
  }
}

}  // namespace
}  // namespace drydock::reference::family_d_simulated_test

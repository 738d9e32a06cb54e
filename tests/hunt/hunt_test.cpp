// Hunting finds every planted bug, and none in the product.
#include "sim/hunt.hpp"

#include "scenarios/loader.hpp"
#include "sim/shrink.hpp"
#include "tests/hunt/mutants.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <gtest/gtest.h>
#include <string>
#include <thread>

namespace drydock::hunt::hunt_test {
namespace {

const std::atomic<bool> kGoOn{false};

std::vector<scenarios::Scenario> prey() {
  auto loaded = scenarios::load("hunt");
  EXPECT_TRUE(loaded.ok()) << loaded.error().message;
  return loaded ? std::move(loaded).value() : std::vector<scenarios::Scenario>{};
}

sim::HuntOptions options(std::uint64_t runs, std::function<std::unique_ptr<sim::Interposer>()> plant = {}) {
  return {.seed = 1,
          .runs = runs,
          .jobs = std::max(1U, std::thread::hardware_concurrency()),
          .base = {},
          .plant = std::move(plant)};
}

// What went wrong, for people.
std::string story_of(const sim::Finding& finding) {
  std::string text = finding.result.error.value_or("");
  for (const Violation& violation : finding.result.violations) {
    text += "\n  [" + std::to_string(violation.invariant) + "] " + violation.what;
  }
  return text;
}

class PlantedBug : public ::testing::TestWithParam<MutantInfo> {};

TEST_P(PlantedBug, IsFoundInUnderAThousandRuns) {
  constexpr std::uint64_t kMost = 1000;
  const auto variants = prey();
  const auto result = sim::hunt(variants, options(kMost, GetParam().make), kGoOn, {});
  ASSERT_TRUE(result.finding) << "nothing was found in " << result.runs_done << " runs";
  EXPECT_LT(result.finding->run, kMost);
  std::printf("%.*s: found in run %llu:%s\n", static_cast<int>(GetParam().name.size()), GetParam().name.data(),
              static_cast<unsigned long long>(result.finding->run), story_of(*result.finding).c_str());
}

INSTANTIATE_TEST_SUITE_P(All, PlantedBug, ::testing::ValuesIn(mutants().begin(), mutants().end()), [](const auto& test) {
  std::string name(test.param.name);
  std::ranges::replace(name, '-', '_');
  return name;
});

// DRYDOCK_HUNT_RUNS=100000 looks longer.
TEST(SafePolicies, BreakNothing) {
  const char* wanted = std::getenv("DRYDOCK_HUNT_RUNS");
  const std::uint64_t runs = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 3000;
  const auto result = sim::hunt(prey(), options(runs), kGoOn, {});
  EXPECT_EQ(result.runs_done, runs);
  EXPECT_FALSE(result.finding) << "run " << result.finding->run << ": " << story_of(*result.finding) << "\n"
                               << result.finding->scenario;
}

TEST(Hunt, FindsTheSameHoweverManyRunAtATime) {
  const auto plant = mutants()[11].make;
  ASSERT_EQ(mutants()[11].name, "doubt-taken-for-commit");
  const auto variants = prey();
  std::optional<sim::Finding> first;
  for (const unsigned jobs : {1U, 3U}) {
    sim::HuntOptions how = options(1000, plant);
    how.jobs = jobs;
    const auto result = sim::hunt(variants, how, kGoOn, {});
    ASSERT_TRUE(result.finding);
    if (first) {
      EXPECT_EQ(result.finding->run, first->run);
      EXPECT_EQ(result.finding->scenario, first->scenario);
    }
    first = result.finding;
  }
}

TEST(Hunt, ShrinksWhatItFinds) {
  const auto plant = mutants()[11].make;
  const auto how = options(1000, plant);
  const auto result = sim::hunt(prey(), how, kGoOn, {});
  ASSERT_TRUE(result.finding);
  const auto shrunk = sim::shrink(*result.finding, how, 2000, kGoOn, {});
  EXPECT_TRUE(shrunk.smallest);
  const auto small = scenarios::load_text(shrunk.finding.scenario, "shrunk", "");
  ASSERT_TRUE(small.ok()) << small.error().message;
  // Where a fault goes, those behind it are drawn anew: one more may have to stay.
  EXPECT_LE(small.value().front().faults.size(), 2U) << shrunk.finding.scenario;
  EXPECT_TRUE(std::ranges::any_of(small.value().front().faults, [](const scenarios::Fault& fault) {
    const auto* order = std::get_if<scenarios::OrderFault>(&fault);
    return order != nullptr && order->kind == scenarios::OrderFault::Kind::commit_in_doubt;
  }));
  EXPECT_LT(shrunk.finding.scenario.size(), result.finding->scenario.size());
  const auto again = sim::try_scenario(shrunk.finding.scenario, how, kGoOn);
  EXPECT_EQ(sim::symptom_of(again), sim::symptom_of(shrunk.finding.result));
}

TEST(Hunt, EndsWhenItIsToldTo) {
  const std::atomic<bool> stop{true};
  const auto result = sim::hunt(prey(), options(100000), stop, {});
  EXPECT_TRUE(result.interrupted);
  EXPECT_FALSE(result.finding);
}

}  // namespace
}  // namespace drydock::hunt::hunt_test

// What intervals and verdicts promise, counted over thousands of made-up experiments.
#include "policies/core/rng.hpp"
#include "reports/comparison.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <numbers>
#include <string>
#include <vector>

namespace drydock::reports::statistics_verdict_test {
namespace {

// Standard normal (Box and Muller).
double normal(Rng& rng) {
  return std::sqrt(-2 * std::log(1 - rng.uniform())) * std::cos(2 * std::numbers::pi * rng.uniform());
}

TEST(IntervalProperty, CoversTheTruthAsOftenAsItSays) {
  Rng rng(1, "coverage");
  constexpr int kExperiments = 20'000;
  int covered = 0;
  for (int i = 0; i < kExperiments; ++i) {
    std::vector<double> values;
    for (int k = 0; k < 5; ++k) values.push_back(10 + 3 * normal(rng));
    const Estimate e = estimate(values);
    covered += e.low() <= 10 && 10 <= e.high() ? 1 : 0;
  }
  // Four standard errors around 95 %.
  EXPECT_NEAR(static_cast<double>(covered) / kExperiments, 0.95, 4 * std::sqrt(0.95 * 0.05 / kExperiments));
}

// `means` by variant; under one seed all share most of the noise.
std::vector<RunResult> experiment(Rng& rng, const std::vector<double>& means, std::uint64_t seeds) {
  std::vector<RunResult> runs;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const double shared = 20 * normal(rng);
    for (std::size_t v = 0; v < means.size(); ++v) {
      RunResult& run = runs.emplace_back();
      run.variant = "v" + std::to_string(v);
      run.seed = seed;
      run.metrics = {{"wait_s.mean", means[v] + shared + normal(rng)}};
    }
  }
  return runs;
}

// How often v0, or another one, is called best.
struct Calls {
  double first = 0;
  double other = 0;
};
Calls call_best(const std::vector<double>& means, std::uint64_t seeds, int experiments) {
  Rng rng(2, "verdicts");
  Calls calls;
  for (int i = 0; i < experiments; ++i) {
    const auto verdict = judge(experiment(rng, means, seeds), "wait_s.mean");
    if (verdict && verdict->best) ++(verdict->leader == "v0" ? calls.first : calls.other);
  }
  calls.first /= experiments;
  calls.other /= experiments;
  return calls;
}

TEST(VerdictProperty, EqualVariantsAreRarelyCalledBest) {
  for (const std::size_t variants : {std::size_t{2}, std::size_t{3}, std::size_t{6}}) {
    const Calls calls = call_best(std::vector<double>(variants, 100), 5, 4000);
    EXPECT_LT(calls.first + calls.other, 0.065) << variants;  // 5 % and four standard errors
  }
}

TEST(VerdictProperty, AWrongBestIsRareWhereTwoAreEquallyGood) {
  const Calls calls = call_best({100, 100, 105, 110}, 5, 4000);
  EXPECT_LT(calls.first + calls.other, 0.05);
}

// The noise that all share is twenty times the difference.
TEST(VerdictProperty, ARealDifferenceIsFound) {
  const Calls calls = call_best({97, 100, 101}, 10, 500);
  EXPECT_GT(calls.first, 0.95);
  EXPECT_LT(calls.other, 0.01);
}

}  // namespace
}  // namespace drydock::reports::statistics_verdict_test

#include "policies/core/share_division.hpp"

#include "policies/core/rng.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <numeric>

namespace drydock::share_division_test {
namespace {

using Units = std::vector<std::int64_t>;

Units split_of(std::int64_t total, const Units& weights) {
  Units parts(weights.size());
  split(total, weights, parts);
  return parts;
}

Units fill_of(std::int64_t capacity, const Units& demands, const Units& weights) {
  Units parts(demands.size());
  water_fill(capacity, demands, weights, parts);
  return parts;
}

std::int64_t sum_of(const Units& parts) { return std::accumulate(parts.begin(), parts.end(), std::int64_t{0}); }

TEST(Split, LeftOverUnitsGoToTheLargestRemaindersAmongEqualsToTheFirst) {
  EXPECT_EQ(split_of(40, {1, 1, 1}), (Units{14, 13, 13}));
  EXPECT_EQ(split_of(41, {1, 1, 1}), (Units{14, 14, 13}));
  EXPECT_EQ(split_of(10, {1, 2, 4}), (Units{1, 3, 6}));  // quotas 1.43, 2.86, 5.71
  EXPECT_EQ(split_of(2, {1, 1, 1, 1}), (Units{1, 1, 0, 0}));
  EXPECT_EQ(split_of(7, {0, 3, 0}), (Units{0, 7, 0}));
  EXPECT_EQ(split_of(0, {0, 0}), (Units{0, 0}));
  EXPECT_EQ(split_of(kNoLimit, {kLargestWeight, kLargestWeight}), (Units{kNoLimit / 2, kNoLimit / 2}));
}

TEST(Split, NeitherCreatesNorLosesUnits) {
  Rng rng(1, "split");
  for (int i = 0; i < 2000; ++i) {
    Units weights(1 + rng.below(9));
    for (auto& w : weights) w = static_cast<std::int64_t>(rng.below(1000));
    weights[0] += 1;
    const auto total = static_cast<std::int64_t>(rng.below(i % 2 == 0 ? 50 : static_cast<std::uint64_t>(kNoLimit)));
    const Units parts = split_of(total, weights);
    ASSERT_EQ(sum_of(parts), total);
    const double all = static_cast<double>(sum_of(weights));
    for (std::size_t k = 0; k < parts.size(); ++k) {
      const double quota = static_cast<double>(total) * static_cast<double>(weights[k]) / all;
      ASSERT_NEAR(static_cast<double>(parts[k]), quota, 1 + quota * 1e-9);
    }
  }
}

TEST(WaterFilling, OfSomethingDivisible) {
  const std::vector<double> demands{2, 2.6, 4, 5};
  const std::vector<double> parts = water_fill(10, demands);
  const std::vector<double> expected{2, 2.6, 2.7, 2.7};
  for (std::size_t i = 0; i < parts.size(); ++i) EXPECT_NEAR(parts[i], expected[i], 1e-9);
  // Keshav's weighted example: 16 among demands 4, 2, 10, 4 with weights 2.5, 4, 0.5, 1.
  const std::vector<double> weights{2.5, 4, 0.5, 1};
  const std::vector<double> weighted = water_fill(16, std::vector<double>{4, 2, 10, 4}, weights);
  const std::vector<double> expected_weighted{4, 2, 6, 4};
  for (std::size_t i = 0; i < weighted.size(); ++i) EXPECT_NEAR(weighted[i], expected_weighted[i], 1e-9);
  EXPECT_TRUE(water_fill(5, {}).empty());
  EXPECT_EQ(water_fill(100, std::vector<double>{1, 2}), (std::vector<double>{1, 2}));
}

// The level found by bisection instead.
double part_at(double level, double demand, double weight) { return std::min(demand, level * weight); }
TEST(WaterFilling, AgreesWithBisectionOfTheLevel) {
  Rng rng(2, "water");
  for (int round = 0; round < 500; ++round) {
    const std::size_t n = 1 + rng.below(8);
    std::vector<double> demands(n);
    std::vector<double> weights(n);
    Units whole_demands(n);
    Units whole_weights(n);
    for (std::size_t i = 0; i < n; ++i) {
      whole_demands[i] = static_cast<std::int64_t>(rng.below(100));
      whole_weights[i] = 1 + static_cast<std::int64_t>(rng.below(5));
      demands[i] = static_cast<double>(whole_demands[i]);
      weights[i] = static_cast<double>(whole_weights[i]);
    }
    const auto capacity = static_cast<std::int64_t>(rng.below(300));
    double low = 0;
    double high = 1000;
    for (int i = 0; i < 100; ++i) {
      const double level = (low + high) / 2;
      double sum = 0;
      for (std::size_t k = 0; k < n; ++k) sum += part_at(level, demands[k], weights[k]);
      (sum <= static_cast<double>(capacity) ? low : high) = level;
    }
    const std::vector<double> parts = water_fill(static_cast<double>(capacity), demands, weights);
    const Units whole = fill_of(capacity, whole_demands, whole_weights);
    ASSERT_EQ(sum_of(whole), std::min(capacity, sum_of(whole_demands)));
    for (std::size_t k = 0; k < n; ++k) {
      ASSERT_NEAR(parts[k], part_at(low, demands[k], weights[k]), 1e-9);
      ASSERT_LE(whole[k], whole_demands[k]);
      ASSERT_LT(std::abs(static_cast<double>(whole[k]) - parts[k]), 1);
    }
  }
}

TEST(Drf, TheExampleOfThePaper) {
  const std::vector<DrfUser> users{{.per_task = {1, 4}}, {.per_task = {3, 1}}};
  EXPECT_EQ(drf_tasks(Units{9, 18}, users), (Units{3, 2}));
}

TEST(Drf, TasksThatCostNothingOrCannotBe) {
  const std::vector<DrfUser> users{{.per_task = {0, 0}, .most_tasks = 5},
                                   {.per_task = {0, 1}},
                                   {.per_task = {1, 0}, .most_tasks = 3},
                                   {.per_task = {5, 1}}};
  EXPECT_EQ(drf_tasks(Units{4, 0}, users), (Units{5, 0, 3, 0}));
  EXPECT_TRUE(drf_tasks(Units{4, 4}, {}).empty());
}

// One task after the other, with fractions compared by cross-multiplication of small numbers.
Units drf_one_by_one(const Units& capacity, const std::vector<DrfUser>& users) {
  Units tasks(users.size(), 0);
  std::vector<bool> out(users.size(), false);
  const auto dominant = [&](std::size_t i) {
    double share = 0;
    for (std::size_t r = 0; r < capacity.size(); ++r) {
      share = std::max(share, static_cast<double>(users[i].per_task[r]) / static_cast<double>(capacity[r]));
    }
    return share * static_cast<double>(tasks[i]) / static_cast<double>(users[i].weight);
  };
  while (true) {
    std::size_t next = users.size();
    for (std::size_t i = 0; i < users.size(); ++i) {
      if (!out[i] && (next == users.size() || dominant(i) < dominant(next) - 1e-12)) next = i;
    }
    if (next == users.size()) return tasks;
    ++tasks[next];
    bool too_many = tasks[next] > users[next].most_tasks;
    for (std::size_t r = 0; r < capacity.size(); ++r) {
      std::int64_t used = 0;
      for (std::size_t i = 0; i < users.size(); ++i) used += tasks[i] * users[i].per_task[r];
      too_many = too_many || used > capacity[r];
    }
    if (!too_many) continue;
    --tasks[next];
    out[next] = true;
  }
}

TEST(Drf, AgreesWithTakingTaskByTask) {
  Rng rng(3, "drf");
  const auto draw = [&](std::uint64_t low, std::uint64_t high) {
    return static_cast<std::int64_t>(low + rng.below(high - low + 1));
  };
  for (int round = 0; round < 1000; ++round) {
    const Units capacity{draw(1, 60), draw(1, 900), draw(1, 5000)};
    std::vector<DrfUser> users(1 + rng.below(5));
    for (DrfUser& user : users) {
      user = {.per_task = {1, draw(0, 30), draw(0, 300)}, .weight = draw(1, 4), .most_tasks = draw(0, 80)};
    }
    ASSERT_EQ(drf_tasks(capacity, users), drf_one_by_one(capacity, users)) << "round " << round;
  }
}

TEST(Drf, BillionsOfTasksTakeNoLonger) {
  const std::vector<DrfUser> users{{.per_task = {1, 4}}, {.per_task = {3, 1}}};
  const Units tasks = drf_tasks(Units{9'000'000'000'000, 18'000'000'000'000}, users);
  EXPECT_NEAR(static_cast<double>(tasks[0]), 3e12, 2);
  EXPECT_NEAR(static_cast<double>(tasks[1]), 2e12, 2);
}

const ShareLimits kLimits{.total = {40, 800, 40'000}, .base = {10, 200, 10'000}};

WorkerReport worker(std::uint32_t id, bool active, Share load = {}) { return {WorkerId{id}, 1, active, 0, load}; }

std::vector<Share> equally(const std::vector<WorkerReport>& workers, IdleHolds holds = IdleHolds::nothing,
                           IdleCosts costs = IdleCosts::nothing) {
  std::vector<Share> targets(workers.size());
  divide_equally(kLimits, workers, holds, costs, targets);
  return targets;
}

TEST(EqualActive, TheRuleOfTheSourceSystem) {
  const Share nothing{};
  EXPECT_EQ(equally({worker(0, true), worker(1, false)}), (std::vector{kLimits.total, nothing}));
  EXPECT_EQ(equally({worker(0, true), worker(1, true)}), (std::vector{Share{20, 400, 20'000}, Share{20, 400, 20'000}}));
  EXPECT_EQ(equally({worker(0, true), worker(1, true), worker(2, true)}),
            (std::vector{Share{14, 267, 13'334}, Share{13, 267, 13'333}, Share{13, 266, 13'333}}));
  EXPECT_EQ(equally({worker(0, false), worker(1, false)}), (std::vector{kLimits.base, kLimits.base}));
  EXPECT_EQ(equally({worker(0, true), worker(1, false)}, IdleHolds::base), (std::vector{kLimits.total, kLimits.base}));
}

TEST(EqualActive, IdleWorkersCanBePaidForByTheActiveOnes) {
  EXPECT_EQ(equally({worker(0, true), worker(1, false)}, IdleHolds::base, IdleCosts::its_share),
            (std::vector{Share{30, 600, 30'000}, kLimits.base}));
  // Ten idle ones: they have half of all together.
  std::vector<WorkerReport> many{worker(0, true)};
  for (std::uint32_t i = 1; i <= 10; ++i) many.push_back(worker(i, false));
  EXPECT_EQ(equally(many, IdleHolds::base, IdleCosts::its_share)[0], (Share{20, 400, 20'000}));
  EXPECT_EQ(equally(many, IdleHolds::base, IdleCosts::its_share)[1], (Share{2, 40, 2'000}));
}

TEST(MaxMin, WhatNobodyAsksForIsGivenToo) {
  std::vector<Share> targets(3);
  const std::vector workers{worker(0, true, {4, 800, 1'000}), worker(1, true, {40, 800, 1'000}), worker(2, false)};
  divide_max_min(kLimits, workers, IdleHolds::nothing, targets);
  EXPECT_EQ(targets, (std::vector{Share{4, 400, 20'000}, Share{36, 400, 20'000}, Share{}}));
}

TEST(DominantShares, LargePromptsAreCountedByTheirTokens) {
  std::vector<Share> targets(2);
  // 1 request at a time, 10 a minute, 4000 tokens; and 1, 80 and 200.
  const std::vector workers{worker(0, true, {40, 400, 160'000}), worker(1, true, {40, 3'200, 8'000})};
  divide_drf(kLimits, workers, IdleHolds::nothing, targets);
  // 9 and 8 tasks; a ninth would be the 801st request. What is left over is halved.
  EXPECT_EQ(targets, (std::vector{Share{21, 125, 37'200}, Share{19, 675, 2'800}}));
}

TEST(Divisions, GiveTheWholeTotalAndNotMore) {
  Rng rng(4, "divisions");
  const auto draw = [&](std::int64_t most) {
    return static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(most) + 1));
  };
  for (int round = 0; round < 500; ++round) {
    const ShareLimits limits{.total = {draw(50), draw(1000), draw(50'000)}, .base = {draw(20), draw(300), draw(20'000)}};
    std::vector<WorkerReport> workers;
    bool somebody = false;
    for (std::uint32_t i = 0; i < 1 + rng.below(6); ++i) {
      workers.push_back({WorkerId{i}, 1 + draw(4), rng.below(3) > 0, 0, {draw(80), draw(2000), draw(80'000)}});
      somebody = somebody || workers.back().active;
    }
    const IdleHolds holds = rng.below(2) == 0 ? IdleHolds::nothing : IdleHolds::base;
    for (int how = 0; how < 3; ++how) {
      std::vector<Share> targets(workers.size());
      if (how == 0) divide_equally(limits, workers, holds, IdleCosts::its_share, targets);
      if (how == 1) divide_max_min(limits, workers, holds, targets);
      if (how == 2) divide_drf(limits, workers, holds, targets);
      Share sum;
      for (const Share& target : targets) {
        EXPECT_TRUE(fits(Share{}, target));
        sum = sum + target;
      }
      ASSERT_TRUE(fits(sum, limits.total)) << "round " << round << " division " << how;
      if (somebody) {
        ASSERT_EQ(sum, limits.total) << "round " << round << " division " << how;
      }
    }
  }
}

TEST(AimdShares, RaiseWhatIsUsedUpAndCutEverything) {
  const Aimd aimd{.increase = 0.025, .decrease = 0.5};
  const Share share{10, 200, 10'000};
  EXPECT_EQ(aimd_raise(aimd, kLimits.total, share, {10, 100, 50'000}), (Share{11, 200, 11'000}));
  EXPECT_EQ(aimd_raise(aimd, kLimits.total, kLimits.total, kLimits.total), kLimits.total);
  EXPECT_EQ(aimd_raise({.increase = 0}, kLimits.total, share, kLimits.total), (Share{11, 201, 10'001}));
  EXPECT_EQ(aimd_cut(aimd, share), (Share{5, 100, 5'000}));
  EXPECT_EQ(aimd_cut(aimd, {1, 1, 0}), (Share{1, 1, 0}));
}

}  // namespace
}  // namespace drydock::share_division_test

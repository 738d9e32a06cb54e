// Intervals between checkpoints: the closed forms against each other and against a search.
#include "policies/checkpoint.hpp"

#include "policies/catalog.hpp"

#include <cmath>
#include <gtest/gtest.h>

namespace drydock::checkpoint_test {
namespace {

double time_with(double interval, const CheckpointCosts& costs) {
  return checkpointed_time_s({.work_s = 86'400, .interval_s = interval, .restart_s = 30, .costs = costs});
}

// A search that knows nothing of Lambert's function.
double best_interval(const CheckpointCosts& costs) {
  double low = 0;
  double high = 3 * costs.mttf_s;
  for (int i = 0; i < 300; ++i) {
    const double a = low + (high - low) / 3;
    const double b = high - (high - low) / 3;
    (std::log(time_with(a, costs)) < std::log(time_with(b, costs)) ? high : low) =
        std::log(time_with(a, costs)) < std::log(time_with(b, costs)) ? b : a;
  }
  return (low + high) / 2;
}

TEST(Checkpoint, ExactIsTheBestForAnyCost) {
  for (const double cost : {0.01, 1.0, 60.0, 3600.0, 14'400.0, 50'000.0}) {
    const CheckpointCosts costs{.cost_s = cost, .mttf_s = 14'400};
    EXPECT_NEAR(exact_interval(costs), best_interval(costs), 1e-4 * best_interval(costs)) << cost;
  }
}

TEST(Checkpoint, NothingCancelsWhereTheCostIsSmall) {
  const CheckpointCosts costs{.cost_s = 1e-9, .mttf_s = 1e6};
  EXPECT_NEAR(exact_interval(costs) / young_interval(costs), 1, 1e-7);
}

TEST(Checkpoint, TheEstimatesAreCloseWhereTheyShouldBe) {
  const CheckpointCosts costs{.cost_s = 60, .mttf_s = 14'400};
  EXPECT_NEAR(young_interval(costs), 1314.534, 0.001);
  EXPECT_NEAR(daly_interval(costs), exact_interval(costs), 0.01);
  EXPECT_DOUBLE_EQ(daly_interval({.cost_s = 30'000, .mttf_s = 14'400}), 14'400);
}

TEST(Checkpoint, OneLongIntervalWithoutCostsIsARestartFromZero) {
  const double restarted = restarted_time_s({.work_s = 10'800, .repair_s = 0, .mttf_s = 86'400});
  const CheckpointCosts free{.cost_s = 0, .mttf_s = 86'400};
  EXPECT_DOUBLE_EQ(restarted, checkpointed_time_s({.work_s = 10'800, .interval_s = 10'800, .restart_s = 0, .costs = free}));
}

TEST(Checkpoint, PoliciesGiveTheirFormula) {
  const CheckpointCosts costs{.cost_s = 60, .mttf_s = 14'400};
  const auto interval = [&](std::string_view type) {
    return make_checkpoint(configure(*find_policy(PolicyFamily::checkpoint, type)))->interval(costs);
  };
  EXPECT_EQ(interval("fixed"), std::chrono::minutes{15});
  EXPECT_EQ(interval("young"), duration_of_seconds(young_interval(costs)));
  EXPECT_EQ(interval("daly"), duration_of_seconds(daly_interval(costs)));
  EXPECT_EQ(interval("exact"), duration_of_seconds(exact_interval(costs)));
}

}  // namespace
}  // namespace drydock::checkpoint_test

#include "reports/numbers.hpp"

#include "tests/unit/report_support.hpp"

#include <gtest/gtest.h>

namespace drydock::reports::numbers_test {
namespace {

TEST(Numbers, HaveTheDecimalsThatTheirIntervalDeserves) {
  EXPECT_EQ(round_to(8.0813, 0.312), "8.08");
  EXPECT_EQ(round_to(8.0813, 0.0312), "8.081");
  EXPECT_EQ(round_to(0.00080, 0.00080), "0.00080");
  EXPECT_EQ(round_to(39.287, 0.0075), "39.287");  // two digits would make six of the mean
  EXPECT_EQ(decimals_for(39.287, 0.0075), 3);
  EXPECT_EQ(decimals_for(1.0327, 0.0072), 4);
  EXPECT_EQ(decimals_for(5, 0.0996), 2);  // 0.10 once it is rounded
  EXPECT_EQ(decimals_for(0, 0.25), 2);
  EXPECT_EQ(decimals_for(4151, 937), 0);
  EXPECT_EQ(decimals_for(9999.96, 2.5), 0);  // 10000.0 would have six
  EXPECT_EQ(round_to(5, 1e-300).substr(0, 2), "5.");
}

TEST(Numbers, AloneHaveFourDigits) {
  EXPECT_EQ(round_to(2925.15, std::nullopt), "2925");
  EXPECT_EQ(round_to(0.00159, std::nullopt), "0.001590");
  EXPECT_EQ(round_to(1024, std::nullopt), "1024");
  EXPECT_EQ(round_to(0, std::nullopt), "0");
  EXPECT_EQ(round_to(9.99999, std::nullopt), "10.00");
}

TEST(Numbers, ASignIsVisibleOrThereIsNone) {
  EXPECT_EQ(fixed(-0.2, 0), "0");
  EXPECT_EQ(fixed_visibly(-0.2, 0), "-0.2");
  EXPECT_EQ(fixed_visibly(0.0004, 1), "0.0004");
  EXPECT_EQ(fixed_visibly(-0.0, 1), "0");
  EXPECT_EQ(fixed_visibly(-1e-30, 1), "0.000000000");
}

TEST(Numbers, RoundingErrorsAreNoSpread) {
  const std::vector<double> nearly{0.1 + 0.2, 0.3, 0.3};
  EXPECT_FALSE(half_width_of(estimate(nearly), {}));
  EXPECT_EQ(say_value({1, " USD"}, estimate(nearly)), "0.3000 USD");
}

TEST(ShownUnits, SuitTheLargestMeanOfTheWhole) {
  const auto scale = [](const Figures& a, const Figures& b, const char* metric) {
    const std::vector<RunResult> runs{run("a", 1, a), run("b", 1, b)};
    return ShownUnits(summarise(runs)).of(*describe(metric)->family).suffix;
  };
  EXPECT_EQ(scale({{"wait_s.mean", 3}}, {{"wait_s.mean", 20'000}}, "wait_s.p95"), " h");
  EXPECT_EQ(scale({{"wait_s.mean", 3}, {"wait_s.max", 1e9}}, {}, "per_queue.x.wait_s.max"), " s");
  EXPECT_EQ(scale({{"wait_s.mean", 3}, {"per_queue.x.wait_s.mean", 1e5}}, {}, "wait_s.mean"), " s");
  EXPECT_EQ(scale({{"per_queue.x.wait_s.mean", 1e5}}, {}, "wait_s.mean"), " h");
  EXPECT_EQ(scale({{"wait_s.mean", 5e-6}}, {}, "wait_s.mean"), " us");
  EXPECT_EQ(scale({{"cost_usd", 1e7}}, {}, "cost_usd"), " USD");
}

}  // namespace
}  // namespace drydock::reports::numbers_test

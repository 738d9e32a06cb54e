#include "policies/core/time.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace drydock::time_test {
namespace {

TEST(Time, SecondsBecomeTheNearestNanosecond) {
  EXPECT_EQ(duration_of_seconds(0).count(), 0);
  EXPECT_EQ(duration_of_seconds(1).count(), 1'000'000'000);
  EXPECT_EQ(duration_of_seconds(1.4e-9).count(), 1);
  EXPECT_EQ(duration_of_seconds(1.6e-9).count(), 2);
  EXPECT_EQ(duration_of_seconds(-1.6e-9).count(), -2);
  EXPECT_EQ(duration_of_seconds(0.1).count(), 100'000'000);
}

TEST(Time, SecondsOutOfRangeSaturate) {
  for (const double huge : {9.3e9, 1e18, std::numeric_limits<double>::max(), std::numeric_limits<double>::infinity()}) {
    EXPECT_EQ(duration_of_seconds(huge), Duration::max()) << huge;
    EXPECT_EQ(duration_of_seconds(-huge), Duration::min()) << huge;
  }
  EXPECT_EQ(duration_of_seconds(std::nan("")).count(), 0);
  EXPECT_GT(duration_of_seconds(9.1e9).count(), 0);
  EXPECT_LT(duration_of_seconds(9.1e9), Duration::max());
}

TEST(Time, LaterStaysAtNever) {
  EXPECT_EQ(later(kNever, Duration{1}), kNever);
  EXPECT_EQ(later(kNever, Duration::max()), kNever);
  EXPECT_EQ(later(time_at(5), Duration::max()), kNever);
  EXPECT_EQ(later(time_at(5), Duration::max() - Duration{5}), kNever);
  EXPECT_EQ(later(time_at(5), Duration{7}), time_at(12));
  EXPECT_EQ(later(time_at(5), Duration{-7}), time_at(-2));
  EXPECT_EQ(later(kNever, Duration{-1}), kNever - Duration{1});
}

}  // namespace
}  // namespace drydock::time_test

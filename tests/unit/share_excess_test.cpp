#include "policies/core/share_excess.hpp"

#include <cmath>
#include <gtest/gtest.h>

namespace drydock::share_excess_test {
namespace {

constexpr Time at(std::int64_t s) { return kTimeZero + std::chrono::seconds{s}; }
const Share kLimit{40, 800, 40'000};

TEST(ShareExcess, HoldsTheLargestRatioAndTheTimeAbove) {
  ShareExcess excess;
  EXPECT_EQ(excess.max_ratio(at(5)), 0.0);
  excess.set(at(0), {20, 100, 0}, kLimit);
  excess.set(at(10), {60, 100, 0}, kLimit);  // 1.5
  EXPECT_EQ(excess.max_ratio(at(10)), 0.5);
  EXPECT_EQ(excess.max_ratio(at(11)), 1.5);
  EXPECT_EQ(excess.seconds(at(12)), 2.0);
  excess.set(at(14), {40, 800, 40'000}, kLimit);  // exactly the limit
  EXPECT_EQ(excess.seconds(at(20)), 4.0);
  excess.set(at(20), {0, 801, 0}, kLimit);  // another part
  EXPECT_EQ(excess.seconds(at(21)), 5.0);
  EXPECT_EQ(excess.max_ratio(at(21)), 1.5);
  excess.set(at(21), {20, 0, 0}, {10, 800, 40'000});  // the limit may change
  EXPECT_EQ(excess.max_ratio(at(22)), 2.0);
}

TEST(ShareExcess, WhatLastsForNoTimeDoesNotCount) {
  ShareExcess excess;
  excess.set(at(1), {80, 0, 0}, kLimit);
  excess.set(at(1), {40, 0, 0}, kLimit);
  EXPECT_EQ(excess.max_ratio(at(2)), 1.0);
  EXPECT_EQ(excess.seconds(at(2)), 0.0);
}

TEST(ShareExcess, AnythingIsInfinitelyMoreThanNothing) {
  ShareExcess excess;
  excess.set(at(0), {0, 0, 0}, {});
  EXPECT_EQ(excess.max_ratio(at(1)), 0.0);
  excess.set(at(1), {1, 0, 0}, {});
  EXPECT_TRUE(std::isinf(excess.max_ratio(at(2))));
  EXPECT_DEATH(excess.set(at(0), {}, {}), "time went back");
}

TEST(ShareExcess, LongestStretch) {
  const Share above{41, 0, 0};
  const Share within{40, 0, 0};
  ShareExcess excess;
  EXPECT_EQ(excess.longest_s(at(9)), 0);
  excess.set(at(10), above, kLimit);
  EXPECT_EQ(excess.longest_s(at(13)), 3);
  excess.set(at(14), {0, 900, 0}, kLimit);  // another part: the same stretch
  excess.set(at(16), within, kLimit);       // for no time
  excess.set(at(16), above, kLimit);
  excess.set(at(18), within, kLimit);
  EXPECT_EQ(excess.longest_s(at(30)), 8);
  excess.set(at(30), above, kLimit);
  EXPECT_EQ(excess.longest_s(at(37)), 8);
  EXPECT_EQ(excess.longest_s(at(39)), 9);
  EXPECT_EQ(excess.seconds(at(39)), 17);
}

}  // namespace
}  // namespace drydock::share_excess_test

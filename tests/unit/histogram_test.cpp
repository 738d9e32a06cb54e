#include "reports/histogram.hpp"

#include "policies/core/rng.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

namespace drydock::reports::histogram_test {
namespace {

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

double true_quantile(const std::vector<std::int64_t>& sorted, double q) {
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(sorted.size())));
  return static_cast<double>(sorted[std::max<std::size_t>(rank, 1) - 1]);
}

TEST(Histogram, EmptyGivesZeros) {
  const Histogram h;
  EXPECT_EQ(h.count(), 0U);
  EXPECT_EQ(h.quantile(0.5), 0);
  EXPECT_EQ(h.mean(), 0);
  EXPECT_EQ(h.min(), 0);
  EXPECT_EQ(h.max(), 0);
}

TEST(Histogram, OneValueIsEveryQuantileExactly) {
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{1023}, std::int64_t{1025}, std::int64_t{123456789}, kLargest}) {
    Histogram h;
    h.add(value);
    for (const double q : {0.0, 0.5, 1.0}) EXPECT_EQ(h.quantile(q), static_cast<double>(value)) << value;
    EXPECT_EQ(h.min(), value);
    EXPECT_EQ(h.max(), value);
  }
}

TEST(Histogram, SmallValuesAreExact) {
  Histogram h;
  for (std::int64_t v = 1; v <= 1000; ++v) h.add(v);
  EXPECT_EQ(h.quantile(0.5), 500);
  EXPECT_EQ(h.quantile(0.95), 950);
  EXPECT_EQ(h.quantile(0.99), 990);
  EXPECT_EQ(h.quantile(0.999), 999);
  EXPECT_EQ(h.mean(), 500.5);
}

// Every bucket of the whole range, at both of its ends.
TEST(Histogram, ErrorIsBoundedEverywhere) {
  for (int bits = 1; bits < 63; ++bits) {
    for (std::uint64_t step = 0; step < 64; ++step) {
      const auto value = static_cast<std::int64_t>(
          (std::uint64_t{1} << bits) + counted(7, step, static_cast<std::uint64_t>(bits)) % (std::uint64_t{1} << bits));
      Histogram h;
      h.add(0);
      h.add(value);
      h.add(kLargest);
      EXPECT_LE(std::abs(h.quantile(0.5) - static_cast<double>(value)),
                Histogram::kRelativeError * static_cast<double>(value))
          << value;
    }
  }
}

TEST(Histogram, QuantilesOfHeavyTailsAgreeWithSorting) {
  Histogram h;
  std::vector<std::int64_t> values;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    const double u = unit_interval(counted(1, 1, i));
    values.push_back(static_cast<std::int64_t>(1000 / std::pow(1 - u, 2)));
    h.add(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double q : {0.001, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999}) {
    const double truth = true_quantile(values, q);
    EXPECT_NEAR(h.quantile(q), truth, 0.001 * truth) << q;
  }
  EXPECT_EQ(h.quantile(1), static_cast<double>(values.back()));
}

TEST(Histogram, SumsNeitherOverflowNorDrift) {
  Histogram h;
  for (int i = 0; i < 1000; ++i) h.add(kLargest);
  EXPECT_EQ(h.mean(), static_cast<double>(kLargest));
  Histogram small;
  for (int i = 0; i < 3'000'000; ++i) small.add(333'333'333'333'333'333);
  EXPECT_EQ(small.mean(), 333'333'333'333'333'333.0);
}

TEST(Histogram, MergeEqualsAddingAll) {
  Histogram all;
  Histogram odd;
  Histogram even;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    const auto v = static_cast<std::int64_t>(counted(3, 3, i) >> (i % 50 + 1));
    all.add(v);
    (i % 2 == 0 ? even : odd).add(v);
  }
  odd.merge(even);
  odd.merge(Histogram());
  EXPECT_EQ(odd.count(), all.count());
  EXPECT_TRUE(odd.sum() == all.sum());
  EXPECT_EQ(odd.min(), all.min());
  EXPECT_EQ(odd.max(), all.max());
  for (double q = 0; q <= 1; q += 0.01) EXPECT_EQ(odd.quantile(q), all.quantile(q));
}

TEST(Histogram, MemoryDoesNotGrowWithTheNumberOfValues) {
  Histogram h;
  for (int i = 0; i < 1000; ++i) h.add(1'000'000'000 + i * 1000);
  const std::size_t before = h.memory_bytes();
  for (int i = 0; i < 1'000'000; ++i) h.add(1'000'000'000 + i % 1000 * 1000);
  EXPECT_EQ(h.memory_bytes(), before);
  EXPECT_LT(before, 8192U);
}

TEST(Histogram, NegativeValuesCountAsZero) {
  Histogram h;
  h.add(-5);
  EXPECT_EQ(h.min(), 0);
  EXPECT_EQ(h.quantile(0.5), 0);
}

}  // namespace
}  // namespace drydock::reports::histogram_test

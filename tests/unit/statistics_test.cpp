#include "reports/statistics.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <numbers>
#include <vector>

namespace drydock::reports::statistics_test {
namespace {

struct TableValue {
  double probability;
  double df;
  double t;
};

// Tables of Student's t, as in Abramowitz and Stegun 26.10 and NIST/SEMATECH e-Handbook 1.3.6.7.2, to more digits.
TEST(StudentT, QuantilesAreThoseOfTheTables) {
  const TableValue table[] = {
      {0.975, 1, 12.706204736},  {0.975, 2, 4.302652730},  {0.975, 3, 3.182446305},    {0.975, 4, 2.776445105},
      {0.975, 5, 2.570581836},   {0.975, 9, 2.262157163},  {0.975, 10, 2.228138852},   {0.975, 19, 2.093024054},
      {0.975, 29, 2.045229642},  {0.975, 30, 2.042272456}, {0.975, 60, 2.000297822},   {0.975, 100, 1.983971519},
      {0.975, 120, 1.979930405}, {0.95, 1, 6.313751515},   {0.95, 10, 1.812461123},    {0.90, 5, 1.475884049},
      {0.995, 4, 4.604094871},   {0.995, 10, 3.169272673}, {0.9995, 1, 636.619248769}, {0.9995, 10, 4.586893859},
      {0.75, 3, 0.764892328},    {0.975, 1e7, 1.959964226}};
  for (const auto& [p, df, t] : table) EXPECT_NEAR(student_t_quantile(p, df), t, 2e-9 * t) << p << " " << df;
}

TEST(StudentT, OneAndTwoDegreesOfFreedomHaveClosedForms) {
  for (double p = 0.001; p < 1; p += 0.0137) {
    const double cauchy = std::tan(std::numbers::pi * (p - 0.5));
    EXPECT_NEAR(student_t_quantile(p, 1), cauchy, 1e-9 * (1 + std::abs(cauchy))) << p;
    const double two = (2 * p - 1) / std::sqrt(2 * p * (1 - p));
    EXPECT_NEAR(student_t_quantile(p, 2), two, 1e-9 * (1 + std::abs(two))) << p;
  }
}

TEST(StudentT, QuantileInvertsTheDistribution) {
  for (const double df : {1.0, 2.5, 7.0, 40.0, 999.0}) {
    for (const double p : {1e-8, 0.01, 0.3, 0.5, 0.77, 0.999, 1 - 1e-8}) {
      EXPECT_NEAR(student_t_cdf(student_t_quantile(p, df), df), p, 1e-11) << p << " " << df;
      EXPECT_NEAR(student_t_quantile(p, df), -student_t_quantile(1 - p, df),
                  1e-6 * std::abs(student_t_quantile(p, df)) + 1e-12);
    }
  }
}

// NIST/SEMATECH e-Handbook 1.3.5.2: ZARR13.DAT has n = 195, mean 9.261460, sd 0.02278881, interval 9.258242 .. 9.264679.
TEST(Estimate, HalfWidthIsThatOfAPublishedExample) {
  EXPECT_NEAR(student_t_quantile(0.975, 194) * 0.02278881 / std::sqrt(195.0), (9.264679 - 9.258242) / 2, 1e-6);
}

TEST(Estimate, ByHand) {
  const std::vector<double> values{4, 6, 8};
  const Estimate e = estimate(values);
  EXPECT_EQ(e.n, 3U);
  EXPECT_DOUBLE_EQ(e.mean, 6);
  EXPECT_DOUBLE_EQ(e.sd, 2);
  ASSERT_TRUE(e.half_width);
  EXPECT_NEAR(*e.half_width, 4.302652730 * 2 / std::sqrt(3.0), 1e-8);
  EXPECT_TRUE(e.excludes_zero());
}

TEST(Estimate, OneValueHasNoInterval) {
  const std::vector<double> values{5};
  const Estimate e = estimate(values);
  EXPECT_EQ(e.mean, 5);
  EXPECT_FALSE(e.half_width);
  EXPECT_FALSE(e.excludes_zero());
}

TEST(Estimate, EqualValuesHaveExactlyNoSpread) {
  const std::vector<double> values(7, 0.1);
  const Estimate e = estimate(values);
  EXPECT_EQ(e.mean, 0.1);
  EXPECT_EQ(e.sd, 0);
  EXPECT_EQ(e.half_width, 0);
}

TEST(Estimate, LargeOffsetsLoseNoDigits) {
  const std::vector<double> values{1e12 + 4, 1e12 + 6, 1e12 + 8};
  EXPECT_DOUBLE_EQ(estimate(values).sd, 2);
}

TEST(Estimate, HigherConfidenceIsWider) {
  const std::vector<double> values{1, 2, 3, 4};
  EXPECT_GT(*estimate(values, 0.99).half_width, *estimate(values, 0.95).half_width);
}

}  // namespace
}  // namespace drydock::reports::statistics_test

// The statistics of `compare` against tables, textbook examples, closed forms and exact enumeration.
#include "policies/core/rng.hpp"
#include "reports/bootstrap.hpp"
#include "reports/contrast.hpp"
#include "reports/effect_size.hpp"
#include "reports/holm.hpp"
#include "reports/kolmogorov.hpp"
#include "reports/normal.hpp"
#include "reports/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <numeric>
#include <vector>

namespace drydock::reports::comparison_methods_test {
namespace {

using Values = std::vector<double>;

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

TEST(Normal, QuantilesAreThoseOfTheTables) {
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-12);
  EXPECT_NEAR(normal_quantile(0.995), 2.5758293035489004, 1e-12);
  EXPECT_NEAR(normal_quantile(0.9), 1.2815515655446004, 1e-12);
  EXPECT_NEAR(normal_quantile(1e-9), -5.997807015007686, 1e-9);
  EXPECT_EQ(normal_quantile(0.5), 0);
  EXPECT_NEAR(normal_cdf(1), 0.8413447460685429, 1e-15);
  for (double p = 0.001; p < 1; p += 0.0173) EXPECT_NEAR(normal_cdf(normal_quantile(p)), p, 1e-14);
}

// R's help page of p.adjust has these steps; Holm 1979.
TEST(Holm, ByHand) {
  const Values p{0.01, 0.04, 0.03, 0.005};
  const Values expected{0.03, 0.06, 0.06, 0.02};
  const Values adjusted = holm(p);
  for (std::size_t i = 0; i < p.size(); ++i) EXPECT_DOUBLE_EQ(adjusted[i], expected[i]) << i;
  EXPECT_EQ(holm(Values{0.7, 0.6}), (Values{1, 1}));
  EXPECT_TRUE(holm(Values{}).empty());
}

// Student's sleep data (Biometrika 1908), as every textbook has them: t = -4.0621, df = 9, p = 0.002833, interval -2.45989 to -0.70011.
const Values kSleepA{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
const Values kSleepB{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};

TEST(Contrast, PairedIsStudentsSleepExample) {
  const Contrast change = paired_contrast(kSleepB, kSleepA);
  EXPECT_NEAR(change.mean, -1.58, 1e-12);
  EXPECT_EQ(change.df, 9);
  EXPECT_NEAR(change.mean / *change.standard_error, -4.062128, 1e-6);
  EXPECT_NEAR(*change.p_value(), 0.00283289, 1e-8);
  EXPECT_NEAR(change.interval(0.95).low, -2.4598858, 1e-7);
  EXPECT_NEAR(change.interval(0.95).high, -0.7001142, 1e-7);
  EXPECT_DOUBLE_EQ(change.upper(0.975), change.interval(0.95).high);
  EXPECT_DOUBLE_EQ(change.lower(0.975), change.interval(0.95).low);
}

// The same data as independent samples: R's t.test(extra ~ group) has t = -1.8608, df = 17.776, p = 0.07939.
TEST(Contrast, WelchIsTheSleepExampleToo) {
  const Contrast change = welch_contrast(kSleepB, kSleepA);
  EXPECT_NEAR(change.mean / *change.standard_error, -1.8608135, 1e-6);
  EXPECT_NEAR(change.df, 17.776474, 1e-5);
  EXPECT_NEAR(*change.p_value(), 0.07939414, 1e-7);
  EXPECT_NEAR(change.interval(0.95).low, -3.3654832, 1e-6);
  EXPECT_NEAR(change.interval(0.95).high, 0.2054832, 1e-6);
}

TEST(Contrast, WithoutSpreadOrWithoutValues) {
  const Contrast same = paired_contrast(Values{1, 2, 3}, Values{2, 3, 4});
  EXPECT_EQ(*same.p_value(), 0);
  EXPECT_EQ(same.interval(0.95), (Interval{1, 1}));
  EXPECT_EQ(*paired_contrast(Values{1, 2}, Values{1, 2}).p_value(), 1);
  EXPECT_FALSE(paired_contrast(Values{1}, Values{2}).has_interval());
  EXPECT_FALSE(paired_contrast(Values{1}, Values{2}).p_value());
  EXPECT_FALSE(welch_contrast(Values{1, 2, 3}, Values{2}).has_interval());
  EXPECT_EQ(exact_contrast(2, 5).interval(0.95), (Interval{3, 3}));
}

// At the bounds of Fieller's interval the contrast other - ratio * base is just not told apart from 0.
TEST(RelativeChange, BoundsAreWhereTheContrastTouchesZero) {
  const Values base{10, 12, 9, 14, 11, 13};
  const Values other{13, 14, 12, 16, 15, 15};
  const auto paired = relative_change(base, other, Pairing::paired, 0.95);
  ASSERT_TRUE(paired);
  EXPECT_NEAR(paired_contrast(base, other, 1 + paired->low).interval(0.95).low, 0, 1e-9);
  EXPECT_NEAR(paired_contrast(base, other, 1 + paired->high).interval(0.95).high, 0, 1e-9);
  const auto unpaired = relative_change(base, other, Pairing::unpaired, 0.95);
  ASSERT_TRUE(unpaired);
  EXPECT_LT(unpaired->low, paired->low);
  EXPECT_GT(unpaired->high, paired->high);
  EXPECT_FALSE(relative_change(Values{-1, 1, 0.5}, Values{1, 2, 3}, Pairing::paired, 0.95)) << "the base may be 0";
  EXPECT_FALSE(relative_change(Values{0, 0}, Values{1, 2}, Pairing::paired, 0.95));
  EXPECT_FALSE(relative_change(Values{1}, Values{1}, Pairing::paired, 0.95));
}

// Efron and Tibshirani, "An Introduction to the Bootstrap", table 14.1 and section 14.3: spatial test data, the variance (over n);
// estimate 171.5, a = 0.061 and, from 2000 resamples, z0 = 0.146, 90 % BCa interval 115.8 to 259.6, percentiles 100.8 to 233.9.
TEST(Bootstrap, BcaIsThatOfEfronAndTibshiranisExample) {
  const Values a{48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41};
  const Statistic variance = [](std::span<const double> values) {
    const double middle = mean(values);
    double sum = 0;
    for (const double v : values) sum += (v - middle) * (v - middle);
    return sum / static_cast<double>(values.size());
  };
  EXPECT_NEAR(variance(a), 171.5, 0.05);
  const BootstrapResult result = bootstrap(a, variance, {.confidence = 0.9, .seed = 3, .resamples = 20'000});
  EXPECT_NEAR(result.acceleration, 0.061, 0.001);
  EXPECT_NEAR(result.bias, 0.146, 0.045);
  EXPECT_NEAR(result.percentile.low, 100.8, 5);
  EXPECT_NEAR(result.percentile.high, 233.9, 5);
  EXPECT_NEAR(result.bca.low, 115.8, 5);
  EXPECT_NEAR(result.bca.high, 259.6, 6);
}

// All n^n resamples, each as likely: the reference for small n.
Values all_means(const Values& values) {
  Values means;
  std::vector<std::size_t> digits(values.size(), 0);
  while (true) {
    double sum = 0;
    for (const std::size_t d : digits) sum += values[d];
    means.push_back(sum / static_cast<double>(values.size()));
    std::size_t place = 0;
    while (place < digits.size() && ++digits[place] == values.size()) digits[place++] = 0;
    if (place == digits.size()) break;
  }
  std::sort(means.begin(), means.end());
  return means;
}

TEST(Bootstrap, AgreesWithExactEnumeration) {
  const Values values{1, 2, 4, 7, 30};
  const Values exact = all_means(values);
  ASSERT_EQ(exact.size(), 3125U);
  const auto at = [&](double q) { return exact[static_cast<std::size_t>(q * static_cast<double>(exact.size()))]; };
  const double estimate = mean(values);
  const double below =
      static_cast<double>(std::ranges::count_if(exact, [&](double m) { return m < estimate - 1e-12; })) +
      0.5 * static_cast<double>(std::ranges::count_if(exact, [&](double m) { return std::abs(m - estimate) < 1e-12; }));
  const double z0 = normal_quantile(below / 3125);
  double squares = 0;
  double cubes = 0;
  for (const double v : values) {
    squares += (v - estimate) * (v - estimate);
    cubes += std::pow(v - estimate, 3);
  }
  const double a = cubes / (6 * std::pow(squares, 1.5));
  const auto bca = [&](double probability) {
    const double z = z0 + normal_quantile(probability);
    return at(normal_cdf(z0 + z / (1 - a * z)));
  };
  const BootstrapResult result = bootstrap(values, mean, {.confidence = 0.9, .seed = 1, .resamples = 50'000});
  EXPECT_NEAR(result.acceleration, a, 1e-12);
  EXPECT_NEAR(result.bias, z0, 0.02);
  EXPECT_NEAR(result.percentile.low, at(0.05), 0.21);
  EXPECT_NEAR(result.percentile.high, at(0.95), 0.61);
  EXPECT_NEAR(result.bca.low, bca(0.05), 0.41);
  EXPECT_NEAR(result.bca.high, bca(0.95), 0.81);
  EXPECT_GT(result.bca.high, result.percentile.high) << "skewed to the right";
}

TEST(Bootstrap, IsTheSameTwiceAndDependsOnTheSeed) {
  const Values values{3.1, 1.7, 4.2, 1.3, 5.9, 9.4, 2.8, 6.6};
  const auto once = bootstrap(values, mean, {.seed = 7});
  EXPECT_EQ(once.bca, bootstrap(values, mean, {.seed = 7}).bca);
  EXPECT_NE(once.bca, bootstrap(values, mean, {.seed = 8}).bca);
  const auto flat = bootstrap(Values{2, 2, 2}, mean);
  EXPECT_EQ(flat.bca, (Interval{2, 2}));
}

TEST(Bootstrap, OfADifferenceIsCentredOnIt) {
  const Values a{10, 11, 12, 13, 14, 15, 16, 17};
  Values b = a;
  for (double& v : b) v += 5;
  const BootstrapResult result = bootstrap_difference(a, b);
  EXPECT_NEAR((result.bca.low + result.bca.high) / 2, 5, 0.2);
  EXPECT_NEAR(result.acceleration, 0, 1e-12);
  const double normal_half = 1.96 * std::sqrt(2 * 5.25 / 8);  // variances over n, as the bootstrap sees them
  EXPECT_NEAR((result.bca.high - result.bca.low) / 2, normal_half, 0.1);
}

// Expected of an exponential mean with 20 values: percentile and BCa intervals cover a little less than they say, BCa more of it.
TEST(Bootstrap, CoversTheMeanOfASkewedSample) {
  int bca = 0;
  int percentile = 0;
  constexpr int kTimes = 400;
  for (std::uint64_t k = 0; k < kTimes; ++k) {
    Rng rng(k, "sample");
    Values sample(20);
    for (double& v : sample) v = -std::log1p(-rng.uniform());
    const auto result = bootstrap(sample, mean, {.seed = k, .resamples = 400});
    bca += result.bca.contains(1) ? 1 : 0;
    percentile += result.percentile.contains(1) ? 1 : 0;
  }
  EXPECT_GE(bca, percentile - 4);
  EXPECT_GT(bca, kTimes * 0.88);
  EXPECT_LT(bca, kTimes * 0.98);
}

TEST(EffectSize, ByHand) {
  EXPECT_NEAR(*cohens_d_paired(Values{1.2, 2.4, 1.3, 1.3, 0, 1, 1.8, 0.8, 4.6, 1.4}), 1.284558, 1e-6);  // the sleep data
  EXPECT_DOUBLE_EQ(*cohens_d(Values{1, 2, 3}, Values{3, 4, 5}), 2);
  EXPECT_DOUBLE_EQ(*cliffs_delta(Values{1, 2, 3}, Values{4, 5, 6}), 1);
  EXPECT_DOUBLE_EQ(*cliffs_delta(Values{1, 2, 3}, Values{2}), 0);
  EXPECT_DOUBLE_EQ(*cliffs_delta(Values{1, 2, 2, 5}, Values{2, 3}), (1.0 - 1 + 3 - 1) / 8);
  EXPECT_FALSE(cohens_d_paired(Values{1, 1, 1}));
  EXPECT_FALSE(cohens_d_paired(Values{1}));
  EXPECT_FALSE(cliffs_delta(Values{}, Values{1}));
  EXPECT_EQ(effect_word(-0.5), "large");
  EXPECT_EQ(effect_word(0.1), "negligible");
}

TEST(EffectSize, CliffsDeltaIsThatOfAllPairs) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Rng rng(seed, "cliff");
    Values a(1 + rng.below(9));
    Values b(1 + rng.below(9));
    for (double& v : a) v = static_cast<double>(rng.below(5));
    for (double& v : b) v = static_cast<double>(rng.below(5));
    double balance = 0;
    for (const double x : a) {
      for (const double y : b) balance += y > x ? 1 : y < x ? -1 : 0;
    }
    EXPECT_DOUBLE_EQ(*cliffs_delta(a, b), balance / static_cast<double>(a.size() * b.size())) << "seed " << seed;
  }
}

// Smirnov's table (Annals of Mathematical Statistics 1948): P(K > 1) = 0.27; critical values 1.22385, 1.35810, 1.62762.
TEST(Kolmogorov, TailAndCriticalValuesAreThoseOfTheTables) {
  EXPECT_NEAR(kolmogorov_tail(1), 0.2699996716773, 1e-11);
  EXPECT_NEAR(kolmogorov_tail(0.5), 0.9639452436648, 1e-11);
  EXPECT_NEAR(kolmogorov_tail(0.999999999), kolmogorov_tail(1.000000001), 1e-8) << "two series of one function";
  EXPECT_EQ(kolmogorov_tail(0), 1);
  EXPECT_NEAR(ks_critical(2, 2, 0.10), 1.22385, 1e-5);
  EXPECT_NEAR(ks_critical(2, 2, 0.05), 1.35810, 1e-5);
  EXPECT_NEAR(ks_critical(2, 2, 0.01), 1.62762, 1e-5);
  EXPECT_NEAR(ks_critical(100, 400, 0.05), 1.35810 * std::sqrt(500.0 / 40'000), 1e-6);
}

Distribution steps(std::vector<double> at, std::vector<std::uint64_t> up_to) { return {std::move(at), std::move(up_to)}; }

TEST(Kolmogorov, DistanceByHand) {
  const Distribution base = steps({0, 10, 20}, {5, 8, 10});   // 50 % 0, 80 % up to 10
  const Distribution other = steps({0, 15, 20}, {2, 9, 10});  // 20 % 0, 90 % up to 15
  const Distribution* b = &base;
  const Distribution* o = &other;
  const KsResult result = ks_compare(std::span(&b, 1), std::span(&o, 1), Pairing::paired, 1);
  EXPECT_DOUBLE_EQ(result.distance, 0.6);
  EXPECT_EQ(result.at, 10);
  EXPECT_DOUBLE_EQ(result.base_part, 0.8);
  EXPECT_DOUBLE_EQ(result.other_part, 0.2);
  EXPECT_FALSE(result.p) << "one run tells nothing of chance";
  EXPECT_EQ(ks_compare(std::span(&b, 1), std::span(&b, 1), Pairing::paired, 1).distance, 0);
}

TEST(Kolmogorov, ExchangingPairsIsExactForFew) {
  // Four pairs, each of which differs in the same direction: only the order itself and its mirror image are as far.
  std::vector<Distribution> runs;
  for (std::uint64_t i = 0; i < 4; ++i) {
    runs.push_back(steps({1, 2}, {5 + i, 20}));
    runs.push_back(steps({1, 2}, {8 + i, 20}));
  }
  std::vector<const Distribution*> base;
  std::vector<const Distribution*> other;
  for (std::size_t i = 0; i < runs.size(); i += 2) {
    base.push_back(&runs[i]);
    other.push_back(&runs[i + 1]);
  }
  EXPECT_DOUBLE_EQ(*ks_compare(base, other, Pairing::paired, 1).p, 1.0 / 8);
  EXPECT_EQ(*ks_compare(base, base, Pairing::paired, 1).p, 1);
}

// A run as a whole has long waits or short ones: values within it are far from independent.
Distribution dependent_run(std::uint64_t seed, double shift) {
  Rng rng(seed, "run");
  const double centre = shift + 10 * rng.uniform();
  Distribution run;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    run.at.push_back(centre + static_cast<double>(i) * 0.05);
    run.up_to.push_back(50 * i);
  }
  return run;
}

TEST(Kolmogorov, RunsWhoseValuesDependOnEachOtherAreNotToldApartByChance) {
  for (const Pairing pairing : {Pairing::paired, Pairing::unpaired}) {
    const int kTimes = pairing == Pairing::paired ? 200 : 60;
    int alarms = 0;
    int naive = 0;
    int found = 0;
    for (std::uint64_t k = 0; k < static_cast<std::uint64_t>(kTimes); ++k) {
      std::vector<Distribution> runs;
      for (std::uint64_t i = 0; i < 16; ++i) runs.push_back(dependent_run(k * 100 + i, 0));
      for (std::uint64_t i = 0; i < 8; ++i) runs.push_back(dependent_run(k * 100 + 50 + i, 9));
      std::vector<const Distribution*> base;
      std::vector<const Distribution*> other;
      std::vector<const Distribution*> later;
      for (std::size_t i = 0; i < 8; ++i) {
        base.push_back(&runs[i]);
        other.push_back(&runs[8 + i]);
        later.push_back(&runs[16 + i]);
      }
      const KsResult same = ks_compare(base, other, pairing, k);
      alarms += *same.p < 0.05 ? 1 : 0;
      naive += same.distance > ks_critical(8000, 8000, 0.05) ? 1 : 0;
      if (k < 20) found += *ks_compare(base, later, pairing, k).p < 0.05 ? 1 : 0;
    }
    EXPECT_LE(alarms, kTimes * 8 / 100);
    EXPECT_GT(naive, kTimes * 9 / 10) << "as if all values were independent";
    EXPECT_GE(found, 18);
  }
}

TEST(Distribution, OfAHistogram) {
  Histogram histogram;
  for (std::int64_t i = 0; i < 900; ++i) histogram.add(0);
  for (std::int64_t i = 1; i <= 100; ++i) histogram.add(i * 1'000'000'000);
  const Distribution distribution = distribution_of(histogram, 1e-9);
  EXPECT_EQ(distribution_error(distribution), "");
  EXPECT_EQ(distribution.count(), 1000U);
  EXPECT_EQ(distribution.at.front(), 0);
  EXPECT_EQ(distribution.up_to.front(), 900U);
  EXPECT_EQ(distribution.at.back(), 100);
  EXPECT_DOUBLE_EQ(distribution.part_up_to(0), 0.9);
  EXPECT_DOUBLE_EQ(distribution.part_up_to(-1), 0);
  EXPECT_NEAR(distribution.part_up_to(50.1), 0.95, 0.01);
}

TEST(Distribution, IsBoundedAndWithinAHundredth) {
  Histogram histogram;
  Rng rng(5, "histogram");
  std::vector<double> values;
  for (int i = 0; i < 20'000; ++i) {
    const auto value = static_cast<std::int64_t>(-1e10 * std::log1p(-rng.uniform()));
    histogram.add(value);
    values.push_back(static_cast<double>(value) * 1e-9);
  }
  std::sort(values.begin(), values.end());
  const Distribution distribution = distribution_of(histogram, 1e-9);
  EXPECT_LE(distribution.at.size(), 110U);
  for (double x = 0.01; x < 60; x *= 1.3) {
    const double exact = static_cast<double>(std::upper_bound(values.begin(), values.end(), x) - values.begin()) / 20'000;
    EXPECT_NEAR(distribution.part_up_to(x), exact, 0.0115) << x;  // a hundredth, and what a bucket of the histogram blurs
  }
}

TEST(Distribution, WhatIsNoneIsRefused) {
  EXPECT_NE(distribution_error({}), "");
  EXPECT_NE(distribution_error({{1, 2}, {1}}), "");
  EXPECT_NE(distribution_error({{2, 1}, {1, 2}}), "");
  EXPECT_NE(distribution_error({{1, 2}, {2, 2}}), "");
  EXPECT_NE(distribution_error({{1}, {0}}), "");
  EXPECT_EQ(distribution_error({{1, 2}, {1, 2}}), "");
}

}  // namespace
}  // namespace drydock::reports::comparison_methods_test

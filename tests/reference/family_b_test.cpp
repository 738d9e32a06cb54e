// Failure detection: simulated heartbeats, losses and delays, and the closed forms, against known answers.
#include "policies/failure_detection.hpp"
#include "tests/reference/replications.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

namespace drydock::reference::family_b_test {
namespace {

constexpr double kHeartbeat = 30;
constexpr double kLoss = 0.05;

// P(delay > x), exponential with mean 0.02 s.
double slow(double x) { return x < 0 ? 1 : std::exp(-x / 0.02); }

// A crash at a uniform moment, heartbeats each 30 s lost with p: the age of the last one that came is U(0, 30) plus 30 for each
// lost one; what remains of 60 s, or 0.
double mean_detection_with_loss(double p) {
  double mean = 0;
  double lost = 1;
  for (int m = 0; m < 2; ++m, lost *= p) mean += lost * (1 - p) * (60 - 15 - m * kHeartbeat);
  return mean;
}

std::vector<Case> cases() {
  const Tail difference = exponential_difference(0.1);
  const double at_60 = ttl_false_expiries_per_hour(kHeartbeat, 60, kLoss, difference);
  const double at_65 = ttl_false_expiries_per_hour(kHeartbeat, 65, kLoss, difference);
  const DetectorQuality nfd_s = nfd_s_quality(30, 30, kLoss, [](double x) { return x < 0 ? 1 : std::exp(-x / 0.1); });
  return {
      {"B4", "detection", "ideal", "detection_s.mean", 45, 0.35},
      {"B4sd", "detection", "ideal", "detection_s.sd", 30 / std::sqrt(12.0), 0.15},
      {"B4poll5", "detection", "polled", "detection_s.mean", 47.5, 0.36},
      {"B4p01", "detection", "loss-1-percent", "detection_s.mean", mean_detection_with_loss(0.01), 0.35},
      {"B5", "false-expiries", "ttl-60s", "false_expiries_per_worker_hour", at_60, 0.02 * at_60},
      {"ttl-65", "false-expiries", "ttl-65s", "false_expiries_per_worker_hour", at_65, 0.02 * at_65},
      {"nfd-s", "false-expiries", "nfd-s", "false_expiries_per_worker_hour", 3600 / nfd_s.mistake_recurrence_s,
       0.02 * 3600 / nfd_s.mistake_recurrence_s},
  };
}

class FamilyB : public ::testing::TestWithParam<Case> {};
TEST_P(FamilyB, AgreesWithTheory) { expect_agreement(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Detection, FamilyB, ::testing::ValuesIn(cases()), [](const auto& param) {
  std::string name = param.param.id;
  std::ranges::replace(name, '-', '_');
  return name;
});

// The functions themselves.
std::map<std::string, double> formulas() {
  const double in_a_row = probability_of_losses_in_a_row(120, 2, 0.01);
  constexpr double kAkkaMean = 1;
  constexpr double kAkkaDeviation = 0.1;
  constexpr double kAkkaPause = 3;
  const auto configured =
      configure_nfd_s({.detection_s = 30, .mistake_recurrence_s = 30 * 86400.0, .mistake_duration_s = 60}, 0.01, slow);
  return {
      {"B1", configured ? configured->interval : 0},
      {"B2", nfd_s_quality(1, 1.5, 0.01, slow).mistake_recurrence_s},
      {"B6", in_a_row},
      {"B6n", 1 - std::pow(1 - in_a_row, 50)},
      {"B7", phi_normal_quantile(8)},
      {"B7a", phi_logistic_quantile(8)},
      {"B7b", kAkkaMean + kAkkaPause + kAkkaDeviation * phi_logistic_quantile(8)},
      {"B7c", phi_exponential_quantile(8)},
      {"B8", swim_first_detection_periods()},
  };
}

TEST(FamilyBList, IsThatOfTheReference) {
  const auto known = known_answers("B");
  if (!known) GTEST_SKIP() << "no reference list beside the repository";
  const auto functions = formulas();
  for (const Known& k : *known) {
    if (!k.by_formula) {
      expect_case(cases(), k);
      continue;
    }
    ASSERT_TRUE(functions.contains(k.id)) << "no test for " << k.id;
    EXPECT_NEAR(functions.at(k.id), k.expected, k.tolerance) << k.id;
  }
  EXPECT_GE(known->size(), 13U);
}

}  // namespace
}  // namespace drydock::reference::family_b_test

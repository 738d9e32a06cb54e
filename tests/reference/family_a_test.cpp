// Queueing theory against simulation: every scenario file of scenarios/reference, run until four standard errors of the mean
// over independent seeds are below the tolerance; then the mean must be within the tolerance of the closed form.
#include "tests/reference/queueing.hpp"
#include "tests/reference/replications.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::reference::family_a_test {
namespace {

constexpr PriorityClass kShort{0.03, 10, 100};     // deterministic 10 s, load 0.3
constexpr PriorityClass kLong{0.0004, 1000, 1e6};  // deterministic 1000 s, load 0.4

// M/H2/8 with 1.6 Erlang of mean 10 s and 4 Erlang of mean 1000 s has no short closed form: these two figures are the
// numerical solution of its Markov chain.
constexpr double kSharedWait = 61.0827161;
constexpr double kSharedWaitFraction = 0.30178342;

// Tolerances are parts of the expected value here.
std::vector<Case> cases() {
  std::vector<Case> all{
      {"A1", "mm1", "", "wait_s.mean", mmc_wait(1, 0.8, 1), 0.02},
      {"A1p99", "mm1", "", "response_s.p99", std::log(100.0) / (1 - 0.8), 0.03},
      {"A2c", "mm50", "", "wait_s.mean", mmc_wait(50, 45, 1), 0.06},
      {"A2d", "mm10-loss", "", "rejected_fraction", erlang_b(10, 8), 0.01},
      {"A3", "md1", "", "wait_s.mean", mg1_wait(0.8, 1, 1), 0.015},
      {"A4bl", "priority", "non-preemptive", "per_queue.long.wait_s.mean", cobham_wait_low(kShort, kLong), 0.04},
      {"A4cl", "priority", "preemptive-resume", "per_queue.long.response_s.mean", preemptive_response_low(kShort, kLong),
       0.03},
      {"A5sh", "shared-or-isolated", "shared", "wait_s.mean", kSharedWait, 0.1},
      {"A5shP", "shared-or-isolated", "shared", "waited_fraction", kSharedWaitFraction, 0.03},
      {"A5i3s", "shared-or-isolated", "isolated", "per_queue.short.wait_s.mean", mmc_wait(3, 0.16, 0.1), 0.03},
      {"A5i5l", "shared-or-isolated", "long-alone", "per_queue.long.wait_s.mean", mmc_wait(5, 0.004, 0.001), 0.04},
      {"A6h", "mm8-priority", "", "per_queue.high.wait_s.mean", mmc_priority_wait_high(8, 1.6, 4.8, 1), 0.02},
      {"A7", "processor-sharing", "", "slowdown.mean", 1 / (1 - 0.8), 0.02},
      {"A8srpt", "srpt", "", "response_s.mean", srpt_response(0.8), 0.015},
      {"sjf", "sjf", "", "wait_s.mean", sjf_wait(0.8), 0.02},
      {"breakdowns", "breakdowns", "", "response_s.mean", breakdown_response(0.5, 1, 0.01, 0.1), 0.03},
  };
  for (Case& c : all) c.tolerance *= c.expected;
  return all;
}

class FamilyA : public ::testing::TestWithParam<Case> {};

TEST_P(FamilyA, AgreesWithTheory) { expect_agreement(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Theory, FamilyA, ::testing::ValuesIn(cases()), [](const auto& param) { return param.param.id; });

// The closed forms themselves, and the tolerances, are those of the published list.
TEST(FamilyAList, IsThatOfTheReference) {
  const auto known = known_answers("A");
  if (!known) GTEST_SKIP() << "no reference list beside the repository";
  for (const Known& k : *known) expect_case(cases(), k);
  EXPECT_GE(known->size(), 14U);
}

}  // namespace
}  // namespace drydock::reference::family_a_test

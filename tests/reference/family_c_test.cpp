// The error of a cached counter: simulated updates that get lost and resyncs that come late, against known answers.
#include "tests/reference/replications.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::reference::family_c_test {
namespace {

// E|N1 - N2| for two Poisson numbers of mean m each (Skellam, J. R. Stat. Soc. 109, 1946).
double mean_absolute_skellam(double m) {
  return 2 * m * std::exp(-2 * m) * (std::cyl_bessel_i(0.0, 2 * m) + std::cyl_bessel_i(1.0, 2 * m));
}

// Of updates at a rate of 10/s each is lost with probability 0.001; 300 s lie between two resyncs. (Simulated are 1/s and 0.01, whose
// losses are the same Poisson process.) For the mean of the greatest error
// in such an interval there is no closed form: 1.70857 is the reference's (reflected random walk of 3 steps on average).
constexpr double kPeak = 1.70857;

std::vector<Case> cases() {
  const double drift = mean_absolute_skellam(10 * 0.001 * 300 / 2);
  const double injected = mean_absolute_skellam(50 * 0.02 / 2);
  return {{"C1", "counter-drift", "", "drift.abs_mean", drift, 0.02 * drift},
          {"C1m", "counter-drift", "", "drift.peak_mean", kPeak, 0.02 * kPeak},
          {"C3", "blind-resync", "", "drift.after_resync", injected, 0.02 * injected}};
}

class FamilyC : public ::testing::TestWithParam<Case> {};
TEST_P(FamilyC, AgreesWithTheory) { expect_agreement(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Drift, FamilyC, ::testing::ValuesIn(cases()), [](const auto& param) { return param.param.id; });

TEST(FamilyCList, IsThatOfTheReference) {
  const auto known = known_answers("C");
  if (!known) GTEST_SKIP() << "no reference list beside the repository";
  for (const Known& k : *known) expect_case(cases(), k);
  EXPECT_EQ(known->size(), 3U);
}

}  // namespace
}  // namespace drydock::reference::family_c_test

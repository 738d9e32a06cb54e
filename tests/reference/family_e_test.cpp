// Placement by looking at few workers, against the limits of many workers.
#include "tests/reference/queueing.hpp"
#include "tests/reference/replications.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace drydock::reference::family_e_test {
namespace {

std::vector<Case> cases() {
  return {{"Ea", "many-queues", "power-of-two", "response_s.mean", shorter_of_two_response(0.9),
           0.04 * shorter_of_two_response(0.9)},
          {"idle", "many-queues", "join-idle-queue", "wait_s.mean", 0, 0.005},
          {"stealing", "many-queues", "work-stealing", "response_s.mean", stealing_response(0.9),
           0.03 * stealing_response(0.9)}};
}

class FamilyE : public ::testing::TestWithParam<Case> {};
TEST_P(FamilyE, AgreesWithTheory) { expect_agreement(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Sampling, FamilyE, ::testing::ValuesIn(cases()), [](const auto& param) { return param.param.id; });

TEST(FamilyEList, IsThatOfTheReference) {
  const auto known = known_answers("E");
  if (!known) GTEST_SKIP() << "no reference list beside the repository";
  for (const Known& k : *known) {
    // The policy itself is held against it in tests/properties (batch-sampling).
    if (k.id == "Ec") EXPECT_NEAR(batch_starts_at_once(0.5, 10, 2), k.expected, k.tolerance);
    else if (k.by_formula)
      EXPECT_EQ(k.id, "Ed") << "no test for it; HEFT needs jobs that wait for others, which there are not yet";
    else expect_case(cases(), k);
  }
}

}  // namespace
}  // namespace drydock::reference::family_e_test

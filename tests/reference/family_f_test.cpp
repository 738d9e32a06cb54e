// Restarts, checkpoints and sessions: simulated, against closed forms and counts by hand.
#include "policies/checkpoint.hpp"
#include "tests/reference/replications.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::reference::family_f_test {
namespace {

constexpr double kHour = 3600;

// Jobs of these scenarios run one after the other, so that their number times the mean time of one is the makespan.
constexpr double kRestartedJobs = 2000;
constexpr double kCheckpointedJobs = 500;
constexpr double kWastefulJobs = 100'000;

Case restarted(std::string id, std::string variant, const RestartedWork& job) {
  const double expected = kRestartedJobs * restarted_time_s(job);
  return {std::move(id), "restarts", std::move(variant), "makespan_s", expected, 0.01 * expected};
}

// Daly's model writes a checkpoint at the end of the last interval as well, the simulation does not: where one costs much, that
// is the larger part of the difference.
Case checkpointed(std::string id, std::string variant, double interval_s, double cost_s) {
  const double expected = kCheckpointedJobs * checkpointed_time_s({.work_s = 24 * kHour,
                                                                   .interval_s = interval_s,
                                                                   .restart_s = 30,
                                                                   .costs = {.cost_s = cost_s, .mttf_s = 4 * kHour}});
  return {std::move(id), "checkpoints", std::move(variant), "makespan_s", expected, 0.01 * expected};
}

Case wasted(std::string id, double hours, std::string variant) {
  const double expected = kWastefulJobs * hours * hours / 18 * kHour;
  return {std::move(id), "session-waste", std::move(variant), "wasted_cpu_s", expected, 0.01 * expected};
}

Case per_week(const std::string& length, double jobs) {
  return {"per_week_" + length, "jobs-per-week", length, "jobs_completed", jobs, 0};
}

std::vector<Case> cases() {
  const CheckpointCosts minute{.cost_s = 60, .mttf_s = 4 * kHour};
  return {
      restarted("F3", "at-once", {.work_s = 3 * kHour, .repair_s = 0, .mttf_s = 24 * kHour}),
      restarted("repair", "repair-1h", {.work_s = 3 * kHour, .repair_s = kHour, .mttf_s = 24 * kHour}),
      restarted("half_mttf", "half-the-mttf", {.work_s = 12 * kHour, .repair_s = 0, .mttf_s = 24 * kHour}),
      checkpointed("F2", "fixed", 900, 60),
      checkpointed("young", "young", young_interval(minute), 60),
      checkpointed("exact", "exact", exact_interval(minute), 60),
      wasted("F5", 3, "3h"),
      wasted("waste_1h", 1, "1h"),
      wasted("waste_4_5h", 4.5, "4.5h"),
      wasted("waste_6h", 6, "6h"),
      wasted("waste_9h", 9, "9h"),
      per_week("1h", 30),
      per_week("2h", 15),
      per_week("3h", 10),
      per_week("4h", 7),
      per_week("4.5h", 6),
      per_week("5h", 6),
      per_week("6h", 5),
      per_week("8h", 3),
      per_week("9h", 3),
      {"rotation", "account-rotation", "", "availability", 90.0 / 168, 1e-9},
  };
}

class FamilyF : public ::testing::TestWithParam<Case> {};
TEST_P(FamilyF, AgreesWithTheory) { expect_agreement(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Restarts, FamilyF, ::testing::ValuesIn(cases()), [](const auto& param) {
  std::string name = param.param.id;
  std::ranges::replace(name, '.', '_');
  return name;
});

TEST(FamilyFList, IsThatOfTheReference) {
  const auto known = known_answers("F");
  if (!known) GTEST_SKIP() << "no reference list beside the repository";
  for (const Known& k : *known) {
    if (k.by_formula) {
      ASSERT_EQ(k.id, "F1") << "no test for " << k.id;
      EXPECT_NEAR(young_interval({.cost_s = 60, .mttf_s = 14'400}), k.expected, k.tolerance);
      continue;
    }
    expect_case(cases(), k, kHour * (k.id == "F5" ? kWastefulJobs : k.id == "F3" ? kRestartedJobs : kCheckpointedJobs));
  }
  EXPECT_GE(known->size(), 4U);
}

}  // namespace
}  // namespace drydock::reference::family_f_test

// Worker agents and their dispatcher in a world that loses messages, kills and stops processes, and forgets everything at times.
#include "tests/properties/seeds.hpp"
#include "tests/properties/worker_world.hpp"

#include <array>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <utility>

namespace drydock::properties::worker_test {
namespace {

void expect_nothing_wrong(const WorkerWorldConfig& config) {
  const WorkerWorldResult result = run_worker_world(config);
  for (const std::string& what : result.wrong) ADD_FAILURE() << what;
}

TEST(Worker, NoTwoAttemptsOfAJobRunAtOnceAndEachJobEndsOnce) {
  for_each_seed(150, "", [](std::uint64_t seed) { expect_nothing_wrong({.seed = seed}); });
}

TEST(Worker, EachJobEndsOnceAlsoWhereLiveWorkersAreGivenUp) {
  for_each_seed(100, "", [](std::uint64_t seed) {
    expect_nothing_wrong({.seed = seed, .loss = 0.05, .pauses = true, .evictions = true});
  });
}

TEST(Worker, WithoutTroubleEachJobHasOneAttempt) {
  const WorkerWorldResult result =
      run_worker_world({.loss = 0, .crashes = false, .flushes = false, .troubled = Duration{0}});
  EXPECT_TRUE(result.wrong.empty());
  EXPECT_EQ(result.started, result.ended);
  EXPECT_EQ(result.lost, 0U);
}

// That the trouble is trouble: else the tests above could not fail.
TEST(Worker, TheWorldIsAsBadAsItSays) {
  const WorkerWorldResult result = run_worker_world({});
  EXPECT_GT(result.started, result.ended);
  EXPECT_GT(result.lost, 2U);
  EXPECT_GT(result.stops, 2U);
}

TEST(Worker, EveryPlantedBugIsFound) {
  constexpr std::array<std::pair<WorkerBug, const char*>, 8> kBugs{{
      {WorkerBug::kills_are_forgotten, "kills are forgotten"},
      {WorkerBug::lost_beats_count, "lost beats count"},
      {WorkerBug::reports_are_said_once, "reports are said once"},
      {WorkerBug::orders_are_said_once, "orders are said once"},
      {WorkerBug::starts_are_repeated, "starts are repeated"},
      {WorkerBug::reports_are_taken_early, "reports are taken early"},
      {WorkerBug::numbers_are_forgotten, "numbers are forgotten"},
      {WorkerBug::superseded_is_not_heard, "superseded is not heard"},
  }};
  constexpr std::uint64_t kRuns = 100;
  for (const auto& [bug, name] : kBugs) {
    const bool evictions = bug == WorkerBug::superseded_is_not_heard;
    std::uint64_t seed = 1;
    while (seed <= kRuns &&
           run_worker_world({.seed = seed, .bug = bug, .loss = 0.2, .evictions = evictions}).wrong.empty()) {
      ++seed;
    }
    EXPECT_LE(seed, kRuns) << name << " was not found";
  }
}

}  // namespace
}  // namespace drydock::properties::worker_test

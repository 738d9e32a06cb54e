#include "policies/core/rng.hpp"
#include "sim/work_plan.hpp"

#include <chrono>
#include <cstdint>
#include <gtest/gtest.h>

namespace drydock::sim::sim_work_plan_test {
namespace {

using namespace std::chrono_literals;

TEST(WorkPlan, ServiceIsExactAtSpeedOneAndRoundedElsewhere) {
  const Duration long_work{(std::int64_t{1} << 60) + 1};
  EXPECT_EQ(service_of(long_work, 1.0), long_work);
  EXPECT_EQ(service_of(Duration{3}, 2.0), Duration{2});
  EXPECT_EQ(service_of(Duration{1}, 4.0), Duration{1});  // no work takes no time
  EXPECT_EQ(service_of(10s, 0.5), 20s);
}

TEST(WorkPlan, NoCheckpointAtTheEnd) {
  EXPECT_EQ(checkpoints_in({.work = 30s, .interval = 10s, .cost = 1s}), 2);
  EXPECT_EQ(checkpoints_in({.work = 30s + 1ns, .interval = 10s, .cost = 1s}), 3);
  EXPECT_EQ(checkpoints_in({.work = 10s, .interval = 10s, .cost = 1s}), 0);
  EXPECT_EQ(checkpoints_in({.work = 10s}), 0);
  EXPECT_EQ(total_service({.work = 30s, .restart = 3s, .interval = 10s, .cost = 1s}), 35s);
  EXPECT_EQ(total_service({.work = 30s, .speed = 2.0, .restart = 3s, .interval = 10s, .cost = 1s}), 20s);
}

TEST(WorkPlan, WhatDoesNotFitIsHeldAtTheLongestDuration) {
  using std::chrono::hours;
  EXPECT_EQ(service_of(hours{240}, 1e-6), Duration::max());
  const WorkPlan costly{.work = hours{1}, .interval = 1us, .cost = 10s};
  EXPECT_EQ(total_service(costly), Duration::max());
  EXPECT_EQ(work_done(costly, 25s).saved, 2us);
  EXPECT_EQ(work_done(costly, Duration::max()).saved, 922'337'111us);
  EXPECT_EQ(total_service({.work = hours{1}, .restart = Duration::max()}), Duration::max());
}

TEST(WorkPlan, ProgressStopsWhileACheckpointIsWritten) {
  const WorkPlan plan{.work = 30s, .restart = 3s, .interval = 10s, .cost = 2s};
  const auto after = [&](Duration received) { return work_done(plan, received); };
  EXPECT_EQ(after(2s).all, 0s);
  EXPECT_EQ(after(7s).all, 4s);
  EXPECT_EQ(after(13s).all, 10s);
  EXPECT_EQ(after(14s).all, 10s);
  EXPECT_EQ(after(14s).saved, 0s);
  EXPECT_EQ(after(15s).saved, 10s);
  EXPECT_EQ(after(16s).all, 11s);
  EXPECT_EQ(after(27s).saved, 20s);
  EXPECT_EQ(after(30s).all, 23s);
  EXPECT_EQ(after(37s).all, 30s - 1ns);
}

// Walks through the plan step by step, in the dumbest way.
WorkDone walk(const WorkPlan& plan, std::int64_t received) {
  std::int64_t all = 0;
  std::int64_t saved = 0;
  received -= nanos(plan.restart);
  for (std::int64_t ns = 0; ns < received && all < nanos(plan.work) - 1;) {
    ++all;
    ++ns;
    const bool write = nanos(plan.interval) > 0 && all % nanos(plan.interval) == 0 && all < nanos(plan.work);
    if (write) {
      ns += nanos(plan.cost);
      if (ns <= received) saved = all;
    }
  }
  return {.all = Duration{all}, .saved = Duration{saved}};
}

TEST(WorkPlan, AgreesWithAWalkAtSpeedOne) {
  Rng rng(1, "plans");
  const auto upto = [&](std::uint64_t most) { return Duration{static_cast<std::int64_t>(rng.below(most))}; };
  for (int i = 0; i < 3000; ++i) {
    const WorkPlan plan{.work = upto(60) + 1ns, .restart = upto(4), .interval = upto(20), .cost = upto(5)};
    for (std::int64_t received = 0; received <= nanos(total_service(plan)); ++received) {
      const WorkDone done = work_done(plan, Duration{received});
      const WorkDone expected = walk(plan, received);
      ASSERT_EQ(done.all, expected.all) << nanos(plan.work) << ' ' << nanos(plan.interval) << ' ' << received;
      ASSERT_EQ(done.saved, expected.saved) << nanos(plan.work) << ' ' << nanos(plan.interval) << ' ' << received;
    }
  }
}

TEST(WorkPlan, ProgressNeverFallsAndNeverReachesTheEnd) {
  Rng rng(2, "plans");
  for (int i = 0; i < 300; ++i) {
    const WorkPlan plan{.work = Duration{1 + static_cast<std::int64_t>(rng.below(1'000'000))},
                        .speed = 0.1 + 5 * rng.uniform(),
                        .restart = Duration{static_cast<std::int64_t>(rng.below(1000))},
                        .interval = Duration{static_cast<std::int64_t>(rng.below(300'000))},
                        .cost = Duration{static_cast<std::int64_t>(rng.below(5000))}};
    WorkDone before;
    const std::int64_t total = nanos(total_service(plan));
    for (std::int64_t received = 0; received <= total; received += 1 + total / 500) {
      const WorkDone done = work_done(plan, Duration{received});
      ASSERT_GE(done.all, before.all);
      ASSERT_GE(done.saved, before.saved);
      ASSERT_LE(done.saved, done.all);
      ASSERT_LT(done.all, plan.work);
      before = done;
    }
  }
}

}  // namespace
}  // namespace drydock::sim::sim_work_plan_test

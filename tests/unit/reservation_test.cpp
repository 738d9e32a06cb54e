#include "policies/reservation.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <vector>

namespace drydock::reservation_test {
namespace {

using std::chrono::seconds;

class ReservationTest : public testing::Test {
 protected:
  JobRef wait(std::uint32_t tasks, Duration estimate, const Resources& demand = make_resources({1'000, 0, 0, 1})) {
    JobSpec job;
    job.id = JobId{next_++};
    job.tasks = tasks;
    job.per_task = demand;
    job.estimate = estimate;
    const JobRef ref = cluster_.add_job(job, now_);
    cluster_.enqueue(ref);
    return ref;
  }
  JobRef run(std::uint32_t tasks, Duration estimate, const Resources& demand = make_resources({1'000, 0, 0, 1})) {
    const JobRef ref = wait(tasks, estimate, demand);
    const std::vector<Placement> placements = place(ref);
    cluster_.take(ref, PoolId{0}, placements, now_);
    return ref;
  }
  std::vector<Placement> place(JobRef ref) {
    std::vector<Placement> placements;
    EXPECT_TRUE(cluster_.find_workers(PoolId{0}, cluster_.job(ref), placements));
    return placements;
  }
  void add_worker(const Resources& capacity, double speed = 1.0) {
    cluster_.add_worker(WorkerId{workers_++}, 1, {PoolId{0}, capacity, speed});
  }
  void make(JobRef head) { reservation_.make({now_, PoolId{0}, cluster_, rng_}, head); }
  // Whether a waiting job may start now; starts it if so.
  bool admit(JobRef ref) {
    const std::vector<Placement> placements = place(ref);
    const Job& job = cluster_.job(ref);
    const bool may = reservation_.may_admit(least_demand(job));
    if (!reservation_.admit(job, placements, cluster_.estimated_end(job, placements, now_))) return false;
    EXPECT_TRUE(may) << "may_admit must not rule out what admit takes";
    cluster_.take(ref, PoolId{0}, placements, now_);
    return true;
  }
  // From here on the pool is no mere number of places.
  void make_general() { wait(1, seconds{1}, make_resources({1, 0, 1'000'000, 1})); }

  Cluster cluster_{
      std::vector<QueueConfig>{{"q", 0, {}}}, std::vector<PoolConfig>{{"p", {QueueId{0}}}}, {.by_estimated_end = true}};
  Rng rng_{1, "test"};
  Reservation reservation_;
  Time now_{};
  std::uint64_t next_ = 0;
  std::uint32_t workers_ = 0;
};

class BothPaths : public ReservationTest, public testing::WithParamInterface<bool> {
 protected:
  void SetUp() override {
    wait(1, seconds{1});  // the first demand seen
    if (GetParam()) make_general();
  }
};
INSTANTIATE_TEST_SUITE_P(Reservation, BothPaths, testing::Bool(),
                         [](const auto& general) { return general.param ? "general" : "scalar"; });

TEST_P(BothPaths, ShadowIsWhenEnoughHasEndedAndExtraIsWhatIsLeftThen) {
  add_worker(make_resources({10'000, kUnlimited, 0, kUnlimited}));
  run(3, seconds{10});
  run(2, seconds{20});
  run(2, seconds{20});  // at the same instant: counts in full
  run(1, seconds{30});
  make(wait(8, seconds{5}));  // 2 are free, 5 at 10 s, 9 at 20 s: 1 beside the head
  EXPECT_EQ(reservation_.shadow(), kTimeZero + seconds{20});
  EXPECT_FALSE(admit(wait(2, seconds{21}))) << "2 of 1";
  EXPECT_TRUE(admit(wait(1, seconds{20}))) << "ends in time";
  EXPECT_TRUE(admit(wait(1, seconds{1'000}))) << "fits beside";
}

TEST_P(BothPaths, ThereIsNoShadowWhenAllEndsWouldNotDo) {
  add_worker(make_resources({2'000, kUnlimited, 0, kUnlimited}));
  run(1, seconds{10});
  make(wait(3, seconds{5}));
  EXPECT_EQ(reservation_.shadow(), kNever);
  EXPECT_TRUE(admit(wait(1, Duration::max())));
}

TEST_P(BothPaths, WhatOutlivedItsEstimateMayEndAtAnyMoment) {
  add_worker(make_resources({2'000, kUnlimited, 0, kUnlimited}));
  run(1, seconds{10});
  now_ += seconds{15};
  make(wait(2, seconds{5}));
  EXPECT_EQ(reservation_.shadow(), now_);
  EXPECT_FALSE(admit(wait(1, Duration{1})));
}

TEST_P(BothPaths, LongHorizonsDoNotOverflow) {
  add_worker(make_resources({2'000, kUnlimited, 0, kUnlimited}), 1'000.0);
  run(1, Duration::max());
  make(wait(2, seconds{5}));
  EXPECT_TRUE(reservation_.may_admit({1, 1'000, std::numeric_limits<std::int64_t>::max()}));
  EXPECT_TRUE(admit(wait(1, seconds{5})));
}

// A short job takes room now and gives it back before the shadow; a long one behind it must be judged by the room then.
TEST_F(ReservationTest, ShortJobsDoNotHideTheRoomThatTheHeadNeeds) {
  const Resources head = make_resources({3'000, 0, 0, 1});
  add_worker(make_resources({3'000, kUnlimited, 0, kUnlimited}));
  add_worker(make_resources({6'000, kUnlimited, 0, kUnlimited}));
  run(1, seconds{10}, head);  // on worker 0; the head waits for it
  make_general();
  make(wait(3, seconds{5}, head));
  EXPECT_EQ(reservation_.shadow(), kTimeZero + seconds{10});
  EXPECT_TRUE(admit(wait(1, seconds{5}, make_resources({1'000, 0, 0, 1}))))
      << "5 of worker 1's 6 cpus are left, for one task of the head now";
  EXPECT_FALSE(admit(wait(1, seconds{50}, make_resources({2'000, 0, 0, 1}))))
      << "4 of 6 cpus at 10 s: no room for both tasks";
}

TEST_F(ReservationTest, WhatIsOfNoUseToTheHeadIsFreeForOthers) {
  const Resources gpu = make_resources({1'000, 0, 1, 1});
  add_worker(make_resources({1'000, kUnlimited, 1, kUnlimited}));
  add_worker(make_resources({1'000, kUnlimited, 0, kUnlimited}));
  run(1, seconds{10}, gpu);
  const JobRef other = wait(1, seconds{1'000});
  make(wait(1, seconds{5}, gpu));
  EXPECT_TRUE(reservation_.may_admit(least_demand(cluster_.job(other))));
  EXPECT_TRUE(admit(other));
}

// The head wants all workers of two cpus; the last worker, of one, is of no use to it.
class ManyWorkers : public ReservationTest {
 protected:
  // Where a long job of one cpu is to go, with so many workers before the one that the head can spare.
  std::vector<Placement> place_behind(std::uint32_t wanted_by_head) {
    const Resources wide = make_resources({2'000, 0, 0, 1});
    for (std::uint32_t w = 0; w <= wanted_by_head; ++w) add_worker(make_resources({2'000, kUnlimited, 0, kUnlimited}));
    add_worker(make_resources({1'000, kUnlimited, 0, kUnlimited}));
    run(1, seconds{10}, wide);  // on worker 0
    const JobRef job = wait(1, seconds{1'000});
    make(wait(wanted_by_head + 1, seconds{5}, wide));
    std::vector<Placement> placements;
    if (!reservation_.find_workers({now_, PoolId{0}, cluster_, rng_}, cluster_.job(job), placements)) return {};
    return placements;
  }
};

TEST_F(ManyWorkers, OneBehindThoseThatTheHeadNeedsIsFound) {
  const std::vector<Placement> expected{{WorkerId{kWorkersTried}, 1}};
  EXPECT_EQ(place_behind(kWorkersTried - 1), expected);
}

TEST_F(ManyWorkers, ButNotAllWorkersAreLookedAtForOneJob) { EXPECT_TRUE(place_behind(kWorkersTried).empty()); }

}  // namespace
}  // namespace drydock::reservation_test

#include "sim/faults.hpp"
#include "sim/store_queue.hpp"
#include "tests/unit/sim_support.hpp"

#include <gtest/gtest.h>

namespace drydock::sim::sim_course_test {
namespace {

Time at(Duration since_start) { return kTimeZero + since_start; }

TEST(Course, HoldsOnce) {
  const Course course(scenarios::WorkerCrash::Once{10s, 5s}, 1, 2);
  EXPECT_EQ(course.at(at(9s)), nullptr);
  ASSERT_NE(course.at(at(10s)), nullptr);
  EXPECT_EQ(course.at(at(10s))->until, at(15s));
  EXPECT_EQ(course.at(at(15s)), nullptr);
  EXPECT_EQ(course.next_change(at(0s)), at(10s));
  EXPECT_EQ(course.next_change(at(10s)), at(15s));
  EXPECT_EQ(course.next_change(at(15s)), kNever);
  EXPECT_EQ(course.span(1), nullptr);
  const Course endless(scenarios::WorkerCrash::Once{10s, std::nullopt}, 1, 2);
  EXPECT_EQ(endless.next_change(at(11s)), kNever);
}

TEST(Course, IsTheSameInWhateverOrderOneLooks) {
  const scenarios::WorkerCrash::Repeated often{scenarios::Exponential{20}, scenarios::Exponential{5}};
  const Course forward(often, 7, 3);
  const Course backward(often, 7, 3);
  const Course other(often, 8, 3);
  bool differs = false;
  std::vector<bool> holds;
  for (int i = 0; i < 2000; ++i) holds.push_back(forward.at(at(i * 1s)) != nullptr);
  for (int i = 1999; i >= 0; --i) {
    EXPECT_EQ(backward.at(at(i * 1s)) != nullptr, holds[static_cast<std::size_t>(i)]);
    differs = differs || (other.at(at(i * 1s)) != nullptr) != holds[static_cast<std::size_t>(i)];
  }
  EXPECT_TRUE(differs);
  // Changes, one after the other, are the ends of spans and the beginnings.
  Time now = kTimeZero;
  for (std::size_t n = 0; n < 50; ++n) {
    now = forward.next_change(now);
    EXPECT_EQ(now, forward.span(n)->from);
    now = forward.next_change(now);
    EXPECT_EQ(now, forward.span(n)->until);
  }
}

TEST(StoreQueue, LetsOrdersWaitForOneAnother) {
  StoreQueue any(0);
  EXPECT_EQ(any.take(at(0s), 5s), at(5s));
  EXPECT_EQ(any.take(at(1s), 5s), at(6s));
  StoreQueue one(1);
  EXPECT_EQ(one.take(at(0s), 5s), at(5s));
  EXPECT_EQ(one.take(at(1s), 5s), at(10s));
  EXPECT_EQ(one.take(at(20s), 5s), at(25s));
  StoreQueue two(2);
  EXPECT_EQ(two.take(at(0s), 5s), at(5s));
  EXPECT_EQ(two.take(at(1s), 1s), at(2s));
  EXPECT_EQ(two.take(at(1s), 1s), at(3s));
  EXPECT_EQ(two.take(at(1s), 1s), at(4s));
  EXPECT_EQ(two.take(at(1s), 2s), at(6s));
}

TEST(HostTroubles, MultiplyAndAddUp) {
  using Once = scenarios::WorkerCrash::Once;
  scenarios::Scenario scenario;
  scenario.hosts.push_back({.name = "a", .count = 2});
  scenario.faults = {scenarios::HostTrouble{.target = "", .when = Once{10s, 20s}, .factor = 0.5},
                     scenarios::HostTrouble{.target = "a-1", .when = Once{20s, 20s}, .factor = 0.4},
                     scenarios::HostTrouble{.target = "a-0", .when = Once{30s, 5s}, .factor = 0},
                     scenarios::HostTrouble{.target = "a-0", .when = Once{33s, 7s}, .factor = 0}};
  const HostTroubles troubles(scenario, 1);
  EXPECT_EQ(troubles.hosts().size(), 2U);
  EXPECT_TRUE(troubles.any_pause());
  EXPECT_DOUBLE_EQ(troubles.factor(0, at(5s)), 1);
  EXPECT_DOUBLE_EQ(troubles.factor(0, at(25s)), 0.5);
  EXPECT_DOUBLE_EQ(troubles.factor(1, at(25s)), 0.2);
  EXPECT_DOUBLE_EQ(troubles.factor(0, at(31s)), 0);
  EXPECT_EQ(troubles.paused_until(0, at(31s)), at(40s));
  EXPECT_EQ(troubles.paused_until(1, at(31s)), at(31s));
  EXPECT_EQ(troubles.next_change(0, at(30s)), at(33s));
  EXPECT_EQ(troubles.next_change(1, at(41s)), kNever);
}

}  // namespace
}  // namespace drydock::sim::sim_course_test

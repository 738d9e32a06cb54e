#include "policies/core/registry_watch.hpp"

#include <gtest/gtest.h>

namespace drydock::registry_watch_test {
namespace {

using std::chrono::seconds;

Time at(int s) { return kTimeZero + seconds{s}; }

class Watch : public ::testing::Test {
 protected:
  explicit Watch(bool guard = true) : watch_({.reading = seconds{5}, .guard = guard, .hold = seconds{60}}) {}

  // Reads at `now`; the answer comes at once.
  void read(Time now, RegistryRead answer) {
    ASSERT_TRUE(watch_.due(now));
    watch_.asked(RequestId{++requests_}, now);
    answer.request = RequestId{requests_};
    forgot_ = watch_.take(answer, now);
  }
  static RegistryRead found(std::uint32_t entries, std::uint32_t gone = 0) {
    return {.request = {}, .answer = Answer::done, .server = 1, .sentinel = 1, .entries = entries, .gone = gone};
  }
  [[nodiscard]] bool believes(std::uint32_t worker, Time now) { return watch_.believes({WorkerId{worker}, 1}, now); }

  RegistryWatch watch_;
  std::uint64_t requests_ = 0;
  bool forgot_ = false;
};
class WatchWithoutGuard : public Watch {
 protected:
  WatchWithoutGuard() : Watch(false) {}
};

TEST_F(Watch, ReadsAtTheBeginningOfEachPeriodAndOnceAtATime) {
  EXPECT_EQ(watch_.next_wakeup(), kTimeZero);
  watch_.asked(RequestId{1}, at(0));
  EXPECT_FALSE(watch_.due(at(20)));
  EXPECT_EQ(watch_.next_wakeup(), kNever);
  EXPECT_FALSE(watch_.take({.request = RequestId{7}}, at(1)));
  EXPECT_TRUE(watch_.waits());
  RegistryRead answer = found(1);
  answer.request = RequestId{1};
  EXPECT_FALSE(watch_.take(answer, at(7)));
  EXPECT_FALSE(watch_.waits());
}

TEST_F(Watch, BelievesThatAFewDied) {
  read(at(0), found(10));
  read(at(5), found(5, 5));  // half is not more than half
  EXPECT_TRUE(believes(3, at(5)));
  read(at(10), found(3, 2));
  EXPECT_TRUE(believes(4, at(10)));
}

TEST_F(Watch, TwoOfTwoAreTooFewForAnOutage) {
  read(at(0), found(2));
  read(at(5), found(0, 2));
  EXPECT_TRUE(believes(0, at(5)));
}

TEST_F(Watch, HoldsWhenMoreThanHalfAreGone) {
  read(at(0), found(9));
  read(at(5), found(4, 5));
  EXPECT_FALSE(believes(0, at(5)));
  EXPECT_FALSE(believes(1, at(5)));
  EXPECT_EQ(watch_.next_wakeup(), at(10));  // the next reading
  watch_.clear(WorkerId{0});
  read(at(64), found(5));
  EXPECT_TRUE(watch_.take_overdue().empty());
  read(at(65), {.request = {}, .answer = Answer::failed});
  EXPECT_TRUE(watch_.take_overdue().empty());
  read(at(70), found(5));
  EXPECT_TRUE(watch_.take_overdue().empty()) << "after an outage the guard holds again";
  read(at(130), found(5));
  const auto dead = watch_.take_overdue();
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_EQ(dead[0].worker, WorkerId{1});
  EXPECT_TRUE(watch_.take_overdue().empty());
  EXPECT_TRUE(believes(2, at(130)));
}

TEST_F(Watch, HoldsAfterARestartALostSentinelAndAnOutage) {
  RegistryRead restarted = found(9, 1);
  restarted.server = 2;
  RegistryRead flushed = found(9, 1);
  flushed.sentinel = 2;
  for (const RegistryRead& odd : {restarted, flushed}) {
    RegistryWatch fresh({.reading = seconds{5}, .guard = true, .hold = seconds{60}});
    watch_ = fresh;
    read(at(0), found(10));
    EXPECT_FALSE(forgot_);
    read(at(5), odd);
    EXPECT_TRUE(forgot_);
    EXPECT_FALSE(believes(0, at(5)));
  }
  watch_ = RegistryWatch({.reading = seconds{5}, .guard = true, .hold = seconds{60}});
  read(at(0), found(10));
  read(at(5), {.request = {}, .answer = Answer::failed});
  read(at(10), found(9, 1));
  EXPECT_FALSE(believes(0, at(10)));
}

TEST_F(Watch, DoesNotBelieveInADeathBeforeItsTime) {
  read(at(0), found(10));
  read(at(5), found(9, 1));
  EXPECT_FALSE(watch_.believes({WorkerId{0}, 1, true}, at(5)));
  read(at(60), found(9));
  EXPECT_TRUE(watch_.take_overdue().empty());
  read(at(65), found(9));
  EXPECT_EQ(watch_.take_overdue().size(), 1U);
}

TEST_F(Watch, DoesNotMistrustTheFirstReading) {
  read(at(0), found(10));
  EXPECT_TRUE(believes(0, at(0)));
}

TEST_F(WatchWithoutGuard, BelievesEverything) {
  read(at(0), found(9));
  read(at(5), {.request = {}, .answer = Answer::failed});
  read(at(10), found(0, 9));
  EXPECT_TRUE(believes(0, at(10)));
}

}  // namespace
}  // namespace drydock::registry_watch_test

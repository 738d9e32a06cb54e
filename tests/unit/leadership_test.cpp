#include "policies/core/leadership.hpp"

#include <chrono>
#include <gtest/gtest.h>

namespace drydock::leadership_test {
namespace {

using namespace std::chrono_literals;

constexpr LeadershipConfig kConfig{.lease = 15s, .renew = 5s, .margin = 1s, .retry = 1s};

Time at(Duration d) { return kTimeZero + d; }

LeaseAnswered held(std::uint64_t request, std::int64_t epoch) {
  return {.request = RequestId{request}, .answer = Answer::done, .held = true, .epoch = epoch, .left = 15s};
}
LeaseAnswered taken(std::uint64_t request, Duration left) {
  return {.request = RequestId{request}, .answer = Answer::done, .held = false, .epoch = 1, .left = left};
}

TEST(Leadership, CountsTheLeaseFromWhenItAsked) {
  Leadership leadership(kConfig);
  EXPECT_TRUE(leadership.due(at(0s)));
  leadership.asked(RequestId{1}, at(2s));
  EXPECT_FALSE(leadership.due(at(2s)));
  EXPECT_EQ(leadership.take(held(1, 7), at(4s)), Leadership::Turn::gained);
  EXPECT_EQ(leadership.epoch(), 7);
  EXPECT_TRUE(leadership.holds(at(16s) - 1ns));
  EXPECT_TRUE(leadership.over(at(16s)));
  EXPECT_EQ(leadership.next_wakeup(), at(7s));
  leadership.asked(RequestId{2}, at(7s));
  EXPECT_EQ(leadership.next_wakeup(), at(16s));
  EXPECT_EQ(leadership.take(held(2, 7), at(8s)), Leadership::Turn::none);
  EXPECT_TRUE(leadership.over(at(21s)));
  EXPECT_FALSE(leadership.over(at(21s) - 1ns));
}

TEST(Leadership, AsksAgainWhenTheLeaseOfAnotherShouldEnd) {
  Leadership leadership(kConfig);
  leadership.asked(RequestId{1}, at(0s));
  EXPECT_EQ(leadership.take(taken(1, 12s), at(0s)), Leadership::Turn::none);
  EXPECT_EQ(leadership.next_wakeup(), at(5s));
  leadership.asked(RequestId{2}, at(5s));
  EXPECT_EQ(leadership.take(taken(2, 2s), at(6s)), Leadership::Turn::none);
  EXPECT_EQ(leadership.next_wakeup(), at(8s));
  leadership.asked(RequestId{3}, at(8s));
  EXPECT_EQ(leadership.take(taken(3, 0s), at(8s)), Leadership::Turn::none);
  EXPECT_EQ(leadership.next_wakeup(), at(8s) + 1ms);
  EXPECT_EQ(leadership.epoch(), 0);
}

TEST(Leadership, AsksAgainSoonWithoutAnAnswer) {
  Leadership leadership(kConfig);
  leadership.asked(RequestId{1}, at(0s));
  EXPECT_EQ(leadership.take({.request = RequestId{1}, .answer = Answer::unknown}, at(3s)), Leadership::Turn::none);
  EXPECT_EQ(leadership.next_wakeup(), at(4s));
}

TEST(Leadership, IsOutrankedByAnotherOrByAnotherEpochOfItsOwn) {
  for (const LeaseAnswered& answer : {taken(2, 3s), held(2, 3)}) {
    Leadership leadership(kConfig);
    leadership.asked(RequestId{1}, at(0s));
    EXPECT_EQ(leadership.take(held(1, 1), at(0s)), Leadership::Turn::gained);
    leadership.asked(RequestId{2}, at(5s));
    EXPECT_EQ(leadership.take(answer, at(5s)), Leadership::Turn::outranked);
  }
}

TEST(Leadership, DoesNotRelyOnAnAnswerThatTookTooLong) {
  Leadership leadership(kConfig);
  leadership.asked(RequestId{1}, at(0s));
  EXPECT_EQ(leadership.take(held(1, 1), at(14s)), Leadership::Turn::none);
  EXPECT_EQ(leadership.epoch(), 0);
  EXPECT_TRUE(leadership.due(at(14s)));
}

TEST(Leadership, IgnoresAnswersToOtherQuestions) {
  Leadership leadership(kConfig);
  leadership.asked(RequestId{2}, at(0s));
  EXPECT_EQ(leadership.take(held(1, 1), at(1s)), Leadership::Turn::none);
  EXPECT_EQ(leadership.epoch(), 0);
  EXPECT_EQ(leadership.take(held(2, 1), at(1s)), Leadership::Turn::gained);
}

}  // namespace
}  // namespace drydock::leadership_test

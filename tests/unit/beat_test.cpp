// The beat role, fact by fact.
#include "policies/core/beat.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::beat_test {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using Events = std::vector<BeatEvent>;

constexpr PeriodicId kMetrics{0};
constexpr PeriodicId kScan{1};

BeatConfig two_jobs(CatchUp catch_up) {
  return {.jobs = {{"metrics", minutes{1}, kTimeZero + minutes{1}, catch_up},
                   {"scan", minutes{5}, kTimeZero + minutes{5}, CatchUp::all}}};
}

Time at(int minute, int second = 0) { return kTimeZero + minutes{minute} + seconds{second}; }

// What is fired, as "job@minute".
std::vector<std::string> fired(std::span<const Fire> orders) {
  std::vector<std::string> names;
  for (const Fire& order : orders) {
    names.push_back((order.firing.job == kMetrics ? "metrics@" : "scan@") +
                    std::to_string(nanos(order.firing.due) / nanos(Duration{minutes{1}})));
  }
  return names;
}
using Names = std::vector<std::string>;

Events done(std::span<const Fire> orders) {
  Events events;
  for (const Fire& order : orders) events.emplace_back(FireAnswered{order.request, Answer::done});
  return events;
}

TEST(DueTimes, AreAGridFromTheFirstOn) {
  const PeriodicJob job{"j", seconds{10}, kTimeZero + seconds{3}, CatchUp::all};
  EXPECT_EQ(next_due(job, kTimeZero), kTimeZero + seconds{3});
  EXPECT_EQ(next_due(job, kTimeZero + seconds{3}), kTimeZero + seconds{13});
  EXPECT_EQ(next_due(job, kTimeZero + seconds{22}), kTimeZero + seconds{23});
  EXPECT_EQ(next_due(job, kNever - Duration{1}), kNever);
  EXPECT_EQ(due_times_before(job, kTimeZero + seconds{3}), 0U);
  EXPECT_EQ(due_times_before(job, kTimeZero + seconds{3} + Duration{1}), 1U);
  EXPECT_EQ(due_times_before(job, kTimeZero + seconds{13}), 1U);
  EXPECT_EQ(due_times_before(job, kTimeZero + seconds{14}), 2U);
}

TEST(DueTimes, OfAJobThatIsNewAreThoseAfterThat) {
  const PeriodicJob job{"j", seconds{10}, kTimeZero + seconds{3}, CatchUp::latest};
  EXPECT_EQ(due_after(job, kTimeZero).first, kTimeZero + seconds{3});
  EXPECT_EQ(due_after(job, kTimeZero + seconds{13}).first, kTimeZero + seconds{23});
  const PeriodicJob later = due_after(job, kTimeZero + seconds{14});
  EXPECT_EQ(later.first, kTimeZero + seconds{23});
  EXPECT_EQ(later.every, job.every);
  EXPECT_EQ(later.catch_up, CatchUp::latest);
  // One that fired before that goes on with it, too.
  EXPECT_EQ(next_due(later, kTimeZero + seconds{3}), kTimeZero + seconds{23});
}

TEST(Beat, FiresNothingUnlessItLeads) {
  BeatRole beat(two_jobs(CatchUp::all));
  EXPECT_TRUE(beat.step(at(10), {}).empty());
  EXPECT_EQ(beat.next_wakeup(), kNever);
  (void)beat.step(at(10), Events{BecameLeader{2}});
  EXPECT_TRUE(beat.leads());
  EXPECT_FALSE(beat.step(at(11), Events{LostLeadership{1}}).empty()) << "a stale fact";
  EXPECT_TRUE(beat.step(at(12), Events{LostLeadership{2}}).empty());
  EXPECT_TRUE(beat.step(at(13), Events{BecameLeader{2}}).empty()) << "epochs rise";
  EXPECT_FALSE(beat.step(at(13), Events{BecameLeader{3}}).empty());
}

TEST(Beat, FiresEachDueTimeOnceWhenItIsDue) {
  BeatRole beat(two_jobs(CatchUp::all));
  EXPECT_TRUE(beat.step(kTimeZero, Events{BecameLeader{1}}).empty());
  Events answers;
  for (int minute = 1; minute <= 10; ++minute) {
    ASSERT_EQ(beat.next_wakeup(), at(minute));
    const std::span<const Fire> orders = beat.step(at(minute), answers);
    Names expected{"metrics@" + std::to_string(minute)};
    if (minute % 5 == 0) expected.push_back("scan@" + std::to_string(minute));
    EXPECT_EQ(fired(orders), expected);
    EXPECT_EQ(orders.front().epoch, 1U);
    answers = done(orders);
    EXPECT_TRUE(beat.step(at(minute, 30), {}).empty());
  }
}

TEST(Beat, CatchesUpAllInOrderOrTheLatestOnly) {
  BeatRole all(two_jobs(CatchUp::all));
  EXPECT_EQ(fired(all.step(at(6, 1), Events{BecameLeader{1}})),
            (Names{"metrics@1", "metrics@2", "metrics@3", "metrics@4", "metrics@5", "scan@5", "metrics@6"}));
  BeatRole latest(two_jobs(CatchUp::latest));
  EXPECT_EQ(fired(latest.step(at(6, 1), Events{BecameLeader{1}})), (Names{"scan@5", "metrics@6"}));
}

TEST(Beat, ARestartedOneGoesOnBehindWhatTheStoreHolds) {
  BeatRole beat(two_jobs(CatchUp::all));
  const Events known{FiringRecorded{{kMetrics, at(4)}}, FiringRecorded{{kScan, at(5)}}, BecameLeader{7}};
  EXPECT_EQ(fired(beat.step(at(6), known)), (Names{"metrics@5", "metrics@6"}));
}

TEST(Beat, LatestWaitsUntilTheFiringBeforeIsTaken) {
  BeatRole beat(two_jobs(CatchUp::latest));
  const std::span<const Fire> first = beat.step(at(1), Events{BecameLeader{1}});
  EXPECT_EQ(fired(first), Names{"metrics@1"});
  (void)beat.step(at(1), done(first));
  EXPECT_TRUE(beat.step(at(4, 30), {}).empty());
  EXPECT_EQ(beat.next_wakeup(), at(5)) << "the other job's";
  EXPECT_EQ(fired(beat.step(at(4, 40), Events{FiringTaken{{kMetrics, at(1)}}})), Names{"metrics@4"});
}

TEST(Beat, LatestKnowsAfterARestartThatAFiringWaits) {
  BeatRole beat(two_jobs(CatchUp::latest));
  (void)beat.step(at(3), Events{FiringRecorded{{kMetrics, at(1)}, true}, BecameLeader{1}});
  EXPECT_TRUE(beat.step(at(4), {}).empty());
  EXPECT_EQ(fired(beat.step(at(4), Events{FiringTaken{{kMetrics, at(1)}}})), Names{"metrics@4"});
}

TEST(Beat, TakenBeforeItsAnswerIsTakenAllTheSame) {
  BeatRole beat(two_jobs(CatchUp::latest));
  const std::span<const Fire> first = beat.step(at(1), Events{BecameLeader{1}});
  const Events answers = done(first);
  (void)beat.step(at(1, 10), Events{FiringTaken{{kMetrics, at(1)}}});
  (void)beat.step(at(1, 20), answers);
  EXPECT_EQ(fired(beat.step(at(2), {})), Names{"metrics@2"});
}

TEST(Beat, RepeatsWhatFailedOrWasLostAfterAPause) {
  BeatRole beat(two_jobs(CatchUp::all));
  const std::span<const Fire> first = beat.step(at(1), Events{BecameLeader{1}});
  const RequestId request = first.front().request;
  EXPECT_TRUE(beat.step(at(1), Events{FireAnswered{request, Answer::unknown}}).empty());
  EXPECT_EQ(beat.next_wakeup(), at(1, 1));
  const std::span<const Fire> again = beat.step(at(1, 1), {});
  EXPECT_EQ(fired(again), Names{"metrics@1"});
  EXPECT_EQ(again.front().request, request);
  EXPECT_TRUE(beat.step(at(1, 2), Events{FireAnswered{request, Answer::done}}).empty());
  EXPECT_EQ(beat.next_wakeup(), at(2));
}

TEST(Beat, OfLatestAFailedOrderMakesWayForALaterDueTime) {
  BeatRole beat(two_jobs(CatchUp::latest));
  const RequestId request = beat.step(at(1), Events{BecameLeader{1}}).front().request;
  EXPECT_TRUE(beat.step(at(3), Events{FireAnswered{request, Answer::failed}}).empty());
  EXPECT_EQ(fired(beat.step(at(3, 1), {})), Names{"metrics@3"});
}

TEST(Beat, LearnsWhatAnotherBeatFired) {
  BeatRole beat(two_jobs(CatchUp::all));
  (void)beat.step(kTimeZero, Events{BecameLeader{1}});
  EXPECT_EQ(fired(beat.step(at(3), Events{FiringRecorded{{kMetrics, at(2)}}})), Names{"metrics@3"});
}

TEST(Beat, KeepsNoMoreInFlightThanAllowed) {
  BeatConfig config = two_jobs(CatchUp::all);
  config.max_in_flight = 3;
  BeatRole beat(config);
  const std::span<const Fire> first = beat.step(at(9), Events{BecameLeader{1}});
  EXPECT_EQ(fired(first), (Names{"metrics@1", "metrics@2", "metrics@3"}));
  EXPECT_EQ(beat.next_wakeup(), kNever) << "an answer will come";
  EXPECT_EQ(fired(beat.step(at(9), done(first))), (Names{"metrics@4", "metrics@5", "scan@5"}));
}

}  // namespace
}  // namespace drydock::beat_test

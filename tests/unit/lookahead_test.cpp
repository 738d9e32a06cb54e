#include "policies/core/lookahead.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace drydock::lookahead_test {
namespace {

using Keep = Lookahead::Keep;

JobSpec job(std::uint64_t id, std::int32_t priority = 0, std::uint32_t queue = 0) {
  JobSpec spec;
  spec.id = JobId{id};
  spec.queue = QueueId{queue};
  spec.priority = priority;
  return spec;
}
JobLoaded row(std::uint64_t id, std::int32_t priority = 0, std::uint32_t queue = 0) {
  return {.job = job(id, priority, queue)};
}
Lookahead::Here here(std::uint64_t waiting, std::optional<std::uint64_t> last = {}) {
  Lookahead::Here state{.waiting = waiting, .droppable = waiting};
  if (last) state.last = QueuePlace{0, JobId{*last}};
  return state;
}
std::vector<std::uint64_t> ids(const std::vector<JobLoaded>& jobs) {
  std::vector<std::uint64_t> all;
  for (const JobLoaded& each : jobs) all.push_back(each.job.id.value);
  return all;
}

constexpr QueueId kQueue{0};
constexpr RequestId kLoad{5};

// Jobs 1 and 2 are held, 3 and those behind it are not.
Lookahead cut_behind_two() {
  Lookahead lookahead(2, {false});
  EXPECT_EQ(lookahead.arrived(job(3), Time{}, here(2, 2)), Keep::in_store);
  return lookahead;
}
// The same, and both have started: a load is on its way.
Lookahead loading_behind_two() {
  Lookahead lookahead = cut_behind_two();
  EXPECT_TRUE(lookahead.should_load(kQueue, here(0)));
  EXPECT_EQ(lookahead.loading(kQueue, kLoad, here(0)).after, (QueuePlace{0, JobId{2}}));
  return lookahead;
}
WaitingLoaded answer(std::optional<std::uint64_t> last = {}) {
  WaitingLoaded event{.request = kLoad, .whole = !last};
  if (last) event.last = {0, JobId{*last}};
  return event;
}

TEST(QueuePlaces, GoByPriorityThenById) {
  EXPECT_LT((QueuePlace{2, JobId{9}}), (QueuePlace{1, JobId{3}}));
  EXPECT_LT((QueuePlace{1, JobId{3}}), (QueuePlace{1, JobId{4}}));
  EXPECT_LT((QueuePlace{1, JobId{3}}), (QueuePlace{-1, JobId{1}}));
}

TEST(Lookahead, HoldsAsManyAsItMay) {
  Lookahead lookahead(2, {false});
  EXPECT_EQ(lookahead.arrived(job(1), Time{}, here(0)), Keep::here);
  EXPECT_EQ(lookahead.arrived(job(2), Time{}, here(1, 1)), Keep::here);
  EXPECT_TRUE(lookahead.whole());
  EXPECT_EQ(lookahead.arrived(job(3), Time{}, here(2, 2)), Keep::in_store);
  EXPECT_FALSE(lookahead.whole());
  EXPECT_EQ(lookahead.arrived(job(4), Time{}, here(0)), Keep::in_store) << "job 3 goes first";
}

TEST(Lookahead, AQueueThatIsHeldWholeIsNeverCut) {
  Lookahead lookahead(1, {true});
  EXPECT_EQ(lookahead.arrived(job(3), Time{}, here(2, 2)), Keep::here);
  EXPECT_FALSE(lookahead.is_too_long(kQueue, here(3, 3)));
  EXPECT_TRUE(lookahead.whole());
}

TEST(Lookahead, AMoreUrgentJobTakesThePlaceOfTheLast) {
  Lookahead lookahead = cut_behind_two();
  EXPECT_EQ(lookahead.arrived(job(4, 1), Time{}, here(2, 2)), Keep::here);
  EXPECT_TRUE(lookahead.is_too_long(kQueue, here(3, 2)));
  lookahead.dropped(kQueue, {0, JobId{2}}, QueuePlace{0, JobId{1}});
  EXPECT_FALSE(lookahead.is_too_long(kQueue, here(2, 1)));
  const Lookahead::Load load = lookahead.loading(kQueue, kLoad, here(0));
  EXPECT_EQ(load.after, (QueuePlace{0, JobId{1}})) << "job 2 must be found again";
  EXPECT_EQ(load.limit, 2U);
}

TEST(Lookahead, LoadsWhenHalfIsGoneAndOnceAtATime) {
  Lookahead lookahead(8, {false});
  EXPECT_EQ(lookahead.arrived(job(9), Time{}, here(8, 8)), Keep::in_store);
  EXPECT_FALSE(lookahead.should_load(kQueue, here(5)));
  EXPECT_TRUE(lookahead.should_load(kQueue, here(4)));
  EXPECT_EQ(lookahead.loading(kQueue, kLoad, here(3)).limit, 5U);
  EXPECT_FALSE(lookahead.should_load(kQueue, here(0)));
  EXPECT_EQ(lookahead.asked(kLoad), kQueue);
  EXPECT_EQ(lookahead.asked(RequestId{4}), std::nullopt);
  EXPECT_EQ(lookahead.asked(RequestId{0}), std::nullopt);
}

TEST(Lookahead, IsWholeAgainOnceNothingIsBehind) {
  Lookahead lookahead = loading_behind_two();
  const std::vector rows{row(3)};
  EXPECT_EQ(ids(lookahead.loaded(kQueue, answer(), rows)), (std::vector<std::uint64_t>{3}));
  EXPECT_TRUE(lookahead.whole());
}

TEST(Lookahead, GoesOnBehindTheLastThatTheStoreHad) {
  Lookahead lookahead = loading_behind_two();
  const std::vector rows{row(3)};  // another one, job 5, had ended
  EXPECT_EQ(ids(lookahead.loaded(kQueue, answer(5), rows)), (std::vector<std::uint64_t>{3}));
  EXPECT_EQ(lookahead.loading(kQueue, RequestId{6}, here(1)).after, (QueuePlace{0, JobId{5}}));
}

TEST(Lookahead, TakesRowsOfItsQueueOnly) {
  Lookahead lookahead(2, {false, false});
  EXPECT_EQ(lookahead.arrived(job(3), Time{}, here(2, 2)), Keep::in_store);
  (void)lookahead.loading(kQueue, kLoad, here(0));
  const std::vector rows{row(3), row(4, 0, 1)};
  EXPECT_EQ(ids(lookahead.loaded(kQueue, answer(), rows)), (std::vector<std::uint64_t>{3}));
}

TEST(Lookahead, AJobThatComesDuringALoadWaitsForItsAnswer) {
  Lookahead lookahead = loading_behind_two();
  EXPECT_EQ(lookahead.arrived(job(7), Time{}, here(0)), Keep::aside);
  EXPECT_EQ(lookahead.arrived(job(7), Time{}, here(0)), Keep::duplicate);
  EXPECT_EQ(lookahead.arrived(job(8), Time{}, here(0)), Keep::aside);
  const std::vector rows{row(3), row(7)};
  EXPECT_EQ(ids(lookahead.loaded(kQueue, answer(7), rows)), (std::vector<std::uint64_t>{3, 7}))
      << "job 8 is behind the cursor";
  EXPECT_FALSE(lookahead.whole());
}

TEST(Lookahead, AJobThatTheStoreReadTooEarlyToHaveIsNotForgotten) {
  Lookahead lookahead = loading_behind_two();
  EXPECT_EQ(lookahead.arrived(job(7), Time{}, here(0)), Keep::aside);
  const std::vector rows{row(3)};
  EXPECT_EQ(ids(lookahead.loaded(kQueue, answer(), rows)), (std::vector<std::uint64_t>{3, 7}));
  EXPECT_TRUE(lookahead.whole());
}

TEST(Lookahead, MoreThanCanBePutAsideLeavesTheQueueCut) {
  Lookahead lookahead = loading_behind_two();
  for (const std::uint64_t id : {9U, 7U, 8U, 10U}) (void)lookahead.arrived(job(id), Time{}, here(0));
  const std::vector rows{row(3), row(9)};
  EXPECT_EQ(ids(lookahead.loaded(kQueue, answer(), rows)), (std::vector<std::uint64_t>{3, 7, 8}));
  EXPECT_FALSE(lookahead.whole()) << "job 10 is in the store alone";
  EXPECT_EQ(lookahead.loading(kQueue, RequestId{6}, here(0)).after, (QueuePlace{0, JobId{8}}));
}

TEST(Lookahead, AJobThatEndedDuringALoadDoesNotComeBack) {
  Lookahead lookahead = loading_behind_two();
  lookahead.ended(job(4));    // it was held, behind the cursor, and has run
  lookahead.ended(JobId{5});  // it was cancelled in the store
  EXPECT_EQ(lookahead.arrived(job(7), Time{}, here(0)), Keep::aside);
  lookahead.ended(JobId{7});  // likewise
  const std::vector rows{row(3), row(4), row(5), row(6)};
  EXPECT_EQ(ids(lookahead.loaded(kQueue, answer(), rows)), (std::vector<std::uint64_t>{3, 6}));
}

TEST(Lookahead, WhatEndedBeforeALoadIsForgotten) {
  Lookahead lookahead = cut_behind_two();
  lookahead.ended(JobId{3});
  (void)lookahead.loading(kQueue, kLoad, here(0));
  const std::vector rows{row(3)};
  EXPECT_EQ(ids(lookahead.loaded(kQueue, answer(), rows)), (std::vector<std::uint64_t>{3})) << "another one under its id";
}

TEST(Lookahead, AfterAFailedLoadTheNextOneFindsWhatWasPutAside) {
  Lookahead lookahead = loading_behind_two();
  EXPECT_EQ(lookahead.arrived(job(7), Time{}, here(0)), Keep::aside);
  lookahead.failed(kQueue);
  EXPECT_EQ(lookahead.asked(kLoad), std::nullopt);
  EXPECT_TRUE(lookahead.should_load(kQueue, here(0)));
  EXPECT_EQ(lookahead.arrived(job(7), Time{}, here(0)), Keep::in_store);
  EXPECT_EQ(lookahead.loading(kQueue, RequestId{6}, here(0)).after, (QueuePlace{0, JobId{2}}));
}

// Job 2 was dropped while jobs behind it were on their way: to take those would leave it behind for ever.
TEST(Lookahead, ALoadThatWouldLeaveAGapIsThrownAway) {
  Lookahead lookahead = cut_behind_two();
  (void)lookahead.loading(kQueue, kLoad, here(1, 2));
  EXPECT_EQ(lookahead.arrived(job(7), Time{}, here(1, 2)), Keep::aside);
  lookahead.dropped(kQueue, {0, JobId{2}}, std::nullopt);
  EXPECT_FALSE(lookahead.should_load(kQueue, here(0))) << "the answer is still to come";
  const std::vector rows{row(3)};
  EXPECT_EQ(ids(lookahead.loaded(kQueue, answer(), rows)), (std::vector<std::uint64_t>{}));
  EXPECT_EQ(lookahead.loading(kQueue, RequestId{6}, here(0)).after, std::nullopt) << "from the front";
}

TEST(Lookahead, ANewLeaderThatIsGivenAsManyAsItAskedForKnowsThatThereMayBeMore) {
  Lookahead lookahead(2, {false, false});
  lookahead.took_over(kQueue, 2, {0, JobId{6}});
  lookahead.took_over(QueueId{1}, 1, {0, JobId{9}});
  EXPECT_TRUE(lookahead.should_load(kQueue, here(1)));
  EXPECT_EQ(lookahead.loading(kQueue, kLoad, here(1)).after, (QueuePlace{0, JobId{6}}));
  EXPECT_FALSE(lookahead.should_load(QueueId{1}, here(0)));
}

}  // namespace
}  // namespace drydock::lookahead_test

// The checker, where some of the waiting jobs are in the store alone.
#include "policies/core/check.hpp"
#include "tests/unit/check_story.hpp"

#include <gtest/gtest.h>
#include <string>

namespace drydock::check_lookahead_test {
namespace {

using namespace check_story;

constexpr ResourceAmounts kOneCpu{.cpus_milli = 1000, .slots = 1};

class LookaheadChecker : public testing::Test {
 protected:
  void step(const std::vector<Event>& events, const std::vector<Command>& commands) {
    checker_.step(time_at(++now_), events, commands);
  }
  [[nodiscard]] std::string found(bool complete) {
    checker_.finish(complete);
    return checker_.violations().empty() ? "" : checker_.violations().front().what;
  }
  static Event submit(std::uint64_t job) { return submitted(job, 1, kOneCpu); }
  static Event row(std::uint64_t job) { return JobLoaded{std::get<JobSubmitted>(submit(job)).job}; }
  static Command ask_for(std::uint64_t request) { return AskWaiting{.request = RequestId{request}, .limit = 2}; }
  static Event loaded(std::uint64_t request) { return WaitingLoaded{.request = RequestId{request}, .whole = true}; }

  Checker checker_{{.holds_all = false}};
  std::int64_t now_ = 0;
};

TEST_F(LookaheadChecker, AJobThatNobodyLoadsIsLost) {
  step({submit(1)}, {});
  EXPECT_EQ(found(true), "job 1 has not ended; its last attempt is 0");
}

TEST_F(LookaheadChecker, OneThatWasCancelledInTheStoreIsNot) {
  step({submit(1)}, {ask_for(1)});
  step({JobCancelled{JobId{1}}}, {});
  step({row(1), loaded(1)}, {});  // the store read before
  EXPECT_EQ(found(true), "");
}

TEST_F(LookaheadChecker, OneThatIsLoadedByANewLeaderIsHeardOf) {
  step({row(1)}, {});
  EXPECT_EQ(found(true), "job 1 has not ended; its last attempt is 0");
}

TEST_F(LookaheadChecker, WhatEndedBeforeAQuestionMayComeAnew) {
  step({submit(1)}, {ask_for(1)});
  step({JobCancelled{JobId{1}}}, {});
  step({loaded(1)}, {ask_for(2)});
  step({row(1), loaded(2)}, {});
  EXPECT_EQ(found(true), "job 1 has not ended; its last attempt is 0");
}

TEST_F(LookaheadChecker, AnIdThatIsTakenInTheStoreMayNotBeKnownToBe) {
  step({submit(1)}, {});
  step({submit(1)}, {});
  EXPECT_EQ(found(false), "");
  Checker all;
  all.step(Time{}, std::vector{submit(1), submit(1)}, {});
  EXPECT_EQ(all.violation_count(), 1U);
}

TEST_F(LookaheadChecker, AJobThatEndedIsNotRunAgain) {
  step({registered(0, 1, {.cpus_milli = 1000, .slots = 1}), submit(1)}, {ask_for(1)});
  step({JobCancelled{JobId{1}}}, {});
  const Placement there = on(0);
  const Assignment assigned{attempt(1, 1), {&there, 1}};
  step({row(1), loaded(1)}, {Commit{RequestId{2}, {}, {&assigned, 1}}});
  EXPECT_EQ(found(false), "commit 2 assigns attempt 1.1 of a job that is unknown or has ended");
}

TEST_F(LookaheadChecker, EachQuestionGetsOneAnswer) {
  step({}, {ask_for(1)});
  step({loaded(1)}, {});
  step({loaded(1)}, {});
  EXPECT_EQ(found(false), "request 1 is answered, but no such one waits for an answer");
}

TEST_F(LookaheadChecker, AQuestionForNothingIsNoQuestion) {
  step({}, {AskWaiting{.request = RequestId{1}}});
  EXPECT_EQ(found(false), "request 1 asks for no waiting job");
}

}  // namespace
}  // namespace drydock::check_lookahead_test

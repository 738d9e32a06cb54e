#include "policies/core/worker_agent.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace drydock::worker_agent_test {
namespace {

using namespace std::chrono_literals;

WorkerAgentConfig config() {
  WorkerAgentConfig config;
  config.worker = WorkerId{3};
  config.capacity = make_resources({.cpus_milli = 2000, .memory_bytes = 0, .gpus = 0, .slots = kUnlimited});
  config.interval = 30s;
  config.lease = 60s;
  config.margin = 6s;
  return config;
}

class WorkerAgentTest : public testing::Test {
 protected:
  std::vector<WorkerOrder> step(Duration at, std::vector<WorkerFact> facts = {}) {
    const auto orders = agent_.step(Time{at}, facts);
    agent_.sanity_check();
    return {orders.begin(), orders.end()};
  }
  // Mail arrives in answer to the fetch that is on its way.
  std::vector<WorkerOrder> mail(Duration at, std::vector<decltype(WorkerMail::body)> bodies, std::uint32_t incarnation = 1,
                                std::int64_t epoch = 1) {
    MailFetched fetched{.request = fetch_};
    for (auto& body : bodies) fetched.mails.push_back({.epoch = epoch, .incarnation = incarnation, .body = std::move(body)});
    return note(step(at, {std::move(fetched)}));
  }
  std::vector<WorkerOrder> note(std::vector<WorkerOrder> orders) {
    for (const WorkerOrder& order : orders) {
      if (const auto* fetch = std::get_if<FetchMail>(&order)) fetch_ = fetch->request;
      if (const auto* beat = std::get_if<SendBeat>(&order)) beat_ = beat->request;
    }
    return orders;
  }
  void register_it() {
    note(step(0s));
    note(step(0s, {BeatAnswered{beat_}}));
    ASSERT_TRUE(agent_.registered());
  }
  template <class Order>
  static std::vector<Order> all(const std::vector<WorkerOrder>& orders) {
    std::vector<Order> found;
    for (const WorkerOrder& order : orders) {
      if (const auto* it = std::get_if<Order>(&order)) found.push_back(*it);
    }
    return found;
  }
  static AttemptId attempt(std::uint64_t job, std::uint32_t number = 1) { return {JobId{job}, number}; }
  static RunAttempt run(std::uint64_t job, std::uint32_t number = 1, std::int64_t cpus = 1000) {
    return {.attempt = attempt(job, number), .tasks = 1, .held = make_resources({.cpus_milli = cpus}), .payload = "p"};
  }

  WorkerAgent agent_{config()};
  RequestId fetch_;
  RequestId beat_;
};

TEST_F(WorkerAgentTest, BeatsEveryInterval) {
  EXPECT_EQ(all<SendBeat>(step(0s)).size(), 1U);
  EXPECT_TRUE(all<SendBeat>(step(29s)).empty());
  EXPECT_EQ(all<SendBeat>(step(30s)).size(), 1U);
  EXPECT_EQ(agent_.next_wakeup(), Time{60s});
}

TEST_F(WorkerAgentTest, StartsNothingBeforeItIsRegistered) {
  note(step(0s));
  EXPECT_TRUE(all<StartRun>(mail(1s, {run(1)})).empty());
  EXPECT_EQ(all<StartRun>(step(2s, {BeatAnswered{beat_}})).size(), 1U);
}

TEST_F(WorkerAgentTest, EndsWhatItRunsAtTheSendTimeOfTheLastBeatPlusLeaseLessMargin) {
  register_it();
  ASSERT_EQ(all<StartRun>(mail(1s, {run(1)})).size(), 1U);
  note(step(30s));
  step(35s, {BeatAnswered{beat_}});
  EXPECT_EQ(agent_.fence_at(), Time{84s}) << "by the time of sending, not of the answer";
  EXPECT_TRUE(all<KillRun>(step(83s)).empty());
  EXPECT_EQ(all<KillRun>(step(84s)).size(), 1U);
  EXPECT_EQ(agent_.incarnation(), 1U) << "something of it is left";
  const auto back = step(85s, {RunKilled{attempt(1), {}}});
  EXPECT_EQ(agent_.incarnation(), 2U);
  ASSERT_EQ(all<SendBeat>(back).size(), 1U);
  EXPECT_EQ(all<SendBeat>(back).front().incarnation, 2U);
  EXPECT_TRUE(all<SendReport>(back).empty()) << "nobody wants to know how it ended";
}

TEST_F(WorkerAgentTest, OneThatSleptBeyondItsLeaseDoesNotReportWhatEndedMeanwhile) {
  register_it();
  mail(1s, {run(1)});
  const auto orders = step(100s, {RunEnded{attempt(1)}});
  EXPECT_TRUE(all<SendReport>(orders).empty());
  EXPECT_EQ(agent_.incarnation(), 2U);
}

TEST_F(WorkerAgentTest, AnAnswerThatCameInTimeExtendsTheLeaseEvenWhenItIsReadLate) {
  register_it();
  mail(1s, {run(1)});
  note(step(30s));
  EXPECT_TRUE(all<KillRun>(step(70s, {BeatAnswered{beat_}})).empty());
  EXPECT_EQ(agent_.fence_at(), Time{84s});
}

TEST_F(WorkerAgentTest, RefusesLowerNumbersAndRepetitions) {
  register_it();
  EXPECT_EQ(all<StartRun>(mail(1s, {run(1, 2)})).size(), 1U);
  EXPECT_TRUE(all<StartRun>(mail(2s, {run(1, 1)})).empty());
  const auto again = mail(3s, {run(1, 2)});
  EXPECT_TRUE(all<StartRun>(again).empty());
  ASSERT_EQ(all<SendReport>(again).size(), 1U) << "but says that it has it";
  EXPECT_EQ(all<SendReport>(again).front().report.kind, ReportKind::accepted);
  step(4s, {RunEnded{attempt(1, 2)}});
  mail(5s, {ReportTaken{attempt(1, 2)}});
  EXPECT_EQ(agent_.attempts(), 0U);
  EXPECT_TRUE(all<StartRun>(mail(6s, {run(1, 2)})).empty()) << "it was taken: it does not run twice";
}

TEST_F(WorkerAgentTest, WaitsForRoomInOrder) {
  register_it();
  const auto orders = mail(1s, {run(1, 1, 1500), run(2, 1, 1000), run(3, 1, 500)});
  ASSERT_EQ(all<StartRun>(orders).size(), 1U) << "the third waits behind the second";
  const auto next = step(2s, {RunEnded{attempt(1)}});
  EXPECT_EQ(all<StartRun>(next).size(), 2U);
}

TEST_F(WorkerAgentTest, WhatNeverFitsHasFailed) {
  register_it();
  const auto orders = mail(1s, {run(1, 1, 3000)});
  ASSERT_EQ(all<SendReport>(orders).size(), 1U);
  EXPECT_EQ(all<SendReport>(orders).front().report.kind, ReportKind::failed);
}

TEST_F(WorkerAgentTest, ReportsUntilItIsTakenWithGrowingPauses) {
  register_it();
  mail(1s, {run(1)});
  auto sent = all<SendReport>(step(10s, {RunEnded{attempt(1)}}));
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent.front().report.kind, ReportKind::succeeded);
  EXPECT_TRUE(all<SendReport>(step(10500ms, {ReportSent{sent.front().request}})).empty());
  sent = all<SendReport>(step(11s));
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_TRUE(all<SendReport>(step(12s, {ReportSent{sent.front().request, Answer::unknown}})).empty());
  EXPECT_EQ(all<SendReport>(step(13s)).size(), 1U);
  mail(14s, {ReportTaken{attempt(1)}});
  EXPECT_TRUE(all<SendReport>(step(29s)).empty());
}

TEST_F(WorkerAgentTest, StopsWhatItIsToldAndAlsoWhatNeverCame) {
  register_it();
  mail(1s, {run(1)});
  EXPECT_EQ(all<KillRun>(mail(2s, {StopRun{attempt(1)}})).size(), 1U);
  const auto stopped = all<SendReport>(step(3s, {RunKilled{attempt(1), 2s}}));
  ASSERT_EQ(stopped.size(), 1U);
  EXPECT_EQ(stopped.front().report.kind, ReportKind::stopped);
  EXPECT_EQ(stopped.front().report.progress, Duration{2s});
  EXPECT_EQ(all<SendReport>(mail(4s, {StopRun{attempt(2)}})).front().report.kind, ReportKind::stopped);
  EXPECT_TRUE(all<StartRun>(mail(5s, {run(2)})).empty()) << "the order to run it was overtaken";
}

TEST_F(WorkerAgentTest, WhatEndedBeforeItWasStoppedHasEnded) {
  register_it();
  mail(1s, {run(1)});
  mail(2s, {StopRun{attempt(1)}});
  EXPECT_EQ(all<SendReport>(step(3s, {RunEnded{attempt(1)}})).front().report.kind, ReportKind::succeeded);
}

TEST_F(WorkerAgentTest, ALaterAttemptEndsTheOneBefore) {
  register_it();
  mail(1s, {run(1, 1, 2000)});
  const auto orders = mail(2s, {run(1, 2, 2000)});
  EXPECT_EQ(all<KillRun>(orders).size(), 1U);
  EXPECT_TRUE(all<StartRun>(orders).empty()) << "there is no room before it has ended";
  const auto next = step(3s, {RunKilled{attempt(1), {}}});
  ASSERT_EQ(all<StartRun>(next).size(), 1U);
  EXPECT_EQ(all<StartRun>(next).front().attempt, attempt(1, 2));
}

TEST_F(WorkerAgentTest, HeedsNoMailForOthersAndNoOldLeader) {
  register_it();
  EXPECT_TRUE(all<StartRun>(mail(1s, {run(1)}, 2)).empty());
  EXPECT_EQ(all<StartRun>(mail(2s, {run(2)}, 1, 5)).size(), 1U);
  EXPECT_TRUE(all<StartRun>(mail(3s, {run(3)}, 1, 4)).empty());
}

TEST_F(WorkerAgentTest, OneThatWasGivenUpComesBackAsAHigherIncarnation) {
  register_it();
  mail(1s, {run(1)});
  EXPECT_EQ(all<KillRun>(mail(2s, {Superseded{}}, 7)).size(), 1U);
  step(3s, {RunKilled{attempt(1), {}}});
  EXPECT_EQ(agent_.incarnation(), 8U);
  mail(4s, {Superseded{}}, 7);
  EXPECT_EQ(agent_.incarnation(), 8U) << "that is over";
}

TEST_F(WorkerAgentTest, DrainsThenLeaves) {
  register_it();
  mail(1s, {run(1)});
  const auto draining = note(step(2s, {DrainAsked{}}));
  ASSERT_EQ(all<SendBeat>(draining).size(), 1U);
  EXPECT_TRUE(all<SendBeat>(draining).front().draining);
  const auto declined = mail(3s, {run(2)});
  EXPECT_TRUE(all<StartRun>(declined).empty());
  ASSERT_EQ(all<SendReport>(declined).size(), 1U);
  EXPECT_EQ(all<SendReport>(declined).front().report.kind, ReportKind::declined);
  step(4s, {RunEnded{attempt(1)}});
  EXPECT_TRUE(all<LeaveRegistry>(mail(5s, {ReportTaken{attempt(1)}, DrainNoted{}})).empty()) << "one is not taken yet";
  const auto left = all<LeaveRegistry>(mail(6s, {ReportTaken{attempt(2)}}));
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(all<EndProcess>(step(7s, {RegistryLeft{left.front().request}})).size(), 1U);
  EXPECT_EQ(agent_.next_wakeup(), kNever);
}

// An order may be on its way from a scheduler that does not know.
TEST_F(WorkerAgentTest, LeavesWhenTheSchedulerKnowsOrHadTimeTo) {
  register_it();
  EXPECT_TRUE(all<LeaveRegistry>(step(2s, {DrainAsked{}})).empty());
  EXPECT_EQ(agent_.next_wakeup(), Time{12s});
  EXPECT_TRUE(all<LeaveRegistry>(mail(3s, {DrainNoted{}}, 9)).empty()) << "meant for another incarnation";
  EXPECT_EQ(all<LeaveRegistry>(mail(4s, {DrainNoted{}})).size(), 1U);
}

// Its reports are where the next scheduler will find them.
TEST_F(WorkerAgentTest, LeavesAWhileAfterItsLastEndWhereNobodyTakesIt) {
  register_it();
  mail(1s, {run(1)});
  step(2s, {DrainAsked{}});
  const auto reports = all<SendReport>(step(20s, {RunEnded{attempt(1)}}));
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_TRUE(all<LeaveRegistry>(step(30s)).empty()) << "the report may not have been stored";
  EXPECT_EQ(all<LeaveRegistry>(step(31s, {ReportSent{reports.front().request}})).size(), 1U);
}

TEST_F(WorkerAgentTest, LeavesAlsoWhereNobodyAnswers) {
  register_it();
  step(2s, {DrainAsked{}});
  EXPECT_EQ(all<LeaveRegistry>(step(12s)).size(), 1U);
  EXPECT_EQ(agent_.next_wakeup(), Time{54s});
  EXPECT_EQ(all<EndProcess>(step(72s)).size(), 1U);
}

TEST_F(WorkerAgentTest, ABeatThatFailedIsTriedSoonerAndAtOnceWhenTheLinkIsBack) {
  note(step(0s));
  step(1s, {BeatAnswered{beat_, Answer::failed}});
  EXPECT_LT(agent_.next_wakeup(), Time{5s});
  EXPECT_EQ(all<SendBeat>(step(1100ms, {LinkRestored{}})).size(), 1U);
}

// Mail and the key are the other process's from then on.
TEST_F(WorkerAgentTest, WhenAnotherProcessHasItsKeyItStopsAllAndEnds) {
  register_it();
  mail(1s, {run(1), run(2), run(3)});  // two run, one waits
  note(step(30s));
  const auto ousted = step(31s, {BeatAnswered{beat_, Answer::refused}});
  EXPECT_TRUE(agent_.ousted());
  EXPECT_EQ(all<KillRun>(ousted).size(), 2U);
  EXPECT_EQ(ousted.size(), 2U) << "nothing else";
  EXPECT_EQ(agent_.next_wakeup(), kNever);
  EXPECT_TRUE(mail(32s, {run(4), AskHeld{}}).empty());
  EXPECT_TRUE(step(33s, {RunKilled{attempt(1), {}}, DrainAsked{}, LinkRestored{}}).empty());
  const auto end = step(34s, {RunKilled{attempt(2), {}}});
  ASSERT_EQ(end.size(), 1U);
  EXPECT_EQ(all<EndProcess>(end).size(), 1U);
  EXPECT_TRUE(step(99s).empty());
}

TEST_F(WorkerAgentTest, WhenAnotherProcessHasItsKeyAtTheStartItEndsAtOnce) {
  note(step(0s));
  const auto end = step(1s, {BeatAnswered{beat_, Answer::refused}});
  ASSERT_EQ(end.size(), 1U);
  EXPECT_EQ(all<EndProcess>(end).size(), 1U);
}

TEST_F(WorkerAgentTest, SaysWhatItHasWhenALeaderAsks) {
  register_it();
  mail(1s, {run(1), run(2), run(3)});  // two run, one waits
  step(2s, {RunEnded{attempt(1)}});
  const auto answered = all<SendHeld>(mail(5s, {AskHeld{}}, 1, 9));
  ASSERT_EQ(answered.size(), 1U);
  const HeldReport& report = answered.front().report;
  EXPECT_EQ(report.epoch, 9);
  EXPECT_EQ(report.incarnation, 1U);
  ASSERT_EQ(report.attempts.size(), 3U);
  EXPECT_EQ(report.attempts[0].kind, ReportKind::succeeded) << "not acknowledged yet";
  EXPECT_EQ(report.attempts[1].kind, ReportKind::accepted);
  EXPECT_EQ(report.attempts[1].age, Duration{4s});
  // From now on the leader before is not heard.
  EXPECT_TRUE(all<StartRun>(mail(6s, {run(4)}, 1, 8)).empty());
  EXPECT_TRUE(all<SendHeld>(mail(7s, {AskHeld{}}, 2, 9)).empty()) << "meant for another";
}

}  // namespace
}  // namespace drydock::worker_agent_test

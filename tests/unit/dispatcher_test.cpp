#include "policies/core/dispatcher.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <utility>
#include <vector>

namespace drydock::dispatcher_test {
namespace {

using namespace std::chrono_literals;

class DispatcherTest : public testing::Test {
 protected:
  static constexpr AttemptId kAttempt{JobId{1}, 1};
  void run(const std::vector<std::uint32_t>& workers) {
    std::vector<Dispatcher::Part> parts;
    for (const std::uint32_t worker : workers) {
      parts.push_back({.worker = WorkerId{worker}, .incarnation = 1, .tasks = 1, .held = {}});
    }
    dispatcher_.run(Time{}, kAttempt, std::move(parts), {.progress = {}, .payload = "p"});
  }
  void report(std::uint32_t worker, ReportKind kind, Duration progress = {}) {
    dispatcher_.take(
        Time{1ms}, {.worker = WorkerId{worker}, .incarnation = 1, .attempt = kAttempt, .kind = kind, .progress = progress});
  }
  template <class Body>
  std::size_t mails(Duration at) {
    std::size_t count = 0;
    for (const OutgoingMail& mail : dispatcher_.take_mail(Time{at}))
      count += std::holds_alternative<Body>(mail.mail.body) ? 1U : 0U;
    return count;
  }

  Dispatcher dispatcher_{{.epoch = 4, .resend = 1s, .resend_longest = 4s}};
};

TEST_F(DispatcherTest, SaysItAgainUntilItIsAccepted) {
  run({0});
  EXPECT_EQ(mails<RunAttempt>(0s), 1U);
  EXPECT_EQ(mails<RunAttempt>(999ms), 0U);
  EXPECT_EQ(mails<RunAttempt>(1s), 1U);
  EXPECT_EQ(dispatcher_.next_wakeup(), Time{3s}) << "the pause has doubled";
  report(0, ReportKind::accepted);
  EXPECT_EQ(mails<RunAttempt>(100s), 0U);
}

TEST_F(DispatcherTest, WhatWasLostIsSaidAtOnce) {
  run({0});
  EXPECT_EQ(mails<RunAttempt>(0s), 1U);
  dispatcher_.mail_lost(Time{100ms});
  EXPECT_EQ(mails<RunAttempt>(100ms), 1U);
  report(0, ReportKind::accepted);
  dispatcher_.mail_lost(Time{200ms});
  EXPECT_EQ(mails<RunAttempt>(200ms), 0U) << "who runs it need not be told";
}

TEST_F(DispatcherTest, AnEndIsAFactOnceAndIsAcknowledgedWhenItIsInTheStore) {
  run({0});
  (void)mails<RunAttempt>(0s);
  report(0, ReportKind::succeeded);
  report(0, ReportKind::succeeded);
  const auto facts = dispatcher_.take_facts();
  ASSERT_EQ(facts.size(), 1U);
  EXPECT_EQ(std::get<AttemptFinished>(facts.front()).ending, Ending::succeeded);
  EXPECT_EQ(mails<ReportTaken>(1s), 0U);
  dispatcher_.released(Time{2s}, kAttempt);
  EXPECT_EQ(mails<ReportTaken>(2s), 1U);
  EXPECT_EQ(dispatcher_.attempts(), 0U);
  report(0, ReportKind::succeeded);
  EXPECT_EQ(mails<ReportTaken>(3s), 1U) << "the acknowledgement was lost";
  EXPECT_TRUE(dispatcher_.take_facts().empty());
}

TEST_F(DispatcherTest, AGangEndsWhenAllItsPartsHaveEnded) {
  run({0, 1});
  report(0, ReportKind::succeeded);
  EXPECT_TRUE(dispatcher_.take_facts().empty());
  report(1, ReportKind::succeeded);
  EXPECT_EQ(dispatcher_.take_facts().size(), 1U);
}

TEST_F(DispatcherTest, OnePartThatFailsEndsTheOthers) {
  run({0, 1});
  (void)mails<RunAttempt>(0s);
  report(0, ReportKind::failed);
  const auto facts = dispatcher_.take_facts();
  ASSERT_EQ(facts.size(), 1U);
  EXPECT_EQ(std::get<AttemptFinished>(facts.front()).ending, Ending::failed);
  EXPECT_EQ(mails<StopRun>(1ms), 1U);
  dispatcher_.released(Time{2ms}, kAttempt);
  EXPECT_EQ(dispatcher_.attempts(), 1U) << "a part of it still runs";
  report(1, ReportKind::stopped);
  EXPECT_EQ(dispatcher_.attempts(), 0U);
  EXPECT_TRUE(dispatcher_.take_facts().empty());
}

TEST_F(DispatcherTest, AStopIsAnsweredByTheLeastProgress) {
  run({0, 1});
  dispatcher_.stop(Time{}, kAttempt);
  report(0, ReportKind::stopped, 5s);
  report(1, ReportKind::stopped, 3s);
  const auto facts = dispatcher_.take_facts();
  ASSERT_EQ(facts.size(), 1U);
  EXPECT_EQ(std::get<AttemptStopped>(facts.front()).progress, Duration{3s});
}

TEST_F(DispatcherTest, OneThatDeclinesStopsTheOthersAndIsKnownToDrain) {
  run({0, 1});
  (void)mails<RunAttempt>(0s);
  report(0, ReportKind::declined, 2s);
  EXPECT_EQ(mails<StopRun>(0s), 1U) << "the other has begun";
  report(1, ReportKind::stopped, 5s);
  const auto facts = dispatcher_.take_facts();
  ASSERT_EQ(facts.size(), 2U);
  EXPECT_EQ(std::get<WorkerDraining>(facts[0]).worker, WorkerId{0});
  EXPECT_EQ(std::get<AttemptStopped>(facts[1]).progress, Duration{2s});
}

TEST_F(DispatcherTest, WhoDrainsIsToldThatThisIsKnown) {
  dispatcher_.seen(Time{}, WorkerId{0}, 3, true);
  EXPECT_EQ(mails<DrainNoted>(0s), 1U);
  dispatcher_.seen(Time{1s}, WorkerId{0}, 3, true);
  EXPECT_EQ(mails<DrainNoted>(1s), 0U);
  dispatcher_.mail_lost(Time{2s});
  dispatcher_.seen(Time{2s}, WorkerId{0}, 3, true);
  EXPECT_EQ(mails<DrainNoted>(2s), 1U);
  dispatcher_.seen(Time{3s}, WorkerId{0}, 4, true);
  EXPECT_EQ(mails<DrainNoted>(3s), 1U) << "another process";
}

TEST_F(DispatcherTest, AStopThatCameTooLateIsAnEnd) {
  run({0});
  dispatcher_.stop(Time{}, kAttempt);
  report(0, ReportKind::succeeded);
  EXPECT_TRUE(std::holds_alternative<AttemptFinished>(dispatcher_.take_facts().front()));
}

TEST_F(DispatcherTest, OfALostPartNothingIsSaidAgainAndTheOthersAreStopped) {
  run({0, 1});
  (void)mails<RunAttempt>(0s);
  dispatcher_.declared_dead(Time{1ms}, WorkerId{0}, 1);
  std::size_t stops = 0;
  std::size_t superseded = 0;
  for (const OutgoingMail& mail : dispatcher_.take_mail(Time{1ms})) {
    stops += std::holds_alternative<StopRun>(mail.mail.body) && mail.worker == WorkerId{1} ? 1U : 0U;
    superseded += std::holds_alternative<Superseded>(mail.mail.body) && mail.worker == WorkerId{0} ? 1U : 0U;
  }
  EXPECT_EQ(stops, 1U);
  EXPECT_EQ(superseded, 1U);
  dispatcher_.released(Time{2ms}, kAttempt);
  report(0, ReportKind::succeeded);  // it was only cut off
  EXPECT_TRUE(dispatcher_.take_facts().empty());
  report(1, ReportKind::stopped);
  EXPECT_EQ(dispatcher_.attempts(), 0U);
}

TEST_F(DispatcherTest, WhoWasGivenUpIsToldUntilItIsAnother) {
  dispatcher_.declared_dead(Time{}, WorkerId{0}, 3);
  EXPECT_EQ(mails<Superseded>(0s), 1U);
  dispatcher_.seen(Time{500ms}, WorkerId{0}, 3);
  EXPECT_EQ(mails<Superseded>(500ms), 0U);
  dispatcher_.seen(Time{1s}, WorkerId{0}, 2);
  EXPECT_EQ(mails<Superseded>(1s), 1U);
  dispatcher_.seen(Time{10s}, WorkerId{0}, 4);
  dispatcher_.seen(Time{20s}, WorkerId{0}, 4);
  EXPECT_EQ(mails<Superseded>(20s), 0U);
}

// Such as a process that was started again without knowing how often it was before.
TEST_F(DispatcherTest, WhoComesBackAsALowerIncarnationIsTold) {
  dispatcher_.seen(Time{}, WorkerId{0}, 5);
  EXPECT_EQ(mails<Superseded>(0s), 0U);
  dispatcher_.seen(Time{1s}, WorkerId{0}, 1);
  const auto mail = dispatcher_.take_mail(Time{1s});
  ASSERT_EQ(mail.size(), 1U);
  EXPECT_EQ(mail.front().mail.incarnation, 5U);
}

// --- after a takeover ---

class DispatcherTakeover : public DispatcherTest {
 protected:
  void load(const std::vector<std::uint32_t>& workers) {
    std::vector<Dispatcher::Part> parts;
    for (const std::uint32_t worker : workers) parts.push_back({.worker = WorkerId{worker}, .incarnation = 0, .held = {}});
    dispatcher_.load(kAttempt, std::move(parts));
  }
  void answer(std::uint32_t worker, std::vector<HeldAttempt> held, std::int64_t epoch = 4) {
    dispatcher_.take(Time{2s},
                     HeldReport{.worker = WorkerId{worker}, .incarnation = 3, .epoch = epoch, .attempts = std::move(held)});
  }
  template <class Fact>
  static std::size_t count(const std::vector<Event>& facts) {
    return static_cast<std::size_t>(
        std::ranges::count_if(facts, [](const Event& fact) { return std::holds_alternative<Fact>(fact); }));
  }
};

TEST_F(DispatcherTakeover, AsksEachWorkerUntilItHasAnswered) {
  dispatcher_.seen(Time{}, WorkerId{0}, 3);
  EXPECT_EQ(mails<AskHeld>(0s), 0U) << "nobody asked yet";
  dispatcher_.ask_workers(Time{});
  EXPECT_EQ(mails<AskHeld>(0s), 1U);
  dispatcher_.seen(Time{500ms}, WorkerId{0}, 3);
  EXPECT_EQ(mails<AskHeld>(500ms), 0U);
  dispatcher_.seen(Time{1s}, WorkerId{0}, 3);
  dispatcher_.seen(Time{1s}, WorkerId{1}, 1);
  EXPECT_EQ(mails<AskHeld>(1s), 2U) << "one again, and one that is seen for the first time";
  answer(0, {});
  dispatcher_.seen(Time{100s}, WorkerId{0}, 3);
  EXPECT_EQ(mails<AskHeld>(100s), 0U);
  dispatcher_.seen(Time{100s}, WorkerId{0}, 4);
  EXPECT_EQ(mails<AskHeld>(100s), 1U) << "another incarnation has other things";
}

TEST_F(DispatcherTakeover, WhatAWorkerHasIsAFact) {
  load({0});
  answer(0, {{.attempt = kAttempt, .age = 7s}});
  const auto facts = dispatcher_.take_facts();
  ASSERT_EQ(facts.size(), 2U);
  EXPECT_EQ(std::get<WorkerReported>(facts[0]).incarnation, 3U);
  EXPECT_EQ(std::get<AttemptHeld>(facts[1]).age, Duration{7s});
  report(0, ReportKind::succeeded);
  EXPECT_EQ(count<AttemptFinished>(dispatcher_.take_facts()), 1U);
  dispatcher_.released(Time{3s}, kAttempt);
  EXPECT_EQ(mails<ReportTaken>(3s), 1U);
  EXPECT_EQ(dispatcher_.attempts(), 0U);
}

TEST_F(DispatcherTakeover, WhatEndedMeanwhileIsTakenWithTheAnswer) {
  load({0});
  answer(0, {{.attempt = kAttempt, .kind = ReportKind::succeeded}});
  EXPECT_EQ(count<AttemptFinished>(dispatcher_.take_facts()), 1U);
}

// The part that ended is there all the same: the gang does not lack it.
TEST_F(DispatcherTakeover, APartOfAGangThatEndedIsHeld) {
  load({0, 1});
  answer(0, {{.attempt = kAttempt, .kind = ReportKind::succeeded}});
  auto facts = dispatcher_.take_facts();
  EXPECT_EQ(count<AttemptHeld>(facts), 1U);
  EXPECT_EQ(count<AttemptFinished>(facts), 0U);
  answer(1, {{.attempt = kAttempt}});
  report(1, ReportKind::succeeded);
  EXPECT_EQ(count<AttemptFinished>(dispatcher_.take_facts()), 1U);
}

TEST_F(DispatcherTakeover, WhatAWorkerDoesNotHaveIsForgotten) {
  load({0});
  answer(0, {});
  const auto facts = dispatcher_.take_facts();
  EXPECT_EQ(count<WorkerReported>(facts), 1U);
  EXPECT_EQ(count<AttemptHeld>(facts), 0U);
  dispatcher_.released(Time{3s}, kAttempt);
  EXPECT_EQ(dispatcher_.attempts(), 0U);
  EXPECT_EQ(mails<StopRun>(3s), 0U);
}

TEST_F(DispatcherTakeover, WhatNobodyKnowsIsStopped) {
  answer(0, {{.attempt = {JobId{9}, 1}}});
  EXPECT_EQ(mails<StopRun>(2s), 1U);
}

TEST_F(DispatcherTakeover, AnAnswerToAnotherLeaderIsIgnored) {
  load({0});
  answer(0, {}, 3);
  EXPECT_TRUE(dispatcher_.take_facts().empty());
  answer(0, {{.attempt = kAttempt}});
  EXPECT_EQ(count<AttemptHeld>(dispatcher_.take_facts()), 1U);
}

// A new leader stops what it loaded: of whom it has seen it knows the incarnation; of others there is nobody to tell.
TEST_F(DispatcherTakeover, StopsWhatItLoaded) {
  load({0});
  dispatcher_.stop(Time{}, kAttempt);
  EXPECT_EQ(mails<StopRun>(0s), 0U);
  dispatcher_.released(Time{}, kAttempt);
  EXPECT_EQ(dispatcher_.attempts(), 0U);
  load({0});
  dispatcher_.seen(Time{}, WorkerId{0}, 3);
  dispatcher_.stop(Time{}, kAttempt);
  const auto mail = dispatcher_.take_mail(Time{});
  ASSERT_EQ(mail.size(), 1U);
  EXPECT_EQ(mail.front().mail.incarnation, 3U);
}

}  // namespace
}  // namespace drydock::dispatcher_test

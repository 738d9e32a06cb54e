// The checker: silent about an honest story with everything in it, and loud about each planted bug.
#include "policies/core/check.hpp"

#include "policies/core/journal_json.hpp"
#include "tests/unit/check_story.hpp"
#include "tests/unit/journal_samples.hpp"

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <string>

namespace drydock::check_test {
namespace {

using namespace check_story;

constexpr ResourceAmounts kHost{.cpus_milli = 4000, .memory_bytes = 8000, .gpus = 1, .slots = 4};
constexpr ResourceAmounts kGpuTask{.cpus_milli = 1000, .memory_bytes = 1000, .gpus = 1};
constexpr ResourceAmounts kTask{.cpus_milli = 2000};

// Every step is one second after the one before. Comments name the steps that bugs refer to.
Story honest_story() {
  Story story;
  const auto step = [&story](std::vector<Event> events, std::vector<Order> orders) {
    story.push_back({static_cast<std::int64_t>(story.size()), std::move(events), std::move(orders)});
  };
  const Placements gang{on(0), on(1, 2)};
  /* 0 */ step({registered(0, 1, kHost), registered(1, 1, kHost), registered(2, 1, kHost), registered(3, 1, kHost, 1),
                submitted(1, 1, kGpuTask), submitted(2, 3, kTask), submitted(3, 1, kTask)},
               {OwnedCommit{1, {}, {{attempt(1, 1), {on(0)}}, {attempt(2, 1), gang}}}});
  /* 1 */ step({answered(1)}, {OwnedCommit{2, {}, {{attempt(3, 1), {on(2)}}}}, OwnedDispatch{attempt(1, 1), {on(0)}},
                               OwnedDispatch{attempt(2, 1), gang}});
  /* 2: a reply is lost */ step({answered(2, Answer::unknown)}, {ask(3, 2)});
  /* 3 */ step({read(3, Answer::failed, false)}, {ask(4, 2)});
  /* 4 */ step({read(4, Answer::done, true)}, {OwnedDispatch{attempt(3, 1), {on(2)}}});
  /* 5 */ step({finished(attempt(1, 1)), submitted(4, 1, kGpuTask), submitted(5, 1, kTask)},
               {OwnedCommit{5, {{attempt(1, 1), ReleaseReason::succeeded}}, {{attempt(4, 1), {on(0)}}}}});
  /* 6: all of it failed */ step({answered(5, Answer::failed)}, {});
  /* 7 */ step(
      {},
      {OwnedCommit{6, {{attempt(1, 1), ReleaseReason::succeeded}}, {{attempt(4, 2), {on(0)}}, {attempt(5, 1), {on(2)}}}}});
  /* 8 */ step({answered(6)}, {OwnedDispatch{attempt(4, 2), {on(0)}}, OwnedDispatch{attempt(5, 1), {on(2)}}});
  /* 9: preemption */ step({}, {StopAttempt{attempt(5, 1), ReleaseReason::preempted}});
  /* 10: waits again while its release is on its way */
  step({stopped(attempt(5, 1))}, {OwnedCommit{7, {{attempt(5, 1), ReleaseReason::preempted}}, {{attempt(5, 2), {on(2)}}}}});
  /* 11 */ step({answered(7)}, {OwnedDispatch{attempt(5, 2), {on(2)}}});
  /* 12: a worker is lost, and with it the whole gang */
  step({LeaseExpired{WorkerId{1}, 1}}, {OwnedCommit{8, {{attempt(2, 1), ReleaseReason::worker_lost}}, {}}});
  /* 13: it comes back, and an old result arrives */
  step({answered(8), finished(attempt(2, 1)), registered(1, 2, kHost)}, {OwnedCommit{9, {}, {{attempt(2, 2), gang}}}});
  /* 14 */ step({answered(9), LeaseExpired{WorkerId{1}, 1}}, {OwnedDispatch{attempt(2, 2), gang}});
  /* 15 */ step({JobCancelled{JobId{4}}}, {StopAttempt{attempt(4, 2), ReleaseReason::cancelled}});
  /* 16 */ step({stopped(attempt(4, 2))}, {OwnedCommit{10, {{attempt(4, 2), ReleaseReason::cancelled}}, {}}});
  /* 17 */ step({answered(10), finished(attempt(2, 2)), finished(attempt(3, 1), Ending::failed), finished(attempt(5, 2))},
                {OwnedCommit{11,
                             {{attempt(2, 2), ReleaseReason::succeeded},
                              {attempt(3, 1), ReleaseReason::failed},
                              {attempt(5, 2), ReleaseReason::succeeded}},
                             {}}});
  /* 18 */ step({submitted(6, 1, kTask), submitted(6, 1, kTask), submitted(7, 1, kTask), submitted(8, 1, kTask)},
                {RejectJob{JobId{6}, RejectReason::duplicate_id}, RejectJob{JobId{7}, RejectReason::queue_full},
                 OwnedCommit{12, {}, {{attempt(6, 1), {on(0)}}, {attempt(8, 1), {on(3)}}}}});
  /* 19 */ step({answered(11), answered(12, Answer::unknown)}, {ask(13, 12)});
  /* 20: cancelled while nobody knows; the batch is not in the store */
  step({read(13, Answer::done, false), JobCancelled{JobId{6}}}, {OwnedCommit{14, {}, {{attempt(8, 2), {on(3)}}}}});
  /* 21: cancelled between assignment and dispatch */
  step({answered(14), JobCancelled{JobId{8}}}, {OwnedCommit{15, {{attempt(8, 2), ReleaseReason::cancelled}}, {}}});
  /* 22 */ step({answered(15)}, {});
  return story;
}

std::string all(const Checker& checker) {
  std::string text;
  for (const Violation& v : checker.violations()) {
    text += std::to_string(v.invariant) + " at " + std::to_string(seconds(v.at)) + " s: " + v.what + "\n";
  }
  return text;
}

TEST(Checker, IsSilentAboutAnHonestStory) {
  Checker checker;
  tell(honest_story(), checker);
  EXPECT_EQ(checker.violation_count(), 0U) << all(checker);
}

TEST(Checker, IsSilentAboutAnHonestStoryThatIsCutShort) {
  for (std::size_t size = 0; size < honest_story().size(); ++size) {
    Story story = honest_story();
    story.resize(size);
    Checker checker;
    tell(story, checker, false);
    EXPECT_EQ(checker.violation_count(), 0U) << "after " << size << " steps\n" << all(checker);
  }
}

// --- planted bugs ---

OwnedCommit& commit_in(Story& story, std::size_t step) {
  for (Order& order : story.at(step).orders) {
    if (auto* commit = std::get_if<OwnedCommit>(&order)) return *commit;
  }
  throw std::logic_error("no commit there");
}
OwnedDispatch& dispatch_in(Story& story, std::size_t step, std::size_t at = 0) {
  return std::get<OwnedDispatch>(story.at(step).orders.at(at));
}

struct PlantedBug {
  const char* name;
  int invariant;
  std::function<void(Story&)> plant;
  bool complete = true;  // whether the story is told to its end
};

const std::vector<PlantedBug>& planted_bugs() {
  static const std::vector<PlantedBug> kBugs{
      // 1: nothing lost
      {"JobLost", 1,
       [](Story& s) {
         s.push_back({23, {submitted(9, 1, kTask)}, {}});
       }},
      {"PreemptedJobForgotten", 1,
       [](Story& s) {
         s.resize(10);
         s.push_back({10, {stopped(attempt(5, 1))}, {}});
       }},
      {"RunningJobRejected", 1,
       [](Story& s) {
         s[8].orders.emplace_back(RejectJob{JobId{3}, RejectReason::queue_full});
       }},
      {"UnknownJobRejected", 1,
       [](Story& s) {
         s[8].orders.emplace_back(RejectJob{JobId{99}, RejectReason::queue_full});
       }},
      {"JobRejectedTwice", 1,
       [](Story& s) {
         s[19].orders.emplace_back(RejectJob{JobId{7}, RejectReason::queue_full});
       }},
      // 2: one accepted result
      {"DispatchBeforeCommit", 2,
       [](Story& s) {
         s[0].orders.emplace_back(OwnedDispatch{attempt(1, 1), {on(0)}});
       }},
      {"DispatchWhileUnknown", 2, [](Story& s) { std::swap(s[2].orders, s[4].orders); }},
      {"DispatchAfterFailedRead", 2,
       [](Story& s) {
         s[3].orders.emplace_back(OwnedDispatch{attempt(3, 1), {on(2)}});
       }},
      {"DispatchAfterFailedCommit", 2,
       [](Story& s) {
         s[6].orders.emplace_back(OwnedDispatch{attempt(4, 1), {on(0)}});
       }},
      {"DispatchAfterNotFound", 2,
       [](Story& s) {
         s[20].orders.emplace_back(OwnedDispatch{attempt(6, 1), {on(0)}});
       }},
      {"DispatchedTwice", 2,
       [](Story& s) {
         s[5].orders.emplace_back(OwnedDispatch{attempt(3, 1), {on(2)}});
       }},
      {"DispatchOfOldAttempt", 2, [](Story& s) { dispatch_in(s, 11).attempt = attempt(5, 1); }},
      {"DispatchOfUnknownJob", 2, [](Story& s) { dispatch_in(s, 4).attempt = attempt(99, 1); }},
      {"DoubleAssign", 2,
       [](Story& s) {
         commit_in(s, 7).assignments.push_back({attempt(3, 2), {on(2)}});
       }},
      {"SameAttemptAssignedTwice", 2,
       [](Story& s) {
         commit_in(s, 7).assignments.push_back({attempt(3, 1), {on(2)}});
       }},
      {"AttemptNumberUsedAgain", 2,
       [](Story& s) {
         commit_in(s, 7).assignments[0].attempt = attempt(4, 1);
         dispatch_in(s, 8).attempt = attempt(4, 1);
       }},
      {"AttemptNumberFalls", 2, [](Story& s) { commit_in(s, 13).assignments[0].attempt = attempt(2, 0); }},
      {"AssignAfterResult", 2, [](Story& s) { commit_in(s, 5).assignments[0].attempt = attempt(1, 2); }},
      {"AssignOfEndedJob", 2,
       [](Story& s) {
         commit_in(s, 13).assignments.push_back({attempt(1, 2), {on(2)}});
       }},
      {"AssignAfterCancel", 2,
       [](Story& s) {
         commit_in(s, 16).assignments.push_back({attempt(4, 3), {on(0)}});
       }},
      {"AssignOfRejectedJob", 2,
       [](Story& s) {
         commit_in(s, 18).assignments.push_back({attempt(7, 1), {on(2)}});
       }},
      {"StopOfWaitingAttempt", 2, [](Story& s) { s[5].orders.emplace_back(StopAttempt{attempt(5, 1)}); }},
      {"StoppedTwice", 2, [](Story& s) { s[9].orders.emplace_back(StopAttempt{attempt(5, 1)}); }},
      {"StopBeforeDispatch", 2, [](Story& s) { s[1].orders.insert(s[1].orders.begin(), StopAttempt{attempt(1, 1)}); }},
      {"DuplicateIdAccepted", 2, [](Story& s) { s[18].orders.erase(s[18].orders.begin()); }},
      // 3: capacity
      {"DispatchToLostWorker", 3,
       [](Story& s) {
         s[14].events.emplace_back(LeaseExpired{WorkerId{1}, 2});
       },
       false},
      {"DispatchToNextIncarnation", 3, [](Story& s) { s[14].events.push_back(registered(1, 3, kHost)); }, false},
      {"DispatchElsewhere", 3, [](Story& s) { dispatch_in(s, 8).placements = {on(2)}; }},
      {"DispatchOfPartOfGang", 3, [](Story& s) { dispatch_in(s, 14).placements.pop_back(); }},
      {"AssignToLostWorker", 3,
       [](Story& s) {
         commit_in(s, 12).assignments.push_back({attempt(2, 2), {on(0), on(1, 2)}});
       },
       false},
      {"AssignToUnknownWorker", 3, [](Story& s) { commit_in(s, 7).assignments[1].placements = {on(77)}; }},
      {"GangWithMissingTask", 3,
       [](Story& s) {
         commit_in(s, 0).assignments[1].placements = {on(0), on(1)};
       }},
      {"GangWithTaskTooMany", 3,
       [](Story& s) {
         commit_in(s, 0).assignments[1].placements = {on(1, 2), on(2, 2)};
       }},
      {"GangAcrossPools", 3,
       [](Story& s) {
         commit_in(s, 0).assignments[1].placements = {on(1, 2), on(3)};
       }},
      {"PlacementWithoutTask", 3,
       [](Story& s) {
         commit_in(s, 0).assignments[1].placements = {on(0), on(1, 2), on(2, 0)};
       }},
      {"CpusExceeded", 3, [](Story& s) { commit_in(s, 0).assignments[1].placements = {on(1, 3)}; }},
      {"GpusExceeded", 3,
       [](Story& s) {
         s[4].events.push_back(submitted(9, 1, kGpuTask));
         s[4].orders.emplace_back(OwnedCommit{5, {}, {{attempt(9, 1), {on(0)}}}});
       },
       false},
      {"MemoryExceeded", 3,
       [](Story& s) {
         s[0].events.push_back(submitted(9, 1, {.memory_bytes = 8001}));
         commit_in(s, 0).assignments.push_back({attempt(9, 1), {on(2)}});
       }},
      {"SlotsExceeded", 3,
       [](Story& s) {
         s[0].events.push_back(submitted(9, 5, {}));
         commit_in(s, 0).assignments.push_back({attempt(9, 1), {on(2, 5)}});
       }},
      {"FreedBeforeItsRelease", 3,
       [](Story& s) {
         commit_in(s, 7).releases.clear();
         s[7].orders.emplace_back(OwnedCommit{61, {{attempt(1, 1)}}, {}});
       },
       false},
      {"FreedByAFailedRelease", 3,
       [](Story& s) {
         s[7].orders = {OwnedCommit{6, {}, {{attempt(4, 2), {on(0)}}}}};
       },
       false},
      {"HeldWhileInFlight", 3,  // a gang's other workers stay taken while its commit is unanswered
       [](Story& s) {
         s[0].events.push_back(submitted(9, 1, kTask));
         s.resize(1);
         s.push_back({1,
                      {LeaseExpired{WorkerId{1}, 1}},
                      {OwnedCommit{2, {}, {{attempt(9, 1), {on(0)}}, {attempt(3, 1), {on(0)}}}}}});
       },
       false},
      // 4: releases
      {"ReleaseDropped", 4, [](Story& s) { commit_in(s, 17).releases.pop_back(); }},
      {"ReleaseDroppedAfterFailure", 4, [](Story& s) { commit_in(s, 7).releases.clear(); }},
      {"ReleasedTwiceInOneCommit", 4,
       [](Story& s) {
         commit_in(s, 17).releases.push_back({attempt(2, 2), ReleaseReason::succeeded});
       }},
      {"ReleasedTwice", 4,
       [](Story& s) {
         commit_in(s, 10).releases.push_back({attempt(1, 1), ReleaseReason::succeeded});
       }},
      {"ReleasedWhileItRuns", 4,
       [](Story& s) {
         commit_in(s, 7).releases.push_back({attempt(2, 1), ReleaseReason::preempted});
       }},
      {"ReleasedBeforeItsCommit", 4,
       [](Story& s) {
         commit_in(s, 1).releases.push_back({attempt(3, 1), ReleaseReason::worker_lost});
       }},
      {"ReleasedAsLostWithoutLoss", 4, [](Story& s) { commit_in(s, 7).releases[0].reason = ReleaseReason::worker_lost; }},
      {"StaleResultAccepted", 4, [](Story& s) { commit_in(s, 12).releases[0].reason = ReleaseReason::succeeded; }},
      {"StaleResultReleasesAgain", 4,
       [](Story& s) {
         commit_in(s, 13).releases.push_back({attempt(2, 1), ReleaseReason::succeeded});
       }},
      {"FailureTakenForSuccess", 4, [](Story& s) { commit_in(s, 17).releases[1].reason = ReleaseReason::succeeded; }},
      {"CancelledWithoutCancel", 4, [](Story& s) { commit_in(s, 10).releases[0].reason = ReleaseReason::cancelled; }},
      {"StopForgotten", 4, [](Story& s) { s[9].orders.clear(); }},
      // workers that are about to leave
      {"AssignedToOneThatDrains", 3,
       [](Story& s) {
         s[5].events.emplace_back(WorkerDraining{WorkerId{0}, 1});
       }},
      {"DispatchedToOneThatDrains", 3,
       [](Story& s) {
         s[8].events.emplace_back(WorkerDraining{WorkerId{0}, 1});
       }},
      {"DeclinedByNobody", 4, [](Story& s) { commit_in(s, 10).releases[0].reason = ReleaseReason::drained; }},
      {"DeclinedThoughItEnded", 4,
       [](Story& s) {
         s[9].events.emplace_back(WorkerDraining{WorkerId{0}, 1});
         commit_in(s, 16).releases[0].reason = ReleaseReason::drained;
       }},
      // 8: time and requests
      {"TimeGoesBack", 8, [](Story& s) { s[9].at_s = 7; }},
      {"RequestIdUsedAgain", 8, [](Story& s) { commit_in(s, 10).request = 6; }},
      {"RequestIdFalls", 8, [](Story& s) { commit_in(s, 20).request = 3; }},
      {"RequestNeverAnswered", 8, [](Story& s) { s[22].events.clear(); }},
      {"AnsweredTwice", 8, [](Story& s) { s[9].events.push_back(answered(6)); }},
      {"AnswerToNothing", 8, [](Story& s) { s[9].events.push_back(answered(77)); }},
      {"AnswerAfterUnknown", 8, [](Story& s) { s[3].events.push_back(answered(2)); }},
      {"ReadOfAnsweredCommit", 8, [](Story& s) { s[8].orders.push_back(ask(7, 6)); }},
      {"ReadTwiceAtOnce", 8,
       [](Story& s) {
         s[2].orders.push_back(ask(4, 2));
         s[3].orders.clear();
       }},
      {"ReadNeverAsked", 8, [](Story& s) { s[19].orders.clear(); }},
      {"OrdersAfterHalt", 8, [](Story& s) { s[9].orders.emplace_back(Halt{"why"}); }},
  };
  return kBugs;
}

class PlantedBugs : public testing::TestWithParam<PlantedBug> {};
INSTANTIATE_TEST_SUITE_P(Checker, PlantedBugs, testing::ValuesIn(planted_bugs()),
                         [](const auto& p) { return p.param.name; });

TEST_P(PlantedBugs, AreCaught) {
  Story story = honest_story();
  GetParam().plant(story);
  Checker checker;
  tell(story, checker, GetParam().complete);
  EXPECT_TRUE(
      std::ranges::any_of(checker.violations(), [](const Violation& v) { return v.invariant == GetParam().invariant; }))
      << "expected: " << invariant_text(GetParam().invariant) << "\nfound:\n"
      << all(checker);
}

// --- planted by machine: no order can be left out or given twice without being noticed ---

TEST(Checker, NoticesEveryOrderLeftOut) {
  const Story honest = honest_story();
  for (std::size_t step = 0; step < honest.size(); ++step) {
    for (std::size_t i = 0; i < honest[step].orders.size(); ++i) {
      // Its worker is lost soon: whether it was still dispatched breaks no rule.
      const auto* dispatch = std::get_if<OwnedDispatch>(&honest[step].orders[i]);
      if (dispatch != nullptr && dispatch->attempt == attempt(2, 1)) continue;
      Story story = honest;
      story[step].orders.erase(story[step].orders.begin() + static_cast<std::ptrdiff_t>(i));
      Checker checker;
      tell(story, checker);
      EXPECT_GT(checker.violation_count(), 0U) << "order " << i << " of step " << step;
    }
  }
}

TEST(Checker, NoticesEveryOrderGivenTwice) {
  const Story honest = honest_story();
  for (std::size_t step = 0; step < honest.size(); ++step) {
    for (const Order& order : honest[step].orders) {
      Story story = honest;
      story[step].orders.push_back(order);
      Checker checker;
      tell(story, checker);
      EXPECT_GT(checker.violation_count(), 0U) << "in step " << step;
    }
  }
}

TEST(Checker, NoticesEveryAnswerLeftOut) {
  const Story honest = honest_story();
  for (std::size_t step = 0; step < honest.size(); ++step) {
    for (std::size_t i = 0; i < honest[step].events.size(); ++i) {
      if (honest[step].events[i].index() > 1) continue;  // CommitAnswered, BatchRead
      Story story = honest;
      story[step].events.erase(story[step].events.begin() + static_cast<std::ptrdiff_t>(i));
      Checker checker;
      tell(story, checker);
      EXPECT_GT(checker.violation_count(), 0U) << "event " << i << " of step " << step;
    }
  }
}

TEST(Checker, SaysWhatBrokeAndCountsWhatItDoesNotKeep) {
  Story story = honest_story();
  commit_in(story, 0).assignments[1].placements = {on(1, 3)};
  Checker checker({.limit = 1});
  tell(story, checker);
  ASSERT_EQ(checker.violations().size(), 1U);
  EXPECT_GT(checker.violation_count(), 1U);
  const Violation& first = checker.violations()[0];
  EXPECT_EQ(first.invariant, 3);
  EXPECT_EQ(first.at, kTimeZero);
  EXPECT_EQ(first.what, "attempt 2.1 needs 3 x 2000 cpus (thousandths) on worker 1, which holds 0 of 4000");
}

TEST(Checker, SurvivesAnything) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    journal_samples::RandomSteps random(seed);
    JournalStep step;
    Checker checker;
    for (int i = 0; i < 300; ++i) {
      random.fill(step);
      checker.step(step.now, step.events, step.commands);
    }
    checker.finish(true);
    EXPECT_GT(checker.violation_count(), 0U);
  }
}

TEST(Checker, NamesEveryInvariant) {
  for (int i = 1; i <= 8; ++i) EXPECT_NE(invariant_text(i), "unknown invariant");
  EXPECT_EQ(invariant_text(0), "unknown invariant");
  EXPECT_EQ(invariant_text(9), "unknown invariant");
}

}  // namespace
}  // namespace drydock::check_test

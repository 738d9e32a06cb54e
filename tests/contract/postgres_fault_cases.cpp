// Commits that abort or end in doubt, attempts that workers end by themselves, the safety net, and a server that goes away.

#include "tests/contract/postgres_under_test.hpp"

namespace drydock::postgres {
namespace {

using namespace std::chrono_literals;
using Outcome = Verdict::Outcome;
using Reason = Failed::Reason;

Verdict settle(PostgresDriver& db, std::uint64_t request) {
  return db.ask<Verdict>(SettleBatch{db.fence(), RequestId{request}});
}

Reply raw_commit(PostgresDriver& db, std::uint64_t request, std::vector<AssignedAttempt> assignments) {
  CommitBatch batch;
  batch.fence = db.fence();
  batch.request = RequestId{request};
  batch.assignments = std::move(assignments);
  return db.ask(batch);
}

void an_aborted_commit_changes_nothing(PostgresDriver& db) {
  db.submit({job(1)});
  db.store().apply(AbortNextCommit{});
  EXPECT_EQ(db.view(1).state, JobState::waiting) << "other operations are not hit";
  const Reply reply = raw_commit(db, 1, {assigned(1, 1)});
  EXPECT_EQ(reply, Reply(Failed{Reason::aborted, {}}));
  EXPECT_EQ(commit_answer(reply), Answer::failed);
  EXPECT_EQ(db.view(1).state, JobState::waiting);
  EXPECT_EQ(db.totals(), (Totals{0, 0, 0}));
  EXPECT_EQ(db.commit_as(1, {.assignments = {assigned(1, 1)}}).outcome, Outcome::applied) << "only the next one";
}

void a_lost_answer_of_a_commit_that_was_carried_out(PostgresDriver& db) {
  db.submit({job(1)});
  db.store().apply(LoseNextAnswer{.committed = true});
  const Reply reply = raw_commit(db, 1, {assigned(1, 1)});
  EXPECT_EQ(commit_answer(reply), Answer::unknown) << to_text(reply);
  EXPECT_EQ(db.view(1).state, JobState::held);
  EXPECT_EQ(settle(db, 1), (Verdict{Outcome::repeated, 0, 1, 0}));
  EXPECT_EQ(settle_answer(settle(db, 1)), (BatchAnswer{Answer::done, true}));
  EXPECT_EQ(db.commit_as(1, {.assignments = {assigned(1, 1)}}).outcome, Outcome::repeated);
}

void a_lost_answer_of_a_commit_that_never_was(PostgresDriver& db) {
  db.submit({job(1)});
  db.store().apply(LoseNextAnswer{.committed = false});
  EXPECT_EQ(commit_answer(raw_commit(db, 1, {assigned(1, 1)})), Answer::unknown);
  EXPECT_EQ(db.view(1).state, JobState::waiting);
  EXPECT_EQ(settle(db, 1), (Verdict{Outcome::voided}));
  EXPECT_EQ(settle_answer(settle(db, 1)), (BatchAnswer{Answer::done, false}));
}

void a_commit_that_comes_after_it_was_settled_is_refused(PostgresDriver& db) {
  db.submit({job(1)});
  EXPECT_EQ(settle(db, 1), (Verdict{Outcome::voided}));
  const Reply late = raw_commit(db, 1, {assigned(1, 1)});
  EXPECT_EQ(late, Reply(Verdict{Outcome::voided}));
  EXPECT_EQ(commit_answer(late), Answer::failed);
  EXPECT_EQ(db.view(1).state, JobState::waiting);
  EXPECT_EQ(db.commit_as(2, {.assignments = {assigned(1, 1)}}).outcome, Outcome::applied);
}

void a_restart_keeps_what_was_committed(PostgresDriver& db) {
  db.submit({job(1), job(2)});
  db.commit({.assignments = {assigned(1, 1)}});
  db.store().apply(AdminOp(Restart{}));
  EXPECT_EQ(db.view(1).state, JobState::held);
  EXPECT_EQ(db.totals(), (Totals{1000, 1, 1}));
  EXPECT_EQ(db.ask<Lease>(ReadLease{"scheduler"}).holder, "a") << "leases outlive it";
  EXPECT_EQ(db.commit_as(1, {.assignments = {assigned(1, 1)}}).outcome, Outcome::repeated);
  EXPECT_EQ(db.commit({.assignments = {assigned(2, 1)}}).version, 2);
}

void a_server_that_is_down_cannot_be_reached(PostgresDriver& db) {
  db.submit({job(1)});
  db.store().apply(AdminOp(GoDown{}));
  const Reply reply = raw_commit(db, 1, {assigned(1, 1)});
  EXPECT_EQ(reply, Reply(Failed{Reason::unreachable, {}}));
  EXPECT_EQ(commit_answer(reply), Answer::failed);
  EXPECT_EQ(settle_answer(db.ask(SettleBatch{db.fence(), RequestId{1}})).answer, Answer::failed);
  db.store().apply(AdminOp(ComeBack{}));
  EXPECT_EQ(db.view(1).state, JobState::waiting);
}

// --- workers and the safety net ---

FinishAttempt finish(std::uint64_t job, std::uint32_t number, bool release) {
  return {.attempt = {JobId{job}, number},
          .reason = ReleaseReason::succeeded,
          .job_ends = true,
          .progress = 5s,
          .release = release};
}

void a_worker_ends_its_attempt(PostgresDriver& db) {
  db.submit({job(1)});
  EXPECT_EQ(db.ask<Verdict>(finish(1, 1, true)), (Verdict{Outcome::stale_attempt, 1}));
  db.commit({.assignments = {assigned(1, 1)}});
  EXPECT_EQ(db.ask<Verdict>(finish(1, 2, true)), (Verdict{Outcome::stale_attempt, 1}));
  EXPECT_EQ(db.ask<Verdict>(finish(1, 1, true)), (Verdict{Outcome::applied, 0, 2, 0}));
  EXPECT_EQ(db.view(1), (JobView{true, JobState::ended, 1, 0, 0, 5s, ReleaseReason::succeeded}));
  EXPECT_EQ(db.ask<Verdict>(finish(1, 1, true)), (Verdict{Outcome::stale_attempt, 1})) << "one result for an attempt";
}

void a_zombies_result_is_refused(PostgresDriver& db) {
  db.submit({job(1)});
  db.commit({.assignments = {assigned(1, 1, 0)}});
  db.commit({.releases = {released(1, 1, ReleaseReason::worker_lost, false)}, .assignments = {assigned(1, 2, 1)}});
  EXPECT_EQ(db.ask<Verdict>(finish(1, 1, true)), (Verdict{Outcome::stale_attempt, 1}));
  EXPECT_EQ(db.view(1).state, JobState::held);
  EXPECT_EQ(db.ask<Verdict>(finish(1, 2, true)).outcome, Outcome::applied);
}

void what_a_dying_executor_left_is_released(PostgresDriver& db) {
  db.submit({job(3), job(1), job(2), job(4)});
  db.commit({.assignments = {assigned(1, 1), assigned(2, 1), assigned(3, 1), assigned(4, 1)}});
  EXPECT_EQ(db.ask<Verdict>(finish(1, 1, false)), (Verdict{Outcome::applied, 0, 1, 4000}));
  EXPECT_EQ(db.ask<Verdict>(finish(2, 1, false)), (Verdict{Outcome::applied, 0, 1, 4000}));
  EXPECT_EQ(db.ask<Verdict>(finish(3, 1, false)).outcome, Outcome::applied);
  EXPECT_EQ(db.view(1).state, JobState::held);
  EXPECT_EQ(db.view(1).last_reason, ReleaseReason::succeeded);
  const auto rows = db.ask<Allocations>(ReadAllocations{}).rows;
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_TRUE(rows[0].attempt_ended);
  EXPECT_FALSE(rows[3].attempt_ended);
  EXPECT_EQ(db.ask<Verdict>(ReleaseEnded{db.fence(), 2}), (Verdict{Outcome::applied, 2, 2, 2000}));
  EXPECT_EQ(db.view(3).state, JobState::ended) << "it arrived first";
  EXPECT_EQ(db.view(2).state, JobState::held);
  EXPECT_EQ(db.ask<Verdict>(ReleaseEnded{db.fence(), 2}), (Verdict{Outcome::applied, 1, 3, 1000}));
  EXPECT_EQ(db.ask<Verdict>(ReleaseEnded{db.fence(), 2}), (Verdict{Outcome::applied, 0, 3, 1000}));
  EXPECT_EQ(db.view(4).state, JobState::held);
}

void the_first_result_of_an_attempt_stays(PostgresDriver& db) {
  db.submit({job(1), job(2)});
  db.commit({.assignments = {assigned(1, 1), assigned(2, 1)}});
  db.ask<Verdict>(finish(1, 1, false));
  db.ask<Verdict>(finish(2, 1, false));
  EXPECT_EQ(db.commit({.releases = {released(1, 1, ReleaseReason::worker_lost, false)}}).cpus, 1000);
  EXPECT_EQ(db.view(1), (JobView{true, JobState::ended, 1, 0, 0, 5s, ReleaseReason::succeeded}));
  EXPECT_EQ(db.ask<Verdict>(ReleaseEnded{db.fence(), 9}).detail, 1) << "what was released is not released again";
}

}  // namespace

std::vector<PostgresCase> postgres_fault_cases() {
  return {{"AnAbortedCommitChangesNothing", an_aborted_commit_changes_nothing},
          {"ALostAnswerOfACommitThatWasCarriedOut", a_lost_answer_of_a_commit_that_was_carried_out},
          {"ALostAnswerOfACommitThatNeverWas", a_lost_answer_of_a_commit_that_never_was},
          {"ACommitThatComesAfterItWasSettledIsRefused", a_commit_that_comes_after_it_was_settled_is_refused},
          {"ARestartKeepsWhatWasCommitted", a_restart_keeps_what_was_committed},
          {"AServerThatIsDownCannotBeReached", a_server_that_is_down_cannot_be_reached},
          {"AWorkerEndsItsAttempt", a_worker_ends_its_attempt},
          {"AZombiesResultIsRefused", a_zombies_result_is_refused},
          {"WhatADyingExecutorLeftIsReleased", what_a_dying_executor_left_is_released},
          {"TheFirstResultOfAnAttemptStays", the_first_result_of_an_attempt_stays}};
}

}  // namespace drydock::postgres

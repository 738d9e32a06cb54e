// What only the simulated PostgreSQL store promises: exact microseconds, forgotten jobs, sessions; and what the port says in words.

#include "sim/postgres.hpp"

#include <chrono>
#include <gtest/gtest.h>
#include <string>

namespace drydock::sim::sim_postgres_test {
namespace {

using namespace postgres;
using postgres::Job;  // not the core's
using namespace std::chrono_literals;
using Outcome = Verdict::Outcome;

Job job(std::uint64_t id) {
  Job result;
  result.spec.id = JobId{id};
  return result;
}

class SimPostgresTest : public testing::Test {
 protected:
  template <class Expected>
  Expected ask(const Op& op, Time now = kTimeZero, std::uint32_t session = 0) {
    const Reply reply = db_.apply(now, op, session);
    if (const auto* expected = std::get_if<Expected>(&reply)) return *expected;
    ADD_FAILURE() << to_text(op) << " was answered: " << to_text(reply);
    return {};
  }
  CommitBatch batch() {
    CommitBatch result;
    result.fence = {"scheduler", ask<Lease>(AcquireLease{"scheduler", "a", 1h, 1}).epoch};
    result.request = RequestId{++requests_};
    return result;
  }
  void assign(std::uint64_t id) {
    CommitBatch op = batch();
    op.assignments = {{{JobId{id}, 1}, {{WorkerId{0}, 1, make_resources({.cpus_milli = 500})}}}};
    EXPECT_EQ(ask<Verdict>(op).outcome, Outcome::applied);
  }
  void release(std::uint64_t id, bool job_ends) {
    CommitBatch op = batch();
    op.releases = {{{JobId{id}, 1}, ReleaseReason::succeeded, job_ends, {}}};
    EXPECT_EQ(ask<Verdict>(op).outcome, Outcome::applied);
  }

  SimPostgres db_{{.keep_ended = false}};
  std::uint64_t requests_ = 0;
};

TEST_F(SimPostgresTest, ItsClockIsTheTimeRoundedDownAndTtlsAreRoundedUp) {
  EXPECT_EQ(clock_us(time_at(999)), 0);
  EXPECT_EQ(clock_us(time_at(-1)), -1);
  EXPECT_EQ(ttl_us(Duration{1}), 1);
  EXPECT_EQ(ttl_us(1us), 1);
  EXPECT_EQ(ttl_us(Duration{1001}), 2);
}

TEST_F(SimPostgresTest, ALeaseIsHeldUntilItsEndAndNotAtIt) {
  const Time taken = time_at(5'000'999);
  EXPECT_EQ(ask<Lease>(AcquireLease{"l", "a", 10us, 1}, taken), (Lease{"a", 1, 10us}));
  EXPECT_EQ(ask<Lease>(ReadLease{"l"}, time_at(5'009'999)), (Lease{"a", 1, 1us}));
  EXPECT_EQ(ask<Lease>(ReadLease{"l"}, time_at(5'010'000)), (Lease{{}, 1, {}}));
  EXPECT_EQ(ask<Lease>(AcquireLease{"l", "b", 10us, 1}, time_at(5'010'000)), (Lease{"b", 2, 10us}));
}

TEST_F(SimPostgresTest, ForgetsJobsThatEndedAndAreReleased) {
  ask<Submitted>(SubmitJobs{{job(1), job(2), job(3)}});
  assign(1);
  assign(2);
  EXPECT_EQ(
      ask<Verdict>(FinishAttempt{.attempt = {JobId{1}, 1}, .job_ends = true, .progress = {}, .release = false}).outcome,
      Outcome::applied);
  EXPECT_NE(db_.tables().find(JobId{1}), nullptr) << "it still holds";
  release(1, true);
  EXPECT_EQ(db_.tables().find(JobId{1}), nullptr);
  release(2, false);
  EXPECT_NE(db_.tables().find(JobId{2}), nullptr) << "it waits again";
  CommitBatch op = batch();
  op.endings = {{JobId{3}}};
  EXPECT_EQ(ask<Verdict>(op).outcome, Outcome::applied);
  EXPECT_EQ(db_.tables().find(JobId{3}), nullptr);
  EXPECT_EQ(ask<Totals>(ReadTotals{}), ask<Totals>(RecountTotals{}));
}

TEST_F(SimPostgresTest, ARefusedBatchForgetsNothing) {
  ask<Submitted>(SubmitJobs{{job(1)}});
  assign(1);
  CommitBatch op = batch();
  op.releases = {{{JobId{1}, 1}, ReleaseReason::succeeded, true, {}}};
  op.endings = {{JobId{9}}};
  EXPECT_EQ(ask<Verdict>(op), (Verdict{Outcome::unknown_job, 9}));
  EXPECT_EQ(db_.tables().held().size(), 1U);
  EXPECT_EQ(db_.tables().cpus(), 500);
  release(1, true);
}

TEST_F(SimPostgresTest, HintsAreCountedForEachSession) {
  ask<Done>(Listen{"wake"}, kTimeZero, 7);
  ask<Done>(Listen{"wake"}, kTimeZero, 8);
  ask<Done>(Notify{"wake"});
  db_.disconnect(8);
  EXPECT_EQ(ask<Count>(TakeHints{"wake"}, kTimeZero, 7).value, 1);
  EXPECT_EQ(ask<Count>(TakeHints{"wake"}, kTimeZero, 8).value, 0);
}

TEST_F(SimPostgresTest, OperationsAndRepliesCanBeRead) {
  CommitBatch op = batch();
  op.releases = {{{JobId{4}, 2}, ReleaseReason::worker_lost, false, 3s}};
  const std::string text = to_text(Op(op));
  EXPECT_NE(text.find("CommitBatch('scheduler' epoch 1, request 1"), std::string::npos) << text;
  EXPECT_NE(text.find("4/2 worker lost 3.000000 s"), std::string::npos) << text;
  EXPECT_EQ(to_text(Reply(Verdict{Outcome::stale_attempt, 4})), "refused: stale attempt, detail 4, version 0, 0 mcpu");
}

TEST(PostgresPort, AnswersForTheCore) {
  const auto verdict = [](Outcome outcome) { return Reply(Verdict{.outcome = outcome}); };
  const auto failed = [](Failed::Reason reason) { return Reply(Failed{reason, {}}); };
  EXPECT_EQ(commit_answer(verdict(Outcome::applied)), Answer::done);
  EXPECT_EQ(commit_answer(verdict(Outcome::repeated)), Answer::done);
  for (const Outcome refusal : {Outcome::voided, Outcome::settled, Outcome::stale_attempt}) {
    EXPECT_EQ(commit_answer(verdict(refusal)), Answer::failed);
  }
  EXPECT_EQ(commit_answer(verdict(Outcome::wrong_epoch)), Answer::refused);
  EXPECT_EQ(commit_answer(failed(Failed::Reason::aborted)), Answer::failed);
  EXPECT_EQ(commit_answer(failed(Failed::Reason::unreachable)), Answer::failed);
  EXPECT_EQ(commit_answer(failed(Failed::Reason::unknown)), Answer::unknown);
  EXPECT_EQ(settle_answer(verdict(Outcome::repeated)), (BatchAnswer{Answer::done, true}));
  EXPECT_EQ(settle_answer(verdict(Outcome::voided)), (BatchAnswer{Answer::done, false}));
  EXPECT_EQ(settle_answer(verdict(Outcome::wrong_epoch)).answer, Answer::refused);
  EXPECT_EQ(settle_answer(failed(Failed::Reason::unknown)).answer, Answer::unknown);
}

TEST(PostgresPortDeathTest, BrokenPromisesStopTheProcess) {
  EXPECT_DEATH(check_op(SubmitJobs{}), "a submission has a job");
  EXPECT_DEATH(check_op(SubmitJobs{{job(1), job(1)}}), "once");
  EXPECT_DEATH(check_op(Notify{"Robert'; drop table"}), "channel");
  EXPECT_DEATH(check_op(LoadArrived{0, 0}), "limit");
  EXPECT_DEATH(check_op(FinishAttempt{.attempt = {JobId{1}, 0}}), "numbered from 1");
  EXPECT_DEATH(check_op(AcquireLease{"", "a", 1s, 1}), "empty");
}

}  // namespace
}  // namespace drydock::sim::sim_postgres_test

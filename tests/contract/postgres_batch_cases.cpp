// Jobs and the scheduler's batches: all or nothing, fenced by epoch, by attempt and by request, with totals that follow.

#include "tests/contract/postgres_under_test.hpp"

#include <string>

namespace drydock::postgres {
namespace {

using namespace std::chrono_literals;
using Outcome = Verdict::Outcome;

void expect_refused(const Verdict& verdict, Outcome outcome, std::uint64_t job) {
  EXPECT_EQ(verdict, (Verdict{outcome, static_cast<std::int64_t>(job)}));
}

void submit_is_idempotent(PostgresDriver& db) {
  EXPECT_EQ(db.ask<Submitted>(SubmitJobs{{job(7), job(3)}}), (Submitted{2, 2}));
  EXPECT_EQ(db.ask<Submitted>(SubmitJobs{{job(3, 5), job(9)}}), (Submitted{1, 3}));
  EXPECT_EQ(db.ask<Submitted>(SubmitJobs{{job(9)}}), (Submitted{0, 3}));
  const auto jobs = db.ask<Jobs>(LoadArrived{0, 10}).jobs;
  ASSERT_EQ(jobs.size(), 3U);
  EXPECT_EQ(jobs[0].job.spec.id, JobId{7});
  EXPECT_EQ(jobs[1].job, job(3)) << "what was there stays as it was";
  EXPECT_EQ(jobs[2].arrival, 3);
}

void jobs_come_back_as_they_were(PostgresDriver& db) {
  Job full = job(1U << 31U, 2, -5);
  full.spec.tasks = 64;
  full.spec.per_task = make_resources({.cpus_milli = 1500, .memory_bytes = std::int64_t{1} << 40, .gpus = 8, .slots = 2});
  full.spec.estimate = Duration{std::int64_t{1} << 62};
  full.spec.input_bytes = 17;
  full.spec.output_bytes = std::int64_t{1} << 50;
  full.spec.on_failure = OnInterrupt::checkpoint;
  full.spec.on_preemption = OnInterrupt::restart;
  for (int byte = 0; byte < 256; ++byte) full.payload += static_cast<char>(byte);
  full.payload += "{\"quoted\\\", null, 'and' so on}";
  Job empty = job(2);
  Job last = job((std::uint64_t{1} << 63U) - 1, 3);
  EXPECT_EQ(db.submit({full, empty, last}), 3);
  const auto jobs = db.ask<Jobs>(LoadArrived{0, 10}).jobs;
  ASSERT_EQ(jobs.size(), 3U);
  EXPECT_EQ(jobs[0].job, full);
  EXPECT_EQ(jobs[1].job, empty);
  EXPECT_EQ(jobs[2].job, last);
}

void jobs_of_one_kind_come_back_as_they_were(PostgresDriver& db) {
  const auto alike = [](std::uint64_t id) {
    Job each = job(id, 4, -2);
    each.spec.tasks = 3;
    each.spec.per_task = make_resources({.cpus_milli = 250, .memory_bytes = 5, .gpus = 1, .slots = 2});
    each.spec.estimate = 7s;
    each.spec.input_bytes = 11;
    each.spec.output_bytes = 12;
    each.spec.on_failure = OnInterrupt::checkpoint;
    each.spec.on_preemption = OnInterrupt::restart;
    each.payload = "payload " + std::to_string(id);
    return each;
  };
  EXPECT_EQ(db.ask<Submitted>(SubmitJobs{{alike(5), alike(2), alike(9)}}), (Submitted{3, 3}));
  EXPECT_EQ(db.ask<Submitted>(SubmitJobs{{alike(2), alike(7), alike(9), alike(3)}}), (Submitted{2, 5})) << "some were there";
  EXPECT_EQ(db.ask<Submitted>(SubmitJobs{{alike(6), alike(4)}}), (Submitted{2, 7})) << "older ids, which are new";
  const auto jobs = db.ask<Jobs>(LoadArrived{0, 10}).jobs;
  std::vector<Job> came;
  for (const auto& each : jobs) came.push_back(each.job);
  EXPECT_EQ(came, (std::vector{alike(5), alike(2), alike(9), alike(7), alike(3), alike(6), alike(4)}));
}

void a_job_waits_is_held_and_ends(PostgresDriver& db) {
  EXPECT_FALSE(db.view(1).found);
  db.submit({job(1)});
  EXPECT_EQ(db.view(1).state, JobState::waiting);
  EXPECT_EQ(db.commit({.assignments = {assigned(1, 1, 4)}}), (Verdict{Outcome::applied, 0, 1, 1000}));
  EXPECT_EQ(db.view(1).state, JobState::held);
  EXPECT_EQ(db.totals(), (Totals{1000, 1, 1}));
  EXPECT_EQ(db.commit({.releases = {released(1, 1)}}), (Verdict{Outcome::applied, 0, 2, 0}));
  EXPECT_EQ(db.view(1).state, JobState::ended);
  EXPECT_EQ(db.view(1).last_reason, ReleaseReason::succeeded);
  EXPECT_EQ(db.totals(), (Totals{0, 0, 2}));
}

void attempts_are_counted_by_how_they_ended(PostgresDriver& db) {
  db.submit({job(1)});
  const auto attempt = [&](std::uint32_t number, ReleaseReason reason, Duration progress) {
    EXPECT_EQ(db.commit({.assignments = {assigned(1, number)}}).outcome, Outcome::applied);
    ReleasedAttempt release = released(1, number, reason, false);
    release.progress = progress;
    EXPECT_EQ(db.commit({.releases = {release}}).outcome, Outcome::applied);
    EXPECT_EQ(db.view(1).state, JobState::waiting);
  };
  attempt(1, ReleaseReason::failed, 10s);
  attempt(2, ReleaseReason::worker_lost, 30s);
  attempt(3, ReleaseReason::failed, 0s);
  attempt(4, ReleaseReason::preempted, 20s);
  EXPECT_EQ(db.view(1), (JobView{true, JobState::waiting, 4, 2, 1, 30s, ReleaseReason::preempted}));
}

void a_gang_holds_several_workers_until_it_is_released(PostgresDriver& db) {
  db.submit({job(1), job(2)});
  const AssignedAttempt gang{{JobId{1}, 1}, {{WorkerId{5}, 3, cpus(3000)}, {WorkerId{2}, 1, cpus(1000)}}};
  EXPECT_EQ(db.commit({.assignments = {gang, assigned(2, 1, 5, 500)}}).cpus, 4500);
  EXPECT_EQ(db.totals(), (Totals{4500, 3, 1}));
  const auto all = db.ask<Allocations>(ReadAllocations{}).rows;
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].share, gang.shares[0]);
  EXPECT_EQ(all[1].share, gang.shares[1]);
  EXPECT_EQ(db.ask<Allocations>(ReadAllocations{WorkerId{5}}).rows.size(), 2U);
  EXPECT_EQ(db.ask<Allocations>(ReadAllocations{WorkerId{2}}).rows.size(), 1U);
  EXPECT_TRUE(db.ask<Allocations>(ReadAllocations{WorkerId{9}}).rows.empty());
  EXPECT_EQ(db.commit({.releases = {released(1, 1)}}).cpus, 500);
  EXPECT_TRUE(db.ask<Allocations>(ReadAllocations{WorkerId{2}}).rows.empty());
}

void a_release_and_the_next_attempt_share_a_batch(PostgresDriver& db) {
  db.submit({job(1)});
  db.commit({.assignments = {assigned(1, 1, 0)}});
  const Verdict verdict =
      db.commit({.releases = {released(1, 1, ReleaseReason::worker_lost, false)}, .assignments = {assigned(1, 2, 7)}});
  EXPECT_EQ(verdict, (Verdict{Outcome::applied, 0, 2, 1000}));
  const auto rows = db.ask<Allocations>(ReadAllocations{}).rows;
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].attempt, (AttemptId{JobId{1}, 2}));
}

void rows_that_differ_in_something_share_a_batch(PostgresDriver& db) {
  std::vector<Job> jobs;
  for (std::uint64_t id = 1; id <= 6; ++id) jobs.push_back(job(id));
  db.submit(std::move(jobs));
  EXPECT_EQ(db.commit({.assignments = {assigned(1, 1, 7), assigned(3, 1, 7), assigned(5, 1, 7)}}).cpus, 3000);
  EXPECT_EQ(db.commit({.assignments = {assigned(2, 1, 8, 500), assigned(4, 3, 8), assigned(6, 1, 8)}}).cpus, 5500);
  const auto rows = db.ask<Allocations>(ReadAllocations{}).rows;
  ASSERT_EQ(rows.size(), 6U);
  EXPECT_EQ(rows[1].share.held, cpus(500));
  EXPECT_EQ(rows[3].attempt, (AttemptId{JobId{4}, 3}));
  ReleasedAttempt stopped = released(3, 1, ReleaseReason::preempted, false);
  stopped.progress = 5s;
  EXPECT_EQ(db.commit({.releases = {released(1, 1), stopped, released(4, 3, ReleaseReason::failed)}}).cpus, 2500);
  EXPECT_EQ(db.view(1), (JobView{true, JobState::ended, 1, 0, 0, 0s, ReleaseReason::succeeded}));
  EXPECT_EQ(db.view(3), (JobView{true, JobState::waiting, 1, 0, 0, 5s, ReleaseReason::preempted}));
  EXPECT_EQ(db.view(4), (JobView{true, JobState::ended, 3, 1, 0, 0s, ReleaseReason::failed}));
  EXPECT_EQ(db.commit({.releases = {released(2, 1), released(5, 1), released(6, 1)}}).cpus, 0);
}

// --- refusals ---

// Rows that have all in common but their jobs, which lie side by side: a store may treat them as one.
void one_of_many_alike_refuses_all(PostgresDriver& db) {
  std::vector<Job> jobs;
  for (std::uint64_t id = 1; id <= 40; ++id) jobs.push_back(job(id));
  db.submit(std::move(jobs));
  const auto assign = [](std::uint64_t first, std::uint64_t last) {
    CommitBatch batch;
    for (std::uint64_t id = first; id <= last; ++id) batch.assignments.push_back(assigned(id, 1));
    return batch;
  };
  const auto release = [](std::uint64_t first, std::uint64_t last) {
    CommitBatch batch;
    for (std::uint64_t id = first; id <= last; ++id) batch.releases.push_back(released(id, 1));
    return batch;
  };
  EXPECT_EQ(db.commit(assign(1, 10)), (Verdict{Outcome::applied, 0, 1, 10'000}));
  expect_refused(db.commit(assign(10, 20)), Outcome::stale_attempt, 10);
  expect_refused(db.commit(assign(31, 41)), Outcome::unknown_job, 41);
  expect_refused(db.commit(release(1, 11)), Outcome::stale_attempt, 11);
  EXPECT_EQ(db.commit(release(1, 5)).cpus, 5000);
  expect_refused(db.commit(release(5, 10)), Outcome::stale_attempt, 5);
  expect_refused(db.commit(assign(5, 5)), Outcome::job_ended, 5);
  db.commit({.endings = {{JobId{15}, ReleaseReason::cancelled}}});
  expect_refused(db.commit(assign(11, 20)), Outcome::job_ended, 15);
  // An attempt of a later number: the first one is stale for good.
  db.commit({.assignments = {assigned(25, 2)}});
  db.commit({.releases = {released(25, 2, ReleaseReason::worker_lost, false)}});
  expect_refused(db.commit(assign(21, 30)), Outcome::stale_attempt, 25);
  CommitBatch around = assign(21, 24);
  for (const AssignedAttempt& row : assign(26, 30).assignments) around.assignments.push_back(row);
  EXPECT_EQ(db.commit(around).cpus, 14'000);
  db.expect_consistent();
}

void a_batch_is_all_or_nothing(PostgresDriver& db) {
  db.submit({job(1), job(2), job(3), job(4)});
  db.commit({.assignments = {assigned(1, 1), assigned(2, 1)}});
  const Totals before = db.totals();
  expect_refused(db.commit({.releases = {released(1, 1)}, .endings = {{JobId{3}}}, .assignments = {assigned(2, 1)}}),
                 Outcome::stale_attempt, 2);
  expect_refused(db.commit({.releases = {released(1, 1)}, .endings = {{JobId{2}}}}), Outcome::held, 2);
  expect_refused(db.commit({.releases = {released(1, 1), released(2, 2)}}), Outcome::stale_attempt, 2);
  EXPECT_EQ(db.totals(), before) << "the version too";
  EXPECT_EQ(db.view(1).state, JobState::held);
  EXPECT_EQ(db.view(1).last_reason, std::nullopt);
  EXPECT_EQ(db.view(3).state, JobState::waiting);
  EXPECT_EQ(db.ask<Allocations>(ReadAllocations{}).rows.size(), 2U);
}

void a_refused_batch_may_come_again(PostgresDriver& db) {
  expect_refused(db.commit_as(1, {.assignments = {assigned(1, 1)}}), Outcome::unknown_job, 1);
  db.submit({job(1)});
  EXPECT_EQ(db.commit_as(1, {.assignments = {assigned(1, 1)}}).outcome, Outcome::applied);
}

void the_first_refused_row_is_named(PostgresDriver& db) {
  db.submit({job(1), job(2)});
  db.commit({.assignments = {assigned(1, 1)}});
  expect_refused(db.commit({.releases = {released(8, 1), released(9, 1)}}), Outcome::stale_attempt, 8);
  expect_refused(db.commit({.endings = {{JobId{2}}, {JobId{9}}}, .assignments = {assigned(8, 1)}}), Outcome::unknown_job, 9);
  expect_refused(db.commit({.assignments = {assigned(2, 1), assigned(1, 2), assigned(9, 1)}}), Outcome::held, 1);
  expect_refused(db.commit({.endings = {{JobId{2}}}, .assignments = {assigned(2, 1)}}), Outcome::job_ended, 2);
}

void attempts_fence_assignments(PostgresDriver& db) {
  db.submit({job(1), job(2)});
  db.commit({.assignments = {assigned(1, 1)}});
  expect_refused(db.commit({.assignments = {assigned(1, 1)}}), Outcome::stale_attempt, 1);
  expect_refused(db.commit({.assignments = {assigned(1, 2)}}), Outcome::held, 1);
  // Number 1 was planned and never came here, or comes too late.
  EXPECT_EQ(db.commit({.assignments = {assigned(2, 2)}}).outcome, Outcome::applied);
  expect_refused(db.commit({.assignments = {assigned(2, 1)}}), Outcome::stale_attempt, 2);
  db.commit({.releases = {released(2, 2, ReleaseReason::worker_lost, false)}});
  expect_refused(db.commit({.assignments = {assigned(2, 1)}}), Outcome::stale_attempt, 2);
  db.commit({.releases = {released(1, 1, ReleaseReason::failed, false)}});
  expect_refused(db.commit({.assignments = {assigned(1, 1, 3)}}), Outcome::stale_attempt, 1);
  EXPECT_EQ(db.commit({.assignments = {assigned(1, 3)}}).outcome, Outcome::applied);
  expect_refused(db.commit({.releases = {released(1, 2)}}), Outcome::stale_attempt, 1);
  db.commit({.releases = {released(1, 3)}});
  expect_refused(db.commit({.assignments = {assigned(1, 4)}}), Outcome::job_ended, 1);
  expect_refused(db.commit({.assignments = {assigned(1, 1)}}), Outcome::job_ended, 1);
}

void attempts_fence_releases(PostgresDriver& db) {
  db.submit({job(1)});
  expect_refused(db.commit({.releases = {released(1, 1)}}), Outcome::stale_attempt, 1);
  db.commit({.assignments = {assigned(1, 1)}});
  expect_refused(db.commit({.releases = {released(1, 2)}}), Outcome::stale_attempt, 1);
  db.commit({.releases = {released(1, 1, ReleaseReason::worker_lost, false)}});
  expect_refused(db.commit({.releases = {released(1, 1)}}), Outcome::stale_attempt, 1);
  db.commit({.assignments = {assigned(1, 2)}});
  expect_refused(db.commit({.releases = {released(1, 1)}}), Outcome::stale_attempt, 1);
  EXPECT_EQ(db.view(1).last_reason, ReleaseReason::worker_lost);
}

void jobs_end_without_an_attempt(PostgresDriver& db) {
  db.submit({job(1), job(2), job(3)});
  EXPECT_EQ(db.commit({.endings = {{JobId{1}, ReleaseReason::cancelled}}}).outcome, Outcome::applied);
  EXPECT_EQ(db.view(1).state, JobState::ended);
  EXPECT_EQ(db.view(1).last_reason, ReleaseReason::cancelled);
  expect_refused(db.commit({.endings = {{JobId{1}}}}), Outcome::job_ended, 1);
  db.commit({.assignments = {assigned(2, 1), assigned(3, 1)}});
  expect_refused(db.commit({.endings = {{JobId{2}}}}), Outcome::held, 2);
  db.commit({.releases = {released(2, 1, ReleaseReason::failed, false), released(3, 1)}});
  EXPECT_EQ(db.commit({.endings = {{JobId{2}, ReleaseReason::failed}}}).outcome, Outcome::applied);
  expect_refused(db.commit({.endings = {{JobId{3}}}}), Outcome::job_ended, 3);
  EXPECT_EQ(db.view(2), (JobView{true, JobState::ended, 1, 1, 0, {}, ReleaseReason::failed}));
}

// --- epochs and request ids ---

void an_old_leader_is_refused(PostgresDriver& db) {
  db.submit({job(1)});
  const Fence old = db.fence();
  const auto lease = db.ask<Lease>(AcquireLease{"scheduler", "a", 1h, old.epoch + 4});
  EXPECT_EQ(lease.epoch, old.epoch + 4);
  const Verdict refusal{Outcome::wrong_epoch, lease.epoch};
  EXPECT_EQ(db.commit({.fence = old, .assignments = {assigned(1, 1)}}), refusal);
  EXPECT_EQ(db.ask<Verdict>(SettleBatch{old, RequestId{1}}), refusal);
  EXPECT_EQ(db.ask<Verdict>(ReleaseEnded{old, 10}), refusal);
  EXPECT_EQ(db.ask<Verdict>(RaiseMark{old}), refusal);
  EXPECT_EQ(db.ask<Verdict>(LoadState{old, 10}), refusal);
  EXPECT_EQ(db.ask<Verdict>(FireDue{old, "beat", time_at(1), job(2)}), refusal);
  EXPECT_EQ(db.view(1).state, JobState::waiting);
  EXPECT_FALSE(db.view(2).found);
  EXPECT_EQ(db.commit({.fence = {"scheduler", lease.epoch}, .assignments = {assigned(1, 1)}}).outcome, Outcome::applied);
}

void an_epoch_that_was_never_given_is_refused(PostgresDriver& db) {
  db.submit({job(1)});
  const std::int64_t epoch = db.fence().epoch;
  EXPECT_EQ(db.commit({.fence = {"scheduler", epoch + 1}}), (Verdict{Outcome::wrong_epoch, epoch}));
  EXPECT_EQ(db.commit({.fence = {"nobody's", 1}}), (Verdict{Outcome::wrong_epoch, 0}));
}

void a_request_is_carried_out_once(PostgresDriver& db) {
  db.submit({job(1), job(2)});
  EXPECT_EQ(db.commit_as(5, {.assignments = {assigned(1, 1)}}), (Verdict{Outcome::applied, 0, 1, 1000}));
  EXPECT_EQ(db.commit_as(6, {.assignments = {assigned(2, 1)}}).version, 2);
  EXPECT_EQ(db.commit_as(5, {.assignments = {assigned(1, 1)}}), (Verdict{Outcome::repeated, 0, 1, 0}));
  EXPECT_EQ(db.commit_as(5, {}), (Verdict{Outcome::repeated, 0, 1, 0})) << "whatever it says";
  EXPECT_EQ(db.totals(), (Totals{2000, 2, 2}));
  db.lead("b");
  EXPECT_EQ(db.commit_as(5, {}), (Verdict{Outcome::applied, 0, 3, 2000})) << "another leader counts anew";
}

void settled_requests_are_forgotten_and_refused(PostgresDriver& db) {
  db.commit_as(1, {});
  db.commit_as(3, {});
  EXPECT_EQ(db.commit_as(4, {.settled_below = RequestId{3}}).version, 3);
  for (const std::uint64_t request : {1U, 2U}) {
    EXPECT_EQ(db.commit_as(request, {}), (Verdict{Outcome::settled}));
    EXPECT_EQ(db.ask<Verdict>(SettleBatch{db.fence(), RequestId{request}}), (Verdict{Outcome::settled}));
  }
  EXPECT_EQ(db.commit_as(3, {}).outcome, Outcome::repeated);
  EXPECT_EQ(db.commit_as(5, {.settled_below = RequestId{2}}).outcome, Outcome::applied);
  EXPECT_EQ(db.commit_as(2, {}).outcome, Outcome::settled) << "it does not fall";
  db.lead("b");
  EXPECT_EQ(db.commit_as(1, {}).outcome, Outcome::applied);
}

}  // namespace

std::vector<PostgresCase> postgres_batch_cases() {
  return {{"SubmitIsIdempotent", submit_is_idempotent},
          {"JobsComeBackAsTheyWere", jobs_come_back_as_they_were},
          {"JobsOfOneKindComeBackAsTheyWere", jobs_of_one_kind_come_back_as_they_were},
          {"AJobWaitsIsHeldAndEnds", a_job_waits_is_held_and_ends},
          {"AttemptsAreCountedByHowTheyEnded", attempts_are_counted_by_how_they_ended},
          {"AGangHoldsSeveralWorkersUntilItIsReleased", a_gang_holds_several_workers_until_it_is_released},
          {"AReleaseAndTheNextAttemptShareABatch", a_release_and_the_next_attempt_share_a_batch},
          {"RowsThatDifferInSomethingShareABatch", rows_that_differ_in_something_share_a_batch},
          {"OneOfManyAlikeRefusesAll", one_of_many_alike_refuses_all},
          {"ABatchIsAllOrNothing", a_batch_is_all_or_nothing},
          {"ARefusedBatchMayComeAgain", a_refused_batch_may_come_again},
          {"TheFirstRefusedRowIsNamed", the_first_refused_row_is_named},
          {"AttemptsFenceAssignments", attempts_fence_assignments},
          {"AttemptsFenceReleases", attempts_fence_releases},
          {"JobsEndWithoutAnAttempt", jobs_end_without_an_attempt},
          {"AnOldLeaderIsRefused", an_old_leader_is_refused},
          {"AnEpochThatWasNeverGivenIsRefused", an_epoch_that_was_never_given_is_refused},
          {"ARequestIsCarriedOutOnce", a_request_is_carried_out_once},
          {"SettledRequestsAreForgottenAndRefused", settled_requests_are_forgotten_and_refused}};
}

}  // namespace drydock::postgres

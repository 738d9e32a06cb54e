// Takeover and what comes after: what a new leader loads, in which order, and how far back.

#include "tests/contract/postgres_under_test.hpp"

#include <numeric>

namespace drydock::postgres {
namespace {

using Outcome = Verdict::Outcome;
using Ids = std::vector<std::uint64_t>;

Ids ids(const std::vector<LoadedJob>& jobs) {
  Ids result;
  for (const LoadedJob& loaded : jobs) result.push_back(loaded.job.spec.id.value);
  return result;
}
State load(PostgresDriver& db, std::uint32_t limit = 1000) { return db.ask<State>(LoadState{db.fence(), limit}); }
Ids waiting(PostgresDriver& db, const LoadWaiting& which) { return ids(db.ask<Jobs>(which).jobs); }

void a_new_leader_loads_all_that_lives(PostgresDriver& db) {
  db.submit({job(1), job(2), job(3), job(4), job(5)});
  db.commit({.assignments = {assigned(1, 1), assigned(2, 1, 3), assigned(3, 1)}});
  db.commit({.releases = {released(1, 1), released(3, 1, ReleaseReason::failed, false)}, .endings = {{JobId{5}}}});
  db.lead("b");
  const State state = load(db);
  ASSERT_EQ(ids(state.waiting), (Ids{3, 4}));
  EXPECT_EQ(state.waiting[0].view, (JobView{true, JobState::waiting, 1, 1, 0, {}, ReleaseReason::failed}));
  ASSERT_EQ(ids(state.held), (Ids{2}));
  EXPECT_EQ(state.held[0].job, job(2));
  EXPECT_EQ(state.held[0].arrival, 2);
  ASSERT_EQ(state.allocations.size(), 1U);
  EXPECT_EQ(state.allocations[0], (Allocation{{JobId{2}, 1}, {WorkerId{3}, 1, cpus(1000)}, false}));
  EXPECT_EQ(state.totals, (Totals{1000, 1, 2}));
  EXPECT_EQ(state.last_arrival, 5);
}

void a_job_that_ended_but_holds_is_loaded_as_held(PostgresDriver& db) {
  db.submit({job(1)});
  db.commit({.assignments = {assigned(1, 1)}});
  db.ask<Verdict>(FinishAttempt{.attempt = {JobId{1}, 1}, .job_ends = true, .progress = {}, .release = false});
  const State state = load(db);
  EXPECT_TRUE(state.waiting.empty());
  EXPECT_EQ(ids(state.held), (Ids{1}));
  ASSERT_EQ(state.allocations.size(), 1U);
  EXPECT_TRUE(state.allocations[0].attempt_ended);
  EXPECT_TRUE(ids(db.ask<Jobs>(LoadArrived{0, 10}).jobs).empty());
}

void queues_are_loaded_in_order_up_to_the_limit(PostgresDriver& db) {
  db.submit({job(9, 1), job(3, 1), job(5, 1, 2), job(4, 1, -1), job(6, 0, -7), job(8, 0), job(7, 0)});
  EXPECT_EQ(ids(load(db).waiting), (Ids{7, 8, 6, 5, 3, 9, 4}));
  EXPECT_EQ(ids(load(db, 2).waiting), (Ids{7, 8, 5, 3})) << "of each queue";
  EXPECT_EQ(ids(load(db, 1).waiting), (Ids{7, 5}));
}

void a_queue_is_loaded_in_parts(PostgresDriver& db) {
  db.submit({job(9, 1), job(3, 1), job(5, 1, 2), job(4, 1, -1), job(8, 0)});
  EXPECT_EQ(waiting(db, {QueueId{1}, std::nullopt, 2}), (Ids{5, 3}));
  EXPECT_EQ(waiting(db, {QueueId{1}, QueuePlace{0, JobId{3}}, 2}), (Ids{9, 4}));
  EXPECT_EQ(waiting(db, {QueueId{1}, QueuePlace{-1, JobId{4}}, 2}), (Ids{}));
  EXPECT_EQ(waiting(db, {QueueId{1}, QueuePlace{1, JobId{100}}, 9}), (Ids{3, 9, 4})) << "a place need not be taken";
  EXPECT_EQ(waiting(db, {QueueId{2}, std::nullopt, 9}), (Ids{}));
  db.commit({.assignments = {assigned(3, 1)}});
  EXPECT_EQ(waiting(db, {QueueId{1}, std::nullopt, 2}), (Ids{5, 9}));
}

void new_jobs_are_seen_by_arrival(PostgresDriver& db) {
  db.submit({job(50)});
  db.submit({job(9), job(20), job(3)});
  EXPECT_EQ(ids(db.ask<Jobs>(LoadArrived{0, 2}).jobs), (Ids{50, 9}));
  EXPECT_EQ(ids(db.ask<Jobs>(LoadArrived{2, 9}).jobs), (Ids{20, 3}));
  EXPECT_EQ(ids(db.ask<Jobs>(LoadArrived{4, 9}).jobs), (Ids{}));
  db.commit({.assignments = {assigned(20, 1)}});
  EXPECT_EQ(ids(db.ask<Jobs>(LoadArrived{1, 9}).jobs), (Ids{9, 3}));
}

void the_mark_follows_the_first_unfinished_job(PostgresDriver& db) {
  const auto mark = [&] { return db.ask<Verdict>(RaiseMark{db.fence()}); };
  EXPECT_EQ(mark(), (Verdict{Outcome::applied, 1}));
  db.submit({job(10), job(20), job(30)});
  EXPECT_EQ(mark(), (Verdict{Outcome::applied, 1}));
  db.commit({.endings = {{JobId{20}}}, .assignments = {assigned(10, 1)}});
  EXPECT_EQ(mark().detail, 1) << "the first one is held";
  db.commit({.releases = {released(10, 1)}});
  EXPECT_EQ(mark().detail, 3);
  EXPECT_EQ(ids(load(db).waiting), (Ids{30}));
  db.commit({.endings = {{JobId{30}}}});
  EXPECT_EQ(mark().detail, 4);
}

void jobs_with_lower_ids_may_arrive_behind_the_mark(PostgresDriver& db) {
  db.submit({job(100), job(200)});
  db.commit({.assignments = {assigned(100, 1)}});
  db.commit({.releases = {released(100, 1)}});
  EXPECT_EQ(db.ask<Verdict>(RaiseMark{db.fence()}).detail, 2);
  db.submit({job(5), job(6)});
  db.commit({.assignments = {assigned(5, 1, 8)}});
  const State state = load(db);
  EXPECT_EQ(ids(state.waiting), (Ids{6, 200}));
  EXPECT_EQ(ids(state.held), (Ids{5}));
  EXPECT_EQ(db.ask<Allocations>(ReadAllocations{WorkerId{8}}).rows.size(), 1U);
  db.commit({.releases = {released(5, 1)}, .endings = {{JobId{6}}, {JobId{200}}}});
  EXPECT_EQ(db.ask<Verdict>(RaiseMark{db.fence()}).detail, 5);
  db.submit({job(1)});
  db.commit({.assignments = {assigned(1, 1, 8)}});
  EXPECT_EQ(db.ask<Allocations>(ReadAllocations{}).rows.size(), 1U);
}

void large_batches(PostgresDriver& db) {
  constexpr std::uint64_t kJobs = 3000;
  std::vector<Job> jobs;
  CommitBatch assign;
  CommitBatch release;
  for (std::uint64_t id = 1; id <= kJobs; ++id) {
    jobs.push_back(job(id));
    assign.assignments.push_back(assigned(id, 1, static_cast<std::uint32_t>(id % 50)));
    release.releases.push_back(released(id, 1));
  }
  EXPECT_EQ(db.submit(jobs), static_cast<std::int64_t>(kJobs));
  EXPECT_EQ(db.commit(assign).cpus, static_cast<std::int64_t>(kJobs) * 1000);
  EXPECT_EQ(load(db).held.size(), kJobs);
  release.releases.back().attempt.number = 2;
  EXPECT_EQ(db.commit(release), (Verdict{Outcome::stale_attempt, static_cast<std::int64_t>(kJobs)}));
  EXPECT_EQ(db.totals().allocations, static_cast<std::int64_t>(kJobs));
  release.releases.back().attempt.number = 1;
  EXPECT_EQ(db.commit(release).cpus, 0);
}

void requests_to_cancel_are_seen_by_number(PostgresDriver& db) {
  const auto cancel = [&](std::uint64_t id) { return db.ask<Verdict>(RequestCancel{JobId{id}}).outcome; };
  const auto seen = [&](std::int64_t after, std::uint32_t limit = 9) {
    return db.ask<Cancels>(LoadCancels{after, limit}).requests;
  };
  db.submit({job(1), job(2), job(3), job(4)});
  db.commit({.endings = {{JobId{2}}}, .assignments = {assigned(1, 1)}});
  EXPECT_EQ(cancel(9), Outcome::unknown_job);
  EXPECT_EQ(cancel(2), Outcome::job_ended);
  EXPECT_TRUE(seen(0).empty());
  EXPECT_EQ(cancel(4), Outcome::applied);
  EXPECT_EQ(cancel(1), Outcome::applied) << "it is held";
  EXPECT_EQ(cancel(4), Outcome::repeated);
  EXPECT_EQ(cancel(3), Outcome::applied);
  using Requests = std::vector<CancelRequest>;
  EXPECT_EQ(seen(0), (Requests{{1, JobId{4}}, {2, JobId{1}}, {3, JobId{3}}}));
  EXPECT_EQ(seen(1, 1), (Requests{{2, JobId{1}}}));
  db.commit({.releases = {released(1, 1, ReleaseReason::cancelled)}});
  EXPECT_EQ(seen(0), (Requests{{1, JobId{4}}, {3, JobId{3}}})) << "the others are no news";
  db.ask<Verdict>(RaiseMark{db.fence()});
  EXPECT_EQ(seen(1), (Requests{{3, JobId{3}}}));
  EXPECT_EQ(cancel(1), Outcome::job_ended);
}

void ids_are_given_out_once(PostgresDriver& db) {
  EXPECT_EQ(db.ask<Count>(ReserveIds{3}).value, 1);
  EXPECT_EQ(db.ask<Count>(ReserveIds{1}).value, 4);
  db.submit({job(100), job(7)});
  EXPECT_EQ(db.ask<Count>(ReserveIds{2}).value, 101) << "above what is there";
  EXPECT_EQ(db.ask<Count>(ReserveIds{1}).value, 103);
}

}  // namespace

std::vector<PostgresCase> postgres_state_cases() {
  return {{"ANewLeaderLoadsAllThatLives", a_new_leader_loads_all_that_lives},
          {"AJobThatEndedButHoldsIsLoadedAsHeld", a_job_that_ended_but_holds_is_loaded_as_held},
          {"QueuesAreLoadedInOrderUpToTheLimit", queues_are_loaded_in_order_up_to_the_limit},
          {"AQueueIsLoadedInParts", a_queue_is_loaded_in_parts},
          {"NewJobsAreSeenByArrival", new_jobs_are_seen_by_arrival},
          {"TheMarkFollowsTheFirstUnfinishedJob", the_mark_follows_the_first_unfinished_job},
          {"JobsWithLowerIdsMayArriveBehindTheMark", jobs_with_lower_ids_may_arrive_behind_the_mark},
          {"RequestsToCancelAreSeenByNumber", requests_to_cancel_are_seen_by_number},
          {"IdsAreGivenOutOnce", ids_are_given_out_once},
          {"LargeBatches", large_batches}};
}

}  // namespace drydock::postgres

// The scheduler's side of the store's contract, of losses and of cancellations, step by step. What random histories found
// first stands here as the smallest case.
#include "policies/core/scheduler.hpp"

#include "policies/catalog.hpp"
#include "tests/unit/function_policy.hpp"

#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

namespace drydock::scheduler_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

SchedulerConfig config_of(std::string_view type, const std::map<std::string, ParameterValue, std::less<>>& parameters = {}) {
  SchedulerConfig config;
  config.queues = {{"default", 0, {}}};
  config.pools = {{"main", {QueueId{0}}}};
  config.placement = configure(*find_policy(PolicyFamily::placement, type), parameters);
  return config;
}
SchedulerBench bench_of(SchedulerConfig config) {
  auto policy = make_placement(config.placement);
  return {std::move(config), std::move(policy)};
}
JobSubmitted submitted(JobSpec job) { return {std::move(job)}; }
CommitAnswered answered(const Commit& c, Answer answer) { return {c.request, answer}; }
AttemptFinished finished(std::uint64_t job, std::uint32_t number) { return {{JobId{job}, number}, Ending::succeeded}; }

// --- the store ---

TEST(Scheduler, DispatchesOnlyWhatTheStoreHas) {
  SchedulerBench bench = bench_of(config_of("fcfs"));
  bench.step({a_worker(0), submitted(a_job(1))});
  ASSERT_EQ(bench.commands.size(), 1U);
  const Commit commit = bench.all<Commit>().at(0);
  EXPECT_EQ(commit.assignments[0].attempt, (AttemptId{JobId{1}, 1}));
  bench.step({answered(commit, Answer::done)});
  ASSERT_EQ(bench.commands.size(), 1U);
  EXPECT_EQ(bench.all<Dispatch>().at(0).attempt, (AttemptId{JobId{1}, 1}));
  EXPECT_FALSE(bench.scheduler.idle());
  bench.step({finished(1, 1)});
  const Commit release = bench.all<Commit>().at(0);
  EXPECT_EQ(release.releases[0].reason, ReleaseReason::succeeded);
  EXPECT_FALSE(bench.scheduler.idle());
  bench.step({answered(release, Answer::done)});
  EXPECT_TRUE(bench.scheduler.idle());
  EXPECT_EQ(bench.scheduler.next_wakeup(), kNever);
}

TEST(Scheduler, AFailedCommitIsTriedAgainAfterAPauseWithANewNumber) {
  SchedulerBench bench = bench_of(config_of("fcfs"));
  bench.step({a_worker(0), submitted(a_job(1))});
  bench.step({answered(bench.all<Commit>().at(0), Answer::failed)});
  EXPECT_TRUE(bench.commands.empty());
  EXPECT_EQ(bench.scheduler.next_wakeup(), bench.now + seconds{1});
  bench.now += milliseconds{999};
  EXPECT_TRUE(bench.step({}).empty());
  bench.now += milliseconds{1};
  bench.step({});
  EXPECT_EQ(bench.all<Commit>().at(0).assignments[0].attempt, (AttemptId{JobId{1}, 2}));
}

TEST(Scheduler, AnUnknownCommitIsReadUntilItIsKnown) {
  for (const bool found : {false, true}) {
    SchedulerBench bench = bench_of(config_of("fcfs"));
    bench.step({a_worker(0), submitted(a_job(1))});
    const Commit commit = bench.all<Commit>().at(0);
    bench.step({answered(commit, Answer::unknown)});
    ASSERT_EQ(bench.commands.size(), 1U);
    const ReadBatch first = bench.all<ReadBatch>().at(0);
    EXPECT_EQ(first.commit, commit.request);
    bench.step({BatchRead{first.request, Answer::failed, true}});
    EXPECT_TRUE(bench.commands.empty()) << "the read is repeated after a pause";
    bench.now = bench.scheduler.next_wakeup();
    bench.step({});
    const ReadBatch second = bench.all<ReadBatch>().at(0);
    bench.step({BatchRead{second.request, Answer::done, found}});
    EXPECT_EQ(bench.all<Dispatch>().size(), found ? 1U : 0U);
    EXPECT_EQ(bench.all<Commit>().size(), found ? 0U : 1U);
  }
}

TEST(Scheduler, CoalescesWhatComesWhileEnoughIsInFlight) {
  SchedulerConfig config = config_of("fcfs");
  config.max_in_flight = 1;
  SchedulerBench bench = bench_of(config);
  bench.step({a_worker(0, 9'000), submitted(a_job(1))});
  const Commit first = bench.all<Commit>().at(0);
  EXPECT_TRUE(bench.step({submitted(a_job(2))}).empty());
  EXPECT_TRUE(bench.step({submitted(a_job(3))}).empty());
  bench.step({answered(first, Answer::done)});
  ASSERT_EQ(bench.all<Commit>().size(), 1U);
  EXPECT_EQ(bench.all<Commit>().at(0).assignments.size(), 2U);
}

TEST(Scheduler, AFailedReleaseIsSentAgain) {
  SchedulerBench bench = bench_of(config_of("fcfs"));
  bench.settle({a_worker(0), submitted(a_job(1))});
  bench.step({finished(1, 1)});
  bench.step({answered(bench.all<Commit>().at(0), Answer::failed)});
  EXPECT_FALSE(bench.scheduler.idle());
  bench.now = bench.scheduler.next_wakeup();
  bench.step({});
  ASSERT_EQ(bench.all<Commit>().size(), 1U);
  EXPECT_EQ(bench.all<Commit>().at(0).releases[0].attempt, (AttemptId{JobId{1}, 1}));
}

TEST(Scheduler, AnswersToOtherRequestsChangeNothing) {
  SchedulerBench bench = bench_of(config_of("fcfs"));
  bench.step({a_worker(0), submitted(a_job(1))});
  const Commit commit = bench.all<Commit>().at(0);
  EXPECT_TRUE(
      bench.step({CommitAnswered{RequestId{99}, Answer::done}, BatchRead{commit.request, Answer::done, true}}).empty());
  bench.step({answered(commit, Answer::done)});
  EXPECT_EQ(bench.all<Dispatch>().size(), 1U);
  EXPECT_TRUE(bench.step({answered(commit, Answer::failed)}).empty());
  EXPECT_EQ(bench.job(1).state, JobState::running);
}

// --- losses ---

TEST(Scheduler, ALostAttemptRunsAgainUnderAHigherNumber) {
  SchedulerBench bench = bench_of(config_of("fcfs"));
  bench.settle({a_worker(0), submitted(a_job(1))});
  bench.step({LeaseExpired{WorkerId{0}, 1}});
  ASSERT_EQ(bench.all<Commit>().size(), 1U);
  EXPECT_EQ(bench.all<Commit>().at(0).releases[0].reason, ReleaseReason::worker_lost);
  bench.settle({answered(bench.all<Commit>().at(0), Answer::done), a_worker(0, 1'000, {}, 2)});
  EXPECT_EQ(bench.job(1).attempt, 2U);
  EXPECT_EQ(bench.job(1).state, JobState::running);
  bench.step({finished(1, 1)});
  EXPECT_EQ(bench.job(1).state, JobState::running) << "the result of attempt 1 is stale";
}

TEST(Scheduler, ALostJobThatResumesKeepsWhatItMustHaveDone) {
  for (const auto& [on_failure, left] : {std::pair{OnInterrupt::resume, seconds{4}}, {OnInterrupt::restart, seconds{10}}}) {
    SchedulerBench bench = bench_of(config_of("fcfs"));
    WorkerRegistered fast = a_worker(0);
    fast.spec.speed = 2.0;
    JobSpec job = a_job(1);
    job.on_failure = on_failure;
    bench.settle({fast, submitted(job)});
    bench.now += seconds{3};
    bench.step({LeaseExpired{WorkerId{0}, 1}});
    EXPECT_EQ(bench.job(1).remaining(), left);
  }
}

TEST(Scheduler, AHigherIncarnationMeansThatTheOldOneIsGone) {
  SchedulerBench bench = bench_of(config_of("fcfs"));
  bench.settle({a_worker(0), submitted(a_job(1))});
  bench.step({a_worker(0, 1'000, {}, 2)});
  EXPECT_EQ(bench.job(1).attempt, 2U);
  bench.step({LeaseExpired{WorkerId{0}, 1}, a_worker(0, 1'000, {}, 1)});
  EXPECT_TRUE(bench.scheduler.cluster().worker(WorkerId{0}).live) << "both are about the old one";
}

TEST(Scheduler, IncarnationsCountFromOne) {
  SchedulerBench bench = bench_of(config_of("fcfs"));
  bench.step({a_worker(3, 1'000, {}, 0), a_worker(1)});
  bench.step({a_worker(0, 1'000, {}, 0), a_worker(3, 1'000, {}, 0)});
  EXPECT_EQ(bench.scheduler.cluster().pools()[0].workers, std::vector<WorkerId>{WorkerId{1}});
}

// What is on its way to the store stays reserved, also on the workers that a broken gang has left.
TEST(Scheduler, APartlyLostAssignmentHoldsTheRestUntilTheAnswer) {
  for (const Answer answer : {Answer::done, Answer::failed}) {
    SchedulerBench bench = bench_of(config_of("fcfs"));
    bench.step({a_worker(0), a_worker(1), a_worker(2), submitted(a_job(1, 3))});
    const Commit commit = bench.all<Commit>().at(0);
    EXPECT_TRUE(bench.step({LeaseExpired{WorkerId{1}, 1}, submitted(a_job(2))}).empty())
        << "job 2 must not have worker 0 yet";
    EXPECT_TRUE(bench.step({LeaseExpired{WorkerId{2}, 1}}).empty());
    EXPECT_EQ(bench.scheduler.cluster().worker(WorkerId{0}).free.cpus(), 0);
    bench.step({answered(commit, answer)});
    EXPECT_EQ(bench.scheduler.cluster().worker(WorkerId{0}).free.cpus(), 1'000);
    EXPECT_EQ(bench.job(1).state, JobState::waiting);
    EXPECT_TRUE(bench.all<Dispatch>().empty());
    EXPECT_EQ(bench.all<Commit>().size(), answer == Answer::done ? 1U : 0U) << "to be released if it is there";
  }
}

TEST(Scheduler, AWorkerMayComeBackInAnotherPoolAndReturn) {
  SchedulerConfig config = config_of("jsq");
  config.queues = {{"a", 0, {}}, {"b", 0, {}}};
  config.pools = {{"a", {QueueId{0}}}, {"b", {QueueId{1}}}};
  SchedulerBench bench = bench_of(config);
  JobSpec in_b = a_job(2);
  in_b.queue = QueueId{1};
  bench.settle({a_worker(0), a_worker(1, 1'000, PoolId{1}), submitted(a_job(1)), submitted(in_b)});
  bench.settle({a_worker(0, 1'000, PoolId{1}, 2)});  // job 1 has no worker now
  EXPECT_EQ(bench.job(1).state, JobState::waiting);
  bench.settle({a_worker(0, 1'000, PoolId{0}, 3)});
  EXPECT_EQ(bench.job(1).state, JobState::running);
  EXPECT_EQ(bench.scheduler.cluster().pools()[0].workers.size(), 1U);
  EXPECT_EQ(bench.scheduler.cluster().pools()[1].workers.size(), 2U);
}

// --- cancellations ---

TEST(Scheduler, CancellingTheHeadLetsOthersStart) {
  SchedulerBench bench = bench_of(config_of("fcfs"));
  bench.settle({a_worker(0), submitted(a_job(1, 5)), submitted(a_job(2))});
  EXPECT_EQ(bench.job(2).state, JobState::waiting);
  bench.settle({JobCancelled{JobId{1}}});
  EXPECT_FALSE(bench.is_live(1));
  EXPECT_EQ(bench.job(2).state, JobState::running);
}

TEST(Scheduler, CancellingTheHeadOfAWorkersOwnQueueLetsOthersStart) {
  SchedulerBench bench = bench_of(config_of("jsq"));
  JobSpec wide = a_job(2, 2);
  bench.settle({a_worker(0, 2'000), submitted(a_job(1)), submitted(wide), submitted(a_job(3))});
  EXPECT_EQ(bench.job(2).state, JobState::bound);
  EXPECT_EQ(bench.job(3).state, JobState::bound);
  bench.settle({JobCancelled{JobId{2}}});
  EXPECT_EQ(bench.job(3).state, JobState::running);
}

TEST(Scheduler, ACancelledJobThatTheStoreNeverHeardOfNeverWill) {
  SchedulerConfig config = config_of("fcfs");
  config.max_in_flight = 1;
  SchedulerBench bench = bench_of(config);
  bench.step({a_worker(0, 9'000), submitted(a_job(1))});
  const Commit first = bench.all<Commit>().at(0);
  bench.step({submitted(a_job(2))});
  EXPECT_EQ(bench.job(2).state, JobState::committing);
  bench.step({JobCancelled{JobId{2}}});
  EXPECT_FALSE(bench.is_live(2));
  bench.step({answered(first, Answer::done)});
  EXPECT_TRUE(bench.all<Commit>().empty()) << "there is nothing to commit";
}

TEST(Scheduler, ACancelledJobIsNeverDispatched) {
  for (const bool together : {false, true}) {  // with the answer of the store, or before it
    SchedulerBench bench = bench_of(config_of("fcfs"));
    bench.step({a_worker(0), submitted(a_job(1))});
    const Commit commit = bench.all<Commit>().at(0);
    if (together) {
      bench.step({answered(commit, Answer::done), JobCancelled{JobId{1}}});
    } else {
      bench.step({JobCancelled{JobId{1}}});
      bench.step({answered(commit, Answer::done)});
    }
    EXPECT_TRUE(bench.all<Dispatch>().empty());
    ASSERT_EQ(bench.all<Commit>().size(), 1U);
    EXPECT_EQ(bench.all<Commit>().at(0).releases[0].reason, ReleaseReason::cancelled);
    bench.step({answered(bench.all<Commit>().at(0), Answer::done)});
    EXPECT_TRUE(bench.scheduler.idle());
  }
}

TEST(Scheduler, ACancelledRunningJobIsStoppedOnce) {
  SchedulerBench bench = bench_of(config_of("fcfs"));
  bench.settle({a_worker(0), submitted(a_job(1))});
  bench.step({JobCancelled{JobId{1}}});
  ASSERT_EQ(bench.all<StopAttempt>().size(), 1U);
  EXPECT_EQ(bench.all<StopAttempt>().at(0).reason, ReleaseReason::cancelled);
  EXPECT_TRUE(bench.step({JobCancelled{JobId{1}}}).empty());
  bench.settle({AttemptStopped{{JobId{1}, 1}, seconds{3}}});
  EXPECT_TRUE(bench.scheduler.idle());
}

// --- queues and pools ---

TEST(Scheduler, RejectsWhatAQueueHasNoPlaceFor) {
  SchedulerConfig config = config_of("fcfs");
  config.queues[0].capacity = 1;
  SchedulerBench bench = bench_of(config);
  JobSpec lost = a_job(9);
  lost.queue = QueueId{5};
  bench.step(
      {a_worker(0), submitted(a_job(1)), submitted(a_job(2)), submitted(a_job(3)), submitted(a_job(2)), submitted(lost)});
  std::vector<std::pair<std::uint64_t, RejectReason>> rejected;
  for (const RejectJob& r : bench.all<RejectJob>()) rejected.emplace_back(r.job.value, r.reason);
  const std::vector<std::pair<std::uint64_t, RejectReason>> expected{
      {2, RejectReason::duplicate_id}, {9, RejectReason::unknown_queue}, {3, RejectReason::queue_full}};
  EXPECT_EQ(rejected, expected);
  EXPECT_EQ(bench.job(2).state, JobState::waiting);
}

TEST(Scheduler, ARejectedHeadLetsOthersStart) {
  SchedulerConfig config = config_of("sjf");
  config.queues[0].capacity = 1;
  SchedulerBench bench = bench_of(config);
  bench.settle({a_worker(0), submitted(a_job(1))});
  bench.settle({submitted(a_job(2))});
  JobSpec short_and_wide = a_job(3, 5);
  short_and_wide.estimate = seconds{1};
  bench.step({finished(1, 1), submitted(short_and_wide)});
  EXPECT_EQ(bench.all<RejectJob>().size(), 1U);
  EXPECT_EQ(bench.job(2).state, JobState::committing);
}

TEST(Scheduler, WhatOnePoolTakesFromASharedQueueUnblocksTheOther) {
  SchedulerConfig config = config_of("fcfs");
  config.pools.push_back({"second", {QueueId{0}}});
  SchedulerBench bench = bench_of(config);
  JobSpec large = a_job(2, 1, 3'000);  // fits into the first pool alone
  JobSpec gpu = a_job(3);              // fits into the second alone
  gpu.per_task = make_resources({.cpus_milli = 1'000, .gpus = 1});
  WorkerRegistered with_gpu = a_worker(1, 1'000, PoolId{1});
  with_gpu.spec.capacity = make_resources({1'000, 0, 1, 1});
  bench.settle({a_worker(0, 3'000), with_gpu, submitted(a_job(1, 1, 3'000)), submitted(large), submitted(gpu)});
  EXPECT_EQ(bench.job(3).state, JobState::waiting) << "behind job 2";
  bench.settle({finished(1, 1)});
  EXPECT_EQ(bench.job(2).state, JobState::running);
  EXPECT_EQ(bench.job(3).state, JobState::running);
}

TEST(Scheduler, QueuePriorityGoesBeforeThePolicysOrder) {
  SchedulerConfig config = config_of("sjf");
  config.queues.push_back({"urgent", 5, {}});
  config.pools[0].queues.push_back(QueueId{1});
  SchedulerBench bench = bench_of(config);
  JobSpec urgent = a_job(2);
  urgent.queue = QueueId{1};
  urgent.estimate = seconds{1'000};
  bench.settle({a_worker(0), submitted(a_job(1)), submitted(urgent)});
  EXPECT_EQ(bench.job(2).state, JobState::running);
  EXPECT_EQ(bench.job(1).state, JobState::waiting);
}

// --- when it decides ---

TEST(Scheduler, CycleDecidesAtMultiplesOfThePeriod) {
  SchedulerConfig config = config_of("fcfs");
  config.control_plane = {PassTrigger::cycle, seconds{5}};
  SchedulerBench bench = bench_of(config);
  bench.now = time_at(1);
  EXPECT_TRUE(bench.step({a_worker(0), submitted(a_job(1))}).empty());
  EXPECT_EQ(bench.scheduler.next_wakeup(), kTimeZero + seconds{5});
  bench.now = kTimeZero + seconds{5};
  bench.step({submitted(a_job(2))});
  ASSERT_EQ(bench.all<Commit>().size(), 1U);
  EXPECT_EQ(bench.scheduler.next_wakeup(), kNever) << "nothing has changed since";
}

TEST(Scheduler, EventDecidesAPeriodAfterTheFirstChange) {
  SchedulerConfig config = config_of("fcfs");
  config.control_plane = {PassTrigger::event, milliseconds{100}};
  SchedulerBench bench = bench_of(config);
  bench.now = time_at(7);
  bench.step({a_worker(0), submitted(a_job(1))});
  EXPECT_EQ(bench.scheduler.next_wakeup(), time_at(7) + milliseconds{100});
  bench.now += milliseconds{60};
  EXPECT_TRUE(bench.step({submitted(a_job(2))}).empty());
  EXPECT_EQ(bench.scheduler.next_wakeup(), time_at(7) + milliseconds{100}) << "later changes do not put it off";
  bench.now = time_at(7) + milliseconds{100};
  EXPECT_EQ(bench.step({}).size(), 1U);
}

// A job that left while the pass was put off, and whose place another took, is no arrival of its pool.
TEST(Scheduler, AReusedPlaceIsNoArrivalOfTheOldPool) {
  for (const char* type : {"conservative", "jsq"}) {
    SchedulerConfig config = config_of(type);
    config.control_plane = {PassTrigger::cycle, seconds{5}};
    config.queues = {{"a", 0, {}}, {"b", 0, {}}};
    config.pools = {{"a", {QueueId{0}}}, {"b", {QueueId{1}}}};
    SchedulerBench bench = bench_of(config);
    bench.settle({a_worker(0, 1'000, PoolId{0}), a_worker(1, 1'000, PoolId{1})});
    bench.now = time_at(1);
    bench.step({submitted(a_job(1))});
    JobSpec other = a_job(2);
    other.queue = QueueId{1};
    bench.step({JobCancelled{JobId{1}}, submitted(other)});
    bench.now = kTimeZero + seconds{5};
    bench.settle({submitted(a_job(3))});
    EXPECT_TRUE(bench.all<Halt>().empty()) << type;
    EXPECT_EQ(bench.job(2).state, JobState::running) << type;
    EXPECT_EQ(bench.job(2).pool, PoolId{1}) << type;
  }
}

// --- preemption ---

TEST(Scheduler, APreemptedJobKeepsTheProgressThatItsWorldReports) {
  SchedulerBench bench = bench_of(config_of("srpt"));
  bench.settle({a_worker(0), submitted(a_job(1))});
  bench.now += seconds{4};
  JobSpec shorter = a_job(2);
  shorter.estimate = seconds{5};
  bench.step({submitted(shorter)});
  ASSERT_EQ(bench.all<StopAttempt>().size(), 1U);
  bench.settle({AttemptStopped{{JobId{1}, 1}, seconds{4}}});
  EXPECT_EQ(bench.job(2).state, JobState::running);
  EXPECT_EQ(bench.job(1).remaining(), seconds{6});
}

// Two equal jobs on a fast worker: a third of 2 s is no whole number of nanoseconds, and the rounded rest of the first one
// looks longer than the second. Must not take turns for ever.
TEST(Scheduler, SrptDoesNotPreemptForARoundingError) {
  for (const double speed : {3.0, 0.7, 7.0, 1.1, 1e-3, 1e3}) {
    for (const std::int64_t ns : {2'000'000'000, 101, 333'333'333, 1}) {
      SchedulerBench bench = bench_of(config_of("srpt"));
      WorkerRegistered worker = a_worker(0);
      worker.spec.speed = speed;
      JobSpec one = a_job(1);
      JobSpec two = a_job(2);
      one.estimate = two.estimate = Duration{ns};
      bench.settle({worker, submitted(one), submitted(two)});
      EXPECT_EQ(bench.job(1).state, JobState::running) << "speed " << speed << ", " << ns << " ns";
    }
  }
}

}  // namespace
}  // namespace drydock::scheduler_test

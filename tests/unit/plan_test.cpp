// Every decision that breaks a rule stops the scheduler, with a message that names the policy and the decision.
#include "policies/core/plan.hpp"

#include "tests/unit/function_policy.hpp"

#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <vector>

namespace drydock::plan_test {
namespace {

using Decide = std::function<void(const PassContext&, Plan&)>;

// Two pools of two workers of two cpus each; queue 0 is served by both, queue 1 by the second alone. Worker 1 has died. Job 0
// runs on worker 0 (pool 0), job 1 on worker 2 (pool 1); jobs 2 (one task) and 3 (two tasks) wait in queue 0, job 4 in queue 1.
class PlanTest : public testing::Test {
 protected:
  PlanTest() {
    SchedulerConfig config;
    config.queues = {{"shared", 0, {}}, {"second only", 0, {}}};
    config.pools = {{"first", {QueueId{0}}}, {"second", {QueueId{0}, QueueId{1}}}};
    config.placement.type = "policy under test";
    auto owned = std::make_unique<FunctionPolicy>();
    policy_ = owned.get();
    bench_ = std::make_unique<SchedulerBench>(config, std::move(owned));
    policy_->on_plan = [](const PassContext& pass, Plan& plan) {
      const auto start = [&](std::uint64_t id, PoolId pool, WorkerId worker) {
        const auto ref = pass.cluster.find(JobId{id});
        const Placement placement{worker, 1};
        if (pass.pool == pool && ref && pass.cluster.job(*ref).state == JobState::waiting) plan.start(*ref, {&placement, 1});
      };
      start(0, PoolId{0}, WorkerId{0});
      start(1, PoolId{1}, WorkerId{2});
    };
    bench_->settle({a_worker(0, 2'000), a_worker(1, 2'000), a_worker(2, 2'000, PoolId{1}), a_worker(3, 2'000, PoolId{1}),
                    JobSubmitted{a_job(0)}, JobSubmitted{a_job(1)}, JobSubmitted{a_job(2)}, JobSubmitted{a_job(3, 2)},
                    JobSubmitted{in_second(4)}});
    bench_->settle({LeaseExpired{WorkerId{1}, 1}});
    EXPECT_EQ(bench_->job(0).state, JobState::running);
    EXPECT_EQ(bench_->job(1).state, JobState::running);
    EXPECT_EQ(bench_->job(2).state, JobState::waiting);
  }

  static JobSpec in_second(std::uint64_t id) {
    JobSpec job = a_job(id);
    job.queue = QueueId{1};
    return job;
  }
  // The facts that wake the first pool, with a policy that decides so.
  void decide(const Decide& decide) {
    policy_->on_plan = [decide](const PassContext& pass, Plan& plan) {
      if (pass.pool == PoolId{0}) decide(pass, plan);
    };
    bench_->step({JobSubmitted{a_job(9)}});
  }
  void expect_halt(const Decide& decision, const std::vector<std::string>& words) {
    decide(decision);
    const std::vector<Halt> halts = bench_->all<Halt>();
    ASSERT_EQ(halts.size(), 1U);
    EXPECT_TRUE(std::holds_alternative<Halt>(bench_->commands.back())) << "nothing comes after it";
    const std::string why(halts.front().why);
    EXPECT_NE(why.find("policy under test"), std::string::npos) << why;
    for (const std::string& word : words) EXPECT_NE(why.find(word), std::string::npos) << "no '" << word << "' in: " << why;
    expect_silence();
  }
  // After Halt nothing more is done, whatever happens.
  void expect_silence() {
    bench_->now += std::chrono::hours{1};
    EXPECT_TRUE(bench_
                    ->step({AttemptFinished{{JobId{0}, 1}, Ending::succeeded}, JobCancelled{JobId{1}},
                            JobSubmitted{a_job(10)}, JobSubmitted{a_job(10)}, a_worker(7)})
                    .empty());
    EXPECT_EQ(bench_->scheduler.next_wakeup(), kNever);
  }
  static JobRef ref(const PassContext& pass, std::uint64_t id) { return *pass.cluster.find(JobId{id}); }
  static Displacement displace(const PassContext& pass, std::uint64_t victim, std::uint64_t beneficiary = 3) {
    return {.victim = ref(pass, victim), .beneficiary = ref(pass, beneficiary)};
  }
  // Starts a job on these workers.
  static Decide start(std::uint64_t id, const std::vector<Placement>& placements) {
    return [id, placements](const PassContext& pass, Plan& plan) { EXPECT_FALSE(plan.start(ref(pass, id), placements)); };
  }

  FunctionPolicy* policy_ = nullptr;
  std::unique_ptr<SchedulerBench> bench_;
};

TEST_F(PlanTest, LegalDecisionsArePlanned) {
  decide([](const PassContext& pass, Plan& plan) {
    const Placement placement{WorkerId{0}, 1};
    EXPECT_TRUE(plan.start(ref(pass, 2), {&placement, 1}));
    EXPECT_TRUE(plan.preempt(displace(pass, 0)));
    EXPECT_TRUE(plan.bind(ref(pass, 3), WorkerId{0}));
  });
  EXPECT_TRUE(bench_->all<Halt>().empty());
  ASSERT_EQ(bench_->all<StopAttempt>().size(), 1U);
  ASSERT_EQ(bench_->all<Commit>().size(), 1U);
  EXPECT_EQ(bench_->all<Commit>().front().assignments.front().attempt, (AttemptId{JobId{2}, 1}));
  EXPECT_EQ(bench_->job(3).state, JobState::bound);
}

TEST_F(PlanTest, RefusesMoreTasksThanAWorkerHasRoomFor) {
  expect_halt(start(3, {{WorkerId{0}, 2}}), {"start job 3", "worker 0", "room for 1", "not for 2"});
}
TEST_F(PlanTest, RefusesFewerTasksThanTheJobHas) {
  expect_halt(start(3, {{WorkerId{0}, 1}}), {"start job 3", "2 tasks", "for 1"});
}
TEST_F(PlanTest, RefusesMoreTasksThanTheJobHas) {
  expect_halt(
      [](const PassContext& pass, Plan& plan) {
        plan.preempt(displace(pass, 0));
        const std::vector<Placement> two{{WorkerId{0}, 1}, {WorkerId{0}, 1}};
        EXPECT_FALSE(plan.start(ref(pass, 2), two));
      },
      {"start job 2"});
}
TEST_F(PlanTest, RefusesNoWorkersAtAll) { expect_halt(start(2, {}), {"start job 2", "1 tasks", "for 0"}); }
TEST_F(PlanTest, RefusesAWorkerNamedTwice) {
  expect_halt(start(3, {{WorkerId{0}, 1}, {WorkerId{0}, 1}}), {"start job 3", "worker 0", "twice"});
}
TEST_F(PlanTest, RefusesAPlacementWithoutTasks) { expect_halt(start(2, {{WorkerId{0}, 0}}), {"start job 2", "not for 0"}); }
TEST_F(PlanTest, RefusesADeadWorker) { expect_halt(start(2, {{WorkerId{1}, 1}}), {"start job 2", "worker 1", "live"}); }
TEST_F(PlanTest, RefusesAWorkerOfAnotherPool) {
  expect_halt(start(2, {{WorkerId{3}, 1}}), {"start job 2", "worker 3", "'first'"});
}
TEST_F(PlanTest, RefusesAWorkerThatDoesNotExist) {
  expect_halt(start(2, {{WorkerId{77}, 1}}), {"start job 2", "worker 77", "not exist"});
}
TEST_F(PlanTest, RefusesAQueueThatThePoolDoesNotServe) {
  expect_halt(start(4, {{WorkerId{0}, 1}}), {"start job 4", "'first'", "'second only'"});
}
TEST_F(PlanTest, RefusesToStartWhatRuns) { expect_halt(start(0, {{WorkerId{0}, 1}}), {"start job 0", "does not wait"}); }
TEST_F(PlanTest, RefusesToStartTwiceInOnePass) {
  expect_halt(
      [](const PassContext& pass, Plan& plan) {
        const Placement placement{WorkerId{0}, 1};
        EXPECT_TRUE(plan.start(ref(pass, 2), {&placement, 1}));
        EXPECT_FALSE(plan.start(ref(pass, 2), {&placement, 1}));
      },
      {"start job 2", "does not wait"});
}
TEST_F(PlanTest, RefusesAReferenceToNoJob) {
  expect_halt(
      [](const PassContext&, Plan& plan) {
        const Placement placement{WorkerId{0}, 1};
        EXPECT_FALSE(plan.start(JobRef{12'345}, {&placement, 1}));
      },
      {"12345", "never given out"});
}
TEST_F(PlanTest, RefusesAJobThatIsGone) {
  const JobRef gone = *bench_->scheduler.cluster().find(JobId{2});
  bench_->settle({JobCancelled{JobId{2}}, JobSubmitted{in_second(5)}});  // takes its place, in a queue of the other pool
  expect_halt(
      [gone](const PassContext&, Plan& plan) {
        const Placement placement{WorkerId{0}, 1};
        EXPECT_FALSE(plan.start(gone, {&placement, 1}));
      },
      {"start job 5", "'second only'"});
}
TEST_F(PlanTest, RefusesToPreemptWhatDoesNotRun) {
  expect_halt([](const PassContext& pass, Plan& plan) { EXPECT_FALSE(plan.preempt(displace(pass, 2))); },
              {"preempt job 2", "does not run"});
}
TEST_F(PlanTest, RefusesToPreemptInAnotherPool) {
  expect_halt([](const PassContext& pass, Plan& plan) { EXPECT_FALSE(plan.preempt(displace(pass, 1))); },
              {"preempt job 1", "'first'"});
}
TEST_F(PlanTest, RefusesToPreemptTwice) {
  expect_halt(
      [](const PassContext& pass, Plan& plan) {
        EXPECT_TRUE(plan.preempt(displace(pass, 0)));
        EXPECT_FALSE(plan.preempt(displace(pass, 0)));
      },
      {"preempt job 0", "does not run"});
  EXPECT_TRUE(bench_->all<StopAttempt>().empty());
}
TEST_F(PlanTest, RefusesToPreemptForWhatDoesNotWait) {
  expect_halt([](const PassContext& pass, Plan& plan) { EXPECT_FALSE(plan.preempt(displace(pass, 0, 1))); },
              {"preempt job 0", "job 1 cannot take its place", "does not wait"});
  EXPECT_EQ(bench_->job(0).state, JobState::running);
}
TEST_F(PlanTest, RefusesToPreemptForItself) {
  expect_halt([](const PassContext& pass, Plan& plan) { EXPECT_FALSE(plan.preempt(displace(pass, 0, 0))); },
              {"preempt job 0", "job 0 cannot take its place", "does not wait"});
}
TEST_F(PlanTest, RefusesToPreemptForWhatWaitsElsewhere) {
  expect_halt([](const PassContext& pass, Plan& plan) { EXPECT_FALSE(plan.preempt(displace(pass, 0, 4))); },
              {"preempt job 0", "job 4 cannot take its place", "'first'", "'second only'"});
}
TEST_F(PlanTest, RefusesToPreemptForAReferenceToNoJob) {
  const auto decision = [](const PassContext& pass, Plan& plan) {
    EXPECT_FALSE(plan.preempt({.victim = ref(pass, 0), .beneficiary = JobRef{12'345}}));
  };
  expect_halt(decision, {"12345", "never given out"});
}
TEST_F(PlanTest, RefusesToBindToADeadWorker) {
  expect_halt([](const PassContext& pass, Plan& plan) { EXPECT_FALSE(plan.bind(ref(pass, 2), WorkerId{1})); },
              {"bind job 2", "worker 1"});
}
TEST_F(PlanTest, RefusesToBindToAWorkerOfAnotherPool) {
  expect_halt([](const PassContext& pass, Plan& plan) { EXPECT_FALSE(plan.bind(ref(pass, 2), WorkerId{2})); },
              {"bind job 2", "'first'"});
}
TEST_F(PlanTest, RefusesToBindToAWorkerThatDoesNotExist) {
  expect_halt([](const PassContext& pass, Plan& plan) { EXPECT_FALSE(plan.bind(ref(pass, 2), WorkerId{50})); },
              {"bind job 2", "worker 50"});
}
TEST_F(PlanTest, RefusesToBindFromAQueueThatThePoolDoesNotServe) {
  expect_halt([](const PassContext& pass, Plan& plan) { EXPECT_FALSE(plan.bind(ref(pass, 4), WorkerId{0})); },
              {"bind job 4", "'second only'"});
}
TEST_F(PlanTest, RefusesToBindTwice) {
  expect_halt(
      [](const PassContext& pass, Plan& plan) {
        EXPECT_TRUE(plan.bind(ref(pass, 2), WorkerId{0}));
        EXPECT_FALSE(plan.bind(ref(pass, 2), WorkerId{0}));
      },
      {"bind job 2", "does not wait"});
}
TEST_F(PlanTest, TheFirstBrokenRuleEndsThePassAndIsTheOneReported) {
  expect_halt(
      [](const PassContext& pass, Plan& plan) {
        const Placement placement{WorkerId{0}, 1};
        EXPECT_FALSE(plan.preempt(displace(pass, 2)));
        EXPECT_FALSE(plan.start(ref(pass, 2), {&placement, 1}));
        EXPECT_FALSE(plan.bind(ref(pass, 2), WorkerId{0}));
        EXPECT_FALSE(plan.preempt(displace(pass, 0)));
      },
      {"preempt job 2"});
}
TEST_F(PlanTest, APolicyThatThrowsIsStopped) {
  expect_halt([](const PassContext&, Plan&) { throw std::runtime_error("out of luck"); }, {"exception", "out of luck"});
}
TEST_F(PlanTest, APolicyThatThrowsSomethingElseIsStopped) {
  expect_halt([](const PassContext&, Plan&) { throw 42; }, {"threw"});  // NOLINT(hicpp-exception-baseclass)
}
TEST_F(PlanTest, APolicyWhoseRankThrowsIsStopped) {
  policy_->on_rank = [](const Job&) -> Rank { throw std::runtime_error("no rank"); };
  expect_halt([](const PassContext&, Plan&) {}, {"rank", "no rank"});
}
TEST_F(PlanTest, WhatWasPlannedBeforeTheMistakeIsNotSent) {
  decide([](const PassContext& pass, Plan& plan) {
    const Placement placement{WorkerId{0}, 1};
    EXPECT_TRUE(plan.start(ref(pass, 2), {&placement, 1}));
    EXPECT_TRUE(plan.preempt(displace(pass, 0)));
    EXPECT_FALSE(plan.preempt(displace(pass, 2)));
  });
  ASSERT_EQ(bench_->commands.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<Halt>(bench_->commands.front()));
}

}  // namespace
}  // namespace drydock::plan_test

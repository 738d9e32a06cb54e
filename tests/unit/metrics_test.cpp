#include "reports/metrics.hpp"

#include <cmath>
#include <gtest/gtest.h>

namespace drydock::reports::metrics_test {
namespace {

Time at(double s) { return Time{duration_of_seconds(s)}; }
Duration lasting(double s) { return duration_of_seconds(s); }

MetricsConfig two_queues(std::uint64_t warmup = 0) {
  return {.queues = {"short", "long"}, .pools = {"main", "side"}, .warmup_jobs = warmup};
}

const std::vector<PoolId> kMain{PoolId{0}};

struct Times {
  double submitted, started, ended;
};
// Its service time is the time from start to end.
JobOutcome job(std::uint64_t id, Times t, std::uint32_t queue = 0, std::uint32_t pool = 0) {
  return {.id = {id},
          .queue = {queue},
          .pool = {pool},
          .submitted = at(t.submitted),
          .first_start = at(t.started),
          .ended = at(t.ended),
          .service = lasting(t.ended - t.started)};
}
void run(Metrics& metrics, const JobOutcome& outcome) {
  metrics.submitted(outcome.id, outcome.queue, outcome.submitted);
  metrics.ended(outcome);
}

TEST(Metrics, ByHand) {
  Metrics metrics(two_queues());
  run(metrics, job(0, {0, 0, 10}));
  run(metrics, job(1, {1, 10, 30}));        // wait 9, response 29
  run(metrics, job(2, {2, 30, 35}, 1, 1));  // wait 28, response 33
  const auto m = metrics.result(at(40));
  EXPECT_EQ(m.at("jobs_submitted"), 3);
  EXPECT_EQ(m.at("jobs_completed"), 3);
  EXPECT_EQ(m.at("jobs_failed"), 0);
  EXPECT_EQ(m.at("jobs_unfinished"), 0);
  EXPECT_DOUBLE_EQ(m.at("wait_s.mean"), 37.0 / 3);
  EXPECT_NEAR(m.at("wait_s.p50"), 9, 0.009);
  EXPECT_EQ(m.at("wait_s.max"), 28);
  EXPECT_EQ(m.at("response_s.mean"), 24);
  EXPECT_DOUBLE_EQ(m.at("waited_fraction"), 2.0 / 3);
  EXPECT_EQ(m.at("makespan_s"), 35);
  EXPECT_DOUBLE_EQ(m.at("throughput_per_s"), 3.0 / 35);
  EXPECT_NEAR(m.at("slowdown.mean"), (1 + 29.0 / 20 + 33.0 / 5) / 3, 1e-9);
  EXPECT_NEAR(m.at("bounded_slowdown.mean"), (1 + 29.0 / 20 + 33.0 / 10) / 3, 1e-9);
  EXPECT_NEAR(m.at("bounded_slowdown.p95"), 3.3, 0.0033);
  EXPECT_EQ(m.at("per_queue.short.wait_s.mean"), 4.5);
  EXPECT_EQ(m.at("per_queue.long.wait_s.mean"), 28);
  EXPECT_EQ(m.at("per_queue.long.jobs_submitted"), 1);
  EXPECT_EQ(m.at("per_pool.side.jobs_completed"), 1);
  EXPECT_EQ(m.at("per_pool.main.response_s.mean"), 19.5);
  const Distributions distributions = metrics.distributions();
  EXPECT_EQ(distributions.at("wait_s").up_to, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_NEAR(distributions.at("wait_s").at[1], 9, 0.009);
  EXPECT_EQ(distributions.at("response_s").at.back(), 33);
  EXPECT_TRUE(Metrics(two_queues()).distributions().empty());
}

TEST(Metrics, ShortJobsHaveABoundedSlowdownOfAtLeastOne) {
  Metrics metrics(two_queues());
  run(metrics, job(0, {0, 1, 2}));
  const auto m = metrics.result(at(2));
  EXPECT_EQ(m.at("bounded_slowdown.mean"), 1);
  EXPECT_EQ(m.at("slowdown.mean"), 2);
}

TEST(Metrics, WarmUpIsSimulatedButNotMeasured) {
  Metrics metrics(two_queues(2));
  metrics.capacity(at(0), 2000, kMain);
  metrics.usage(at(0), 2000, kMain);
  run(metrics, job(0, {0, 50, 60}));
  run(metrics, job(1, {1, 50, 60}));
  metrics.usage(at(100), -1000, kMain);
  run(metrics, job(2, {100, 103, 110}));
  const auto m = metrics.result(at(110));
  EXPECT_EQ(m.at("jobs_submitted"), 1);
  EXPECT_EQ(m.at("wait_s.mean"), 3);
  EXPECT_EQ(m.at("makespan_s"), 110);
  EXPECT_DOUBLE_EQ(m.at("utilization"), 0.5);
  EXPECT_DOUBLE_EQ(m.at("throughput_per_s"), 0.1);
}

TEST(Metrics, UtilizationFollowsCapacity) {
  Metrics metrics(two_queues());
  metrics.capacity(at(0), 4000, kMain);
  metrics.usage(at(0), 1000, kMain);
  metrics.capacity(at(10), -4000, kMain);
  metrics.usage(at(10), -1000, kMain);
  metrics.capacity(at(20), 4000, kMain);
  metrics.usage(at(20), 2000, kMain);
  const auto m = metrics.result(at(30));
  EXPECT_DOUBLE_EQ(m.at("utilization"), (10.0 + 20.0) / (40.0 + 40.0));
}

TEST(Metrics, UtilizationByPoolCountsAHostInEachOfItsPools) {
  Metrics metrics(two_queues());
  const std::vector<PoolId> both{PoolId{0}, PoolId{1}};
  metrics.capacity(at(0), 4000, kMain);
  metrics.capacity(at(0), 1000, both);
  metrics.usage(at(0), 1000, kMain);
  metrics.usage(at(0), 1000, both);
  metrics.usage(at(5), -1000, both);
  const auto m = metrics.result(at(10));
  EXPECT_DOUBLE_EQ(m.at("utilization"), 15.0 / 50.0);
  EXPECT_DOUBLE_EQ(m.at("per_pool.main.utilization"), 15.0 / 50.0);
  EXPECT_DOUBLE_EQ(m.at("per_pool.side.utilization"), 5.0 / 10.0);
}

TEST(Metrics, FailedRejectedAndUnfinishedJobs) {
  Metrics metrics(two_queues());
  JobOutcome failed = job(0, {0, 1, 5});
  failed.succeeded = false;
  run(metrics, failed);
  metrics.submitted({1}, {0}, at(1));
  metrics.rejected({1}, {0}, at(1));
  metrics.submitted({2}, {0}, at(2));
  JobOutcome never_started = job(3, {2, 2, 9}, 1);
  never_started.first_start = kNever;
  never_started.succeeded = false;
  run(metrics, never_started);
  const auto m = metrics.result(at(10));
  EXPECT_EQ(m.at("jobs_failed"), 2);
  EXPECT_EQ(m.at("jobs_rejected"), 1);
  EXPECT_EQ(m.at("rejected_fraction"), 0.25);
  EXPECT_EQ(m.at("jobs_unfinished"), 1);
  EXPECT_EQ(m.at("wait_s.mean"), 1);
  EXPECT_FALSE(m.contains("response_s.mean"));
  EXPECT_FALSE(m.contains("per_queue.long.wait_s.mean"));
}

TEST(Metrics, LostAttemptsRetriesAndQuarantineAreGivenWhereThereMayBeSome) {
  MetricsConfig config = two_queues();
  EXPECT_FALSE(Metrics(config).result(at(10)).contains("retries"));
  config.trouble = true;
  Metrics metrics(config);
  metrics.attempt_lost();
  metrics.attempt_lost();
  metrics.retried();
  JobOutcome poison = job(0, {0, 1, 5});
  poison.succeeded = false;
  poison.quarantined = true;
  run(metrics, poison);
  const auto m = metrics.result(at(10));
  EXPECT_EQ(m.at("attempts_lost"), 2);
  EXPECT_EQ(m.at("retries"), 1);
  EXPECT_EQ(m.at("jobs_quarantined"), 1);
  EXPECT_EQ(m.at("jobs_failed"), 1);
  EXPECT_EQ(m.at("availability"), 0);
}

TEST(Metrics, AvailabilityIsTheTimeWithAnyWorker) {
  MetricsConfig config = two_queues();
  config.trouble = true;
  Metrics metrics(config);
  metrics.workers(at(2), 1, PoolId{0});
  metrics.workers(at(4), 1, PoolId{1});
  metrics.workers(at(6), -1, PoolId{0});
  metrics.workers(at(7), -1, PoolId{1});
  metrics.workers(at(9), 1, PoolId{0});
  const auto m = metrics.result(at(10));
  EXPECT_DOUBLE_EQ(m.at("availability"), 0.6);
  EXPECT_DOUBLE_EQ(m.at("per_pool.main.availability"), 0.5);
  EXPECT_DOUBLE_EQ(m.at("per_pool.side.availability"), 0.3);
}

TEST(Metrics, StatisticsThatAreAnAlarmAreCounted) {
  MetricsConfig config;
  config.alerts = {.workers = 3, .utilization = 0.9, .counter = 0.1};
  Metrics metrics(config);
  metrics.statistics({.workers = 3, .cpus = 10'000, .allocated = 9'000, .counted = 9'900});
  auto m = metrics.result(kTimeZero);
  EXPECT_EQ(m.at("alerts.missing_workers"), 0);
  EXPECT_EQ(m.at("alerts.counter_off"), 0);
  EXPECT_EQ(m.at("alerts.utilization"), 0);
  metrics.statistics({.workers = 2, .cpus = 10'000, .allocated = 9'001, .counted = 8'000});
  metrics.statistics({.workers = 3, .cpus = 10'000, .allocated = 0, .counted = 1});
  metrics.statistics({.workers = 3, .cpus = 10'000, .allocated = 5'000});
  m = metrics.result(kTimeZero);
  EXPECT_EQ(m.at("alerts.missing_workers"), 1);
  EXPECT_EQ(m.at("alerts.counter_off"), 2);
  EXPECT_EQ(m.at("alerts.utilization"), 1);
}

TEST(Metrics, ALeaderThatIsTheSameAgainIsNoChange) {
  MetricsConfig config = two_queues();
  EXPECT_FALSE(Metrics(config).result(at(10)).contains("leaderless_s"));
  config.leaders = true;
  Metrics metrics(config);
  metrics.leader(at(1), true, false);
  metrics.leader(at(3), false, false);
  metrics.leader(at(5), true, false);
  metrics.leader(at(6), false, false);
  metrics.write_refused();
  const auto m = metrics.result(at(10));
  EXPECT_EQ(m.at("leader_changes"), 0);
  EXPECT_DOUBLE_EQ(m.at("leaderless_s"), 1 + 2 + 4);
  EXPECT_DOUBLE_EQ(m.at("leaderless_longest_s"), 4);
  EXPECT_EQ(m.at("refused_writes"), 1);
  metrics.leader(at(10), true, true);
  EXPECT_EQ(metrics.result(at(12)).at("leader_changes"), 1);
  EXPECT_DOUBLE_EQ(metrics.result(at(12)).at("leaderless_s"), 7);
}

// Between 50 and 100 there are 1.5 jobs on average: two are as few as before. Disturbed from 100 to 200.
std::map<std::string, double> disturbed(double more_until, double end) {
  MetricsConfig config = two_queues();
  config.disturbance = MetricsConfig::Disturbance{at(100), at(200)};
  Metrics metrics(config);
  metrics.submitted({0}, {0}, at(0));
  metrics.submitted({1}, {0}, at(10));
  metrics.submitted({2}, {0}, at(20));
  metrics.ended(job(1, {10, 10, 40}));
  metrics.ended(job(2, {20, 20, 75}));
  for (std::uint64_t id = 3; id < 6; ++id) metrics.submitted({id}, {0}, at(150));
  for (std::uint64_t id = 3; id < 5; ++id) {
    if (more_until > 0) metrics.ended(job(id, {150, 150, more_until}));
  }
  return metrics.result(at(end));
}

TEST(Metrics, TheBaselineIsRegainedWhenJobsAreAsFewAsBefore) {
  const auto later = disturbed(260, 400);
  EXPECT_EQ(later.at("baseline_regained"), 1);
  EXPECT_DOUBLE_EQ(later.at("time_to_baseline_s"), 60);
  EXPECT_DOUBLE_EQ(disturbed(180, 400).at("time_to_baseline_s"), 0) << "before it healed";
  const auto never = disturbed(0, 400);
  EXPECT_EQ(never.at("baseline_regained"), 0);
  EXPECT_FALSE(never.contains("time_to_baseline_s"));
  EXPECT_FALSE(disturbed(0, 200).contains("baseline_regained")) << "not healed yet";
  EXPECT_FALSE(Metrics(two_queues()).result(at(400)).contains("baseline_regained"));
}

TEST(Metrics, FailureDetectionAndCost) {
  Metrics metrics(two_queues());
  EXPECT_FALSE(metrics.result(at(1)).contains("false_expiries"));
  EXPECT_FALSE(metrics.result(at(1)).contains("cost_usd"));
  metrics.detected(lasting(30));
  metrics.detected(lasting(60));
  metrics.false_expiry();
  metrics.worker_time(lasting(3600));
  metrics.worker_time(lasting(3600));
  metrics.cost(1.5);
  metrics.cost(2);
  metrics.wasted(lasting(7));
  const auto m = metrics.result(at(100));
  EXPECT_EQ(m.at("detection_s.mean"), 45);
  EXPECT_EQ(m.at("detection_s.max"), 60);
  EXPECT_NEAR(m.at("detection_s.sd"), std::sqrt(450.0), 1e-9);
  EXPECT_EQ(m.at("false_expiries"), 1);
  EXPECT_EQ(m.at("false_expiries_per_worker_hour"), 0.5);
  EXPECT_EQ(m.at("cost_usd"), 3.5);
  EXPECT_EQ(m.at("wasted_cpu_s"), 7);
}

TEST(Metrics, NothingAtAllGivesOnlyFiniteNumbers) {
  Metrics metrics(two_queues());
  for (const auto& [name, value] : metrics.result(at(0))) EXPECT_TRUE(std::isfinite(value)) << name;
}

// The mean of a million equal waits is that wait, to the last bit.
TEST(Metrics, MeansDoNotDrift) {
  Metrics metrics(two_queues());
  for (std::uint64_t i = 0; i < 1'000'000; ++i) run(metrics, job(i, {0, 0.1, 0.3}, static_cast<std::uint32_t>(i % 2)));
  EXPECT_EQ(metrics.result(at(1)).at("wait_s.mean"), 0.1);
}

}  // namespace
}  // namespace drydock::reports::metrics_test

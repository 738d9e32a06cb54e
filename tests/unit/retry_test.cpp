// Failed and lost attempts: what the scheduler does with their jobs, and what the checker makes of it.
#include "policies/core/retry.hpp"

#include "policies/catalog.hpp"
#include "policies/core/check.hpp"
#include "tests/unit/check_story.hpp"
#include "tests/unit/function_policy.hpp"

#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <string>

namespace drydock::retry_test {
namespace {

using std::chrono::seconds;
using Parameters = std::map<std::string, ParameterValue, std::less<>>;

PolicyConfig retry(std::string_view type, const Parameters& parameters = {}) {
  return configure(*find_policy(PolicyFamily::retry, type), parameters);
}

// One worker, first come first served.
SchedulerBench bench_of(const PolicyConfig& retry) {
  SchedulerConfig config;
  config.queues = {{"default", 0, {}}};
  config.pools = {{"main", {QueueId{0}}}};
  config.placement = configure(*find_policy(PolicyFamily::placement, "fcfs"));
  config.retry = retry;
  return {config, make_policies(config)};
}

AttemptFinished failed(std::uint64_t job, std::uint32_t number) { return {{JobId{job}, number}, Ending::failed}; }
AttemptFinished succeeded(std::uint64_t job, std::uint32_t number) { return {{JobId{job}, number}, Ending::succeeded}; }

// The reason of the one release of the last step.
ReleaseReason reason(const SchedulerBench& bench) {
  const auto commits = bench.all<Commit>();
  EXPECT_EQ(commits.size(), 1U);
  EXPECT_EQ(commits.at(0).releases.size(), 1U);
  return commits.at(0).releases[0].reason;
}

void answer(SchedulerBench& bench) {
  std::vector<Event> answers;
  for (const Commit& c : bench.all<Commit>()) answers.emplace_back(CommitAnswered{c.request, Answer::done});
  bench.settle(answers);
}

TEST(Retry, WithoutAPolicyAFailureIsTheEndAndALossIsNot) {
  SchedulerBench bench = bench_of({});
  bench.settle({a_worker(0), JobSubmitted{a_job(1)}, JobSubmitted{a_job(2)}});
  bench.step({failed(1, 1)});
  EXPECT_EQ(reason(bench), ReleaseReason::failed);
  answer(bench);
  EXPECT_FALSE(bench.is_live(1));
  for (std::uint32_t incarnation = 2; incarnation < 12; ++incarnation) {
    bench.settle({a_worker(0, 1'000, {}, incarnation)});
    EXPECT_EQ(bench.job(2).attempt, incarnation);
    EXPECT_EQ(bench.job(2).state, JobState::running);
  }
}

TEST(Retry, AFailedJobIsInNoQueueUntilItsDelayIsOver) {
  SchedulerBench bench = bench_of(retry("fixed", {{"delay", Duration{seconds{3}}}}));
  bench.settle({a_worker(0), JobSubmitted{a_job(1)}});
  bench.now += seconds{5};
  bench.step({failed(1, 1)});
  EXPECT_EQ(reason(bench), ReleaseReason::retried);
  answer(bench);
  EXPECT_EQ(bench.job(1).state, JobState::delayed);
  EXPECT_EQ(bench.scheduler.cluster().queues()[0].waiting.size(), 0U);
  EXPECT_FALSE(bench.scheduler.idle());
  EXPECT_EQ(bench.scheduler.next_wakeup(), kTimeZero + seconds{8});
  bench.now += seconds{1};
  EXPECT_TRUE(bench.step({}).empty());
  bench.now += seconds{2};
  bench.step({});
  ASSERT_EQ(bench.all<Commit>().size(), 1U);
  EXPECT_EQ(bench.all<Commit>().at(0).assignments[0].attempt, (AttemptId{JobId{1}, 2}));
}

TEST(Retry, AJobIsGivenUpAfterSoManyRetries) {
  SchedulerBench bench = bench_of(retry("fixed", {{"retries", std::int64_t{3}}, {"delay", Duration{0}}}));
  bench.settle({a_worker(0), JobSubmitted{a_job(1)}});
  for (std::uint32_t number = 1; number <= 3; ++number) {
    bench.settle({failed(1, number)});
    EXPECT_EQ(bench.job(1).attempt, number + 1);
    EXPECT_EQ(bench.job(1).state, JobState::running) << "no delay: it runs again at once";
  }
  bench.step({failed(1, 4)});
  EXPECT_EQ(reason(bench), ReleaseReason::failed);
  answer(bench);
  EXPECT_FALSE(bench.is_live(1));
  EXPECT_TRUE(bench.scheduler.idle());
}

TEST(Retry, AttemptsLostWithTheirWorkerAreNoFailures) {
  SchedulerBench bench = bench_of(
      retry("fixed", {{"retries", std::int64_t{1}}, {"delay", Duration{0}}, {"quarantine_after", std::int64_t{3}}}));
  bench.settle({a_worker(0), JobSubmitted{a_job(1)}});
  bench.settle({a_worker(0, 1'000, {}, 2)});
  bench.settle({a_worker(0, 1'000, {}, 3)});
  bench.settle({failed(1, 3)});
  ASSERT_TRUE(bench.is_live(1)) << "two losses and one failure: there is a retry left";
  EXPECT_EQ(bench.job(1).losses, 2U);
  EXPECT_EQ(bench.job(1).failures, 1U);
  bench.step({LeaseExpired{WorkerId{0}, 3}});
  EXPECT_EQ(reason(bench), ReleaseReason::quarantined);
  answer(bench);
  EXPECT_FALSE(bench.is_live(1));
}

TEST(Retry, AnAttemptThatNeverRanIsNoProofOfPoison) {
  SchedulerBench bench = bench_of(retry("fixed", {{"quarantine_after", std::int64_t{1}}}));
  bench.step({a_worker(0), JobSubmitted{a_job(1)}});
  const Commit commit = bench.all<Commit>().at(0);
  bench.step({LeaseExpired{WorkerId{0}, 1}});
  bench.settle({CommitAnswered{commit.request, Answer::done}, a_worker(0, 1'000, {}, 2)});
  ASSERT_TRUE(bench.is_live(1));
  EXPECT_EQ(bench.job(1).state, JobState::running);
}

TEST(Retry, ZeroMeansNeverQuarantined) {
  SchedulerBench bench = bench_of(retry("fixed", {{"quarantine_after", std::int64_t{0}}}));
  bench.settle({a_worker(0), JobSubmitted{a_job(1)}});
  for (std::uint32_t incarnation = 2; incarnation < 20; ++incarnation) bench.settle({a_worker(0, 1'000, {}, incarnation)});
  EXPECT_EQ(bench.job(1).state, JobState::running);
}

TEST(Retry, AJobCancelledInItsDelayIsGone) {
  SchedulerBench bench = bench_of(retry("fixed"));
  bench.settle({a_worker(0), JobSubmitted{a_job(1)}});
  bench.settle({failed(1, 1)});
  bench.settle({JobCancelled{JobId{1}}});
  EXPECT_FALSE(bench.is_live(1));
  EXPECT_TRUE(bench.scheduler.idle());
  EXPECT_EQ(bench.scheduler.next_wakeup(), kNever);
  bench.now += seconds{10};
  EXPECT_TRUE(bench.step({}).empty());
}

TEST(Retry, OfThoseDueTogetherTheFirstSubmittedIsFirst) {
  SchedulerBench bench = bench_of(retry("fixed"));
  bench.settle({a_worker(0), a_worker(1), JobSubmitted{a_job(1)}, JobSubmitted{a_job(2)}});
  bench.settle({failed(2, 1), failed(1, 1), WorkerLeft{WorkerId{1}, 1}});
  bench.now += seconds{3};
  bench.step({});
  EXPECT_EQ(bench.all<Commit>().at(0).assignments[0].attempt.job, JobId{1});
}

TEST(Retry, ABudgetGivesUpWhatItDoesNotCover) {
  SchedulerBench bench = bench_of(retry("fixed", {{"delay", Duration{0}}, {"budget", 0.5}, {"reserve", std::int64_t{1}}}));
  bench.settle({a_worker(0), JobSubmitted{a_job(1)}});
  bench.settle({failed(1, 1)});
  ASSERT_TRUE(bench.is_live(1)) << "the reserve";
  bench.settle({failed(1, 2)});
  EXPECT_FALSE(bench.is_live(1)) << "nothing left, though two retries are";
  bench.settle({JobSubmitted{a_job(2)}, JobSubmitted{a_job(3)}, JobSubmitted{a_job(4)}});
  bench.settle({succeeded(2, 1)});
  bench.settle({succeeded(3, 1)});
  bench.settle({failed(4, 1)});
  EXPECT_TRUE(bench.is_live(4)) << "two successes pay for one retry";
}

TEST(RetryBudget, IsExact) {
  RetryBudget budget({.budget = 0.1, .reserve = 2});
  EXPECT_TRUE(budget.take());
  EXPECT_TRUE(budget.take());
  for (int round = 0; round < 1000; ++round) {
    for (int i = 0; i < 9; ++i) budget.succeeded();
    ASSERT_FALSE(budget.take()) << round;
    budget.succeeded();
    ASSERT_TRUE(budget.take()) << round;
  }
  for (int i = 0; i < 1000; ++i) budget.succeeded();
  EXPECT_TRUE(budget.take());
  EXPECT_TRUE(budget.take());
  EXPECT_FALSE(budget.take()) << "no more than the reserve is saved up";
}

TEST(RetryBudget, ZeroIsWithoutLimit) {
  RetryBudget budget({.budget = 0, .reserve = 1});
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(budget.take());
}

// --- delays ---

Duration delay_of(const RetryPolicy& policy, std::uint64_t job, std::uint32_t failures, std::uint64_t seed = 1) {
  return policy.delay({.job = JobId{job}, .failures = failures, .seed = seed}).value();
}

TEST(ExponentialRetry, DoublesUpToTheLongest) {
  const auto policy = make_retry(retry(
      "exponential", {{"jitter", std::string("none")}, {"retries", std::int64_t{100}}, {"longest", Duration{seconds{20}}}}));
  const std::vector<int> expected{1, 2, 4, 8, 16, 20, 20};
  for (std::uint32_t n = 1; n <= expected.size(); ++n) EXPECT_EQ(delay_of(*policy, 1, n), seconds{expected[n - 1]});
  EXPECT_EQ(delay_of(*policy, 1, 100), seconds{20}) << "no overflow";
  EXPECT_FALSE(policy->delay({.job = {}, .failures = 101, .seed = 1}));
}

// Mean and bounds of the uniform parts.
TEST(ExponentialRetry, JitterIsSpreadEvenly) {
  for (const auto& [word, low] : {std::pair{"full", 0.0}, {"equal", 0.5}}) {
    const auto policy = make_retry(retry("exponential", {{"jitter", std::string(word)}}));
    double sum = 0;
    double least = 1;
    double most = 0;
    constexpr int kJobs = 20'000;
    for (std::uint64_t job = 0; job < kJobs; ++job) {
      const double s = drydock::seconds(delay_of(*policy, job, 1));
      sum += s;
      least = std::min(least, s);
      most = std::max(most, s);
    }
    EXPECT_NEAR(sum / kJobs, (1 + low) / 2, 0.01) << word;
    EXPECT_NEAR(least, low, 0.001) << word;
    EXPECT_NEAR(most, 1, 0.001) << word;
  }
}

TEST(ExponentialRetry, ADrawBelongsToSeedJobAndFailure) {
  const auto policy = make_retry(retry("exponential"));
  EXPECT_EQ(delay_of(*policy, 7, 2), delay_of(*policy, 7, 2));
  std::set<Duration> all;
  for (std::uint64_t job = 0; job < 10; ++job) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) all.insert(delay_of(*policy, job, 1, seed));
  }
  EXPECT_EQ(all.size(), 100U);
}

// --- the checker ---

using namespace check_story;

constexpr ResourceAmounts kHost{.cpus_milli = 1000};

// Job 1 fails and is tried again, job 2 is lost three times.
Story honest_story() {
  Story story;
  const auto step = [&story](std::vector<Event> events, std::vector<Order> orders) {
    story.push_back({static_cast<std::int64_t>(story.size()), std::move(events), std::move(orders)});
  };
  const auto run = [](std::uint64_t request, AttemptId id) { return OwnedCommit{request, {}, {{id, {on(0)}}}}; };
  const auto end = [](std::uint64_t request, AttemptId id, ReleaseReason why) {
    return OwnedCommit{request, {{id, why}}, {}};
  };
  /* 0 */ step({registered(0, 1, kHost), check_story::submitted(1, 1, kHost)}, {run(1, attempt(1, 1))});
  /* 1 */ step({answered(1)}, {OwnedDispatch{attempt(1, 1), {on(0)}}});
  /* 2 */ step({finished(attempt(1, 1), Ending::failed)}, {end(2, attempt(1, 1), ReleaseReason::retried)});
  /* 3 */ step({answered(2)}, {run(3, attempt(1, 2))});
  /* 4 */ step({answered(3)}, {OwnedDispatch{attempt(1, 2), {on(0)}}});
  /* 5 */ step({finished(attempt(1, 2), Ending::failed)}, {end(4, attempt(1, 2), ReleaseReason::failed)});
  /* 6 */ step({answered(4), check_story::submitted(2, 1, kHost)}, {run(5, attempt(2, 1))});
  /* 7 */ step({answered(5)}, {OwnedDispatch{attempt(2, 1), {on(0)}}});
  /* 8 */ step({LeaseExpired{WorkerId{0}, 1}}, {end(6, attempt(2, 1), ReleaseReason::quarantined)});
  /* 9 */ step({answered(6)}, {});
  return story;
}

std::uint64_t violations_of(const Story& story) {
  Checker checker;
  tell(story, checker);
  return checker.violation_count();
}

OwnedCommit& commit_in(Story& story, std::size_t step) { return std::get<OwnedCommit>(story.at(step).orders.at(0)); }

TEST(RetryChecker, IsSilentAboutAnHonestStory) { EXPECT_EQ(violations_of(honest_story()), 0U); }

TEST(RetryChecker, SeesEachPlantedBug) {
  const std::map<std::string, std::function<void(Story&)>> bugs{
      {"a job that was given up runs again", [](Story& s) { commit_in(s, 2).releases[0].reason = ReleaseReason::failed; }},
      {"a job is forgotten after a failure", [](Story& s) { commit_in(s, 5).releases[0].reason = ReleaseReason::retried; }},
      {"a success is repeated", [](Story& s) { s[2].events = {finished(attempt(1, 1))}; }},
      {"quarantined without a loss", [](Story& s) { s[8].events.clear(); }},
      {"forgotten after a loss", [](Story& s) { commit_in(s, 8).releases[0].reason = ReleaseReason::worker_lost; }},
      {"a failure taken for a loss", [](Story& s) { commit_in(s, 2).releases[0].reason = ReleaseReason::quarantined; }},
      {"a loss taken for a failure", [](Story& s) { commit_in(s, 8).releases[0].reason = ReleaseReason::retried; }}};
  for (const auto& [name, plant] : bugs) {
    Story story = honest_story();
    plant(story);
    EXPECT_GT(violations_of(story), 0U) << name;
  }
}

}  // namespace
}  // namespace drydock::retry_test

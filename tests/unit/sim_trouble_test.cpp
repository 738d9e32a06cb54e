// Attempts that fail or kill their worker, and hosts that are there for a while: timelines worked out by hand.
#include "policies/core/journal.hpp"
#include "policies/core/replay.hpp"
#include "sim/result_wire.hpp"
#include "sim/world.hpp"
#include "tests/unit/sim_support.hpp"

#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <utility>

namespace drydock::sim::sim_trouble_test {
namespace {

using reports::RunResult;
using scenarios::Scenario;
using Parameters = std::map<std::string, ParameterValue, std::less<>>;

RunResult simulate(const Scenario& scenario, WorldOptions options = {}) {
  options.check = true;
  const std::string bytes = in_child([&] {
    SimGridEngine engine(scenario);
    return encode_result(World(scenario, 1, options, engine).run());
  });
  RunResult result = decode_result(bytes).value();
  if (!result.violations.empty()) ADD_FAILURE() << result.violations.front().what;
  return result;
}

double metric(const RunResult& result, const std::string& name) {
  const auto found = result.metrics.find(name);
  if (found != result.metrics.end()) return found->second;
  ADD_FAILURE() << "no metric " << name << (result.error ? ": " + *result.error : "");
  return -1;
}

scenarios::HostGroup node(std::uint32_t count = 1) { return {.name = "node", .count = count, .cpus = 1}; }

PolicyConfig retry(const Parameters& parameters = {}) {
  return configure(*find_policy(PolicyFamily::retry, "fixed"), parameters);
}

Scenario with_hazards(scenarios::JobHazards hazards, const std::vector<JobLine>& jobs, JobSpec shape = {}) {
  Scenario scenario = scenario_on({node()});
  scenarios::TraceSource source = jobs_of(jobs, std::move(shape));
  source.hazards = hazards;
  scenario.workload = {source};
  return scenario;
}

// --- failures ---

TEST(Trouble, AnAttemptThatFailsEndsItsJob) {
  const RunResult result = simulate(with_hazards({.failure_probability = 1, .time_limit = {}}, {{0s, 10s}, {0s, 10s}}));
  EXPECT_EQ(metric(result, "jobs_failed"), 2);
  EXPECT_EQ(metric(result, "jobs_completed"), 0);
  EXPECT_EQ(metric(result, "retries"), 0);
  EXPECT_LT(metric(result, "makespan_s"), 20);
  EXPECT_DOUBLE_EQ(metric(result, "wasted_cpu_s"), metric(result, "makespan_s"));
}

TEST(Trouble, RetriesComeAfterTheirDelay) {
  Scenario scenario = with_hazards({.failure_probability = 0, .time_limit = 4s}, {{0s, 10s}});
  scenario.scheduler.retry = retry({{"retries", std::int64_t{2}}, {"delay", Duration{3s}}});
  const RunResult result = simulate(scenario);
  EXPECT_EQ(metric(result, "jobs_failed"), 1);
  EXPECT_EQ(metric(result, "retries"), 2);
  EXPECT_DOUBLE_EQ(metric(result, "makespan_s"), 4 + 3 + 4 + 3 + 4);
  EXPECT_DOUBLE_EQ(metric(result, "wasted_cpu_s"), 12);
}

TEST(Trouble, WhatIsKeptOfAFailedAttemptIsNotRepeated) {
  JobSpec shape;
  shape.on_failure = OnInterrupt::resume;
  Scenario scenario = with_hazards({.failure_probability = 0, .time_limit = 4s}, {{0s, 10s}}, shape);
  scenario.scheduler.retry = retry({{"delay", Duration{3s}}});
  const RunResult result = simulate(scenario);
  EXPECT_EQ(metric(result, "jobs_completed"), 1);
  EXPECT_DOUBLE_EQ(metric(result, "makespan_s"), 4 + 3 + 4 + 3 + 2);
  EXPECT_DOUBLE_EQ(metric(result, "wasted_cpu_s"), 0);
}

TEST(Trouble, AnAttemptMayTakeAllOfItsLimit) {
  EXPECT_EQ(metric(simulate(with_hazards({.failure_probability = 0, .time_limit = 10s}, {{0s, 10s}})), "jobs_completed"), 1);
  EXPECT_EQ(metric(simulate(with_hazards({.failure_probability = 0, .time_limit = 10s - 1ns}, {{0s, 10s}})), "jobs_failed"),
            1);
}

TEST(Trouble, OthersRunWhileAJobIsDelayed) {
  Scenario scenario = with_hazards({.failure_probability = 0, .time_limit = 4s}, {{0s, 10s}, {0s, 2s}});
  scenario.scheduler.retry = retry({{"retries", std::int64_t{1}}, {"delay", Duration{3s}}});
  // 0-4 the first, 4-6 the second, 7-11 the first again.
  EXPECT_DOUBLE_EQ(metric(simulate(scenario), "makespan_s"), 11);
}

// --- poison ---

Scenario poisoned(const Parameters& parameters) {
  Scenario scenario = scenario_on({node()});
  scenario.workload = {jobs_of({{0s, 60s}})};
  scenario.faults = {scenarios::PoisonJob{.jobs = "jobs", .probability = 1, .after = 5s, .restart = 10s}};
  scenario.scheduler.retry = retry(parameters);
  return scenario;
}

TEST(Trouble, APoisonJobIsQuarantined) {
  const RunResult result = simulate(poisoned({}));
  // 0-5, 15-20, 30-35.
  EXPECT_EQ(metric(result, "jobs_quarantined"), 1);
  EXPECT_EQ(metric(result, "jobs_failed"), 1);
  EXPECT_EQ(metric(result, "attempts_lost"), 3);
  EXPECT_EQ(metric(result, "retries"), 0);
  EXPECT_DOUBLE_EQ(metric(result, "makespan_s"), 35);
  EXPECT_DOUBLE_EQ(metric(result, "availability"), 15.0 / 35);
}

TEST(Trouble, AWorkerWhoseHostDiesIsNotStartedTwice) {
  Scenario scenario = poisoned({{"quarantine_after", std::int64_t{2}}});
  scenario.faults.push_back(crash_once("node", 8s, 10s));
  // 0-5 killed, 8-18 the host is down, 18-23 killed.
  EXPECT_DOUBLE_EQ(metric(simulate(scenario), "makespan_s"), 23);
}

TEST(Trouble, AJobThatIsDoneBeforeDoesNoHarm) {
  Scenario scenario = poisoned({});
  scenario.workload = {jobs_of({{0s, 5s}})};
  EXPECT_EQ(metric(simulate(scenario), "jobs_completed"), 1);
}

// --- sessions ---

Scenario in_sessions(const std::vector<JobLine>& jobs, SessionRules rules) {
  scenarios::HostGroup group = node();
  group.sessions = std::move(rules);
  Scenario scenario = scenario_on({group});
  scenario.workload = {jobs_of(jobs)};
  return scenario;
}

// Sessions 0-10, 13-23, 26-36, ready two seconds later.
const SessionRules kTenSeconds{.longest = 10s, .startup = 2s, .restart = 3s};

TEST(Sessions, EndWhateverRuns) {
  Scenario scenario = in_sessions({{0s, 7s}, {0s, 5s}}, kTenSeconds);
  const RunResult result = simulate(scenario);
  // 2-9; 9-10 lost, 15-20.
  EXPECT_DOUBLE_EQ(metric(result, "makespan_s"), 20);
  EXPECT_DOUBLE_EQ(metric(result, "wasted_cpu_s"), 1);
  EXPECT_EQ(metric(result, "attempts_lost"), 1);
  EXPECT_DOUBLE_EQ(metric(result, "availability"), (8.0 + 5) / 20);
}

TEST(Sessions, FittingStartsWhatWillEnd) {
  Scenario scenario = in_sessions({{0s, 7s}, {0s, 5s}, {0s, 3s}}, kTenSeconds);
  scenario.scheduler.session_margin = Duration{0};
  const RunResult result = simulate(scenario);
  // 2-9, then nothing fits; 15-20, 20-23 to the last moment.
  EXPECT_DOUBLE_EQ(metric(result, "makespan_s"), 23);
  EXPECT_DOUBLE_EQ(metric(result, "wasted_cpu_s"), 0);
  scenario.scheduler.session_margin = Duration{1ns};
  EXPECT_DOUBLE_EQ(metric(simulate(scenario), "makespan_s"), 31) << "28-31";
}

TEST(Sessions, AreStoppedWhenThereIsNothingToDo) {
  SessionRules rules = kTenSeconds;
  rules.idle_stop = Duration{0};
  Scenario scenario = in_sessions({{0s, 7s}, {0s, 5s}, {50s, 1s}}, rules);
  scenario.scheduler.session_margin = Duration{0};
  const RunResult result = simulate(scenario);
  // 2-9; the next session is 12-22, in which 14-19; one from 22 to 24, in vain; 50 + 2.
  EXPECT_DOUBLE_EQ(metric(result, "makespan_s"), 53);
  EXPECT_DOUBLE_EQ(metric(result, "availability"), (7.0 + 5 + 0 + 1) / 53);
}

TEST(Sessions, MayIdleForAWhileBeforeTheyStop) {
  SessionRules rules = kTenSeconds;
  rules.longest = 1h;
  rules.idle_stop = Duration{4s};
  // 2-3, 5-6, idle until 10; in vain from 13 to 19; the job of 40 is there at 42.
  Scenario scenario = in_sessions({{0s, 1s}, {5s, 1s}, {40s, 1s}}, rules);
  const RunResult result = simulate(scenario);
  EXPECT_DOUBLE_EQ(metric(result, "makespan_s"), 43);
  EXPECT_DOUBLE_EQ(metric(result, "availability"), (8.0 + 4 + 1) / 43);
}

TEST(Sessions, CostByTheHourIsForSessionsAndByTheMonthForAll) {
  Scenario scenario = in_sessions({{0s, 1s}}, kTenSeconds);
  scenario.duration = 26s;
  scenario.hosts[0].cost_per_hour = 3600;
  EXPECT_NEAR(metric(simulate(scenario), "cost_usd"), 20, 1e-9);
  scenario.hosts[0].cost_per_month = 3600 * 365.25 * 24 / 12;
  EXPECT_NEAR(metric(simulate(scenario), "cost_usd"), 46, 1e-9);
}

TEST(Sessions, AHostThatIsBrokenIsNotBackBeforeItsSessionNorWithout) {
  Scenario scenario = in_sessions({{0s, 4s}}, kTenSeconds);
  scenario.faults = {crash_once("node", 1s, 10s)};  // over the session's end
  EXPECT_DOUBLE_EQ(metric(simulate(scenario), "makespan_s"), 19) << "15-19";
  scenario.faults = {crash_once("node", 1s, 15s)};  // into the next one
  EXPECT_DOUBLE_EQ(metric(simulate(scenario), "makespan_s"), 20) << "16-20";
}

// --- journals ---

Scenario eventful() {
  scenarios::HostGroup shaky{.name = "shaky", .count = 3, .cpus = 2};
  shaky.sessions = SessionRules{.longest = 400s, .quota = SessionRules::Quota{1000s, 2000s}, .startup = 20s};
  Scenario scenario = scenario_on({{.name = "steady", .count = 2, .cpus = 1}, shaky});
  JobSpec shape;
  shape.per_task = make_resources({.cpus_milli = 1000});
  scenario.workload = {scenarios::SyntheticSource{.name = "jobs",
                                                  .count = 800,
                                                  .arrivals = scenarios::PoissonArrivals{0.2},
                                                  .cycle = {},
                                                  .duration = scenarios::Exponential{15},
                                                  .tasks = {},
                                                  .estimate_factor = {},
                                                  .shape = shape,
                                                  .hazards = {.failure_probability = 0.2, .time_limit = 60s}}};
  scenario.faults = {scenarios::PoisonJob{.jobs = "", .probability = 0.02, .after = {}, .restart = 40s},
                     scenarios::WorkerCrash{
                         .target = "steady",
                         .when = scenarios::WorkerCrash::Repeated{scenarios::Exponential{600}, scenarios::Exponential{60}}}};
  scenario.scheduler.retry = configure(*find_policy(PolicyFamily::retry, "exponential"), {{"budget", 0.3}});
  scenario.scheduler.session_margin = Duration{5s};
  scenario.liveness = ttl(10s, 25s);
  return scenario;
}

TEST(Trouble, LazyAndEagerHeartbeatsGiveOneJournal) {
  const RunResult lazy = simulate(eventful());
  const RunResult eager = simulate(eventful(), {.eager = true});
  EXPECT_FALSE(lazy.error) << *lazy.error;
  EXPECT_EQ(lazy.journal_hash, eager.journal_hash);
  EXPECT_GT(metric(lazy, "retries"), 50);
  EXPECT_GT(metric(lazy, "jobs_quarantined"), 3);
  EXPECT_EQ(metric(lazy, "jobs_unfinished"), 0);
}

TEST(Trouble, AJournalOfItReplaysInBothFormats) {
  for (const JournalFormat format : {JournalFormat::binary, JournalFormat::json_lines}) {
    const Scenario scenario = eventful();
    const std::string journal = in_child([&] {
      std::ostringstream out;
      JournalWriter writer(out, format, {.version = "", .scenario = "", .variant = "", .seed = 1});
      SimGridEngine engine(scenario);
      (void)World(scenario, 1, {.journal = &writer}, engine).run();
      return out.str();
    });
    std::istringstream in(journal);
    auto reader = JournalReader::open(in);
    ASSERT_TRUE(reader) << reader.error().message;
    SchedulerConfig config = scenario.scheduler;
    config.seed = 1;
    Scheduler scheduler(config, make_policies(config));
    const auto report = replay(*reader.value(), scheduler);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_FALSE(report.value().difference) << *report.value().difference;
    EXPECT_GT(report.value().steps, 2000U);
  }
}

}  // namespace
}  // namespace drydock::sim::sim_trouble_test

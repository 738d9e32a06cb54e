// What orders, reports, decisions and commits take in the simulation, against closed forms.
#include "sim/result_wire.hpp"
#include "sim/world.hpp"
#include "tests/unit/sim_support.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <string>

namespace drydock::sim::sim_overheads_test {
namespace {

using reports::RunResult;
using scenarios::Deterministic;
using scenarios::Scenario;

RunResult simulate(const Scenario& scenario) {
  const std::string bytes = in_child([&] {
    SimGridEngine engine(scenario);
    return encode_result(World(scenario, 1, {.check = true}, engine).run());
  });
  RunResult result = decode_result(bytes).value();
  EXPECT_FALSE(result.error) << *result.error;
  if (!result.violations.empty()) ADD_FAILURE() << result.violations.front().what;
  return result;
}

Scenario three_jobs() {
  Scenario scenario = scenario_on({{.name = "node", .count = 3}});
  scenario.workload = {jobs_of({{1s, 10s}, {1s, 10s}, {1s, 10s}})};
  return scenario;
}

TEST(Overheads, NoneChangesNothing) {
  const RunResult result = simulate(three_jobs());
  EXPECT_DOUBLE_EQ(result.metrics.at("wait_s.max"), 0);
  EXPECT_DOUBLE_EQ(result.metrics.at("makespan_s"), 11);
}

TEST(Overheads, ACommitTakesItsBaseAndItsRows) {
  Scenario scenario = three_jobs();
  scenario.commit_latency = Deterministic{0.010};
  scenario.commit_row = 1ms;
  scenario.overheads.dispatch = Deterministic{0.005};
  scenario.overheads.report = Deterministic{0.007};
  const RunResult result = simulate(scenario);
  // One commit of three rows.
  EXPECT_DOUBLE_EQ(result.metrics.at("wait_s.mean"), 0.010 + 3 * 0.001 + 0.005);
  EXPECT_DOUBLE_EQ(result.metrics.at("wait_s.max"), 0.018);
  EXPECT_DOUBLE_EQ(result.metrics.at("makespan_s"), 1 + 0.018 + 10 + 0.007);
}

TEST(Overheads, AMessageToTheDatabaseKeepsNobodyWaiting) {
  Scenario scenario = scenario_on({{.name = "node", .count = 2}});
  scenario.workload = {jobs_of({{1s, 100s}, {1s + 1ms, 100s}})};
  scenario.commit_latency = Deterministic{0.010};
  scenario.database_latency = Deterministic{0.200};
  scenario.database_connections = 1;
  const RunResult result = simulate(scenario);
  // The second leaves a millisecond later, and waits for the first at the database alone.
  EXPECT_DOUBLE_EQ(result.metrics.at("wait_s.mean"), (0.410 + 0.419) / 2);
}

TEST(Overheads, OnlyWhatSleepsEndsLateAndOnlyWhatRunsStartsLate) {
  for (const bool runs : {false, true}) {
    Scenario scenario = scenario_on({{.name = "node", .count = 1}});
    scenarios::SyntheticSource source;
    source.count = 1;
    source.arrivals = scenarios::AtOnce{1s};
    source.duration = Deterministic{10};
    source.shape.per_task = make_resources({.cpus_milli = 1000});
    source.runs = runs;
    scenario.workload = {source};
    scenario.overheads.timer = Deterministic{0.002};
    scenario.overheads.process_start = Deterministic{0.030};
    const RunResult result = simulate(scenario);
    EXPECT_DOUBLE_EQ(result.metrics.at("wait_s.max"), runs ? 0.030 : 0);
    EXPECT_DOUBLE_EQ(result.metrics.at("makespan_s"), runs ? 11.030 : 11.002);
  }
}

// They are one message, there and back; those of another worker are others.
TEST(Overheads, WhatIsForOneWorkerAtOneMomentComesTogether) {
  for (const std::uint32_t hosts : {1U, 4U}) {
    Scenario scenario = scenario_on({{.name = "node", .count = hosts, .cpus = 4 / hosts}});
    scenario.workload = {jobs_of({{1s, 10s}, {1s, 10s}, {1s, 10s}, {1s, 10s}})};
    scenario.overheads.dispatch = scenarios::Exponential{0.5};
    scenario.overheads.report = scenarios::Exponential{0.5};
    const RunResult result = simulate(scenario);
    const auto same = [&](const char* metric) {
      const auto value = [&](const char* which) { return result.metrics.at(std::string(metric) + which); };
      return std::abs(value(".max") - value(".mean")) < 1e-9;
    };
    EXPECT_EQ(same("wait_s"), hosts == 1);
    EXPECT_EQ(same("response_s"), hosts == 1);
    EXPECT_GT(result.metrics.at("wait_s.max"), 0);
  }
}

TEST(Overheads, WhatTakesNoTimeSetsNoTimer) {
  for (const Duration work : {Duration{1ns}, Duration{1ms}}) {
    Scenario scenario = scenario_on({{.name = "node", .count = 1}});
    scenario.workload = {jobs_of({{1s, work}})};
    scenario.overheads.timer = Deterministic{0.002};
    EXPECT_NEAR(simulate(scenario).metrics.at("makespan_s"), 1 + seconds(work) + (work == 1ms ? 0.002 : 0), 1e-9);
  }
}

TEST(Overheads, ADecisionTakesAStepAndItsEvents) {
  Scenario scenario = scenario_on({{.name = "node", .count = 1}});
  scenario.workload = {jobs_of({{1s, 10s}})};
  scenario.overheads.step = 1ms;
  scenario.overheads.event = 100us;
  const RunResult result = simulate(scenario);
  // Submitted, committed, with one row; answered, dispatched.
  EXPECT_DOUBLE_EQ(result.metrics.at("wait_s.max"), 0.0013 + 0.0012);
  EXPECT_DOUBLE_EQ(result.metrics.at("makespan_s"), 1 + 0.0025 + 10);
}

TEST(Overheads, WhatComesWhileItDecidesWaitsForTheNextStep) {
  Scenario scenario = scenario_on({{.name = "node", .count = 3}});
  scenario.workload = {jobs_of({{1s, 10s}, {1s + 100us, 10s}, {1s + 200us, 10s}})};
  scenario.overheads.step = 1ms;
  const RunResult result = simulate(scenario);
  // The first is committed after a step; the others are with the answer in the second, which dispatches the first; a third dispatches them.
  EXPECT_DOUBLE_EQ(result.metrics.at("wait_s.mean"), (0.002 + 0.0029 + 0.0028) / 3);
}

// Jobs that do nothing, as many as the slots at once: the scheduler's time for each is all that counts.
TEST(Overheads, ABusySchedulerLetsThroughWhatItsTimeAllows) {
  constexpr std::size_t kJobs = 5000;
  Scenario scenario = scenario_on({{.name = "node", .count = 1, .cpus = 500}});
  scenario.workload = {jobs_of(std::vector<JobLine>(kJobs, {0s, 1ns}))};
  scenario.overheads.event = 20us;
  const RunResult result = simulate(scenario);
  // Ten rounds. Until the last job ends: each is submitted, has a row and is dispatched; all but the last 500 have ended and have another
  // row; a commit and its answer in each round; and a worker has come.
  constexpr double kEvents = 3.0 * kJobs + 2.0 * (kJobs - 500) + 2.0 * 10 + 1;
  EXPECT_NEAR(result.metrics.at("makespan_s"), 20e-6 * kEvents, 1e-6);
}

// M/D/1: one order after another, each on its own.
TEST(Overheads, CommitsQueueAtTheDatabase) {
  constexpr std::uint64_t kJobs = 30'000;
  Scenario scenario = scenario_on({{.name = "node", .count = 1, .cpus = kJobs}});
  scenario.scheduler.max_in_flight = 1000;
  scenario.commit_latency = Deterministic{0.008};
  scenario.commit_row = 2ms;
  scenario.database_connections = 1;
  scenarios::SyntheticSource source;
  source.count = kJobs;
  source.arrivals = scenarios::PoissonArrivals{60};
  source.duration = Deterministic{100'000};
  source.shape.per_task = make_resources({.cpus_milli = 1000});
  scenario.workload = {source};
  const double wait = simulate(scenario).metrics.at("wait_s.mean");
  const double load = 60 * 0.010;
  EXPECT_NEAR(wait, 0.010 + load * 0.010 / (2 * (1 - load)), 0.0005);
}

}  // namespace
}  // namespace drydock::sim::sim_overheads_test

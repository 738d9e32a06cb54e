// Figures from journals: of one made by hand against values worked out by hand, and of simulated runs against the simulation's own.
#include "reports/journal_meter.hpp"

#include "cli/journal_measure.hpp"
#include "scenarios/faults/schedule.hpp"
#include "scenarios/loader.hpp"
#include "scenarios/workload.hpp"
#include "sim/platform.hpp"
#include "sim/run.hpp"
#include "tests/cli/binary.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

namespace drydock::cli::journal_meter_test {
namespace {

using reports::JournalMeter;
using reports::JournalMeterConfig;
using reports::Observations;

Time at(double s) { return Time{duration_of_seconds(s)}; }
Duration lasting(double s) { return duration_of_seconds(s); }

// Two hosts of two cores with a worker each, of one pool.
JournalMeterConfig two_hosts() {
  JournalMeterConfig config;
  config.metrics.queues = {"default"};
  config.metrics.pools = {"main"};
  config.metrics.trouble = true;
  config.workers = {{.host = 0, .pool = PoolId{0}}, {.host = 1, .pool = PoolId{0}}};
  config.hosts = {{.cpus_milli = 2000, .pools = {PoolId{0}}, .usd_per_s = 0.5},
                  {.cpus_milli = 2000, .pools = {PoolId{0}}, .usd_per_s = 0.5}};
  return config;
}

JobSpec job(std::uint64_t id) {
  return {.id = JobId{id},
          .queue = QueueId{0},
          .per_task = make_resources({.cpus_milli = 1000, .memory_bytes = 0, .gpus = 0, .slots = 1}),
          .estimate = lasting(10)};
}

// Feeds a meter as a scheduler alone would be journalled; each assignment is of one task.
class Story {
 public:
  explicit Story(const Observations& seen) : meter_(two_hosts(), seen) {}
  void hears(double when, std::vector<Event> events, std::vector<Command> commands = {}) {
    meter_.step(0, at(when), events, commands);
  }
  void commits(double when, std::uint64_t request, std::vector<Release> releases, std::vector<AttemptId> assigned,
               std::uint32_t worker = 0) {
    const std::vector<Placement> there{{WorkerId{worker}, 1}};
    std::vector<Assignment> assignments;
    for (const AttemptId attempt : assigned) assignments.push_back({attempt, there});
    hears(when, {}, {Commit{RequestId{request}, releases, assignments}});
  }
  void dispatches(double when, std::uint64_t request, AttemptId attempt, std::uint32_t worker = 0) {
    const std::vector<Placement> there{{WorkerId{worker}, 1}};
    hears(when, {CommitAnswered{RequestId{request}, Answer::done, request}}, {Dispatch{attempt, there}});
  }
  std::map<std::string, double> ends(double when) { return meter_.finish(at(when)).metrics; }

 private:
  JournalMeter meter_;
};

AttemptId attempt(std::uint64_t job, std::uint32_t number = 1) { return {JobId{job}, number}; }

TEST(JournalMeter, ByHand) {
  const Observations nothing;
  Story story(nothing);
  story.hears(0, {WorkerRegistered{WorkerId{0}, 1, {}}, WorkerRegistered{WorkerId{1}, 1, {}}});
  story.hears(1, {JobSubmitted{job(0)}, JobSubmitted{job(1)}});
  story.commits(2, 1, {}, {attempt(0)});
  story.dispatches(3, 1, attempt(0));                              // job 0 waited 2 s
  story.hears(13, {AttemptFinished{attempt(0)}});                  // and took 10
  story.commits(14, 2, {{attempt(0)}}, {attempt(1)});              //
  story.dispatches(16, 2, attempt(1));                             // job 1 waited 15
  story.hears(20, {AttemptFinished{attempt(1), Ending::failed}});  // 4 core-seconds for nothing
  story.commits(20, 3, {{attempt(1), ReleaseReason::retried}}, {attempt(1, 2)});
  story.dispatches(20, 3, attempt(1, 2));
  story.hears(26, {AttemptFinished{attempt(1, 2)}});
  const auto m = story.ends(40);
  EXPECT_EQ(m.at("jobs_submitted"), 2);
  EXPECT_EQ(m.at("jobs_completed"), 2);
  EXPECT_EQ(m.at("jobs_unfinished"), 0);
  EXPECT_DOUBLE_EQ(m.at("wait_s.mean"), 8.5);
  EXPECT_EQ(m.at("wait_s.max"), 15);
  EXPECT_DOUBLE_EQ(m.at("response_s.mean"), (12 + 25) / 2.0);
  EXPECT_EQ(m.at("makespan_s"), 26);
  EXPECT_EQ(m.at("retries"), 1);
  EXPECT_EQ(m.at("attempts_lost"), 0);
  EXPECT_DOUBLE_EQ(m.at("wasted_cpu_s"), 4);
  EXPECT_DOUBLE_EQ(m.at("utilization"), 20.0 / (4 * 40));
  EXPECT_DOUBLE_EQ(m.at("cost_usd"), 40);
  // Job 0: known at 1, ordered at 2, dispatched at 3; job 1: 1, 14, 16.
  EXPECT_DOUBLE_EQ(m.at("phase_queued_s.mean"), 7);
  EXPECT_DOUBLE_EQ(m.at("phase_commit_s.mean"), 1.5);
  EXPECT_DOUBLE_EQ(m.at("commit_busy_fraction"), 3.0 / 40);
  // What nobody saw is absent, not 0.
  for (const char* absent : {"phase_start_s.mean", "phase_late_s.mean", "phase_report_s.mean", "detection_s.mean",
                             "false_expiries", "drift.abs_max"})
    EXPECT_FALSE(m.contains(absent)) << absent;
}

// Time zero is 100 s by the journal's clock. Job 0 was due at 1, handed in at 1.5, known at 2; begun at 4, ended at 15, known at 15.5.
TEST(JournalMeter, WhatTheDriverSawCounts) {
  Observations seen;
  seen.origin = at(100);
  seen.arrivals[JobId{0}] = {.due = at(101), .submitted = at(101.5), .work = lasting(10)};
  seen.ran[attempt(0)] = {.began = at(104), .ended = at(115)};
  seen.processes = {{.at = at(90), .worker = WorkerId{0}, .incarnation = 1, .up = true},
                    {.at = at(90), .worker = WorkerId{1}, .incarnation = 1, .up = true},
                    {.at = at(120), .worker = WorkerId{1}, .incarnation = 1, .up = false}};
  seen.hosts = {{.at = at(120), .host = 1, .up = false}};
  Story story(seen);
  story.hears(95, {WorkerRegistered{WorkerId{0}, 1, {}}, WorkerRegistered{WorkerId{1}, 1, {}}});
  story.hears(102, {JobSubmitted{job(0)}, JobSubmitted{job(1)}});
  story.commits(102, 1, {}, {attempt(0)});
  story.dispatches(103, 1, attempt(0));
  story.commits(103, 2, {}, {attempt(1)}, 1);
  story.dispatches(103, 2, attempt(1), 1);
  story.hears(115.5, {AttemptFinished{attempt(0)}});
  // Worker 1 dies at 120 with job 1, which is known at 123; worker 0 is taken for dead at 130 although it lives.
  story.hears(122, {LeaseExpired{WorkerId{1}, 1}});
  story.hears(123, {}, {DeclareDead{WorkerId{1}, 1}});
  story.hears(130, {LeaseExpired{WorkerId{0}, 1}});
  const auto m = story.ends(140);
  EXPECT_DOUBLE_EQ(m.at("wait_s.mean"), 3);  // job 1 has not ended
  EXPECT_DOUBLE_EQ(m.at("response_s.mean"), 14.5);
  EXPECT_DOUBLE_EQ(m.at("makespan_s"), 15.5);
  EXPECT_DOUBLE_EQ(m.at("phase_late_s.mean"), 0.5);
  EXPECT_DOUBLE_EQ(m.at("phase_intake_s.mean"), 0.5);
  EXPECT_DOUBLE_EQ(m.at("phase_queued_s.mean"), 0);
  EXPECT_DOUBLE_EQ(m.at("phase_commit_s.mean"), 1);
  EXPECT_DOUBLE_EQ(m.at("phase_start_s.mean"), 1);
  EXPECT_DOUBLE_EQ(m.at("phase_overrun_s.mean"), 1);
  EXPECT_DOUBLE_EQ(m.at("phase_report_s.mean"), 0.5);
  EXPECT_DOUBLE_EQ(m.at("detection_s.mean"), 3);
  EXPECT_EQ(m.at("false_expiries"), 1);
  EXPECT_EQ(m.at("attempts_lost"), 1);
  EXPECT_DOUBLE_EQ(m.at("wasted_cpu_s"), 17);
  EXPECT_DOUBLE_EQ(m.at("utilization"), (12.5 + 17) / (2 * 40 + 2 * 20));
}

// The counter is 1 core behind from 3 to 5, and set right then.
TEST(JournalMeter, TheCounterIsHeldAgainstTheCommits) {
  const Observations nothing;
  Story story(nothing);
  story.hears(0, {JobSubmitted{job(0)}}, {AskCounter{.request = RequestId{9}, .op = CounterOp::get}});
  story.hears(1, {CounterAnswered{RequestId{9}, Answer::done, CounterVerdict::applied, 0}});
  story.commits(2, 1, {}, {attempt(0)});
  story.dispatches(3, 1, attempt(0));
  story.hears(4, {}, {AskCounter{.request = RequestId{10}, .op = CounterOp::set, .amount = 1000}});
  story.hears(5, {CounterAnswered{RequestId{10}, Answer::done, CounterVerdict::applied, 1000}});
  const auto m = story.ends(10);
  EXPECT_DOUBLE_EQ(m.at("drift.abs_max"), 1);
  EXPECT_DOUBLE_EQ(m.at("drift.time_avg_abs"), 0.2);
  EXPECT_DOUBLE_EQ(m.at("drift.abs_mean"), 1);
  EXPECT_DOUBLE_EQ(m.at("drift.after_resync"), 0);
}

// --- simulated runs ---

struct Case {
  std::string scenario;
  std::vector<std::string> sets;
};

// What a simulation knows of crashes, which nobody tells its scheduler.
Observations crashes_of(const scenarios::Scenario& scenario, std::uint64_t seed, Time end) {
  Observations seen;
  const sim::Platform platform(scenario);
  for (std::uint32_t worker = 0; worker < platform.workers().size(); ++worker) {
    seen.processes.push_back({.at = kTimeZero, .worker = WorkerId{worker}, .incarnation = 1, .up = true});
  }
  std::vector<std::uint32_t> incarnations(platform.workers().size(), 1);
  scenarios::FaultSchedule schedule(scenario, seed);
  while (schedule.next() <= end) {
    const scenarios::FaultTurn turn = schedule.take();
    const bool up = turn.phase == scenarios::FaultTurn::Phase::ends;
    seen.hosts.push_back({.at = turn.at, .host = *turn.host, .up = up});
    for (const WorkerId worker : platform.hosts()[*turn.host].workers) {
      if (up) ++incarnations[index(worker)];
      seen.processes.push_back({.at = turn.at, .worker = worker, .incarnation = incarnations[index(worker)], .up = up});
    }
  }
  return seen;
}

void see_work(const scenarios::Scenario& scenario, std::uint64_t seed, Observations& seen) {
  scenarios::Workload workload(scenario, seed);
  scenarios::Arrival arrival;
  for (std::uint64_t id = 0; workload.next(arrival); ++id) {
    seen.arrivals[JobId{id}] = {.due = arrival.at, .submitted = arrival.at, .work = arrival.work};
  }
}

// Whose starts take time that the scheduler is not told of.
bool starts_late(const scenarios::Scenario& scenario) {
  return std::ranges::any_of(scenario.pools, [](const auto& pool) { return pool.max_tasks_per_child.has_value(); });
}

bool only_crashes(const scenarios::Scenario& scenario) {
  return !scenario.faults.empty() && std::ranges::all_of(scenario.faults, [](const scenarios::Fault& fault) {
    return std::holds_alternative<scenarios::WorkerCrash>(fault);
  });
}

void expect_same(const Case& one, const scenarios::Scenario& scenario, std::uint64_t seed, const Folder& folder) {
  SCOPED_TRACE(one.scenario + " " + scenario.variant + " seed " + std::to_string(seed));
  const std::filesystem::path journal = folder.path("run.journal");
  const sim::RunRequest request{.scenario = &scenario, .seed = seed, .options = {.journal = journal}};
  const std::atomic<bool> stop = false;
  const auto runs = sim::run_all(std::span(&request, 1), 1, stop, [](const sim::Progress&) {});
  ASSERT_FALSE(runs[0].error) << *runs[0].error;
  const auto& simulated = runs[0].metrics;
  const Time end = scenario.duration ? later(kTimeZero, *scenario.duration) : kNever;
  Observations seen = only_crashes(scenario)
                          ? crashes_of(scenario, seed, std::min(end, at(simulated.at("makespan_s") + 1e6)))
                          : Observations{};
  if (scenario.periodic.empty()) see_work(scenario, seed, seen);
  const std::vector<std::filesystem::path> journals{journal};
  const auto measured = measure_journals({.scenario = scenario,
                                          .seed = seed,
                                          .journals = journals,
                                          .seen = seen,
                                          .ended = scenario.duration ? std::optional(end) : std::nullopt});
  ASSERT_TRUE(measured) << measured.error().message;
  std::size_t compared = 0;
  for (const auto& [name, value] : measured.value().metrics) {
    if (name.starts_with("phase_") || name == "commit_busy_fraction") continue;
    ASSERT_TRUE(simulated.contains(name)) << name;
    EXPECT_NEAR(value, simulated.at(name), 1e-9 * std::max(1.0, std::abs(simulated.at(name)))) << name;
    ++compared;
  }
  EXPECT_GT(compared, 20U);
  EXPECT_EQ(measured.value().distributions, runs[0].distributions);
}

TEST(JournalMeter, FiguresOfASimulatedRunAreThoseOfTheSimulation) {
  const std::vector<Case> cases{{"easy-against-fcfs", {}},
                                {"node-failures", {}},
                                {"parallel-machine", {}},
                                {"mm1", {"/workload/0/count=20000"}},
                                {"worker-pools", {}}};
  const Folder folder;
  for (const Case& one : cases) {
    const auto scenarios = scenarios::load(one.scenario, {.sets = one.sets});
    ASSERT_TRUE(scenarios) << scenarios.error().message;
    for (const scenarios::Scenario& scenario : scenarios.value()) {
      if (starts_late(scenario)) continue;
      for (const std::uint64_t seed : {scenario.seed, scenario.seed + 7}) expect_same(one, scenario, seed, folder);
    }
  }
}

}  // namespace
}  // namespace drydock::cli::journal_meter_test

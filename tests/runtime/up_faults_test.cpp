// The faults of a scenario for real: each is seen to have its effect, and nothing is lost or done twice because of it.
#include "tests/runtime/up_support.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace drydock::cli::up_faults_test {
namespace {

constexpr std::uint64_t kJobs = 12;

// Long enough that a busy machine kills nobody; where somebody is to die, it is enough that he does.
constexpr const char* kPatient = "4s";
constexpr const char* kImpatient = "1500ms";

// Jobs come for three seconds and take one, on two hosts that either have room for all. `more`: members of the scenario.
std::string scenario(const std::string& faults, const std::string& more = "", const char* ttl = kPatient) {
  return fmt::format(R"({{
    "name": "faults",
    "cluster": {{"hosts": [{{"name": "node", "count": 2, "cpus": 8}}],
                "stores": {{"redis": {{"latency": "1ms"}}, "postgres": {{"commit": "1ms"}}}}}},
    "control_plane": {{"mode": "cycle", "cycle": "50ms"}},
    "workload": [{{"name": "jobs", "count": {}, "arrivals": {{"deterministic": {{"interval": "250ms"}}}}, "duration": "1s"}}],
    "policies": {{"liveness": {{"type": "ttl", "heartbeat": "200ms", "ttl": "{}"}}, "placement": {{"type": "fcfs", "fit": "worst"}},
                 "accounting": "fenced-counter", "retry": {{"type": "fixed", "quarantine_after": 3, "delay": "100ms"}}}},
    "faults": {}{}
  }})",
                     kJobs, ttl, faults, more);
}

class UpFaults : public UpTest {
 protected:
  // Of the fault of this number, the turns as "begins ends".
  static std::string turns(const Ended& run, std::size_t fault) {
    std::string phases;
    for (const nlohmann::json& turn : run.summary["faults"].at(fault)["turns"]) {
      EXPECT_FALSE(turn.contains("problem")) << turn;
      EXPECT_GE(turn["at_s"].get<double>(), turn["planned_s"].get<double>()) << turn;
      phases += (phases.empty() ? "" : " ") + turn["phase"].get<std::string>();
    }
    return phases;
  }
  static std::uint64_t strikes(const Ended& run, std::size_t fault) {
    return run.summary["faults"].at(fault)["strikes"].get<std::uint64_t>();
  }
};

TEST_F(UpFaults, ACrashedHostComesBack) {
  const Ended run = up(scenario(R"([{"type": "worker-crash", "target": "node-0", "at": "900ms", "for": "1s"}])"));
  expect_good(run, kJobs);
  EXPECT_EQ(turns(run, 0), "begins ends");
  EXPECT_EQ(run.summary["faults"][0]["turns"][0]["target"], "node-0");
  EXPECT_GT(metric(run, "attempts_lost"), 0U);
  EXPECT_EQ(metric(run, "workers_started"), 3U);
}

// Whoever wakes up finds that he was given up, and completes nothing.
TEST_F(UpFaults, AWorkerThatStandsStillIsDeclaredDead) {
  const Ended run =
      up(scenario(R"([{"type": "worker-pause", "target": "node-0", "at": "900ms", "for": "2500ms"}])", "", kImpatient));
  expect_good(run, kJobs);
  EXPECT_EQ(turns(run, 0), "begins ends");
  EXPECT_GE(metric(run, "workers_declared_dead"), 1U);
  EXPECT_GT(metric(run, "attempts_lost"), 0U);
  EXPECT_EQ(metric(run, "attempts"), kJobs + metric(run, "attempts_lost"));
  EXPECT_EQ(metric(run, "workers_started"), 2U);
}

TEST_F(UpFaults, AWorkerThatIsAskedToEndLosesNothing) {
  const Ended run = up(scenario(R"([{"type": "worker-stop", "target": "node-0", "at": "900ms", "for": "100ms"}])"));
  expect_good(run, kJobs);
  EXPECT_EQ(turns(run, 0), "strikes");
  EXPECT_EQ(metric(run, "attempts_lost"), 0U);
  EXPECT_EQ(metric(run, "attempts"), kJobs);
}

TEST_F(UpFaults, ACutWorkerIsDeclaredDeadWhicheverWay) {
  for (const char* direction : {"to-redis", "from-redis"}) {
    const Ended run = up(scenario(
        fmt::format(R"([{{"type": "worker-cut", "target": "node-0", "direction": "{}", "at": "900ms", "for": "2500ms"}}])",
                    direction),
        "", kImpatient));
    expect_good(run, kJobs);
    EXPECT_EQ(turns(run, 0), "begins ends") << direction;
    EXPECT_GE(metric(run, "workers_declared_dead") + metric(run, "attempts_lost"), 1U) << direction;
    EXPECT_EQ(metric(run, "workers_started"), 2U) << direction;
  }
}

// No worker has died: nothing that runs is run again.
TEST_F(UpFaults, ARedisThatForgetsCostsNoAttempt) {
  const Ended run = up(scenario(R"([{"type": "redis-flush", "at": "900ms"}, {"type": "counter-eviction", "at": "1200ms"},
                                    {"type": "worker-key-eviction", "target": "node-1", "at": "1500ms"}])"));
  expect_good(run, kJobs);
  for (const std::size_t fault : {0U, 1U, 2U}) EXPECT_EQ(turns(run, fault), "strikes");
  EXPECT_EQ(metric(run, "attempts"), kJobs);
}

TEST_F(UpFaults, ARedisThatComesBackCostsNoAttempt) {
  const Ended run = up(scenario(R"([{"type": "redis-restart", "at": "500ms", "for": "200ms"},
                                    {"type": "redis-restart", "at": "1200ms", "for": "200ms", "snapshot_age": "100ms"},
                                    {"type": "redis-failover", "at": "2000ms", "for": "200ms", "lag": "100ms"},
                                    {"type": "redis-outage", "at": "2800ms", "for": "200ms"}])"));
  expect_good(run, kJobs);
  for (const std::size_t fault : {0U, 1U, 2U}) EXPECT_EQ(turns(run, fault), "prepares begins ends");
  EXPECT_EQ(turns(run, 3), "begins ends");
  EXPECT_EQ(metric(run, "attempts"), kJobs);
}

TEST_F(UpFaults, ADatabaseThatIsAwayLosesNothing) {
  const Ended run = up(scenario(R"([{"type": "database-outage", "at": "900ms", "for": "800ms"},
                                    {"type": "database-slow", "factor": 20, "at": "2s", "for": "500ms"},
                                    {"type": "redis-slow", "factor": 20, "at": "2s", "for": "500ms"}])"));
  expect_good(run, kJobs);
  for (const std::size_t fault : {0U, 1U, 2U}) EXPECT_EQ(turns(run, fault), "begins ends");
  EXPECT_EQ(metric(run, "attempts"), kJobs);
}

// Commits roll back, each of which costs a pause, and lose their answers; updates of the counter are lost and come twice.
TEST_F(UpFaults, OrdersThatGoWrongLoseNothing) {
  const Ended run = up(scenario(R"([{"type": "commit-in-doubt", "probability": 0.8},
                                    {"type": "counter-update-repeat", "probability": 0.8}])"));
  expect_good(run, kJobs);
  for (const std::size_t fault : {0U, 1U}) EXPECT_GT(strikes(run, fault), 0U) << fault;
  EXPECT_GT(metric(run, "commits_in_doubt"), 0U);
  const Ended other = up(scenario(R"([{"type": "commit-abort", "probability": 0.9, "for": "1500ms"},
                                      {"type": "counter-update-loss", "probability": 0.8}])"));
  expect_good(other, kJobs);
  for (const std::size_t fault : {0U, 1U}) EXPECT_GT(strikes(other, fault), 0U) << fault;
}

TEST_F(UpFaults, MessagesThatAreLostLateOrRepeatedLoseNothing) {
  for (const bool in_process : {false, true}) {
    const Ended run = up(
        scenario(
            R"([{"type": "message-loss", "between": ["workers", "redis"], "kinds": ["dispatches", "reports"], "probability": 0.5, "for": "4s"},
                {"type": "message-repeat", "between": ["workers", "redis"], "delay": "50ms"},
                {"type": "message-delay", "between": ["workers", "redis"], "delay": {"exponential": {"mean": "30ms"}}}])"),
        in_process ? std::vector<std::string>{"--in-process"} : std::vector<std::string>{});
    expect_good(run, kJobs);
    EXPECT_EQ(turns(run, 1), "begins");
    EXPECT_EQ(metric(run, "attempts"), kJobs + metric(run, "attempts_lost"));
  }
}

// All heartbeats are lost: the worker that lives is declared dead.
TEST_F(UpFaults, LostHeartbeatsAreAFalseExpiry) {
  const Ended run = up(scenario(
      R"([{"type": "message-loss", "between": ["workers", "redis"], "target": "node-0", "kinds": ["beats"], "probability": 1, "at": "500ms", "for": "2500ms"}])",
      "", kImpatient));
  expect_good(run, kJobs);
  EXPECT_EQ(turns(run, 0), "begins ends");
  EXPECT_GE(metric(run, "workers_declared_dead"), 1U);
}

// 1 s of work on a processor of a fifth of its speed takes 5 s.
TEST_F(UpFaults, JobsTakeLongerOnASlowHost) {
  const Ended run = up(scenario(R"([{"type": "worker-slow", "speed": 0.2, "at": "0s"}])"));
  expect_good(run, kJobs);
  EXPECT_EQ(metric(run, "attempts"), kJobs);
  EXPECT_GE(run.summary["metrics"]["time_s"].get<double>(), 4.9 + 11 * 0.25);
}

// It takes its worker with it each time, until it is given up.
TEST_F(UpFaults, APoisonJobIsQuarantined) {
  const Ended run = up(scenario(R"([{"type": "poison-job", "jobs": "bad", "after": "200ms", "restart": "100ms"}])",
                                R"(, "variants": [{"name": "poisoned", "set": {"/workload/-":
      {"name": "bad", "count": 1, "arrivals": {"at-once": {}}, "duration": "1s"}}}])"));
  EXPECT_EQ(run.ran.code, 0) << run.ran.err;
  EXPECT_TRUE(run.summary["complete"].get<bool>());
  // Another job may be there each time, too.
  EXPECT_GE(metric(run, "jobs_failed"), 1U);
  EXPECT_EQ(metric(run, "jobs_completed") + metric(run, "jobs_failed"), kJobs + 1);
  EXPECT_GE(strikes(run, 0), 3U);
  EXPECT_EQ(metric(run, "workers_started"), 2 + strikes(run, 0));
  expect_good_journal(run);
}

// Another leads within the lease; what runs goes on meanwhile.
TEST_F(UpFaults, SchedulersDieAndAreCutOff) {
  const std::vector<std::string> two{"--set", "/control_plane/schedulers=2", "--set", "/control_plane/lease=2s",
                                     "--set", "/control_plane/renew=200ms",  "--set", "/control_plane/margin=200ms"};
  for (const char* fault :
       {R"({"type": "scheduler-crash", "target": "leader", "at": "900ms", "for": "500ms"})",
        R"({"type": "scheduler-cut", "target": "leader", "from": "both", "at": "900ms", "for": "2s"})"}) {
    const Ended run = up(scenario(fmt::format("[{}]", fault)), two);
    EXPECT_EQ(run.ran.code, 0) << run.ran.err;
    EXPECT_TRUE(run.summary["complete"].get<bool>()) << fault;
    EXPECT_EQ(metric(run, "jobs_completed"), kJobs) << fault;
    EXPECT_EQ(turns(run, 0), "begins ends") << fault;
    EXPECT_EQ(run.summary["faults"][0]["turns"][0]["target"].get<std::string>().rfind("scheduler ", 0), 0U);
    std::vector<std::string> check{"check"};
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path("out"))) {
      if (entry.path().extension() != ".journal") continue;
      check.push_back(entry.path().string());
      EXPECT_EQ(run_binary({"replay", entry.path().string()}).code, 0) << entry.path();
    }
    EXPECT_GE(check.size(), 3U);
    const Ran checked = run_binary(check);
    EXPECT_EQ(checked.code, 0) << checked.out << checked.err;
    std::filesystem::remove_all(folder_.path("out"));
  }
}

TEST_F(UpFaults, WhatCannotBeDoneIsSaidBeforeAndAfter) {
  const Ended run = up(scenario(R"([{"type": "worker-pause", "target": "node-0", "at": "10ms", "for": "1s"},
                                    {"type": "clock-skew", "offset": "5s"}])"),
                       {"--in-process", "--most-jobs", "2"});
  EXPECT_EQ(run.ran.code, 0) << run.ran.err;
  for (const char* said : {"fault 0 (worker-pause)", "fault 1 (clock-skew)"}) {
    EXPECT_NE(run.ran.err.find(said), std::string::npos) << run.ran.err;
  }
  for (const std::size_t fault : {0U, 1U}) EXPECT_TRUE(run.summary["faults"][fault]["left_out"].is_string());
}

}  // namespace
}  // namespace drydock::cli::up_faults_test

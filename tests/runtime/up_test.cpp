// `drydock up` from outside: a scenario for real, in processes, and what can be done with its journal.
#include "tests/runtime/up_support.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::cli::up_test {
namespace {

class Up : public UpTest {};

// 16 jobs of 500 ms on two hosts, and what is inserted.
std::string scenario(const std::string& control_plane, const std::string& policies, const std::string& faults) {
  return fmt::format(R"({{
    "name": "small",
    "cluster": {{"hosts": [{{"name": "node", "count": 2, "cpus": 4}}]}},
    "control_plane": {},
    "workload": [{{"name": "short", "count": 16, "arrivals": {{"poisson": {{"rate": "100/s"}}}},
                  "duration": {{"deterministic": "500ms"}}}}],
    "policies": {},
    "faults": {}
  }})",
                     control_plane, policies, faults);
}

const std::string kCycle = R"({"mode": "cycle", "cycle": "50ms"})";
const std::string kTtl =
    R"({"liveness": {"type": "ttl", "heartbeat": "200ms", "ttl": "1500ms"}, "accounting": {"type": "fenced-counter"}})";

TEST_F(Up, RunsAScenarioForReal) {
  const Ended run = up(scenario(kCycle, kTtl, "[]"));
  expect_good(run);
  EXPECT_EQ(metric(run, "attempts"), 16U);
  EXPECT_EQ(metric(run, "workers_started"), 2U);
}

// Due times begin with the run; one with "run" runs that.
TEST_F(Up, FiresPeriodicJobs) {
  const std::string text = fmt::format(R"({{
    "name": "periodic", "duration": "30m",
    "cluster": {{"hosts": [{{"name": "node", "count": 2, "cpus": 4}}]}}, "control_plane": {}, "policies": {},
    "workload": [
      {{"name": "a", "every": "1h", "first": "100ms", "duration": "10ms"}},
      {{"name": "b", "every": "1h", "first": "200ms", "duration": "10ms", "catch_up": "latest"}},
      {{"name": "c", "every": "1h", "duration": "1h", "run": {{"command": ["true"]}}}},
      {{"name": "d", "count": 3, "arrivals": {{"at-once": {{}}}}, "duration": "10ms"}},
      {{"name": "e", "every": "1h", "first": "40m", "duration": "10ms"}}]}})",
                                       kCycle, kTtl);
  const Ended run = up(text);
  EXPECT_EQ(run.ran.code, 0) << run.ran.err;
  EXPECT_TRUE(run.summary["complete"].get<bool>());
  EXPECT_EQ(metric(run, "jobs_submitted"), 6U);
  EXPECT_EQ(metric(run, "jobs_completed"), 6U);
  const Ran checked = run_binary({"check", run.journal});
  EXPECT_EQ(checked.code, 0) << checked.out << checked.err;
}

// The hosts of a platform file are workers for real too, under their own names.
TEST_F(Up, RunsOnTheHostsOfAPlatformFile) {
  folder_.file("p.xml", R"(<?xml version="1.0"?>
    <!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">
    <platform version="4.1"><cluster id="rack" prefix="r" suffix=".x" radical="0-2" speed="1Gf" core="4" bw="1GBps" lat="0"/></platform>)");
  std::string text = scenario(kCycle, kTtl, R"([{"type": "worker-crash", "target": "r1.x", "at": "200ms", "for": "2s"}])");
  const std::string hosts = R"("hosts": [{"name": "node", "count": 2, "cpus": 4}])";
  text.replace(text.find(hosts), hosts.size(), R"("platform": "p.xml", "site": "r0.x")");
  const Ended run = up(text);
  expect_good(run);
  EXPECT_GT(metric(run, "attempts_lost"), 0U);
}

// A live process is killed; its lease ends, its jobs are run again, and so is it.
TEST_F(Up, KillsWorkersWhereTheScenarioSaysSo) {
  const Ended run =
      up(scenario(kCycle, kTtl, R"([{"type": "worker-crash", "target": "node-0", "at": "200ms", "for": "2s"}])"));
  expect_good(run);
  EXPECT_GT(metric(run, "attempts_lost"), 0U);
  EXPECT_EQ(metric(run, "attempts"), 16 + metric(run, "attempts_lost"));
  EXPECT_GE(metric(run, "workers_declared_dead"), 1U);
}

// Nobody tells a real scheduler of a death: what a simulation does not need is filled in, and is in the journal.
TEST_F(Up, FillsInWhatASimulationDoesNotNeed) {
  const Ended run = up(scenario(R"({"mode": "event"})", "{}", "[]"), {"--in-process", "--journal-format", "binary"});
  expect_good(run);
  EXPECT_NE(run.ran.err.find("ttl"), std::string::npos) << run.ran.err;
}

// One long job, one that wants both places, and short ones that would fit beside the first.
const std::string kHole = R"({
  "name": "hole",
  "cluster": {"hosts": [{"name": "node", "count": 2, "cpus": 1}]},
  "control_plane": {"mode": "event", "registry_reading": "100ms"},
  "workload": [{"name": "long", "count": 1, "arrivals": {"at-once": {}}, "duration": "3s"},
               {"name": "wide", "count": 1, "arrivals": {"at-once": {}}, "duration": "100ms", "tasks": 2},
               {"name": "short", "count": 3, "arrivals": {"at-once": {}}, "duration": "100ms"}],
  "policies": {"placement": {"type": "fcfs"}, "liveness": {"type": "ttl", "heartbeat": "1s", "ttl": "20s"}},
  "variants": [{"name": "first-come"}, {"name": "holes", "set": {"/policies/placement": {"type": "easy"}}}]
})";

TEST_F(Up, AShadowSaysWhereItWouldDecideOtherwise) {
  for (const std::string shadow : {"holes", "easy", R"({"type": "easy", "fit": "best"})"}) {
    SCOPED_TRACE(shadow);
    const Ended run = up(kHole, {"--variant", "first-come", "--shadow", shadow});
    EXPECT_EQ(run.ran.code, 0) << run.ran.err;
    const nlohmann::json& report = run.summary["shadow"];
    EXPECT_EQ(report["name"], shadow);
    EXPECT_EQ(report["placement"], "easy");
    EXPECT_TRUE(report["switched_off"].is_null()) << report;
    EXPECT_GE(report["starts"]["shadow_only"], 1) << report;
    EXPECT_GE(report["starts"]["same"], 2) << report;
    EXPECT_GE(report["started_later"]["jobs"], 1) << report;
    ASSERT_FALSE(report["first"].empty());
    EXPECT_EQ(report["first"][0]["real"], "leaves it waiting") << report;
    for (const char* command : {"check", "replay"}) {
      const Ran judged = run_binary({command, run.journal});
      EXPECT_EQ(judged.code, 0) << command << ": " << judged.out << judged.err;
    }
  }
  const Ended same = up(kHole, {"--variant", "first-come", "--shadow", "fcfs"});
  EXPECT_EQ(same.summary["shadow"]["moments"]["different"], 0) << same.summary;
  EXPECT_EQ(same.summary["shadow"]["starts"]["same"], 5) << same.summary;
}

TEST_F(Up, AShadowThatIsNoneIsRefused) {
  const std::string file = folder_.file("scenario.json", kHole);
  const auto refused = [&](const std::string& shadow) {
    const Ran ran = run_binary({"up", file, "--variant", "first-come", "--shadow", shadow});
    EXPECT_EQ(ran.code, 2) << shadow;
    return ran.err;
  };
  const std::string unknown = refused("esy");
  EXPECT_NE(unknown.find(R"(did you mean "easy"?)"), std::string::npos) << unknown;
  EXPECT_NE(unknown.find("first-come"), std::string::npos) << unknown;
  const std::string close = refused("hols");
  EXPECT_NE(close.find(R"(did you mean "holes"?)"), std::string::npos) << close;
  const std::string parameter = refused(R"({"type": "easy", "ordr": "sjf"})");
  EXPECT_NE(parameter.find("ordr"), std::string::npos) << parameter;
  EXPECT_NE(parameter.find("order"), std::string::npos) << parameter;
  EXPECT_NE(refused("{").find("--shadow"), std::string::npos);
}

TEST_F(Up, LeavesNothingBehind) {
  const std::string temporary = folder_.path("tmp");
  std::filesystem::create_directory(temporary);
  // PostgreSQL may run as another user there.
  std::filesystem::permissions(folder_.path(""), std::filesystem::perms::all);
  std::filesystem::permissions(temporary, std::filesystem::perms::all);
  setenv("TMPDIR", temporary.c_str(), 1);
  const Ended run = up(scenario(kCycle, kTtl, "[]"), {"--most-jobs", "2"});
  unsetenv("TMPDIR");
  EXPECT_EQ(run.ran.code, 0) << run.ran.err;
  EXPECT_EQ(metric(run, "jobs_submitted"), 2U);
  EXPECT_TRUE(std::filesystem::is_empty(temporary));
}

TEST_F(Up, SaysWhatItCannotDo) {
  const std::string file = folder_.file("phi.json", scenario(kCycle, R"({"liveness": {"type": "phi-normal"}})", "[]"));
  const Ran ran = run_binary({"up", file});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("phi-normal"), std::string::npos) << ran.err;
  const Ran variants = run_binary({"up", "easy-against-fcfs"});
  EXPECT_EQ(variants.code, 2);
  EXPECT_NE(variants.err.find("--variant"), std::string::npos) << variants.err;
}

// Two workers share three requests at a time: four tasks of each of two jobs are held to that, in processes and within this one.
constexpr const char* kSharing = R"({
    "name": "sharing",
    "cluster": {"hosts": [{"name": "node", "count": 2, "cpus": 4}]},
    "control_plane": {"mode": "cycle", "cycle": "50ms"},
    "limits": {"concurrency": 3, "enforced": false},
    "workload": [{"name": "asks", "count": 2, "tasks": 4, "arrivals": {"at-once": {}},
                  "requests": {"count": 5, "duration": "20ms", "delay": "1ms", "tokens": 0}}],
    "policies": {"liveness": {"type": "ttl", "heartbeat": "200ms", "ttl": "5s"},
                 "share": {"type": "leased", "lease": "3s", "margin": "500ms", "renew": "200ms", "retry": "50ms"}}
  })";

TEST_F(Up, JobsMakeTheirRequestsWithinTheirShares) {
  for (const bool in_process : {false, true}) {
    const Ended run = up(kSharing, in_process ? std::vector<std::string>{"--in-process"} : std::vector<std::string>{});
    EXPECT_EQ(run.ran.code, 0) << run.ran.err;
    EXPECT_TRUE(run.summary["complete"].get<bool>());
    EXPECT_EQ(metric(run, "jobs_completed"), 2U);
    // 40 requests of 20 ms, three at a time, and a lease before anybody gets anything.
    EXPECT_GE(run.summary["metrics"]["time_s"].get<double>(), 40 * 0.020 / 3);
    EXPECT_NE(run.ran.err.find("there is no service that refuses any"), std::string::npos) << run.ran.err;
  }
}

TEST_F(Up, APolicyThatNeedsRefusalsIsRefusedWithAReason) {
  std::string text = kSharing;
  text.replace(text.find("\"enforced\": false"), 17, "\"enforced\": true");
  const std::size_t share = text.find("{\"type\": \"leased\"");
  text.replace(share, text.find('}', share) + 1 - share, "\"aimd\"");
  const Ran ran = run_binary({"up", folder_.file("scenario.json", text)});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("aimd learns from what the service refuses, and in a trial there is no service"), std::string::npos)
      << ran.err;
}

}  // namespace
}  // namespace drydock::cli::up_test

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

}  // namespace
}  // namespace drydock::cli::up_test

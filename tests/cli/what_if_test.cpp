// A recorded run as a workload: "what would have happened".
#include "tests/cli/binary.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>

namespace drydock::cli::what_if_test {
namespace {

using Json = nlohmann::json;

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// Two kinds of machines, gangs, GPUs and priorities; nothing that takes time but the jobs.
std::string scenario(const Folder& folder) {
  return folder.file("shop.json", R"({"name": "shop",
    "cluster": {"hosts": [{"name": "fast", "count": 2, "cpus": 4, "speed": 2.0, "gpus": 1}, {"name": "slow", "count": 3, "cpus": 4}]},
    "queues": [{"name": "web"}, {"name": "batch", "priority": -1}],
    "workload": [
      {"queue": "web", "count": 300, "arrivals": {"poisson": {"rate": "1/s"}}, "duration": {"exponential": {"mean": "10s"}}},
      {"queue": "batch", "count": 60, "arrivals": {"poisson": {"rate": "0.2/s"}}, "duration": {"lognormal": {"mean": "30s", "cv": 1.5}},
       "tasks": {"uniform": {"low": 1, "high": 6}}, "estimate": {"factor": 2}},
      {"queue": "batch", "count": 30, "arrivals": {"poisson": {"rate": "0.1/s"}}, "duration": "20s", "gpus": 1, "priority": 2}],
    "policies": {"placement": "sjf"}})");
}

Json run_of(const Ran& ran, std::size_t i) { return Json::parse(ran.out)["runs"][i]; }

TEST(WhatIf, TheSamePoliciesGiveTheSameFiguresAndOthersCanBeCompared) {
  const Folder folder;
  const std::string journal = folder.path("run.journal");
  const Ran recorded = run_binary({"simulate", scenario(folder), "--seeds", "4", "--journal", journal, "--format", "json"});
  ASSERT_EQ(recorded.code, 0) << recorded.err;
  const Ran imported = run_binary({"import", "journal", journal, "--out", folder.path("what-if.json")});
  ASSERT_EQ(imported.code, 0) << imported.err;
  EXPECT_TRUE(has(imported.out, "390 jobs read, 390 valid, 390 used")) << imported.out;

  const Ran again = run_binary({"simulate", folder.path("what-if.json"), "--format", "json"});
  ASSERT_EQ(again.code, 0) << again.err;
  const Json before = run_of(recorded, 0)["metrics"];
  const Json same = run_of(again, 0);
  EXPECT_EQ(same["variant"], "recorded");
  for (const char* metric : {"jobs_completed", "wait_s.mean", "wait_s.max", "response_s.mean", "makespan_s"})
    EXPECT_NEAR(same["metrics"].value(metric, -1.0), before.value(metric, -2.0), 1e-6) << metric;
  EXPECT_EQ(run_of(again, 1)["variant"], "fcfs");
  EXPECT_NE(run_of(again, 1)["metrics"]["wait_s.mean"], before["wait_s.mean"]);

  const std::string second = folder.path("second.journal");
  ASSERT_EQ(
      run_binary({"simulate", folder.path("what-if.json"), "--variant", "easy", "--seeds", "1", "--journal", second}).code,
      0);
  EXPECT_EQ(run_binary({"replay", second}).code, 0) << "a replay reads no traces";
}

TEST(WhatIf, AnotherPlacementDecidesAlongInAReplay) {
  const Folder folder;
  const std::string journal = folder.path("run.journal");
  const std::string hole = folder.file("hole.json", R"({"name": "hole",
    "cluster": {"hosts": [{"name": "node", "count": 2, "cpus": 1}]},
    "workload": [{"name": "long", "count": 1, "arrivals": {"at-once": {}}, "duration": "10s"},
                 {"name": "wide", "count": 1, "arrivals": {"at-once": {}}, "duration": "10s", "tasks": 2},
                 {"name": "short", "count": 1, "arrivals": {"at-once": {}}, "duration": "5s"}]})");
  ASSERT_EQ(run_binary({"simulate", hole, "--seeds", "1", "--journal", journal}).code, 0);
  const Ran easy = run_binary({"replay", journal, "--shadow", "easy"});
  EXPECT_EQ(easy.code, 0) << easy.err;
  EXPECT_TRUE(has(easy.out, "identical")) << easy.out;
  EXPECT_TRUE(has(easy.out, "starts: 3 same, 0 on other workers, 1 by the shadow alone, 0 by the real one alone"))
      << easy.out;
  EXPECT_TRUE(has(easy.out, "1 jobs would have started earlier, by 20.000 s on average")) << easy.out;
  EXPECT_TRUE(has(easy.out, "real leaves it waiting; shadow starts on worker 1")) << easy.out;
  const Ran same = run_binary({"replay", journal, "--shadow", "fcfs"});
  EXPECT_TRUE(has(same.out, "shadow fcfs: 3 of 3 decisions equal")) << same.out;

  const Ran none = run_binary({"replay", journal, "--shadow", "esy"});
  EXPECT_EQ(none.code, 2);
  EXPECT_TRUE(has(none.err, R"(did you mean "easy"?)")) << none.err;
  EXPECT_EQ(run_binary({"replay", journal, "--shadow", "easy", "--set", "/policies/placement=easy"}).code, 2);
}

TEST(WhatIf, MapsQueuesAndRefusesWhatTheJournalSays) {
  const Folder folder;
  ASSERT_EQ(run_binary({"simulate", scenario(folder), "--seeds", "1", "--journal", folder.path("run.journal")}).code, 0);
  const auto with = [&](const std::string& entry) {
    return folder.file("other.json", R"({"cluster": {"hosts": [{"name": "node", "count": 20, "cpus": 8, "gpus": 4}]},
      "queues": [{"name": "batch"}, {"name": "all"}], "workload": [{)" +
                                         entry + "}]}");
  };
  const std::string trace = R"("trace": {"format": "journal", "path": "run.journal")";
  const Ran unknown = run_binary({"validate", with(trace + "}")});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_TRUE(has(unknown.err, R"(queue "web", which is none of the scenario)")) << unknown.err;
  const Ran mapped = run_binary({"simulate", with(trace + R"(, "queues": {"web": "all"}})"), "--format", "json"});
  ASSERT_EQ(mapped.code, 0) << mapped.err;
  EXPECT_EQ(run_of(mapped, 0)["metrics"]["jobs_completed"], 390);
  const Ran said = run_binary({"validate", with(R"("cpus": 2, )" + trace + R"(, "queues": {"web": "all"}})")});
  EXPECT_EQ(said.code, 2);
  EXPECT_TRUE(has(said.err, "the journal says it of each job")) << said.err;
  const Ran small =
      run_binary({"validate", with(trace + R"(, "queues": {"web": "all"}})"), "--set", "/cluster/hosts/0/gpus=0"});
  EXPECT_EQ(small.code, 2);
  EXPECT_TRUE(has(small.err, "run.journal: job ")) << small.err;
}

}  // namespace
}  // namespace drydock::cli::what_if_test

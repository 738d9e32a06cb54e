// hunt and explain as a user meets them.
#include "tests/cli/binary.hpp"

#include <chrono>
#include <filesystem>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

namespace drydock::cli::hunt_test {
namespace {

using Json = nlohmann::json;

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// A job that cannot be in time once its worker was away in the midst of it.
std::string tight_scenario(const Folder& folder) {
  return folder.file("tight.json", R"({"name": "tight", "must_end_by": "50s",
    "cluster": {"hosts": [{"name": "n"}]},
    "workload": [{"name": "w", "count": 1, "arrivals": {"at-once": {}}, "duration": "30s"}]})");
}

TEST(Hunt, SaysWhenNothingIsFound) {
  const Ran ran = run_binary({"hunt", "hunt", "--runs", "40"});
  EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
  EXPECT_TRUE(has(ran.out, "40 of 40 runs")) << ran.out;
  EXPECT_TRUE(has(ran.out, "nothing was found")) << ran.out;
}

TEST(Hunt, WritesWhatItFindsSoThatItCanBeRepeatedAndExplained) {
  const Folder folder;
  const std::string out = folder.path("found");
  const Ran ran = run_binary({"hunt", tight_scenario(folder), "--runs", "200", "--out", out, "--format", "json"});
  ASSERT_EQ(ran.code, 1) << ran.out << ran.err;
  const Json report = Json::parse(ran.out);
  EXPECT_EQ(report["schema"], "drydock.hunt/1");
  const Json& finding = report["finding"];
  EXPECT_EQ(finding["symptom"], "jobs that do not end");
  EXPECT_EQ(finding["faults"].size(), 1U) << finding;
  EXPECT_TRUE(finding["smallest"].get<bool>());

  const Ran again = run_binary({"simulate", finding["scenario_file"].get<std::string>()});
  EXPECT_EQ(again.code, 1);
  EXPECT_TRUE(has(again.err, "not ended by 50 s")) << again.err;

  const std::string journal = finding["journal_file"].get<std::string>();
  const Ran explained = run_binary({"explain", journal, "--violation"});
  EXPECT_EQ(explained.code, 0) << explained.err;
  EXPECT_TRUE(has(explained.out, "not ended where it ends; the first:")) << explained.out;
  EXPECT_TRUE(has(explained.out, "is submitted to queue")) << explained.out;
  EXPECT_EQ(run_binary({"replay", journal}).code, 0);
}

// From a terminal every process of the group gets it, also one that is in the midst of a run.
TEST(Hunt, InterruptedByCtrlCFindsNothing) {
  for (int attempt = 0; attempt < 4; ++attempt) {
    const Folder folder;
    const Started started(
        {"hunt", "hunt", "--runs", "1000000", "--seed", std::to_string(900 + attempt), "--out", folder.path("o")});
    while (!std::filesystem::exists(folder.path("o"))) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    started.interrupt();
    const Ran ran = started.wait();
    EXPECT_EQ(ran.code, 130) << ran.signal << ran.out << ran.err;
    EXPECT_TRUE(has(ran.out, "nothing was found so far")) << ran.out;
  }
}

TEST(Hunt, TellsOfAScenarioThatFailsByItself) {
  const Folder folder;
  const std::string file = folder.file("late.json", R"({"must_end_by": "1s", "cluster": {"hosts": [{"name": "n"}]},
    "workload": [{"name": "w", "count": 1, "arrivals": {"at-once": {}}, "duration": "30s"}]})");
  const Ran ran = run_binary({"hunt", file, "--out", folder.path("found")});
  EXPECT_EQ(ran.code, 1);
  EXPECT_TRUE(has(ran.out, "already without any fault")) << ran.out;
}

TEST(Hunt, RefusesWhatMakesNoSense) {
  EXPECT_EQ(run_binary({"hunt"}).code, 2);
  EXPECT_EQ(run_binary({"hunt", "hunt", "--runs", "0"}).code, 2);
  EXPECT_EQ(run_binary({"hunt", "no-such-scenario"}).code, 2);
  const Ran ran = run_binary({"hunt", "hunt", "--variant", "fence"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_TRUE(has(ran.err, "did you mean \"fenced\"")) << ran.err;
}

TEST(Explain, TellsOfJobsAndWorkers) {
  const Folder folder;
  const std::string journal = folder.path("run.journal");
  ASSERT_EQ(run_binary({"simulate", tight_scenario(folder), "--journal", journal}).code, 0);
  const Ran job = run_binary({"explain", journal, "--job", "0"});
  EXPECT_EQ(job.code, 0) << job.err;
  EXPECT_TRUE(has(job.out, "attempt 1 is assigned to worker 0")) << job.out;
  EXPECT_TRUE(has(job.out, "job 0 has ended 30 s after its submission: succeeded")) << job.out;
  const Ran worker = run_binary({"explain", journal, "--worker", "0", "--format", "json"});
  EXPECT_EQ(worker.code, 0) << worker.err;
  const Json told = Json::parse(worker.out);
  EXPECT_EQ(told["schema"], "drydock.explain/1");
  EXPECT_EQ(told["stories"][0]["of"], "worker 0");
  EXPECT_EQ(told["stories"][0]["lines"][0]["what"], "registers in pool main with 1 cpu");
  const Ran none = run_binary({"explain", journal, "--violation"});
  EXPECT_EQ(none.code, 0) << none.err;
  EXPECT_TRUE(has(none.out, "no step of this journal breaks an invariant")) << none.out;
}

TEST(Explain, RefusesWhatMakesNoSense) {
  const Folder folder;
  const std::string journal = folder.path("run.journal");
  ASSERT_EQ(run_binary({"simulate", tight_scenario(folder), "--journal", journal}).code, 0);
  EXPECT_EQ(run_binary({"explain", journal}).code, 2);
  EXPECT_EQ(run_binary({"explain", journal, "--job", "0", "--worker", "0"}).code, 2);
  EXPECT_EQ(run_binary({"explain", folder.path("none")}).code, 2);
  const Ran ran = run_binary({"explain", journal, "--job", "99"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_TRUE(has(ran.err, "job 99 is not in this journal")) << ran.err;
}

}  // namespace
}  // namespace drydock::cli::hunt_test

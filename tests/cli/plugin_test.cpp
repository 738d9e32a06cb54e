// Policies of plugins: good ones in every command that decides, bad ones named.
#include "tests/cli/binary.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>

namespace drydock::cli::plugin_test {
namespace {

using Json = nlohmann::json;

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string plugin(const std::string& name) { return fmt::format("--plugin={}/{}.so", DRYDOCK_PLUGINS, name); }
std::string example(const std::string& name) { return fmt::format("{}/examples/plugin/{}", DRYDOCK_SOURCE_DIR, name); }

std::string scenario(const Folder& folder, const std::string& placement) {
  return folder.file(placement + ".json", fmt::format(R"({{"name": "bad",
    "cluster": {{"hosts": [{{"name": "node", "count": 2, "cpus": 1}}]}},
    "queues": [{{"name": "default"}}],
    "pools": [{{"name": "main", "hosts": ["node"], "queues": ["default"]}}],
    "workload": [{{"name": "a", "count": 10, "arrivals": {{"deterministic": {{"interval": "1s"}}}}, "duration": "1s"}}],
    "policies": {{"placement": "{}"}}}})",
                                                      placement));
}

TEST(Plugin, ItsPolicyIsListedAndExplainedWithItsFile) {
  const Ran all = run_binary({"policies", plugin("short_first")});
  EXPECT_EQ(all.code, 0) << all.err;
  EXPECT_TRUE(has(all.out, "short-first")) << all.out;
  const Ran one = run_binary({"policies", "short-first", plugin("short_first")});
  EXPECT_TRUE(has(one.out, "limit: a duration")) << one.out;
  EXPECT_TRUE(has(one.out, "short_first.so: An example")) << one.out;
  EXPECT_EQ(run_binary({"policies", "short-first"}).code, 2);
}

// With no limit, and with one above all jobs, there is one class only: the schedules are those of fcfs.
TEST(Plugin, ItsPolicyDecidesInSimulationReplayCheckAndSweep) {
  const Folder folder;
  const std::string journal = folder.path("run.journal");
  const Ran ran = run_binary(
      {"simulate", example("scenario.json"), plugin("short_first"), "--seeds", "1..3", "--format", "json", "--check"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  double fcfs = 0;
  double shorts = 0;
  const Json result = Json::parse(ran.out);
  for (const Json& run : result["runs"]) {
    const auto wait = run["metrics"]["wait_s.mean"].get<double>();
    if (run["variant"] == "fcfs") fcfs += wait;
    if (run["variant"] == "short-first") shorts += wait;
  }
  EXPECT_LT(shorts, 0.8 * fcfs);
  const Ran recorded = run_binary({"simulate", example("scenario.json"), plugin("short_first"), "--variant", "short-first",
                                   "--seeds", "1", "--journal", journal});
  ASSERT_EQ(recorded.code, 0) << recorded.err;
  const Ran replayed = run_binary({"replay", journal, plugin("short_first")});
  EXPECT_EQ(replayed.code, 0) << replayed.out << replayed.err;
  const Ran checked = run_binary({"check", journal, plugin("short_first")});
  EXPECT_EQ(checked.code, 0) << checked.out << checked.err;
  const Ran swept = run_binary({"sweep", example("scenario.json"), plugin("short_first"), "--variant", "short-first",
                                "--vary", "/policies/placement/limit=1ns,10s,100h", "--seeds", "1..3", "--metrics",
                                "wait_s.mean", "--format", "json"});
  ASSERT_EQ(swept.code, 0) << swept.err;
  const Ran plain = run_binary({"simulate", example("scenario.json"), plugin("short_first"), "--set",
                                "/variants/1/set/~1policies~1placement/limit=100h", "--seeds", "1", "--format", "json"});
  ASSERT_EQ(plain.code, 0) << plain.err;
  const Json runs = Json::parse(plain.out)["runs"];
  EXPECT_EQ(runs[0]["metrics"]["wait_s.mean"], runs[1]["metrics"]["wait_s.mean"]);
}

TEST(Plugin, WithoutItsFileAScenarioSaysWhatIsMissing) {
  const Ran ran = run_binary({"validate", example("scenario.json")});
  EXPECT_EQ(ran.code, 2);
  EXPECT_TRUE(has(ran.err, "short-first")) << ran.err;
  EXPECT_TRUE(has(ran.err, "--plugin")) << ran.err;
}

TEST(Plugin, APolicyThatThrowsOrCheatsIsStoppedWithItsNameAndTheDecision) {
  const Folder folder;
  const Ran throws = run_binary({"simulate", scenario(folder, "throws"), plugin("throws"), "--seeds", "1"});
  EXPECT_EQ(throws.code, 1);
  EXPECT_TRUE(has(throws.err, "'throws'") && has(throws.err, "no idea what to do")) << throws.err;
  const Ran cheats = run_binary({"simulate", scenario(folder, "cheats"), plugin("cheats"), "--seeds", "1"});
  EXPECT_EQ(cheats.code, 1);
  EXPECT_TRUE(has(cheats.err, "'cheats'") && has(cheats.err, "broke a rule") && has(cheats.err, "job 3")) << cheats.err;
}

TEST(Plugin, APolicyThatHangsOrCrashesIsNamed) {
  const Folder folder;
  const Ran loops =
      run_binary({"simulate", scenario(folder, "loops"), plugin("loops"), "--seeds", "1", "--plugin-patience", "1"});
  EXPECT_EQ(loops.code, 1);
  EXPECT_TRUE(has(loops.err, "policy 'loops' of loops.so: it has not returned for too long")) << loops.err;
  EXPECT_TRUE(has(loops.err, "in plan()")) << loops.err;
  const Ran crashes = run_binary({"simulate", scenario(folder, "crashes"), plugin("crashes"), "--seeds", "1"});
  EXPECT_EQ(crashes.code, 1);
  EXPECT_TRUE(has(crashes.err, "policy 'crashes' of crashes.so: it crashed in plan()")) << crashes.err;
}

TEST(Plugin, FilesThatAreNoPluginsOfThisDrydockAreRefused) {
  const Folder folder;
  const auto refused = [](const std::string& option, std::string_view part) {
    const Ran ran = run_binary({"policies", option});
    EXPECT_EQ(ran.code, 2) << option;
    EXPECT_TRUE(has(ran.err, part)) << ran.err;
  };
  refused("--plugin=" + folder.path("nowhere.so"), "No such file");
  refused("--plugin=" + folder.file("text.so", "hello"), "cannot be loaded");
  refused(plugin("silent"), "is not a plugin of drydock");
  refused(plugin("stranger"), "was built for another drydock: build it again");
  refused(plugin("stranger"), "headers of long ago");
  refused(plugin("twice"), "'fcfs': there is one of this name already, built in");
}

TEST(Plugin, OneFileGivenTwiceIsLoadedOnceAndTheEnvironmentCounts) {
  EXPECT_EQ(run_binary({"policies", "short-first", plugin("short_first"), plugin("short_first")}).code, 0);
  ::setenv("DRYDOCK_PLUGIN", (std::string(DRYDOCK_PLUGINS) + "/short_first.so").c_str(), 1);
  const Ran ran = run_binary({"policies", "short-first"});
  ::unsetenv("DRYDOCK_PLUGIN");
  EXPECT_EQ(ran.code, 0) << ran.err;
}

}  // namespace
}  // namespace drydock::cli::plugin_test

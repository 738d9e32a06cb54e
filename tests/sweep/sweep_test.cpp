// sweep as a user meets it.
#include "policies/core/rng.hpp"
#include "tests/cli/binary.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>
#include <vector>

namespace drydock::cli::sweep_test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Arguments = std::vector<std::string>;

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

constexpr std::array<const char*, 3> kFiles{"result.json", "summary.txt", "points.csv"};

Arguments operator+(Arguments a, const Arguments& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// 12 points of an M/M/1 queue, small enough for many runs.
std::string small_queue(const Folder& folder) {
  return folder.file("queue.json", R"({"name": "queue", "cluster": {"hosts": [{"name": "n", "cost_per_hour": 1}]},
    "workload": [{"name": "w", "count": 2000, "arrivals": {"poisson": {"rate": "0.5/s"}},
                  "duration": {"exponential": {"mean": "1s"}}}]})");
}
const Arguments kGrid{"--vary", "/workload/0/arrivals/poisson/rate=0.5/s..0.8/s/4", "--vary",
                      "/cluster/hosts/0/count=1,2,3"};

std::size_t lines_of(const std::string& path) {
  const std::string text = text_of(path);
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

void expect_same_files(const std::string& expected, const std::string& got) {
  for (const char* name : kFiles) {
    const std::string text = text_of(expected + "/" + name);
    EXPECT_FALSE(text.empty()) << name;
    EXPECT_TRUE(text == text_of(got + "/" + name)) << name << " differs";
  }
}

std::string schema_errors(const Json& document) {
  const Json schema_json = Json::parse(text_of(DRYDOCK_SOURCE_DIR "/reports/sweep.schema.json"));
  valijson::Schema schema;
  valijson::SchemaParser parser;
  parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(schema_json), schema);
  valijson::Validator validator;
  valijson::ValidationResults results;
  if (validator.validate(schema, valijson::adapters::NlohmannJsonAdapter(document), &results)) return {};
  std::string text;
  for (const auto& error : results) {
    for (const std::string& part : error.context) text += part;
    text += ": " + error.description + "\n";
  }
  return text;
}

TEST(Sweep, GivesTheSameOnAnyNumberOfProcessors) {
  const Folder folder;
  const std::string scenario = small_queue(folder);
  const Arguments options = Arguments{"sweep",       scenario,          "--seeds",  "1..12",
                                      "--precision", "wait_s.mean=30%", "--pareto", "wait_s.mean,cost_usd"} +
                            kGrid;
  ASSERT_EQ(run_binary(options + Arguments{"--jobs", "1", "--out", folder.path("one")}).code, 0);
  const Ran ran = run_binary(options + Arguments{"--jobs", "5", "--out", folder.path("five"), "--format", "json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  expect_same_files(folder.path("one"), folder.path("five"));
  EXPECT_EQ(ran.out, text_of(folder.path("five/result.json")));
  const Json json = Json::parse(ran.out);
  EXPECT_EQ(schema_errors(json), "");
  ASSERT_EQ(json["points"].size(), 12U);
  EXPECT_EQ(json["points"][0]["values"],
            (Json{{"/workload/0/arrivals/poisson/rate", "0.5/s"}, {"/cluster/hosts/0/count", "1"}}));
  std::set<int> seeds_used;
  for (const Json& point : json["points"]) seeds_used.insert(point["runs"].get<int>());
  for (const int seeds : seeds_used) EXPECT_TRUE(seeds == 5 || seeds == 10 || seeds == 12) << seeds;
  EXPECT_TRUE(seeds_used.contains(5)) << "some are precise at once";
  EXPECT_FALSE(json["front"].empty());
  EXPECT_EQ(lines_of(folder.path("five/runs.log")), json["runs"].size()) << "no run was made that does not count";
}

TEST(Sweep, GoesOnAfterKillsAndEndsWithTheSameFiles) {
  const Folder folder;
  const Arguments options = Arguments{"sweep", small_queue(folder), "--seeds", "1..10", "--jobs", "3"} + kGrid;
  ASSERT_EQ(run_binary(options + Arguments{"--out", folder.path("whole")}).code, 0);
  const std::size_t all = 12 * 10;
  Rng rng(5, "kills");
  const std::string out = folder.path("killed");
  const std::string log = out + "/runs.log";
  int kills = 0;
  for (std::size_t done = 0; done + 20 < all; done = lines_of(log)) {
    const Started started(options + Arguments{"--out", out});
    const std::size_t until = done + rng.below(20);
    while (!started.ended() && (!fs::exists(log) || lines_of(log) < until))
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    started.interrupt(SIGKILL);
    kills += started.wait().signal == SIGKILL ? 1 : 0;
    EXPECT_GE(lines_of(log) + 1, done) << "nothing that was there is lost";
  }
  EXPECT_GT(kills, 2);
  // As a machine that stops in the midst of a line may leave it.
  std::ofstream(log, std::ios::app | std::ios::binary) << "0123456789abcdef {\"point\":3,";
  const Ran ran = run_binary(options + Arguments{"--out", out});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(has(ran.err, "going on: ")) << ran.err;
  expect_same_files(folder.path("whole"), out);
  EXPECT_EQ(lines_of(log), all) << "no run was made twice";
  // With nothing left to do, the same again.
  ASSERT_EQ(run_binary(options + Arguments{"--out", out}).code, 0);
  expect_same_files(folder.path("whole"), out);
  EXPECT_EQ(lines_of(log), all);
}

TEST(Sweep, ShardsMakeTheWhole) {
  const Folder folder;
  const Arguments options =
      Arguments{"sweep", small_queue(folder), "--seeds", "3..8", "--metrics", "wait_s,utilization"} + kGrid;
  ASSERT_EQ(run_binary(options + Arguments{"--out", folder.path("whole")}).code, 0);
  Arguments merge{"sweep", "--merge"};
  for (int shard = 5; shard >= 1; --shard) {
    const std::string out = folder.path("shard" + std::to_string(shard));
    const Ran ran = run_binary(options + Arguments{"--shard", std::to_string(shard) + "/5", "--out", out});
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_TRUE(has(ran.out, "Shard " + std::to_string(shard) + " of 5")) << ran.out;
    merge.push_back(out);
  }
  const Ran merged = run_binary(merge + Arguments{"--out", folder.path("merged")});
  ASSERT_EQ(merged.code, 0) << merged.err;
  expect_same_files(folder.path("whole"), folder.path("merged"));

  const Ran missing = run_binary({"sweep", "--merge", folder.path("shard1"), folder.path("shard3")});
  EXPECT_EQ(missing.code, 2);
  EXPECT_TRUE(has(missing.err, "shard 2 of 5 is missing")) << missing.err;
  const Ran twice = run_binary({"sweep", "--merge", folder.path("shard1"), folder.path("shard1")});
  EXPECT_EQ(twice.code, 2);
  EXPECT_TRUE(has(twice.err, "are both shard 1")) << twice.err;
  const Ran other = run_binary({"sweep", "--merge", folder.path("shard1"), folder.path("whole")});
  EXPECT_EQ(other.code, 2);
  EXPECT_TRUE(has(other.err, "is of another sweep")) << other.err;
  // One that is not finished is named, and the result marked.
  const std::string log = folder.path("shard4/runs.log");
  const std::string lines = text_of(log);
  std::ofstream(log, std::ios::binary | std::ios::trunc) << lines.substr(0, lines.find('\n') + 1);
  const Ran partial = run_binary(merge + Arguments{"--format", "json"});
  EXPECT_EQ(partial.code, 1);
  EXPECT_TRUE(has(partial.err, "shard4: shard 4 of 5 is not finished")) << partial.err;
  EXPECT_TRUE(Json::parse(partial.out)["partial"].get<bool>());
}

TEST(Sweep, RefusesAFolderOfAnotherSweep) {
  const Folder folder;
  const std::string scenario = small_queue(folder);
  const std::string out = folder.path("out");
  const Arguments options{"sweep", scenario, "--vary", "/cluster/hosts/0/count=1,2", "--out", out};
  ASSERT_EQ(run_binary(options + Arguments{"--seeds", "1..3"}).code, 0);
  const auto refusal = [&](const Arguments& other) {
    const Ran ran = run_binary(other);
    EXPECT_EQ(ran.code, 2) << ran.out;
    return ran.err;
  };
  EXPECT_TRUE(has(refusal(options + Arguments{"--seeds", "1..4"}), "--seeds was 1..3, and is 1..4 now"));
  EXPECT_TRUE(has(refusal({"sweep", scenario, "--vary", "/cluster/hosts/0/count=1,3", "--out", out, "--seeds", "1..3"}),
                  "what is varied was /cluster/hosts/0/count=1,2, and is /cluster/hosts/0/count=1,3 now"));
  EXPECT_TRUE(has(refusal(options + Arguments{"--seeds", "1..3", "--warmup", "mser5"}), "--warmup was of the scenario"));
  EXPECT_TRUE(has(refusal(options + Arguments{"--seeds", "1..3", "--set", "/workload/0/count=100"}), "has changed since"));
  // Another view of the same runs is no other sweep.
  EXPECT_EQ(run_binary(options + Arguments{"--seeds", "1..3", "--metrics", "cost_usd"}).code, 0);
  EXPECT_EQ(lines_of(out + "/runs.log"), 6U);

  std::string lines = text_of(out + "/runs.log");
  lines[30] = static_cast<char>(lines[30] ^ 1);
  std::ofstream(out + "/runs.log", std::ios::binary | std::ios::trunc) << lines;
  EXPECT_TRUE(has(refusal(options + Arguments{"--seeds", "1..3"}), "runs.log:1: is damaged"));
}

// 1 / (mu - lambda) - 1 / mu: 1 s at a rate of 0.5/s, 2.333 s at 0.7/s.
TEST(Sweep, FindsTheEffectThatQueueingTheoryKnows) {
  const Ran ran =
      run_binary({"sweep", "mm1", "--set", "/workload/0/count=40000", "--vary",
                  "/workload/0/arrivals/poisson/rate=0.5/s,0.7/s", "--vary", "/cluster/hosts/0/cost_per_hour=1,2", "--seeds",
                  "1..10", "--metrics", "wait_s.mean,cost_usd", "--format", "json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const Json json = Json::parse(ran.out);
  EXPECT_EQ(schema_errors(json), "");
  const Json& rate = json["effects"][0];
  EXPECT_EQ(rate["metric"], "wait_s.mean");
  EXPECT_EQ(rate["parameter"], "/workload/0/arrivals/poisson/rate");
  EXPECT_EQ(rate["rank"], 1);
  EXPECT_TRUE(rate["shown"].get<bool>());
  EXPECT_EQ(rate["most"], "0.7/s");
  EXPECT_NEAR(rate["range"].get<double>(), 4.0 / 3, 0.1);
  EXPECT_NEAR(rate["levels"][0]["mean"].get<double>(), 1, 0.05);
  const Json& price = json["effects"][1];
  EXPECT_EQ(price["parameter"], "/cluster/hosts/0/cost_per_hour");
  EXPECT_EQ(price["range"], 0);
  EXPECT_FALSE(price["shown"].get<bool>());
  EXPECT_EQ(json["effects"][2]["metric"], "cost_usd");
  EXPECT_EQ(json["effects"][2]["parameter"], "/cluster/hosts/0/cost_per_hour") << "the price matters most for the cost";
  EXPECT_EQ(json["recommendation"]["metric"], "wait_s.mean");
}

TEST(Sweep, VariantsAreADimensionAndValuesGoOverThem) {
  const Ran ran =
      run_binary({"sweep", "ttl-knife-edge", "--variant", "ttl-60s", "--variant", "ttl-65s", "--set", "/duration=1h",
                  "--vary", "/policies/liveness/ttl=60s,90s", "--seeds", "1,2", "--format", "csv"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(has(ran.out, "point,variant,/policies/liveness/ttl,runs,on_front,")) << ran.out;
  EXPECT_TRUE(has(ran.out, "\n1,ttl-60s,60s,2,")) << ran.out;
  EXPECT_TRUE(has(ran.out, "\n4,ttl-65s,90s,2,")) << ran.out;
  const Ran alone = run_binary({"sweep", "ttl-knife-edge", "--set", "/duration=1h", "--variant", "ttl-60s", "--variant",
                                "ttl-90s", "--seeds", "1..3", "--format", "markdown"});
  ASSERT_EQ(alone.code, 0) << alone.err;
  EXPECT_TRUE(has(alone.out, "| 1 = | ttl-60s |")) << alone.out;
}

TEST(Sweep, DrawsPointsAtRandom) {
  const Folder folder;
  const Arguments options{"sweep",    small_queue(folder),
                          "--random", "9",
                          "--vary",   "/workload/0/arrivals/poisson/rate=0.1/s..0.9/s",
                          "--vary",   "/cluster/hosts/0/count=1,2",
                          "--seeds",  "1..3",
                          "--format", "json"};
  const Ran ran = run_binary(options);
  ASSERT_EQ(ran.code, 0) << ran.err;
  const Json json = Json::parse(ran.out);
  EXPECT_EQ(schema_errors(json), "");
  EXPECT_EQ(json["points"].size(), 9U);
  EXPECT_EQ(json["drawn_from_seed"], 1);
  EXPECT_EQ(json["parameters"][0]["levels"], (Json{"0.1/s..0.5/s", "0.5/s..0.9/s"}));
  EXPECT_EQ(run_binary(options).out, ran.out);
  EXPECT_NE(run_binary(options + Arguments{"--random-seed", "2"}).out, ran.out);
}

// The first 500 jobs wait behind a pile of 400 that were there at once; what MSER-5 leaves out differs from run to run.
TEST(Sweep, FindsTheWarmUpByMser5) {
  const Folder folder;
  const std::string file = folder.file("pile.json", R"({"name": "pile", "cluster": {"hosts": [{"name": "n"}]},
    "workload": [{"name": "pile", "count": 400, "arrivals": {"at-once": {}}, "duration": "1s"},
                 {"name": "w", "count": 6000, "arrivals": {"poisson": {"rate": "0.5/s"}}, "duration": {"exponential": {"mean": "1s"}}}]})");
  const Arguments options{"sweep",   file,   "--vary",   "/workload/1/arrivals/poisson/rate=0.3/s,0.5/s",
                          "--seeds", "1..3", "--format", "json"};
  const Json plain = Json::parse(run_binary(options).out);
  const Ran ran = run_binary(options + Arguments{"--warmup", "mser5", "--jobs", "3"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const Json json = Json::parse(ran.out);
  EXPECT_EQ(schema_errors(json), "");
  for (const Json& run : json["runs"]) {
    EXPECT_GE(run["warmup_jobs"].get<int>(), 400) << run;
    EXPECT_LE(run["warmup_jobs"].get<int>(), 3200) << run << " is more than half";
    EXPECT_TRUE(run["settled"].get<bool>());
  }
  EXPECT_GT(plain["points"][1]["metrics"]["wait_s.mean"]["mean"].get<double>(), 15);
  EXPECT_LT(json["points"][1]["metrics"]["wait_s.mean"]["mean"].get<double>(), 3);
  EXPECT_EQ(run_binary(options + Arguments{"--warmup", "mser5", "--jobs", "1"}).out, ran.out);
}

TEST(Sweep, RefusesAPointThatMakesNoSenseBeforeAnythingRuns) {
  const Folder folder;
  const std::string out = folder.path("out");
  const std::string scenario = small_queue(folder);
  const auto refusal = [&](const Arguments& options) {
    const Ran ran = run_binary(Arguments{"sweep", scenario, "--out", out} + options);
    EXPECT_EQ(ran.code, 2) << ran.out;
    EXPECT_FALSE(fs::exists(out)) << "nothing was begun";
    return ran.err;
  };
  const std::string bad_value = refusal({"--vary", "/cluster/hosts/0/count=1,2,-4", "--vary", "/workload/0/count=10,20"});
  EXPECT_TRUE(has(bad_value, "the point /cluster/hosts/0/count=-4, /workload/0/count=10: ")) << bad_value;
  const std::string bad_key = refusal({"--vary", "/cluster/hosts/0/cuont=1,2"});
  EXPECT_TRUE(has(bad_key, "did you mean \"count\"")) << bad_key;
  const std::string bad_section = refusal({"--vary", "/polices/placement=fcfs,easy"});
  EXPECT_TRUE(has(bad_section, "did you mean \"policies\"")) << bad_section;
  const std::string bad_policy = refusal({"--vary", "/policies/placement=fcfs,eassy"});
  EXPECT_TRUE(has(bad_policy, "the point /policies/placement=eassy: ") && has(bad_policy, "did you mean \"easy\""))
      << bad_policy;
  EXPECT_TRUE(has(refusal({"--vary", "/cluster/hosts/3/count=1,2"}), "\"3\" is no index"));
  EXPECT_TRUE(has(refusal({}), "nothing is varied"));
  EXPECT_TRUE(has(refusal({"--vary", "/seed=1,2", "--pareto", "wait_s.mena,cost_usd"}), "did you mean \"wait_s.mean\""));
  EXPECT_TRUE(has(refusal({"--vary", "/seed=1,2", "--pareto", "cost_usd"}), "at least two metrics"));
  EXPECT_TRUE(
      has(refusal({"--vary", "/seed=1,2", "--pareto", "cost_usd,jobs_submitted"}), "neither more nor less is better"));
  EXPECT_TRUE(has(refusal({"--vary", "/seed=1,2", "--precision", "wait_s=5%"}), "is several metrics"));
  EXPECT_TRUE(has(refusal({"--vary", "/seed=1,2", "--shard", "3/2"}), "--shard 3/2: is no shard"));
  EXPECT_TRUE(has(refusal({"--vary", "/seed=1,2", "--baseline", "3"}), "there are points 1 to 2"));
  EXPECT_TRUE(has(run_binary({"sweep"}).err, "SCENARIO is missing"));
  EXPECT_TRUE(has(run_binary({"sweep", scenario, "--vary", "/seed=1,2", "--shard", "1/2"}).err, "needs --out"));
  EXPECT_TRUE(has(run_binary({"sweep", scenario, "--merge", "a"}).err, "--merge: what was run is in the folders"));
}

TEST(Sweep, TellsOfRunsThatFailAndTriesThemAgain) {
  const Folder folder;
  const std::string file = folder.file("late.json", R"({"must_end_by": "60s", "cluster": {"hosts": [{"name": "n"}]},
    "workload": [{"name": "w", "count": 1, "arrivals": {"at-once": {}}, "duration": "30s"}]})");
  const std::string out = folder.path("out");
  for (int attempt = 0; attempt < 2; ++attempt) {
    const Ran ran = run_binary({"sweep", file, "--vary", "/must_end_by=1s,60s", "--out", out, "--format", "json"});
    EXPECT_EQ(ran.code, 1);
    EXPECT_TRUE(has(ran.err, "point 1 (must_end_by 1s), seed 1: 1 job has not ended by 1 s")) << ran.err;
    const Json json = Json::parse(ran.out);
    EXPECT_EQ(schema_errors(json), "");
    EXPECT_FALSE(json["partial"].get<bool>());
    ASSERT_EQ(json["failed"].size(), 1U);
    EXPECT_EQ(json["failed"][0]["point"], 1);
    EXPECT_EQ(json["points"][1]["runs"], 1);
    EXPECT_EQ(lines_of(out + "/runs.log"), 1U) << "only what gave a result is kept";
  }
}

TEST(Sweep, InterruptedByCtrlCKeepsWhatThereIs) {
  const Folder folder;
  const std::string out = folder.path("out");
  const Arguments options{"sweep",   "mm1",     "--vary", "/workload/0/arrivals/poisson/rate=0.3/s..0.9/s/7",
                          "--seeds", "1..1000", "--out",  out};
  const Started started(options);
  while (!started.ended() && (!fs::exists(out + "/runs.log") || lines_of(out + "/runs.log") < 3))
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  // Meanwhile nobody else may write there.
  const Ran second = run_binary(options);
  EXPECT_EQ(second.code, 2);
  EXPECT_TRUE(has(second.err, "another sweep is writing to this folder")) << second.err;
  started.interrupt();
  const Ran ran = started.wait();
  EXPECT_EQ(ran.code, 130) << ran.err;
  EXPECT_TRUE(has(ran.out, "PARTIAL RESULT: ")) << ran.out;
  EXPECT_TRUE(has(ran.err, "the same command goes on from here")) << ran.err;
  const Json json = Json::parse(text_of(out + "/result.json"));
  EXPECT_TRUE(json["partial"].get<bool>());
  EXPECT_EQ(schema_errors(json), "");
  EXPECT_GE(json["runs"].size(), 3U);
  EXPECT_EQ(lines_of(out + "/runs.log"), json["runs"].size());
}

TEST(Sweep, TheScriptForSlurmMakesTheWholeToo) {
  const Folder folder;
  const Arguments options = Arguments{small_queue(folder), "--seeds", "1..2"} + kGrid;
  ASSERT_EQ(run_binary(Arguments{"sweep"} + options + Arguments{"--out", folder.path("whole")}).code, 0);
  for (int task = 3; task >= 1; --task) {
    EXPECT_FALSE(fs::exists(folder.path("array/result.json"))) << "only the last one merges";
    std::string command = "SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_ID=" + std::to_string(task) +
                          " DRYDOCK='" DRYDOCK_BINARY "' DRYDOCK_SWEEP_DIR='" + folder.path("array") +
                          "' bash '" DRYDOCK_SOURCE_DIR "/examples/slurm/sweep.sbatch'";
    for (const std::string& option : options) command += " '" + option + "'";
    ASSERT_EQ(std::system((command + " > /dev/null").c_str()), 0) << command;
  }
  expect_same_files(folder.path("whole"), folder.path("array"));
}

}  // namespace
}  // namespace drydock::cli::sweep_test

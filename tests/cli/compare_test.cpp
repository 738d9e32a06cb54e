// drydock compare, from files that simulate wrote.
#include "tests/cli/binary.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

namespace drydock::cli::compare_test {
namespace {

using Json = nlohmann::json;

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// Jobs take `mean`; two variants.
std::string shop(const Folder& folder, const std::string& name, const std::string& mean,
                 const std::string& scenario = "shop") {
  return folder.file(name, R"({"name": ")" + scenario + R"(",
    "cluster": {"hosts": [{"name": "node", "count": 2, "cpus": 1}]},
    "workload": [{"count": 400, "arrivals": {"poisson": {"rate": "0.5/s"}}, "duration": {"exponential": {"mean": ")" +
                               mean + R"("}}}],
    "variants": [{"name": "fcfs", "set": {"/policies/placement": "fcfs"}}, {"name": "sjf", "set": {"/policies/placement": "sjf"}}]})");
}

void simulate(const std::string& scenario, const std::string& out, const std::string& seeds = "1..10") {
  const Ran ran = run_binary({"simulate", scenario, "--seeds", seeds, "--out", out, "--check"});
  ASSERT_EQ(ran.code, 0) << ran.err;
}

// Results of a base and of a head whose jobs take a tenth longer.
class Compare : public testing::Test {
 protected:
  void SetUp() override {
    simulate(shop(folder_, "base.json", "2s"), base_);
    simulate(shop(folder_, "head.json", "2.2s"), head_);
  }
  [[nodiscard]] std::string rules(const std::string& text) const { return folder_.file("rules.json", text); }

  Folder folder_;
  std::string base_ = folder_.path("base");
  std::string head_ = folder_.path("head");
};

TEST_F(Compare, SaysInWordsWhatIsWorseAndHowSureThatIs) {
  const Ran ran = run_binary({"compare", base_, head_}, "160");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(has(ran.out, "head:fcfs against base:fcfs (10 paired seeds)")) << ran.out;
  EXPECT_TRUE(has(ran.out, "head:sjf against base:sjf")) << ran.out;
  EXPECT_TRUE(has(ran.out, "/workload/0/duration")) << ran.out;
  EXPECT_TRUE(has(ran.out, "Worse: ")) << ran.out;
  EXPECT_TRUE(has(ran.out, "Kolmogorov-Smirnov distance")) << ran.out;
  EXPECT_TRUE(has(ran.out, "(Holm)")) << ran.out;
  EXPECT_FALSE(has(ran.out, "\x1b["));
  EXPECT_EQ(run_binary({"compare", base_, head_}, "160").out, ran.out) << "resampling is seeded";
}

TEST_F(Compare, TheSameRunsAreEqualDecisionByDecision) {
  const Ran ran = run_binary({"compare", base_ + "/result.json", base_}, "160");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(has(ran.out, "Every decision is the same under all 10 seeds")) << ran.out;
  EXPECT_FALSE(has(ran.out, "Worse:")) << ran.out;
}

TEST_F(Compare, TwoVariantsOfOneFileAndAllOfIt) {
  const Ran two = run_binary({"compare", base_ + ":fcfs", base_ + ":sjf", "--metrics", "wait_s.mean", "--details"}, "200");
  EXPECT_EQ(two.code, 0) << two.err;
  EXPECT_TRUE(has(two.out, "sjf against fcfs (10 paired seeds), of 1 metric: better in 1.")) << two.out;
  EXPECT_TRUE(has(two.out, "bootstrap"));
  EXPECT_TRUE(has(two.out, "Cliff's delta"));
  const Ran all = run_binary({"compare", base_, "--metrics", "wait_s.mean"});
  EXPECT_TRUE(has(all.out, "sjf against fcfs")) << all.out;
}

TEST_F(Compare, SeedsThatDifferAreNotPaired) {
  simulate(folder_.path("head.json"), folder_.path("later"), "11..20");
  const Ran ran = run_binary({"compare", base_, folder_.path("later")}, "160");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(has(ran.out, "10 against 10 runs that share too few seeds to be paired")) << ran.out;
  EXPECT_TRUE(has(ran.out, "Welch")) << ran.out;
}

TEST_F(Compare, JsonIsAsItsSchemaSays) {
  const Ran ran = run_binary({"compare", base_, head_, "--format", "json", "--gate",
                              rules(R"({"rules": [{"metric": "wait_s.mean", "at_most": "1h"}]})")});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const Json json = Json::parse(ran.out);
  std::ifstream file(DRYDOCK_SOURCE_DIR "/reports/compare.schema.json");
  const Json schema_json = Json::parse(file);
  valijson::Schema schema;
  valijson::SchemaParser().populateSchema(valijson::adapters::NlohmannJsonAdapter(schema_json), schema);
  valijson::Validator validator(valijson::Validator::kStrongTypes);
  valijson::ValidationResults results;
  EXPECT_TRUE(validator.validate(schema, valijson::adapters::NlohmannJsonAdapter(json), &results))
      << (results.begin() == results.end() ? "" : results.begin()->description);
  ASSERT_EQ(json["comparisons"].size(), 2U);
  const Json& first = json["comparisons"][0];
  EXPECT_EQ(first["pairing"], "paired");
  EXPECT_EQ(first["seeds"], Json({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  for (const Json& metric : first["metrics"]) {
    if (metric["metric"] != "response_s.mean") continue;
    EXPECT_EQ(metric["finding"], "worse");
    EXPECT_GT(metric["student"][0], 0);
    EXPECT_GT(metric["bootstrap"][0], 0);
    EXPECT_GT(metric["relative_interval"][0], 0);
    EXPECT_GT(metric["cohens_d"], 0);
  }
  ASSERT_EQ(first["distributions"].size(), 2U);
  EXPECT_EQ(json["gate"]["passed"], true);
}

TEST_F(Compare, AGatePassesOrSaysWhyNot) {
  const Ran passed = run_binary({"compare", base_, base_, "--gate", rules(R"({"rules": [
      {"metric": "wait_s.mean", "not_worse_than_percent": 5}, {"metric": "jobs_failed", "at_most": 0, "every_run": true}, {"no_violations": true}]})")});
  EXPECT_EQ(passed.code, 0) << passed.err;
  EXPECT_TRUE(has(passed.out, "Gate passed: 6 of 6 rules.")) << passed.out;
  const Ran failed = run_binary({"compare", base_, head_, "--gate", rules(R"({"rules": [
      {"metric": "response_s.mean", "not_worse_than_percent": 2, "variants": ["fcfs"]}]})")},
                                "200");
  EXPECT_EQ(failed.code, 1);
  EXPECT_TRUE(has(failed.err, "drydock: gate: broken: head:fcfs: response_s.mean not worse than 2 %: ")) << failed.err;
  EXPECT_TRUE(has(failed.err, "rules.json:2: /rules/0")) << failed.err;
  EXPECT_TRUE(has(failed.out, "Gate FAILED: 1 of 1 rules.")) << failed.out;
}

TEST_F(Compare, AGateOnOneRunNeedsRulesWithoutABase) {
  const Ran alone =
      run_binary({"compare", base_, "--gate", rules(R"({"rules": [{"metric": "wait_s.mean", "at_most": "1h"}]})")});
  EXPECT_EQ(alone.code, 0) << alone.err;
  EXPECT_TRUE(has(alone.out, "Gate passed: 2 of 2 rules.")) << alone.out;
  const Ran refused = run_binary({"compare", base_ + ":sjf", "--gate",
                                  rules(R"({"rules": [{"metric": "wait_s.mean", "not_worse_than_percent": 1}]})")});
  EXPECT_EQ(refused.code, 2);
  EXPECT_TRUE(has(refused.err, "needs a run to compare with")) << refused.err;
}

TEST_F(Compare, RefusesWithWhatToDo) {
  simulate(shop(folder_, "other.json", "2s", "mill"), folder_.path("other"), "1..2");
  folder_.file("broken.json",
               R"({"schema": "drydock.result/1", "partial": false, "scenario": {"name": "x", "variants": [{"variant": "v"}]},
    "runs": [{"variant": "v", "seed": 1, "partial": false, "metrics": {"wait_s.mean": "long"}}]})");
  folder_.file("newer.json", R"({"schema": "drydock.result/2"})");
  folder_.file("rules.json", R"({"rules": [{"metric": "wait_s.maen", "at_most": 1}]})");
  struct Case {
    std::vector<std::string> arguments;
    std::string says;
  };
  const Case cases[] = {{{base_, folder_.path("none")}, "there is no " + folder_.path("none")},
                        {{base_, folder_.path("other")}, "--across-scenarios"},
                        {{base_ + ":easy", head_}, "has no variant \"easy\"; it has fcfs and sjf"},
                        {{base_, folder_.path("broken.json")},
                         "broken.json:2: /runs/0/metrics/wait_s.mean: expected a number, found \"long\""},
                        {{base_, folder_.path("newer.json")}, "a newer drydock made it"},
                        {{base_, folder_.path("base.json")}, "no result of drydock"},
                        {{base_, head_, "--metrics", "wait_z"}, "did you mean"},
                        {{base_, head_, "--gate", folder_.path("rules.json")}, "did you mean \"wait_s.mean\"?"},
                        {{base_ + ":sjf"}, "name another to compare it with"},
                        {{base_, head_, "--confidence", "2"}, "confidence"}};
  for (const Case& one : cases) {
    std::vector<std::string> arguments{"compare"};
    arguments.insert(arguments.end(), one.arguments.begin(), one.arguments.end());
    const Ran ran = run_binary(arguments);
    EXPECT_EQ(ran.code, 2) << one.says;
    EXPECT_TRUE(has(ran.err, one.says)) << ran.err;
    EXPECT_EQ(ran.out, "");
  }
  EXPECT_EQ(run_binary({"compare", base_, folder_.path("other"), "--across-scenarios"}).code, 0);
}

TEST_F(Compare, WritesFilesAndListsMetrics) {
  const std::string out = folder_.path("out");
  const Ran ran = run_binary({"compare", base_, head_, "--out", out, "--format", "markdown"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(text_of(out + "/comparison.md"), ran.out);
  EXPECT_TRUE(ran.out.starts_with("<!-- drydock compare -->")) << ran.out;
  EXPECT_TRUE(has(ran.out, "| ---: |"));
  EXPECT_TRUE(Json::parse(text_of(out + "/comparison.json")).is_object());
  EXPECT_TRUE(has(text_of(out + "/comparison.txt"), "against"));
  const Ran list = run_binary({"compare", base_, head_, "--metrics", "list"});
  EXPECT_EQ(list.code, 0);
  EXPECT_TRUE(has(list.out, "per_queue.default.wait_s.mean ")) << list.out;
}

// What `up --out` leaves, of a run for real.
std::string up_result(const std::string& seed, const std::string& wait) {
  return R"({"schema": "drydock-up/1", "scenario": "shop", "variant": "fcfs", "seed": )" + seed +
         R"(, "complete": true, "lookahead": 0,
    "metrics": {"wait_s.mean": )" +
         wait + R"(, "jobs_completed": 400, "attempts": 400}})";
}

TEST_F(Compare, RunsForRealAreRead) {
  std::filesystem::create_directories(folder_.path("real/1"));
  std::filesystem::create_directories(folder_.path("real/2"));
  folder_.file("real/1/up.json", up_result("1", "3.5"));
  folder_.file("real/2/up.json", up_result("2", "4.5"));
  const Ran one = run_binary({"compare", base_ + ":fcfs", folder_.path("real/1"), "--metrics", "wait_s.mean"}, "160");
  EXPECT_EQ(one.code, 0) << one.err;
  EXPECT_TRUE(has(one.out, "is of a run for real")) << one.out;
  EXPECT_TRUE(has(one.out, "One run of a side says nothing of chance")) << one.out;
  const Ran both = run_binary({"compare", base_ + ":fcfs", folder_.path("real"), "--metrics", "wait_s.mean"}, "160");
  EXPECT_EQ(both.code, 0) << both.err;
  EXPECT_TRUE(has(both.out, "2 paired seeds")) << both.out;
  folder_.file("real/2/up.json", up_result("1", "4.5"));
  EXPECT_TRUE(has(run_binary({"compare", base_, folder_.path("real")}).err, "choose other seeds"));
}

// The commands of examples/ci as a workflow runs them, with this build for both sides.
struct ScriptRun {
  int code = -1;
  std::string output;
};
ScriptRun run_script(const Folder& folder, const std::map<std::string, std::string>& environment) {
  std::string command;
  for (const auto& [name, value] : environment) command += name + "='" + value + "' ";
  command += "bash '" DRYDOCK_SOURCE_DIR "/examples/ci/compare.sh' >'" + folder.path("log") + "' 2>&1";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text_of(folder.path("log"))};
}

TEST(CiExample, TheScriptPassesForTheSameBuildAndFailsForARegression) {
  const Folder folder;
  std::map<std::string, std::string> environment{
      {"BASE", DRYDOCK_BINARY}, {"HEAD", DRYDOCK_BINARY}, {"SEEDS", "1..6"}, {"OUT", folder.path("out")}};
  const ScriptRun same = run_script(folder, environment);
  EXPECT_EQ(same.code, 0) << same.output;
  EXPECT_TRUE(has(same.output, "Gate passed: 10 of 10 rules.")) << same.output;
  EXPECT_TRUE(has(text_of(folder.path("out/comparison.md")), "Gate passed"));
  Json slower = Json::parse(text_of(DRYDOCK_SOURCE_DIR "/examples/ci/scenario.json"));
  slower["workload"][0]["duration"]["exponential"]["mean"] = "4.5s";
  environment["HEAD_SCENARIO"] = folder.file("slower.json", slower.dump());
  const ScriptRun regression = run_script(folder, environment);
  EXPECT_EQ(regression.code, 1) << regression.output;
  EXPECT_TRUE(has(regression.output, "drydock: gate: broken: head:fcfs: wait_s.mean not worse than 5 %"))
      << regression.output;
  environment["HEAD_SCENARIO"] = folder.path("none.json");
  EXPECT_EQ(run_script(folder, environment).code, 2);
}

TEST(CiExample, TheWorkflowRunsThatScriptAndUsesWhatItLeaves) {
  const std::string workflow = text_of(DRYDOCK_SOURCE_DIR "/examples/ci/scheduling.yml");
  EXPECT_TRUE(has(workflow, "run: head/examples/ci/compare.sh\n"));
  for (const char* variable : {"BASE: base/build/release/drydock", "HEAD: head/build/release/drydock", "OUT: comparison"})
    EXPECT_TRUE(has(workflow, variable)) << variable;
  EXPECT_TRUE(has(workflow, "cat comparison/comparison.md"));
  EXPECT_EQ(workflow.find('\t'), std::string::npos);
}

}  // namespace
}  // namespace drydock::cli::compare_test

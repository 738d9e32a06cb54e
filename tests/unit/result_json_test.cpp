#include "reports/json.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>
#include <vector>

namespace drydock::reports::result_json_test {
namespace {

using Json = nlohmann::json;

// Empty when `document` is as result.schema.json says; otherwise what is wrong.
std::string schema_errors(const Json& document) {
  std::ifstream file(DRYDOCK_SOURCE_DIR "/reports/result.schema.json");
  const Json schema_json = Json::parse(file);
  valijson::Schema schema;
  valijson::SchemaParser parser;
  parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(schema_json), schema);
  valijson::Validator validator(valijson::Validator::kStrongTypes);
  valijson::ValidationResults results;
  if (validator.validate(schema, valijson::adapters::NlohmannJsonAdapter(document), &results)) return {};
  std::string text = "invalid:";
  for (const auto& error : results) {
    for (const auto& part : error.context) text += part;
    text += " " + error.description + ";";
  }
  return text;
}

std::vector<RunResult> sample_runs() {
  std::vector<RunResult> runs(4);
  for (std::size_t i = 0; i < 4; ++i) {
    runs[i].variant = i < 2 ? "fcfs" : "easy";
    runs[i].seed = i % 2 + 1;
    runs[i].metrics = {{"wait_s.mean", 10.0 - static_cast<double>(i) * 2.25}, {"jobs_completed", 100}};
    runs[i].journal_hash = 0xfedcba9876543210U + i;
  }
  return runs;
}

ResultInput input_of(const std::vector<RunResult>& runs) {
  ResultInput input;
  input.context = {"0.1.0", {{"compiler", "g++ 12"}, {"build_type", "Release"}}};
  input.scenario_name = "demo";
  input.variants = {{"fcfs", R"({"name":"demo"})"}, {"easy", R"({"name":"demo","seed":3})"}};
  input.runs = runs;
  return input;
}

TEST(ResultJson, ConformsToItsSchema) {
  auto runs = sample_runs();
  runs[1].partial = true;
  runs[2].error = "no memory";
  runs[3].checked = true;
  runs[3].violation_count = 1;
  runs[3].violations = {{3, Time{std::chrono::milliseconds{1500}}, "worker 1 holds 5 of 4"}};
  runs[3].distributions = {{"wait_s", {{0, 1.5}, {3, 4}}}};
  const std::string text = render_json(input_of(runs));
  const Json json = Json::parse(text);
  EXPECT_EQ(schema_errors(json), "");
  EXPECT_NE(text.find("\"at\": [0,1.5]"), std::string::npos) << "lists of numbers stand on one line";
  EXPECT_EQ(json["runs"][3]["distributions"]["wait_s"]["up_to"], Json({3, 4}));
  EXPECT_FALSE(json["runs"][0].contains("distributions"));
  EXPECT_EQ(json["scenario"]["random"], true);
  EXPECT_EQ(json["runs"][3]["violations"][0]["at_s"], 1.5);
}

TEST(ResultJson, TheSchemaCanFail) {
  const auto runs = sample_runs();
  Json json = Json::parse(render_json(input_of(runs)));
  EXPECT_EQ(schema_errors(json), "");
  Json without = json;
  without["runs"][0].erase("journal_hash");
  EXPECT_NE(schema_errors(without), "");
  Json extra = json;
  extra["surprise"] = 1;
  EXPECT_NE(schema_errors(extra), "");
  Json wrong = json;
  wrong["runs"][0]["metrics"]["wait_s.mean"] = "long";
  EXPECT_NE(schema_errors(wrong), "");
}

TEST(ResultJson, HashesAreTextSoThatNoDigitIsLost) {
  const auto runs = sample_runs();
  const Json json = Json::parse(render_json(input_of(runs)));
  EXPECT_EQ(json["runs"][0]["journal_hash"], "fedcba9876543210");
}

TEST(ResultJson, NotANumberNeverAppears) {
  auto runs = sample_runs();
  runs[0].metrics["utilization"] = std::numeric_limits<double>::quiet_NaN();
  runs[1].metrics["cost_usd"] = std::numeric_limits<double>::infinity();
  runs[0].cpu_s = std::numeric_limits<double>::quiet_NaN();
  const std::string text = render_json(input_of(runs));
  const Json json = Json::parse(text);
  EXPECT_EQ(schema_errors(json), "");
  EXPECT_FALSE(json["runs"][0]["metrics"].contains("utilization"));
  EXPECT_FALSE(json["runs"][1]["metrics"].contains("cost_usd"));
  EXPECT_TRUE(json["runs"][0]["resources"]["cpu_s"].is_null());
}

TEST(ResultJson, SummaryAndComparisonCarryIntervals) {
  const auto runs = sample_runs();
  const Json json = Json::parse(render_json(input_of(runs)));
  const auto& summary = json["summary"];
  ASSERT_EQ(summary.size(), 4U);
  EXPECT_EQ(summary[1]["variant"], "fcfs");
  EXPECT_EQ(summary[1]["metric"], "wait_s.mean");
  EXPECT_EQ(summary[1]["n"], 2);
  EXPECT_EQ(summary[1]["ci95"].size(), 2U);
  EXPECT_DOUBLE_EQ(summary[1]["mean"], 8.875);
  bool found = false;
  for (const auto& verdict : json["comparisons"]) {
    if (verdict["metric"] != "wait_s.mean") continue;
    found = true;
    EXPECT_EQ(verdict["leader"], "easy");
    EXPECT_EQ(verdict["best"], true);
    EXPECT_EQ(verdict["against"][0]["lead"], 4.5);
  }
  EXPECT_TRUE(found);
}

TEST(ResultJson, OneRunHasNoInterval) {
  const std::vector<RunResult> runs{sample_runs()[0]};
  const Json json = Json::parse(render_json(input_of(runs)));
  EXPECT_TRUE(json["summary"][0]["ci95"].is_null());
  EXPECT_TRUE(json["summary"][0]["sd"].is_null());
  EXPECT_EQ(schema_errors(json), "");
}

TEST(ResultJson, SameResultsSameText) {
  const auto runs = sample_runs();
  EXPECT_EQ(render_json(input_of(runs)), render_json(input_of(runs)));
  const std::string text = render_json(input_of(runs));
  EXPECT_EQ(text.find("\"schema\": \"drydock.result/1\""), 4U);
}

TEST(ResultJson, ScenarioHashIgnoresFormButNotContent) {
  const std::vector<VariantScenario> one{{"a", R"({"x":1,"y":2})"}};
  const std::vector<VariantScenario> reordered{{"a", "{ \"y\": 2, // why\n \"x\": 1 }"}};
  const std::vector<VariantScenario> changed{{"a", R"({"x":1,"y":3})"}};
  EXPECT_EQ(scenario_hash(one), scenario_hash(reordered));
  EXPECT_NE(scenario_hash(one), scenario_hash(changed));
}

}  // namespace
}  // namespace drydock::reports::result_json_test

// The schema, the loader's lists of keys and the catalog of policies must say the same.
#include "policies/catalog.hpp"
#include "scenarios/keys.hpp"
#include "scenarios/loader.hpp"
#include "scenarios/schema.hpp"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <sstream>
#include <string_view>

namespace drydock::scenarios::scenarios_schema_test {
namespace {

const std::string kFile = std::string(DRYDOCK_SOURCE_DIR) + "/scenarios/scenario.schema.json";

std::set<std::string> members(const Json& object) {
  std::set<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.insert(key);
  return keys;
}

// The object schema of a definition such as "arrivals/poisson".
const Json& object_schema(const Json& schema, std::string_view path) {
  if (path.empty()) return schema;
  const Json* at = &schema.at("definitions");
  const std::size_t slash = path.find('/');
  at = &at->at(std::string(path.substr(0, slash)));
  if (slash != path.npos) at = &at->at("properties").at(std::string(path.substr(slash + 1)));
  // An object, or a choice of which one is an object that stands apart.
  if (!at->contains("anyOf")) return *at;
  for (const Json& choice : at->at("anyOf")) {
    const std::string reference = choice.value("$ref", "");
    if (reference.ends_with("_deterministic") || reference.ends_with("_empirical")) {
      return schema.at("definitions").at(reference.substr(reference.rfind('/') + 1));
    }
  }
  return *at;
}

void expect_keys(const Json& schema, const std::string& path, const ObjectKeys& keys) {
  const Json& object = object_schema(schema, path);
  ASSERT_TRUE(object.contains("properties")) << path;
  EXPECT_FALSE(object.value("additionalProperties", true)) << path << " lets unknown keys through";
  EXPECT_EQ(members(object.at("properties")), std::set<std::string>(keys.keys.begin(), keys.keys.end())) << path;
}

TEST(Schema, ListsTheKeysOfTheLoader) {
  const Json schema = Json::parse(schema_text());
  for (const ObjectKeys& keys : keys::kAll) {
    const std::string path(keys.definition);
    if (path.starts_with("distribution")) {
      expect_keys(schema, "duration_" + path, keys);
      expect_keys(schema, "number_" + path, keys);
    } else {
      expect_keys(schema, path, keys);
    }
  }
}

// Every object in the schema is one of the loader's, so that no key is accepted and then not read.
TEST(Schema, HasNoObjectThatTheLoaderDoesNotKnow) {
  const Json schema = Json::parse(schema_text());
  std::set<std::set<std::string>> known;
  for (const ObjectKeys& keys : keys::kAll) known.insert(std::set<std::string>(keys.keys.begin(), keys.keys.end()));
  const std::function<void(const Json&, const std::string&)> visit = [&](const Json& node, const std::string& pointer) {
    if (node.is_object() && node.contains("additionalProperties") && node["additionalProperties"] == false) {
      EXPECT_TRUE(known.contains(members(node.at("properties")))) << pointer;
    }
    for (const char* generated :
         {"placement", "liveness", "accounting", "share", "retry", "checkpoint_policy", "session", "isolation"}) {
      if (pointer == std::string("/definitions/") + generated) return;
    }
    for (const auto& [key, value] : node.items()) {
      if (value.is_structured()) visit(value, fmt::format("{}/{}", pointer, key));
    }
  };
  visit(schema, "");
}

TEST(Schema, DescribesEveryPropertyAndDefault) {
  const std::function<void(const Json&, const std::string&)> visit = [&](const Json& node, const std::string& pointer) {
    if (node.is_object() && node.contains("properties") && node["properties"].is_object()) {
      for (const auto& [key, value] : node["properties"].items()) {
        const bool reference = value.contains("$ref");
        EXPECT_TRUE(reference || value.contains("const") || !value.value("description", "").empty())
            << pointer << "/" << key;
      }
    }
    for (const auto& [key, value] : node.items()) {
      if (value.is_structured()) visit(value, fmt::format("{}/{}", pointer, key));
    }
  };
  visit(Json::parse(schema_text()), "");
}

TEST(Schema, ListsThePoliciesOfTheCatalogWithParametersAndDefaults) {
  const Json schema = Json::parse(schema_text());
  for (const PolicyFamily family :
       {PolicyFamily::placement, PolicyFamily::liveness, PolicyFamily::accounting, PolicyFamily::share, PolicyFamily::retry,
        PolicyFamily::checkpoint, PolicyFamily::session, PolicyFamily::isolation}) {
    const std::string definition = family == PolicyFamily::checkpoint ? "checkpoint_policy" : std::string(to_string(family));
    const Json& choices = schema.at("definitions").at(definition).at("anyOf");
    std::vector<std::string> types;
    for (const PolicyInfo& info : policy_catalog()) {
      if (info.family != family) continue;
      types.emplace_back(info.type);
      const auto choice = std::ranges::find_if(choices, [&](const Json& c) { return c.value("title", "") == info.type; });
      ASSERT_NE(choice, choices.end()) << info.type;
      std::set<std::string> expected{"type"};
      for (const ParameterInfo& parameter : info.parameters) {
        const std::string name(parameter.name);
        expected.insert(name);
        EXPECT_TRUE(choice->at("properties").at(name).contains("default")) << info.type << " " << name;
        EXPECT_EQ(choice->at("properties").at(name).at("description"), parameter.help);
      }
      EXPECT_EQ(members(choice->at("properties")), expected) << info.type;
    }
    EXPECT_EQ(choices.at(0).at("enum").get<std::vector<std::string>>(), types);
  }
}

TEST(Schema, FileIsUpToDate) {
  if (std::getenv("DRYDOCK_UPDATE") != nullptr) std::ofstream(kFile) << schema_text();
  std::ifstream in(kFile);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), schema_text()) << "set DRYDOCK_UPDATE=1 and run this test again to rewrite " << kFile;
}

TEST(Schema, AcceptsEveryBuiltInScenario) {
  ASSERT_GE(built_in_scenarios().size(), 13U);
  for (const BuiltIn& built_in : built_in_scenarios()) {
    const auto document = Document::parse(built_in.text, built_in.name);
    ASSERT_TRUE(document.ok()) << document.error().message;
    const auto valid = validate_against_schema(document.value().root());
    EXPECT_TRUE(valid.ok()) << built_in.name << ": " << valid.error().message;
  }
}

// The schema by itself refuses what the loader would; the loader's messages are better, the schema is for editors.
TEST(Schema, RefusesByItself) {
  const Json good =
      Json::parse(R"({"cluster": {"hosts": [{"name": "a"}]}, "policies": {"placement": {"type": "easy", "order": "sjf"}},
    "workload": [{"count": 1, "arrivals": {"poisson": {"rate": "1/s"}},
                  "duration": {"uniform": {"low": "1s", "high": "2s"}}}]})");
  ASSERT_TRUE(validate_against_schema(good).ok()) << validate_against_schema(good).error().message;
  const std::vector<std::pair<std::string, Json>> bad{{"/polices", Json::object()},
                                                      {"/cluster/hosts/0/cpus", -1},
                                                      {"/cluster/hosts", Json::array()},
                                                      {"/workload/0/duration", "3 parsecs"},
                                                      {"/workload/0/duration/uniform/mean", "1s"},
                                                      {"/workload/0/arrivals/poisson/rate", 3},
                                                      {"/policies/placement/type", "esy"},
                                                      {"/policies/placement/oder", "sjf"},
                                                      {"/policies/placement", "esy"},
                                                      {"/variants", Json::array()},
                                                      {"/warmup", "10"}};
  for (const auto& [pointer, value] : bad) {
    Json scenario = good;
    scenario[Json::json_pointer(pointer)] = value;
    EXPECT_FALSE(validate_against_schema(scenario).ok()) << pointer;
  }
}

}  // namespace
}  // namespace drydock::scenarios::scenarios_schema_test

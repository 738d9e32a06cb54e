// The keys "limits", "policies/share" and "requests" of workload entries.
#include "scenarios/loader.hpp"
#include "scenarios/workload.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace drydock::scenarios::scenarios_limits_test {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

Json good() {
  return Json::parse(R"({
    "cluster": {"hosts": [{"name": "node", "count": 4}, {"name": "other", "count": 3}]},
    "queues": [{"name": "a"}, {"name": "b"}],
    "pools": [{"name": "io", "hosts": ["node"], "queues": ["a"]}, {"name": "cpu", "hosts": ["other"], "queues": ["b"]}],
    "limits": {"concurrency": 40, "requests_per_minute": 800, "tokens_per_minute": 40000},
    "workload": [{"queue": "a", "count": 3, "arrivals": {"at-once": {}}, "requests": {"count": 10, "duration": "2s"}},
                 {"queue": "b", "count": 3, "arrivals": {"at-once": {}}, "duration": "2s"}]
  })");
}

Result<std::vector<Scenario>> load_json(const Json& json) { return load_text(json.dump(2), "test.json", ""); }

std::string error_with(const std::string& pointer, const std::string& value) {
  Json json = good();
  json[Json::json_pointer(pointer)] = Json::parse(value);
  const auto loaded = load_json(json);
  return loaded.ok() ? "no error" : loaded.error().message;
}

TEST(Limits, FillsInDefaults) {
  const auto loaded = load_json(good());
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const Scenario& scenario = loaded.value().front();
  ASSERT_TRUE(scenario.limits);
  EXPECT_EQ(scenario.limits->shares.total, (Share{40, 800, 40'000}));
  EXPECT_EQ(scenario.limits->shares.base, (Share{10, 200, 10'000}));  // four workers take part
  EXPECT_EQ(scenario.limits->policy.type, "leased");
  EXPECT_EQ(scenario.limits->burst, 1min);
  EXPECT_EQ(scenario.limits->answer_timeout, 1s);
  EXPECT_TRUE(scenario.limits->enforced);
  EXPECT_TRUE(scenario.notes.empty());
  EXPECT_TRUE(makes_requests(scenario, scenario.pools[0]));
  EXPECT_FALSE(makes_requests(scenario, scenario.pools[1]));
  EXPECT_EQ(requesting_workers(scenario), 4);
  const auto& source = std::get<SyntheticSource>(scenario.workload[0]);
  ASSERT_TRUE(source.requests);
  EXPECT_EQ(source.requests->tokens, 4096);
  EXPECT_EQ(source.requests->delay, 100ms);
  EXPECT_EQ(source.requests->retry_delay, 3s);
  EXPECT_EQ(source.requests->retries, 3U);
}

TEST(Limits, PeriodicEntriesStandAnywhereAmongThoseThatMakeRequests) {
  const Json periodic = {
      {"name", "scan"}, {"queue", "b"}, {"every", "5s"}, {"duration", "1s"}, {"run", {{"command", {"date"}}}}};
  for (const std::ptrdiff_t place : {0, 1, 2}) {
    Json json = good();
    json["duration"] = "1m";
    json["workload"].insert(json["workload"].begin() + place, periodic);
    const auto loaded = load_json(json);
    ASSERT_TRUE(loaded.ok()) << place << ": " << loaded.error().message;
    EXPECT_TRUE(loaded.value().front().notes.empty()) << place;

    const std::string entry = place == 0 ? "1" : "0";
    json["workload"][Json::json_pointer("/" + entry + "/requests/tokens")] = 50'000;
    const auto refused = load_json(json);
    ASSERT_FALSE(refused.ok()) << place;
    EXPECT_NE(refused.error().message.find("/workload/" + entry + "/requests: a request needs 50000 tokens"),
              std::string::npos)
        << refused.error().message;
  }
}

TEST(Limits, ReadsEveryKey) {
  Json json = good();
  json["limits"] = {{"requests_per_minute", 60},
                    {"base", {{"requests_per_minute", 7}, {"concurrency", 5}}},
                    {"burst", "10s"},
                    {"enforced", false},
                    {"answer_timeout", "200ms"}};
  json["policies"]["share"] = {{"type", "equal-active"}, {"check", "2s"}, {"idle_share", "base"}};
  json["workload"][0]["requests"] = {{"count", {{"uniform", {{"low", 2}, {"high", 4}}}}},
                                     {"duration", {{"exponential", {{"mean", "1s"}}}}},
                                     {"tokens", 7},
                                     {"delay", "2s"},
                                     {"retry_delay", "4s"},
                                     {"retries", 9}};
  const auto loaded = load_json(json);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const ServiceLimits& limits = *loaded.value().front().limits;
  EXPECT_EQ(limits.shares.total, (Share{kNoLimit, 60, kNoLimit}));
  EXPECT_EQ(limits.shares.base, (Share{5, 7, kNoLimit / 4}));
  EXPECT_EQ(limits.burst, 10s);
  EXPECT_FALSE(limits.enforced);
  EXPECT_EQ(limits.answer_timeout, 200ms);
  EXPECT_EQ(limits.policy.get<Duration>("check"), 2s);
  const Requests& requests = *std::get<SyntheticSource>(loaded.value().front().workload[0]).requests;
  EXPECT_EQ(requests.tokens, 7);
  EXPECT_EQ(requests.delay, 2s);
  EXPECT_EQ(requests.retry_delay, 4s);
  EXPECT_EQ(requests.retries, 9U);
}

struct Bad {
  std::string pointer;
  std::string value;
  std::vector<std::string> says;
};

TEST(Limits, RefusesWhatCannotBeMeantAndSaysWhatToDo) {
  const std::vector<Bad> all{
      {"/limits/concurency", "3", {"/limits", "did you mean \"concurrency\""}},
      {"/limits", "{}", {"at least one of \"concurrency\""}},
      {"/limits/concurrency", "0", {"/limits/concurrency", "1"}},
      {"/limits/base", R"({"concurrency": 41})", {"/limits/base/concurrency", "above the limit of all workers, 40"}},
      {"/limits/burst", "\"5s\"", {"/workload/0/requests", "needs 4096 tokens", "holds 3333", "lengthen \"burst\""}},
      {"/workload/0/requests/tokens", "50000", {"could never be made"}},
      {"/workload/0/duration", "\"3s\"", {"/workload/0/duration", "follows from \"requests\""}},
      {"/workload/0/requests/count", "0", {"/workload/0/requests/count"}},
      {"/workload/0/requests/rate", "0", {"/workload/0/requests"}},
      {"/workload/0/requests", "{}", {"\"count\""}},
      {"/checkpoint", R"({"interval": "1m"})", {"no error"}},
      {"/policies", R"({"share": "leasd"})", {"/policies/share", "no share policy \"leasd\"", "did you mean \"leased\""}},
      {"/policies", R"({"share": {"type": "leased", "lease": "2s"}})", {"\"margin\" is 2s and \"lease\" 2s"}},
      {"/policies", R"({"share": {"type": "leased", "renew": "13s"}})", {"lease - margin = 13s", "before each renewal"}},
      {"/limits/answer_timeout", "\"13s\"", {"awaited for 13s", "one lost message would stop a worker"}},
      {"/policies", R"({"share": {"type": "max-min", "silence": "5s"}})", {"\"silence\" is 5s and \"check\" 5s"}},
      {"/policies", R"({"share": {"type": "equal-active", "lease": "5s"}})", {"lease"}},
      {"/cluster/stores",
       R"({"redis": {"latency": {"exponential": {"mean": "600ms"}}}})",
       {"/limits", "take 1200ms on average", "waits for 1s only"}},
      {"/limits/weights", R"({"ioo": 2})", {"/limits/weights", "there is no pool", "did you mean \"io\""}},
      {"/limits/weights", R"({"io": 0})", {"/limits/weights/io"}},
  };
  for (const Bad& bad : all) {
    const std::string error = error_with(bad.pointer, bad.value);
    for (const std::string& part : bad.says) {
      EXPECT_NE(error.find(part), std::string::npos) << bad.pointer << " = " << bad.value << ": " << error;
    }
  }
}

TEST(Limits, WeightsAreOfPoolsAndForPoliciesThatWeigh) {
  Json json = good();
  json["limits"]["weights"] = {{"io", 3}};
  const auto loaded = load_json(json);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(loaded.value().front().limits->weights, (std::vector<std::int64_t>{3, 1}));
  json["policies"]["share"] = "equal-active";
  const auto equal = load_json(json);
  ASSERT_FALSE(equal.ok());
  EXPECT_NE(equal.error().message.find("equal-active gives all active workers the same"), std::string::npos);
}

TEST(Limits, ThePartsBelongTogether) {
  Json json = good();
  json.erase("limits");
  EXPECT_TRUE(load_json(json).ok());  // requests that nothing limits
  json["policies"]["share"] = "leased";
  const auto without = load_json(json);
  ASSERT_FALSE(without.ok());
  EXPECT_NE(without.error().message.find("the top-level key \"limits\" is missing"), std::string::npos);

  json = good();
  json["workload"][0].erase("requests");
  json["workload"][0]["duration"] = "1s";
  const auto nobody = load_json(json);
  ASSERT_FALSE(nobody.ok());
  EXPECT_NE(nobody.error().message.find("jobs that make requests, but there are none"), std::string::npos);

  json = good();
  json["limits"]["enforced"] = false;
  json["policies"]["share"] = "aimd";
  const auto blind = load_json(json);
  ASSERT_FALSE(blind.ok());
  EXPECT_NE(blind.error().message.find("learns from refusals"), std::string::npos);

  json = good();
  json["checkpoint"] = {{"interval", "1m"}};
  json["workload"][0]["on_failure"] = "checkpoint";
  const auto checkpoints = load_json(json);
  ASSERT_FALSE(checkpoints.ok());
  EXPECT_NE(checkpoints.error().message.find("write no checkpoints"), std::string::npos);
}

TEST(Limits, NotesWhereAllTogetherStarve) {
  Json json = good();
  json["limits"]["concurrency"] = 3;
  json["limits"]["tokens_per_minute"] = 16'000;
  const auto loaded = load_json(json);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const std::vector<std::string>& notes = loaded.value().front().notes;
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_NE(notes[0].find("needs 4096 tokens, but where 4 workers share the limit equally, the bucket of each holds 4000"),
            std::string::npos)
      << notes[0];
  EXPECT_NE(notes[1].find("4 workers share 3 requests at a time"), std::string::npos) << notes[1];
}

TEST(Limits, TheDurationOfAJobIsThatOfItsRequests) {
  Json json = good();
  json["workload"][0]["requests"] = {{"count", {{"uniform", {{"low", 2}, {"high", 9}}}}},
                                     {"duration", {{"exponential", {{"mean", "1s"}}}}},
                                     {"delay", "5s"}};
  json["workload"].erase(1);
  const auto loaded = load_json(json);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const Scenario& scenario = loaded.value().front();
  const Requests& requests = *std::get<SyntheticSource>(scenario.workload[0]).requests;
  Workload workload(scenario, 5);
  Arrival arrival;
  std::uint64_t jobs = 0;
  for (; workload.next(arrival); ++jobs) {
    EXPECT_EQ(arrival.requests.number, jobs);
    EXPECT_GE(arrival.requests.count, 2U);
    EXPECT_LE(arrival.requests.count, 9U);
    Duration sum = 5s * (arrival.requests.count - 1);
    for (std::uint32_t i = 0; i < arrival.requests.count; ++i) {
      const Duration one = request_duration(requests, 5, arrival.requests, i);
      EXPECT_GT(one, 0s);
      EXPECT_NE(one, request_duration(requests, 5, arrival.requests, i + 1));
      sum += one;
    }
    EXPECT_EQ(arrival.work, sum);
    EXPECT_EQ(arrival.job.estimate, sum);
  }
  EXPECT_EQ(jobs, 3U);
}

}  // namespace
}  // namespace drydock::scenarios::scenarios_limits_test

// Jobs that make requests, held back by shares of limits, in the simulation.
#include "scenarios/loader.hpp"
#include "sim/minute_window.hpp"
#include "sim/request_clients.hpp"
#include "sim/result_wire.hpp"
#include "sim/run.hpp"
#include "sim/shares.hpp"
#include "tests/unit/sim_support.hpp"

#include <atomic>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace drydock::sim::sim_shares_test {
namespace {

using Json = nlohmann::json;
const std::atomic<bool> kGoOn{false};

// One worker with room for all, jobs at once at 0 s. No message takes time, so that leased shares are there at once.
Json plain() {
  return Json::parse(R"({
    "cluster": {"hosts": [{"name": "node", "cpus": 100}]},
    "limits": {"concurrency": 1000},
    "workload": [{"count": 1, "arrivals": {"at-once": {}},
                  "requests": {"count": 10, "duration": "2s", "tokens": 100, "delay": "1s"}}],
    "policies": {"share": "leased"}})");
}

std::vector<scenarios::Scenario> loaded(const Json& json) {
  auto result = scenarios::load_text(json.dump(2), "test.json", "");
  EXPECT_TRUE(result.ok()) << result.error().message;
  return result.ok() ? result.value() : std::vector<scenarios::Scenario>{};
}

reports::RunResult run(const Json& json, std::uint64_t seed = 1) {
  const auto scenarios = loaded(json);
  if (scenarios.empty()) return {};
  const std::string bytes =
      in_child([&] { return encode_result(run_one(scenarios.front(), seed, {.check = true, .journal = {}}, kGoOn)); });
  reports::RunResult result = decode_result(bytes).value();
  EXPECT_EQ(result.error.value_or(""), "");
  EXPECT_EQ(result.violation_count, 0U);
  return result;
}

TEST(SimShares, AJobAloneTakesItsRequestsAndTheTimeBetweenThem) {
  const auto m = run(plain()).metrics;
  EXPECT_EQ(m.at("makespan_s"), 10 * 2 + 9 * 1);
  EXPECT_EQ(m.at("slowdown.mean"), 1);
  EXPECT_EQ(m.at("requests_made"), 10);
  EXPECT_EQ(m.at("throttled_s"), 0);
  EXPECT_EQ(m.at("utilization"), 0);
  EXPECT_DOUBLE_EQ(m.at("requests_in_flight.mean"), 20.0 / 29);
  EXPECT_EQ(m.at("requests_in_flight.max"), 1);
  EXPECT_EQ(m.at("share_excess.max_ratio"), 1);
}

TEST(SimShares, WithoutLimitsNobodyWaitsAndNothingIsShared) {
  Json json = plain();
  json.erase("limits");
  json.erase("policies");
  json["workload"][0]["tasks"] = 100;
  const auto m = run(json).metrics;
  EXPECT_EQ(m.at("makespan_s"), 29);
  EXPECT_EQ(m.at("requests_made"), 1000);
  EXPECT_FALSE(m.contains("share_excess.max_ratio"));
}

// Duration, 2 s, is what matters: three tasks take turns for two places.
TEST(SimShares, ConcurrencyIsHeldBack) {
  Json json = plain();
  json["limits"]["concurrency"] = 2;
  json["workload"][0]["tasks"] = 3;
  json["workload"][0]["requests"]["delay"] = "0s";
  const auto m = run(json).metrics;
  EXPECT_EQ(m.at("makespan_s"), 30 * 2 / 2);
  EXPECT_EQ(m.at("requests_in_flight.max"), 2);
  EXPECT_EQ(m.at("requests_in_flight.mean"), 2);
  // The tasks end at 28, 30 and 30 s; 60 s of that are requests.
  EXPECT_EQ(m.at("throttled_s"), 28);
  EXPECT_DOUBLE_EQ(m.at("throttled_fraction"), 28.0 / 88);
}

// The buckets of a worker that starts are empty: request k begins when k have been filled in.
TEST(SimShares, RatesAreTokenBuckets) {
  Json json = plain();
  json["limits"] = {{"requests_per_minute", 12}};  // one in 5 s
  EXPECT_EQ(run(json).metrics.at("makespan_s"), 10 * 5 + 2);
  json["limits"] = {{"tokens_per_minute", 600}};  // 100 in 10 s
  const auto m = run(json).metrics;
  EXPECT_EQ(m.at("makespan_s"), 10 * 10 + 2);
  EXPECT_EQ(m.at("requests_per_minute.max"), 6);
  EXPECT_EQ(m.at("tokens_per_minute.max"), 600);
  EXPECT_EQ(m.at("throttled_s"), 10 + 9 * 7);
  // Of a bucket that filled for a minute, a minute's worth is used at once.
  json["workload"][0]["arrivals"] = {{"at-once", {{"at", "10m"}}}};
  json["workload"][0]["tasks"] = 10;
  json["workload"][0]["requests"]["count"] = 1;
  json["policies"]["share"] = {{"type", "equal-active"}};
  // 6 at once; the others after 10, 20, 30 and 40 s.
  EXPECT_EQ(run(json).metrics.at("makespan_s"), 600 + 40 + 2);
}

TEST(SimShares, TheBucketsOfAWorkerThatStartsAreEmpty) {
  Json json = plain();
  json["limits"] = {{"requests_per_minute", 60}};
  json["policies"]["share"] = "equal-active";
  json["workload"][0]["arrivals"] = {{"at-once", {{"at", "10m"}}}};
  json["workload"][0]["tasks"] = 10;
  json["workload"][0]["requests"]["count"] = 1;
  EXPECT_EQ(run(json).metrics.at("makespan_s"), 600 + 2);
  json["faults"] = {{{"type", "worker-crash"}, {"at", "599s"}, {"for", "1s"}}};
  EXPECT_EQ(run(json).metrics.at("makespan_s"), 600 + 10 + 2);
}

TEST(SimShares, TheServiceRefusesAndARequestIsTriedAgainForSoLong) {
  // Two workers each believe to be alone for some seconds: the second one's requests come beyond the limit.
  Json json = plain();
  json["cluster"]["hosts"][0]["count"] = 2;
  json["limits"] = {{"concurrency", 4}};
  json["policies"]["share"] = {{"type", "equal-active"}, {"check", "1h"}, {"adjust", "1h"}, {"silence", "3h"}};
  json["workload"][0] = {{"arrivals", {{"deterministic", {{"interval", "1m"}}}}},
                         {"count", 2},
                         {"tasks", 100},
                         {"requests", {{"count", 1}, {"duration", "1h"}, {"tokens", 1}}}};
  json["duration"] = "2m";
  const auto m = run(json).metrics;
  // The first has 4 in flight for an hour.
  EXPECT_EQ(m.at("requests_in_flight.max"), 4);
  EXPECT_EQ(m.at("requests_made"), 4);
  EXPECT_EQ(m.at("share_excess.max_ratio"), 1.5);
  // The second's share is 2: two are refused, three more times each 3 s apart; the first to be refused for the fourth time
  // ends the job.
  EXPECT_EQ(m.at("requests_refused"), 7);
  EXPECT_EQ(m.at("jobs_failed"), 1);
  EXPECT_EQ(m.at("throttled_s"), 96 * 120 + 100 * 9);
  EXPECT_EQ(m.at("makespan_s"), 60 + 9);
}

TEST(SimShares, LeasedSharesAreNeverRefused) {
  Json json = plain();
  json["cluster"]["hosts"][0]["count"] = 4;
  json["cluster"]["stores"] = {{"redis", {{"latency", {{"exponential", {{"mean", "50ms"}}}}}}}};
  json["limits"] = {{"concurrency", 40}, {"requests_per_minute", 800}, {"tokens_per_minute", 40000}};
  json["workload"][0] = {{"arrivals", {{"poisson", {{"rate", "3/m"}}}}},
                         {"count", 60},
                         {"tasks", {{"uniform", {{"low", 1}, {"high", 60}}}}},
                         {"on_failure", "resume"},
                         {"requests",
                          {{"count", {{"uniform", {{"low", 1}, {"high", 30}}}}},
                           {"duration", {{"exponential", {{"mean", "2s"}}}}},
                           {"tokens", 60}}}};
  json["faults"] = {
      {{"type", "message-loss"}, {"between", {"workers", "redis"}}, {"probability", 0.2}},
      {{"type", "message-loss"}, {"between", {"workers", "redis"}}, {"probability", 1}, {"at", "5m"}, {"for", "1m"}},
      {{"type", "worker-crash"}, {"mtbf", "5m"}, {"mttr", "10s"}}};
  double stopped = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    for (const char* division : {"equal-active", "max-min", "drf"}) {
      SCOPED_TRACE(fmt::format("seed {}, {}", seed, division));
      json["policies"]["share"] = {{"type", "leased"}, {"division", division}};
      const auto m = run(json, seed).metrics;
      EXPECT_LE(m.at("share_excess.max_ratio"), 1);
      EXPECT_EQ(m.at("share_excess.seconds"), 0);
      EXPECT_EQ(m.at("requests_refused"), 0);
      EXPECT_EQ(m.at("jobs_completed"), 60);
      EXPECT_LE(m.at("requests_in_flight.max"), 40);
      EXPECT_LE(m.at("requests_per_minute.max"), 1600);  // burst + rate
      stopped += m.at("requests_stopped");
    }
  }
  EXPECT_GT(stopped, 0) << "no grant was ever over";
  // The same with the source system's rule is refused, so that the test can fail.
  json["policies"]["share"] = "equal-active";
  json["workload"][0]["tasks"] = 60;
  const auto m = run(json).metrics;
  EXPECT_GT(m.at("share_excess.max_ratio"), 1);
  EXPECT_GT(m.at("requests_refused"), 0);
}

TEST(SimShares, EveryPolicyEndsTheWorkAndRepeatsItself) {
  for (const PolicyInfo& info : policy_catalog()) {
    if (info.family != PolicyFamily::share) continue;
    SCOPED_TRACE(info.type);
    Json json = plain();
    json["cluster"]["hosts"][0]["count"] = 4;
    json["limits"] = {{"concurrency", 40}, {"requests_per_minute", 800}};
    json["workload"][0] = {
        {"arrivals", {{"poisson", {{"rate", "2/m"}}}}},
        {"count", 30},
        {"tasks", 30},
        {"requests", {{"count", 10}, {"duration", {{"exponential", {{"mean", "2s"}}}}}, {"retries", 1000}}}};
    json["policies"]["share"] = info.type;
    const reports::RunResult first = run(json, 7);
    EXPECT_EQ(first.metrics.at("jobs_completed"), 30);
    const reports::RunResult again = run(json, 7);
    EXPECT_EQ(first.metrics, again.metrics);
    EXPECT_EQ(first.journal_hash, again.journal_hash);
  }
}

TEST(SimShares, AimdGrowsUntilItIsRefused) {
  Json json = plain();
  json["limits"] = {{"concurrency", 40}, {"base", {{"concurrency", 10}}}};
  json["policies"]["share"] = {{"type", "aimd"}, {"increase", 0.1}};
  json["workload"][0]["tasks"] = 100;
  json["workload"][0]["requests"] = {{"count", 40}, {"duration", "1s"}, {"delay", "0s"}};
  const auto m = run(json).metrics;
  EXPECT_EQ(m.at("requests_in_flight.max"), 40);
  EXPECT_EQ(m.at("requests_refused"), 0);  // alone, it may have all
  json["cluster"]["hosts"][0]["count"] = 2;
  json["workload"][0]["count"] = 2;
  json["workload"][0]["requests"]["retries"] = 1000;
  const auto two = run(json).metrics;
  EXPECT_GT(two.at("requests_refused"), 0);
  EXPECT_EQ(two.at("requests_in_flight.max"), 40);
}

// Two workers that could use more than there is, of which one has twice the weight of the other.
TEST(SimShares, WeightsCount) {
  Json json = plain();
  json["cluster"]["hosts"] = {{{"name", "a"}, {"cpus", 100}}, {{"name", "b"}, {"cpus", 100}}};
  json["queues"] = {{{"name", "a"}}, {{"name", "b"}}};
  json["pools"] = {{{"name", "a"}, {"hosts", {"a"}}, {"queues", {"a"}}},
                   {{"name", "b"}, {"hosts", {"b"}}, {"queues", {"b"}}}};
  json["limits"] = {{"concurrency", 30}, {"weights", {{"a", 2}}}};
  json["workload"][0]["tasks"] = 30;
  json["workload"][0]["requests"] = {{"count", 100}, {"duration", "1s"}, {"delay", "0s"}};
  json["workload"].push_back(json["workload"][0]);
  json["workload"][0]["queue"] = "a";
  json["workload"][1]["queue"] = "b";
  const auto m = run(json).metrics;
  // 3000 requests at 20 a second, then 1500 at 30 a second for the other.
  EXPECT_NEAR(m.at("per_queue.a.response_s.mean"), 150, 4);
  EXPECT_NEAR(m.at("per_queue.b.response_s.mean"), 200, 4);
}

TEST(SimShares, AfterACrashRequestsStayDoneOrDoNot) {
  Json json = plain();
  json["faults"] = {{{"type", "worker-crash"}, {"at", "16s"}, {"for", "4s"}}};
  // Answers at 2, 5, 8, 11, 14; the sixth request, at 15 s, is lost.
  json["workload"][0]["on_failure"] = "resume";
  const auto resumed = run(json).metrics;
  // The ledger counts the dead process's grant until 15 s after its last renewal, at 15 s.
  EXPECT_EQ(resumed.at("makespan_s"), 30 + 5 * 2 + 4 * 1);
  EXPECT_EQ(resumed.at("requests_made"), 11);
  EXPECT_EQ(resumed.at("wasted_cpu_s"), 0);
  json["workload"][0]["on_failure"] = "restart";
  const auto restarted = run(json).metrics;
  EXPECT_EQ(restarted.at("makespan_s"), 30 + 29);
  EXPECT_EQ(restarted.at("requests_made"), 16);
}

// One task gets far less of a share than the other; a gang ends with its last task.
TEST(SimShares, AGangEndsWithItsSlowestTask) {
  Json json = plain();
  json["cluster"]["hosts"][0]["cpus"] = 1;
  json["cluster"]["hosts"][0]["count"] = 2;
  json["limits"] = {{"requests_per_minute", 60}};
  json["workload"][0]["tasks"] = 2;
  json["workload"][0]["requests"] = {{"count", 60}, {"duration", "100ms"}, {"delay", "100ms"}};
  json["policies"]["share"] = {{"type", "leased"}, {"division", "equal-active"}};
  const auto m = run(json).metrics;
  // 120 requests at one a second.
  EXPECT_NEAR(m.at("makespan_s"), 120, 3);
  EXPECT_EQ(m.at("jobs_completed"), 1);
}

TEST(SimShares, LostMessagesEndGrantsAndWorkGoesOnAfter) {
  Json json = plain();
  json["limits"] = {{"concurrency", 10}};
  json["workload"][0]["tasks"] = 20;
  json["workload"][0]["requests"] = {{"count", 20}, {"duration", "3s"}, {"delay", "0s"}};
  json["faults"] = {{{"type", "message-loss"},
                     {"between", {"workers", "redis"}},
                     {"probability", 1},
                     {"target", "node"},
                     {"at", "20s"},
                     {"for", "1m"}}};
  const auto m = run(json).metrics;
  // The last renewal is that of 15 s; it counts for 13 s. The tenth round of ten requests is stopped.
  EXPECT_EQ(m.at("requests_stopped"), 10);
  // Each question takes 1 s to be given up and 1 s to be asked again: the one of 80 s comes through.
  EXPECT_EQ(m.at("makespan_s"), 80 + (40 - 9) * 3);
  EXPECT_EQ(m.at("requests_made"), 410);
}

// A share can have shrunk to nothing while a request still runs: that one counts as held, and must not outlive the grant.
TEST(SimShares, WhatRunsBeyondAShareOfNothingEndsWithTheGrant) {
  Json json = plain();
  json["duration"] = "10m";
  json["cluster"]["hosts"] = {{{"name", "a"}}, {{"name", "b"}}};
  json["queues"] = {{{"name", "a"}}, {{"name", "b"}}};
  json["pools"] = {{{"name", "a"}, {"hosts", {"a"}}, {"queues", {"a"}}},
                   {{"name", "b"}, {"hosts", {"b"}}, {"queues", {"b"}}}};
  json["limits"] = {{"concurrency", 1}, {"requests_per_minute", 1}, {"tokens_per_minute", 1}};
  const Json hour = {{"count", 1}, {"duration", "1h"}, {"tokens", 0}};
  json["workload"] = {{{"queue", "b"}, {"count", 1}, {"arrivals", {{"at-once", Json::object()}}}, {"requests", hour}},
                      {{"queue", "a"}, {"count", 1}, {"arrivals", {{"at-once", {{"at", "90s"}}}}}, {"requests", hour}}};
  // Of one unit, the first of two active workers gets all.
  json["faults"] = {{{"type", "message-loss"},
                     {"between", {"workers", "redis"}},
                     {"probability", 1},
                     {"target", "b"},
                     {"at", "2m"},
                     {"for", "1h"}}};
  const auto m = run(json).metrics;
  EXPECT_EQ(m.at("requests_made"), 2);
  EXPECT_EQ(m.at("requests_stopped"), 1);
  EXPECT_EQ(m.at("share_excess.seconds"), 0);
  EXPECT_EQ(m.at("requests_in_flight.max"), 1);
}

TEST(SimShares, TasksThatWouldWaitForEverEndTheRun) {
  Json json = plain();
  json["limits"] = {{"concurrency", 10}};
  json["faults"] = {{{"type", "message-loss"}, {"between", {"workers", "redis"}}, {"probability", 1}, {"for", "52w"}}};
  const auto scenarios = loaded(json);
  const std::string error =
      in_child([&] { return run_one(scenarios.front(), 1, {.journal = {}}, kGoOn).error.value_or("no error"); });
  EXPECT_NE(error.find("no request was made for 7 days"), std::string::npos) << error;
}

// --- without a world ---

TEST(SimShares, AStoreThatLosesAllGivesNobodyMoreForALease) {
  Json json = plain();
  json["cluster"]["hosts"][0]["count"] = 2;
  json["limits"] = {{"concurrency", 10}, {"enforced", false}};
  json["workload"][0]["requests"]["duration"] = "1h";
  const auto all = loaded(json);
  const scenarios::Scenario& scenario = all.front();
  const Platform platform(scenario);
  const Links links(scenario, 1);
  Shares shares(scenario, platform, 1, links);
  const auto until = [&](Time end) {
    while (shares.next() <= nanos(end)) shares.happen(time_at(shares.next()));
    shares.happen(end);
  };
  const auto begin = [&](Time now, std::uint32_t worker) {
    shares.clients().begin(now, {.key = worker, .worker = worker, .tasks = 10, .requests = {.count = 1}});
    until(now);
  };
  shares.started(kTimeZero, 0);
  shares.started(kTimeZero, 1);
  until(kTimeZero + 1s);
  begin(kTimeZero + 1s, 0);
  EXPECT_EQ(shares.clients().running(0), 5);  // the other one, idle as all are, holds its base share
  until(kTimeZero + 10s);
  EXPECT_EQ(shares.clients().running(0), 10);
  shares.lose_store();
  begin(kTimeZero + 12s, 1);
  until(kTimeZero + 24s);
  EXPECT_EQ(shares.clients().running(0), 10);  // what it holds it keeps
  EXPECT_EQ(shares.clients().running(1), 0);
  // Its hour-long requests are not stopped, so that there is nothing to give.
  until(kTimeZero + 60s);
  EXPECT_EQ(shares.clients().running(0) + shares.clients().running(1), 10);
  EXPECT_EQ(shares.clients().figures(kTimeZero + 60s).any_excess->seconds, 0);
  shares.clients().leave(kTimeZero + 61s, 0, 1);
  until(kTimeZero + 120s);
  EXPECT_EQ(shares.clients().running(1), 10);
}

TEST(MinuteWindow, HoldsTheMostOfSixtySeconds) {
  MinuteWindow window;
  const auto at = [](double s) { return Time{duration_of_seconds(s)}; };
  EXPECT_EQ(window.max(), 0);
  window.add(at(0.5), 10);
  window.add(at(59.9), 5);
  EXPECT_EQ(window.max(), 15);
  window.add(at(60.1), 3);  // 0.5 s is out
  EXPECT_EQ(window.max(), 15);
  window.add(at(61), 9);
  EXPECT_EQ(window.max(), 17);
  window.add(at(1e6), 16);
  EXPECT_EQ(window.max(), 17);
  window.add(at(1e6 + 59), 2);
  EXPECT_EQ(window.max(), 18);
}

}  // namespace
}  // namespace drydock::sim::sim_shares_test

// Keys of periodic jobs, isolation and pools: good values, and what is said about bad ones.
#include "scenarios/loader.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::scenarios::scenarios_pools_test {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr const char* kBase = R"({
  "duration": "1d",
  "cluster": {"hosts": [{"name": "big", "cpus": 8, "gpus": 2}, {"name": "small", "cpus": 2}]},
  "queues": [{"name": "train", "weight": 3}, {"name": "short"}],
  "pools": [{"name": "gpu", "hosts": ["big"], "queues": ["train"], "slots_per_worker": 2},
            {"name": "cpu", "hosts": ["small"], "queues": ["short"], "slots_per_worker": 2}],
  "workload": [
    {"queue": "train", "arrivals": {"poisson": {"rate": "1/h"}}, "duration": "1h", "gpus": 2},
    {"name": "tick", "queue": "short", "every": "1m", "first": "30s", "catch_up": "latest", "duration": "2s"}],
  "policies": {}
})";

Result<std::vector<Scenario>> load_with(const std::vector<std::string>& sets) {
  return load_text(kBase, "base.json", "", {.sets = sets});
}
std::string problem(const std::vector<std::string>& sets) {
  const auto loaded = load_with(sets);
  return loaded.ok() ? "(none)" : loaded.error().message;
}
void expect_in(const std::string& part, const std::string& text) { EXPECT_NE(text.find(part), std::string::npos) << text; }

TEST(PeriodicJobs, AreRead) {
  const Scenario scenario = load_with({}).value().front();
  ASSERT_EQ(scenario.periodic.size(), 1U);
  const PeriodicJob& job = scenario.periodic.front().schedule;
  EXPECT_EQ(job.name, "tick");
  EXPECT_EQ(job.every, minutes{1});
  EXPECT_EQ(job.first, kTimeZero + seconds{30});
  EXPECT_EQ(job.catch_up, CatchUp::latest);
  EXPECT_EQ(scenario.workload.size(), 1U);
}

TEST(PeriodicJobs, NeedANameOfTheirOwnAndAnEnd) {
  expect_in("\"name\" is missing", problem({R"(/workload/1={"every": "1m", "queue": "short", "duration": "1s"})"}));
  expect_in("another periodic job \"tick\"",
            problem({R"(/workload/-={"name": "tick", "every": "2m", "queue": "short", "duration": "1s"})"}));
  expect_in("catch_up", problem({"/workload/1/catch_up=none"}));
  expect_in("every", problem({"/workload/1/every=0s"}));
  const std::string endless = R"({"cluster": {"hosts": [{"name": "h"}]},
                                  "workload": [{"name": "a", "every": "1m", "duration": "1s"}]})";
  expect_in("never ends", load_text(endless, "x", "", {}).error().message);
}

// What it means is known to whoever runs it.
TEST(PeriodicJobs, SayWhatTheyRunForReal) {
  const std::string text = R"({"cluster": {"hosts": [{"name": "h"}]}, "duration": "1h",
    "workload": [{"name": "a", "every": "1m", "duration": "1s", "run": {"command": ["a"]}},
                 {"count": 1, "arrivals": {"at-once": {}}, "duration": "1s", "run": {"script": "b", "files": [{"name": "c"}]}}]})";
  std::vector<std::string> asked;
  LoadOptions options;
  options.check_run = [&](const std::string& run) {
    asked.push_back(run);
    return std::optional<std::string>();
  };
  EXPECT_TRUE(load_text(text, "x", "", options).ok());
  EXPECT_EQ(asked, (std::vector<std::string>{R"({"command":["a"]})", R"({"files":[{"name":"c"}],"script":"b"})"}));
  options.check_run = [](const std::string& run) {
    return run.find("files") == std::string::npos ? std::nullopt : std::optional<std::string>("/files/0/name: not this");
  };
  expect_in("/workload/1/run/files/0/name: not this", load_text(text, "x", "", options).error().message);
  options.check_run = [](const std::string& /*run*/) { return std::optional<std::string>("not at all"); };
  expect_in("/workload/0/run: not at all", load_text(text, "x", "", options).error().message);
  EXPECT_TRUE(load_text(text, "x", "", {}).ok()) << "whoever does not run it takes it as it is";
  expect_in("expected an object with what to run", problem({"/workload/1/run=[]"}));
}

TEST(Weights, BelongToQueues) {
  const Scenario scenario = load_with({"/policies/isolation=weighted-fair"}).value().front();
  EXPECT_EQ(scenario.scheduler.queues[0].weight, 3);
  EXPECT_EQ(scenario.scheduler.queues[1].weight, 1);
  expect_in("weight", problem({"/queues/0/weight=0"}));
}

TEST(Isolation, LeavesPoolsAloneOrLetsThemServeWhatFits) {
  const auto reach = [](const std::string& type) {
    const Scenario scenario = load_with({"/policies/isolation=" + type}).value().front();
    std::string text;
    for (const PoolConfig& pool : scenario.scheduler.pools) {
      text += fmt::format("{}:{} own {}; ", pool.name, pool.queues.size(), pool.own.size());
    }
    return text;
  };
  EXPECT_EQ(reach("static-pools"), "gpu:1 own 0; cpu:1 own 0; ");
  for (const char* type : {"shared", "priority", "borrowing", "weighted-fair", "fair-share", "drf"}) {
    EXPECT_EQ(reach(type), "gpu:2 own 1; cpu:1 own 1; ") << type << ": trainings need GPUs";
  }
}

TEST(Isolation, SaysWhatItDoesNotGoWith) {
  expect_in("did you mean \"shared\"", problem({"/policies/isolation=share"}));
  for (const char* type : {"borrowing", "weighted-fair", "fair-share", "drf"}) {
    for (const char* placement : {"conservative", "greedy-backfill", "jsq"}) {
      expect_in(fmt::format("but placement {} decides", placement),
                problem({fmt::format("/policies/isolation={}", type), fmt::format("/policies/placement={}", placement)}));
    }
    expect_in("but placement srpt stops",
              problem({fmt::format("/policies/isolation={}", type), "/policies/placement=srpt"}));
    expect_in("but the \"prefetch\" of a pool decides",
              problem({fmt::format("/policies/isolation={}", type), "/pools/1/admission=slots", "/pools/1/prefetch=2"}));
  }
  EXPECT_EQ(problem({"/policies/isolation=shared", "/policies/placement=conservative"}), "(none)");
  expect_in("keep", problem({R"(/policies/isolation={"type": "borrowing", "keep": 1.5})"}));
}

TEST(Pools, KeysNeedEachOther) {
  expect_in("slots_per_worker",
            problem({R"(/pools/1={"name": "cpu", "hosts": ["small"], "queues": ["short"], "admission": "slots"})"}));
  expect_in("slots_per_worker",
            problem({R"(/pools/1={"name": "cpu", "hosts": ["small"], "queues": ["short"], "max_tasks_per_child": 5})"}));
  expect_in("max_tasks_per_child", problem({"/pools/1/child_restart=5s"}));
  expect_in("\"admission\": \"slots\"", problem({"/pools/1/prefetch=1"}));
  expect_in("under placement jsq", problem({"/pools/1/admission=slots", "/pools/1/prefetch=1", "/policies/placement=jsq"}));
  const Scenario scenario =
      load_with({"/pools/1/admission=slots", "/pools/1/prefetch=3", "/pools/1/max_tasks_per_child=7"}).value().front();
  EXPECT_EQ(scenario.scheduler.pools[1].prefetch, 3U);
  EXPECT_EQ(scenario.pools[1].max_tasks_per_child, 7U);
  EXPECT_EQ(scenario.pools[1].child_restart, seconds{1});
}

TEST(Pools, BySlotsAloneATaskMustStillFitTheMachine) {
  expect_in("larger than every worker", problem({"/pools/0/admission=slots", "/workload/0/gpus=3"}));
  EXPECT_EQ(problem({"/pools/0/admission=slots", "/workload/0/cpus=8"}), "(none)");
}

TEST(Faults, ABeatGoesDown) {
  const Scenario scenario = load_with({R"(/faults=[{"type": "beat-down", "at": "1h", "for": "5m"}])"}).value().front();
  const auto& down = std::get<BeatDown>(scenario.faults.front());
  EXPECT_EQ(down.at, std::chrono::hours{1});
  EXPECT_EQ(down.lasting, minutes{5});
  expect_in("\"at\" is missing", problem({R"(/faults=[{"type": "beat-down"}])"}));
}

}  // namespace
}  // namespace drydock::scenarios::scenarios_pools_test

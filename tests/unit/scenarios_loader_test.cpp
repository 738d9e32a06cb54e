#include "scenarios/loader.hpp"
#include "scenarios/units.hpp"
#include "scenarios/workload.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <unistd.h>
#include <vector>

namespace drydock::scenarios::scenarios_loader_test {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

constexpr const char* kSmall = R"({
  "cluster": {"hosts": [{"name": "node", "count": 2}]},
  "workload": [{"count": 10, "arrivals": {"poisson": {"rate": "1/s"}}, "duration": "1s"}]
})";

// Uses every key that there is.
constexpr const char* kFull = R"({
  // comments are allowed
  "name": "full", "description": "all keys", "seed": 7, "duration": "30d", "warmup": "10%", "time_scale": 1,
  "cluster": {
    "hosts": [{"name": "node", "count": 10, "cpus": 8, "speed": 1.5, "memory": "64GiB", "gpus": 2, "cost_per_hour": 0.4},
              {"name": "one"}],
    "network": {"latency": "0.2ms", "bandwidth": "10Gbit/s"}},
  "control_plane": {"mode": "cycle", "cycle": "2s"},
  "queues": [{"name": "a", "priority": 3, "capacity": 100}, {"name": "b"}],
  "pools": [{"name": "p", "hosts": ["node"], "queues": ["a", "b"], "slots_per_worker": 4},
            {"name": "shared", "hosts": ["one"], "queues": ["b"], "slots_per_worker": "unlimited"}],
  "checkpoint": {"interval": "15m", "cost": "10s", "restart": "30s"},
  "workload": [
    {"name": "w", "queue": "a", "count": 5, "arrivals": {"poisson": {"rate": "2/h"}},
     "cycle": {"period": "1d", "factors": [0.5, 1.5]},
     "duration": {"lognormal": {"mean": "1h", "cv": 2}}, "tasks": 3, "cpus": 0.5, "memory": "1GiB", "gpus": 1, "priority": 2,
     "estimate": {"factor": {"uniform": {"low": 1, "high": 2}}}, "input": "1GB", "output": "2MB",
     "on_failure": "checkpoint", "on_preemption": "restart"},
    {"queue": "b", "arrivals": {"deterministic": {"interval": "1h", "first": "5m"}},
     "duration": {"deterministic": "3s"}, "estimate": "exact"},
    {"queue": "b", "arrivals": {"renewal": {"gap": {"weibull": {"shape": 0.7, "scale": "1h"}}}},
     "duration": {"deterministic": {"value": "3s"}}},
    {"queue": "b", "arrivals": {"mmpp": {"states": [{"rate": "0/s", "sojourn": "1h"}, {"rate": "9/h", "sojourn": "10m"}]}},
     "duration": {"hyperexponential": {"probabilities": [0.5, 0.5], "means": ["1s", "1m"]}}, "tasks": {"empirical": [1, 2]}},
    {"queue": "b", "count": 3, "arrivals": {"at-once": {"at": "1h"}},
     "duration": {"bounded-pareto": {"shape": 1.1, "low": "1s", "high": "1h"}}},
    {"queue": "a", "arrivals": {"lublin": {"nodes": 16, "jobs": "interactive", "gap_scale": 2}}},
    {"queue": "b", "count": 2, "arrivals": {"poisson": {"rate": "1/s"}},
     "duration": {"empirical": {"values": ["1s", "2s"]}}},
    {"queue": "b", "count": 2, "arrivals": {"poisson": {"rate": "1/s"}},
     "requests": {"count": 9, "duration": "2s", "tokens": 100, "delay": "1s", "retry_delay": "5s", "retries": 1}},
    {"name": "t", "queue": "b", "cpus": 1, "memory": 0, "gpus": 0, "priority": 1, "input": 0, "output": 0,
     "on_failure": "resume", "on_preemption": "resume",
     "trace": {"format": "swf", "path": "t.swf", "first": 1, "count": 2, "rebase": false, "load": 2, "estimate": "requested",
               "oversized": "skip", "queues": {"1": "a"}}},
    {"queue": "b", "trace": {"format": "csv", "path": "t.csv",
      "columns": {"submit": "s", "runtime": ["r", {"column": "x", "factor": "2ms"}], "runtime_base": "1ms", "tasks": "n",
                  "estimate": "e", "queue": "q"},
      "units": {"submit": "ms", "runtime": "ms", "estimate": "m"}, "delimiter": ";"}}
  ],
  "limits": {"concurrency": 40, "requests_per_minute": 800, "tokens_per_minute": 40000, "burst": "2m", "enforced": true,
             "answer_timeout": "2s", "weights": {"p": 2},
             "base": {"concurrency": 4, "requests_per_minute": 80, "tokens_per_minute": 4000}},
  "policies": {"share": {"type": "leased", "lease": "20s"}, "placement": {"type": "easy", "order": "sjf", "fit": "best"},
               "liveness": {"type": "ttl", "heartbeat": "10s", "ttl": "25s"}},
  "faults": [{"type": "worker-crash", "target": "node-7", "at": "1h", "for": "10m"},
             {"type": "worker-crash", "target": "node", "mtbf": "20d", "mttr": "1h"},
             {"type": "worker-crash", "mtbf": {"weibull": {"shape": 0.7, "scale": "20d"}},
              "mttr": {"uniform": {"low": "1m", "high": "1h"}}}],
  "variants": [{"name": "base"}, {"name": "other", "set": {"/policies/placement": "fcfs", "/workload/0/count": 9,
               "/faults/-": {"type": "worker-crash", "at": "2h"}}}]
})";

Result<std::vector<Scenario>> load_small(const std::vector<std::string>& sets) {
  LoadOptions options;
  options.sets = sets;
  return load_text(kSmall, "small.json", "", options);
}

std::string error_with(const std::string& pointer, const std::string& value) {
  Json json = Json::parse(kSmall);
  json[Json::json_pointer(pointer)] = Json::parse(value);
  const auto loaded = load_text(json.dump(2), "bad.json", "");
  return loaded.ok() ? "no error" : loaded.error().message;
}

TEST(Loader, FillsInDefaults) {
  const auto loaded = load_text(kSmall, "dir/small.json", "");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  ASSERT_EQ(loaded.value().size(), 1U);
  const Scenario& s = loaded.value()[0];
  EXPECT_EQ(s.name, "small");
  EXPECT_EQ(s.variant, "");
  EXPECT_EQ(s.seed, 1U);
  EXPECT_FALSE(s.duration);
  EXPECT_EQ(s.warmup.fraction, 0);
  EXPECT_EQ(s.network.latency, Duration{0});
  EXPECT_EQ(s.network.bandwidth_bytes_per_s, 1.25e9);
  ASSERT_EQ(s.scheduler.queues.size(), 1U);
  EXPECT_EQ(s.scheduler.queues[0].name, "default");
  ASSERT_EQ(s.pools.size(), 1U);
  EXPECT_EQ(s.pools[0].name, "main");
  EXPECT_EQ(s.pools[0].hosts, std::vector<std::string>{"node"});
  EXPECT_EQ(s.scheduler.pools[0].queues, std::vector<QueueId>{QueueId{0}});
  EXPECT_FALSE(s.pools[0].slots_per_worker);
  EXPECT_FALSE(s.pools[0].processor_sharing);
  EXPECT_EQ(s.scheduler.placement.type, "fcfs");
  EXPECT_EQ(s.liveness.type, "oracle");
  EXPECT_EQ(s.scheduler.control_plane.trigger, PassTrigger::ideal);
  const auto& jobs = std::get<SyntheticSource>(s.workload[0]);
  EXPECT_EQ(jobs.shape.per_task, make_resources({.cpus_milli = 1000}));
  EXPECT_EQ(jobs.shape.tasks, 1U);
  EXPECT_EQ(jobs.shape.on_failure, OnInterrupt::restart);
  EXPECT_EQ(jobs.shape.on_preemption, OnInterrupt::resume);
  EXPECT_EQ(host_name(s.hosts[0], 1), "node-1");
  EXPECT_EQ(host_name({"single"}, 0), "single");
}

TEST(Loader, ReadsEveryKey) {
  LoadOptions options;
  options.read_traces = false;
  const auto loaded = load_text(kFull, "full.json", "", options);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  ASSERT_EQ(loaded.value().size(), 2U);
  const Scenario& s = loaded.value()[0];
  EXPECT_EQ(s.variant, "base");
  EXPECT_EQ(s.duration, Duration{30 * 24h});
  EXPECT_DOUBLE_EQ(s.warmup.fraction, 0.1);
  EXPECT_EQ(s.hosts[0].memory_bytes, std::int64_t{64} << 30);
  EXPECT_EQ(s.network.latency, 200us);
  EXPECT_EQ(s.scheduler.control_plane.trigger, PassTrigger::cycle);
  EXPECT_EQ(s.scheduler.control_plane.period, 2s);
  EXPECT_EQ(s.scheduler.queues[0].capacity, 100U);
  EXPECT_EQ(s.pools[0].slots_per_worker, 4U);
  EXPECT_TRUE(s.pools[1].processor_sharing);
  EXPECT_EQ(s.checkpoint.restart, 30s);
  const auto& w = std::get<SyntheticSource>(s.workload[0]);
  EXPECT_EQ(w.shape.per_task, make_resources({.cpus_milli = 500, .memory_bytes = std::int64_t{1} << 30, .gpus = 1}));
  EXPECT_EQ(w.shape.tasks, 3U);
  EXPECT_EQ(w.shape.on_failure, OnInterrupt::checkpoint);
  EXPECT_EQ(w.shape.input_bytes, 1'000'000'000);
  EXPECT_EQ(std::get<MmppArrivals>(std::get<SyntheticSource>(s.workload[3]).arrivals).rates[0], 0);
  EXPECT_FALSE(std::get<SyntheticSource>(s.workload[5]).duration);
  EXPECT_EQ(s.scheduler.placement.get<std::string>("fit"), "best");
  EXPECT_EQ(s.liveness.get<Duration>("ttl"), 25s);
  ASSERT_EQ(s.faults.size(), 3U);
  const auto& crash = std::get<WorkerCrash>(s.faults[1]);
  EXPECT_EQ(mean_of(std::get<WorkerCrash::Repeated>(crash.when).up), 20 * 86400.0);
  const Scenario& other = loaded.value()[1];
  EXPECT_EQ(other.scheduler.placement.type, "fcfs");
  EXPECT_EQ(std::get<SyntheticSource>(other.workload[0]).count, 9U);
  EXPECT_EQ(other.faults.size(), 4U);
  EXPECT_FALSE(std::get<WorkerCrash::Once>(std::get<WorkerCrash>(other.faults[3]).when).lasting);
}

// What a journal records of a scenario must give the same scenario again.
TEST(Loader, JsonOfAVariantLoadsToTheSame) {
  LoadOptions options;
  options.read_traces = false;
  const auto loaded = load_text(kFull, "full.json", "", options);
  ASSERT_TRUE(loaded.ok());
  for (const Scenario& scenario : loaded.value()) {
    const auto again = load_text(scenario.json, "journal", "", options);
    ASSERT_TRUE(again.ok()) << again.error().message;
    ASSERT_EQ(again.value().size(), 1U);
    EXPECT_EQ(again.value()[0].json, scenario.json);
    EXPECT_EQ(again.value()[0].scheduler.placement.type, scenario.scheduler.placement.type);
  }
}

TEST(Loader, SetsComeBeforeVariants) {
  const auto loaded =
      load_small({"/workload/0/count=20", "/policies/placement=sjf", "/name=\"x\"", "/cluster/hosts/0/memory=4GiB",
                  R"(/variants=[{"name": "a"}, {"name": "b", "set": {"/workload/0/count": 30}}])"});
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  ASSERT_EQ(loaded.value().size(), 2U);
  EXPECT_EQ(std::get<SyntheticSource>(loaded.value()[0].workload[0]).count, 20U);
  EXPECT_EQ(std::get<SyntheticSource>(loaded.value()[1].workload[0]).count, 30U);
  EXPECT_EQ(loaded.value()[1].scheduler.placement.type, "sjf");
  EXPECT_EQ(loaded.value()[1].name, "x");
}

TEST(Loader, BadSetsAreNamed) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"seed", "there is no ="},
      {"seed=3", "is no JSON pointer"},
      {"/sed=3", "/sed (from --set): unknown key \"sed\"; did you mean \"seed\"?"},
      {"/workload/7/count=3", "is a list of 1"},
      {"/workload/x=3", "is no index"},
      {"/workload/0/count/x=3", "neither an object nor a list"},
      {"/seed=\xff", "/seed (from --set)"},
      {"=3", "is no JSON pointer"}};
  for (const auto& [set, part] : cases) {
    const auto loaded = load_small({set});
    ASSERT_FALSE(loaded.ok()) << set;
    EXPECT_NE(loaded.error().message.find(part), std::string::npos) << set << ": " << loaded.error().message;
  }
}

struct Bad {
  std::string pointer;
  std::string value;
  std::vector<std::string> parts;
};

TEST(Loader, WholeNumbersMayBeWrittenWithADot) {
  const auto loaded = load_text(R"({"seed": 2.0, "cluster": {"hosts": [{"name": "node", "count": 3.0, "cpus": 2.0}]},
      "workload": [{"count": 1e2, "arrivals": {"at-once": {}}, "duration": "1s"}]})",
                                "dots.json", "");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(loaded.value().front().seed, 2U);
  EXPECT_EQ(std::get<SyntheticSource>(loaded.value().front().workload.front()).count, 100U);
  EXPECT_NE(loaded.value().front().json.find("\"count\":100,"), std::string::npos) << loaded.value().front().json;
}

TEST(Loader, NotesPoolsThatShareMemoryOrGpus) {
  const auto notes_of = [](const std::string& host) {
    return load_text(R"({"cluster": {"hosts": [{"name": "node", )" + host + R"(}]}, "queues": [{"name": "a"}, {"name": "b"}],
      "pools": [{"name": "pa", "queues": ["a"]}, {"name": "pb", "queues": ["b"]}],
      "workload": [{"queue": "a", "count": 1, "arrivals": {"at-once": {}}, "duration": "1s"}]})",
                     "shared.json", "")
        .value()
        .front()
        .notes;
  };
  EXPECT_TRUE(notes_of(R"("cpus": 4)").empty());
  ASSERT_EQ(notes_of(R"("gpus": 1)").size(), 1U);
  EXPECT_NE(notes_of(R"("gpus": 1)").front().find("\"node\" serve the pools pa, pb"), std::string::npos);
}

TEST(Loader, RefusesGangsThatAPolicyOfOneWorkerCouldNeverStart) {
  const auto load_with = [](const std::string& placement, const std::string& tasks) {
    return load_text(R"({"cluster": {"hosts": [{"name": "node", "count": 3, "cpus": 2}]},
      "workload": [{"count": 1, "arrivals": {"at-once": {}}, "duration": "1s", "tasks": )" +
                         tasks + R"(}], "policies": {"placement": ")" + placement + "\"}}",
                     "gang.json", "");
  };
  EXPECT_TRUE(load_with("jsq", "2").ok());
  EXPECT_TRUE(load_with("fcfs", "3").ok());
  for (const std::string tasks : {"3", R"({"exponential": {"mean": 1}})"}) {
    const auto refused = load_with("jsq", tasks);
    ASSERT_FALSE(refused.ok()) << tasks;
    EXPECT_NE(refused.error().message.find("/workload/0/tasks: there may be"), std::string::npos) << refused.error().message;
    EXPECT_NE(refused.error().message.find("jsq puts on one worker"), std::string::npos) << refused.error().message;
  }
}

TEST(Loader, RefusesWithPlaceAndRemedy) {
  const std::vector<Bad> cases{
      {"/polices", "{}", {"bad.json:", "/polices: unknown key", "did you mean \"policies\"?"}},
      {"/cluster/hosts/0/cpu", "2", {"/cluster/hosts/0/cpu", "did you mean \"cpus\"?"}},
      {"/cluster/hosts/0/cpus", "0", {"expected a whole number from 1", "found 0"}},
      {"/cluster/hosts/0/cpus", "1.5", {"expected a whole number"}},
      {"/cluster/hosts/0/cpus", "1e30", {"expected a whole number"}},
      {"/cluster/hosts/0/name", "\"a b\"", {"letters, digits"}},
      {"/cluster/hosts/0/name", "3", {"expected text"}},
      {"/cluster/hosts", "{}", {"expected a list"}},
      {"/cluster/hosts", "[]", {"at least one host group"}},
      {"/cluster/hosts/1", R"({"name": "node"})", {"another host group \"node\""}},
      {"/cluster/hosts/1", R"({"name": "node-1"})", {"is also a host of the group"}},
      {"/cluster/network", R"({"bandwidth": "0B/s"})", {"/cluster/network/bandwidth", "above 0"}},
      {"/cluster/network", R"({"latency": 3})", {"/cluster/network/latency", "\"30s\""}},
      {"/queues", "[]", {"at least one queue"}},
      {"/queues", R"([{"name": "default", "capacity": -1}])", {"/queues/0/capacity", "at least 0"}},
      {"/queues", R"([{"name": "a"}, {"name": "a"}])", {"another queue \"a\""}},
      {"/queues", R"([{"name": "a"}, {"name": "b"}])", {"/workload/0: the key \"queue\" is missing", "a, b"}},
      {"/pools", R"([{"name": "p", "hosts": ["nod"]}])", {"/pools/0/hosts/0", "did you mean \"node\"?"}},
      {"/pools", R"([{"name": "p", "hosts": ["node", "node"]}])", {"named twice"}},
      {"/pools", R"([{"name": "p", "slots_per_worker": 0}])", {"from 1 to"}},
      {"/pools", R"([{"name": "p", "slots_per_worker": "many"}])", {"unlimited"}},
      {"/pools", R"([{"name": "p", "queues": []}])", {"at least one queue"}},
      {"/control_plane", R"({"mode": "cyle"})", {"ideal, cycle, event"}},
      {"/control_plane", R"({"mode": "ideal", "cycle": "5s"})", {"/control_plane/cycle", "only with"}},
      {"/control_plane", R"({"mode": "event", "mass_expiry_guard": true})", {"mass_expiry_guard", "\"registry_reading\""}},
      {"/control_plane", R"({"mode": "event", "registry_reading": "0s"})", {"/control_plane/registry_reading", "1us"}},
      {"/duration", "\"0s\"", {"above 0s"}},
      {"/duration", "\"-5s\"", {"is negative"}},
      {"/warmup", "\"100%\"", {"nothing would be measured"}},
      {"/warmup", "0.1", {"\"10%\""}},
      {"/seed", "-1", {"/seed", "at least 0"}},
      {"/workload", "[]", {"at least one entry"}},
      {"/workload/0/tasks", "3", {"3 tasks start together", "can hold 2"}},
      {"/workload/0/tasks", R"({"uniform": {"low": 1, "high": 9}})", {"9 tasks start together"}},
      {"/workload/0/cpus", "2", {"larger than every worker"}},
      {"/workload/0/cpus", "0.0005", {"/workload/0/cpus"}},
      {"/workload/0/cpus", "0.12345", {"at most 3 decimals"}},
      {"/workload/0/gpus", "1", {"larger than every worker", "1 gpus"}},
      {"/workload/0/queue", "\"defualt\"", {"did you mean \"default\"?"}},
      {"/workload/0/count", "0", {"at least 1"}},
      {"/workload/0/arrivals", "{}", {"exactly one of the keys"}},
      {"/workload/0/arrivals", R"({"poisson": {"rate": "1/s"}, "at-once": {}})", {"exactly one of the keys"}},
      {"/workload/0/arrivals/poisson/rate", "\"1\"", {"has no unit", "\"0.8/s\""}},
      {"/workload/0/arrivals/poisson/rate", "\"0/s\"", {"above 0"}},
      {"/workload/0/arrivals/poisson/rate", "\"1e-15/s\"", {"more than"}},
      {"/workload/0/duration", "1", {"\"30s\""}},
      {"/workload/0/duration", "\"0s\"", {"above 0s"}},
      {"/workload/0/duration", R"({"uniform": {"low": "2s", "high": "1s"}})", {"\"low\" must be below \"high\""}},
      {"/workload/0/duration", R"({"exponental": {"mean": "1s"}})", {"did you mean \"exponential\"?"}},
      {"/workload/0/duration", R"({"exponential": {}})", {"\"mean\" is missing"}},
      {"/workload/0/duration",
       R"({"hyperexponential": {"probabilities": [0.5, 0.4], "means": ["1s", "2s"]}})",
       {"add up to 1"}},
      {"/workload/0/duration",
       R"({"hyperexponential": {"probabilities": [1], "means": ["1s", "2s"]}})",
       {"1 probabilities, but 2 means"}},
      {"/workload/0/duration", R"({"empirical": []})", {"at least one value"}},
      {"/workload/0/estimate", "2", {"\"exact\""}},
      {"/workload/0/on_failure", "\"checkpoint\"", {"needs the top-level key \"checkpoint\""}},
      {"/workload/0/cycle", R"({"period": "1d", "factors": [0, 0]})", {"all factors are 0"}},
      {"/workload/0/cycle", R"({"period": "1d", "factors": []})", {"1 to 10000"}},
      {"/policies", R"({"placement": "esy"})", {"/policies/placement", "did you mean \"easy\"?"}},
      {"/policies", R"({"placement": {"order": "sjf"}})", {"\"type\" is missing"}},
      {"/policies", R"({"placement": {"type": "easy", "order": "lifo"}})", {"/policies/placement/order", "sjf"}},
      {"/policies", R"({"placement": {"type": "fcfs", "order": "sjf"}})", {"unknown key \"order\""}},
      {"/policies", R"({"placement": {"type": "priority", "preemptive": 1}})", {"true or false"}},
      {"/policies", R"({"placement": {"type": "jsq", "d": 0}})", {"/policies/placement/d", "from 1 to"}},
      {"/policies", R"({"liveness": {"type": "ttl", "ttl": "30s"}})", {"must outlast"}},
      {"/policies", R"({"liveness": {"type": "ttl", "ttl": 60}})", {"\"30s\""}},
      {"/faults", R"([{"type": "worker-crsh"}])", {"worker-crash"}},
      {"/faults", R"([{"type": "worker-crash"}])", {"either \"at\""}},
      {"/faults", R"([{"at": "1h"}])", {"\"type\" is missing"}},
      {"/faults", R"([{"type": "message-loss", "probability": 0.1}])", {"\"between\" is missing"}},
      {"/faults",
       R"([{"type": "message-loss", "between": ["workers", "workers"], "probability": 0.1}])",
       {"[\"workers\", \"redis\"]"}},
      {"/faults", R"([{"type": "message-loss", "between": ["workers", "redis"]}])", {"\"probability\", \"burst\""}},
      {"/faults",
       R"([{"type": "message-loss", "between": ["workers", "redis"], "probability": 1.5}])",
       {"/faults/0/probability"}},
      {"/faults",
       R"([{"type": "message-loss", "between": ["workers", "redis"], "probability": 1}])",
       {"say how long with \"for\""}},
      {"/faults",
       R"([{"type": "message-loss", "between": ["workers", "redis"], "burst": {"enter": 0.1}}])",
       {"\"leave\" is missing"}},
      {"/cluster/stores", R"({"redis": {"latency": "1 parsec"}})", {"/cluster/stores/redis/latency"}},
      {"/policies",
       R"({"liveness": {"type": "adaptive", "shortest": "1m", "longest": "30s"}})",
       {"may not be below the shortest"}},
      {"/faults", R"([{"type": "worker-crash", "at": "1h", "mtbf": "1h"}])", {"either \"at\""}},
      {"/faults", R"([{"type": "worker-crash", "mtbf": "1h"}])", {"\"mttr\" is missing"}},
      {"/faults",
       R"([{"type": "worker-crash", "target": "node-2", "at": "1h"}])",
       {"/faults/0/target", "node-0 ... node-1"}},
      {"/checkpoint", "{}", {"\"interval\" is missing"}},
      {"/variants", "[]", {"at least one variant"}},
      {"/variants", R"([{"name": "a"}, {"name": "a"}])", {"another variant \"a\""}},
      {"/variants", R"([{"set": {}}])", {"\"name\" is missing"}},
      {"/variants", R"([{"name": "a", "set": {"/variants": []}}])", {"cannot change the variants"}},
      {"/variants",
       R"([{"name": "a", "set": {"/policies": {}, "/policies/placement": "easy"}}])",
       {"is inside \"/policies\""}},
      {"/variants", R"([{"name": "a", "set": {"policies": {}}}])", {"is no JSON pointer", "in variant \"a\""}},
      {"/variants",
       R"([{"name": "a", "set": {"/polices/placement": "easy"}}])",
       {"set at /variants/0/set", "unknown key \"polices\"", "in variant \"a\""}},
      {"/variants", R"([{"name": "a", "set": []}])", {"an object of JSON pointers"}}};
  for (const Bad& bad : cases) {
    const std::string error = error_with(bad.pointer, bad.value);
    EXPECT_TRUE(error.starts_with("bad.json")) << bad.pointer << ": " << error;
    for (const std::string& part : bad.parts)
      EXPECT_NE(error.find(part), std::string::npos) << bad.pointer << " " << bad.value << ": " << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
}

TEST(Loader, MessagesNameTheLine) {
  const auto loaded = load_text(
      "{\n  \"cluster\": {\n    \"hosts\": [\n      {\"name\": \"a\",\n       \"cpus\": -3}]},\n \"workload\": []}",
      "f.json", "");
  ASSERT_FALSE(loaded.ok());
  EXPECT_TRUE(loaded.error().message.starts_with("f.json:5: /cluster/hosts/0/cpus: ")) << loaded.error().message;
}

TEST(Loader, AnErrorOfTheBaseIsToldWithoutTheVariant) {
  Json json = Json::parse(kSmall);
  json["variants"] = Json::parse(R"([{"name": "first"}, {"name": "second"}])");
  json["cluster"]["hosts"][0]["cpus"] = -1;
  const auto loaded = load_text(json.dump(), "f.json", "");
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().message.find("in variant"), std::string::npos) << loaded.error().message;
}

TEST(Syntax, ErrorsNameLineAndColumn) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "f.json:1:1: not valid JSON"},
      {"{\n  \"seed\": }", "f.json:2:11: not valid JSON"},
      {"{\"a\": 1,}", "f.json:1:9"},
      {"{\"seed\": 1, \"seed\": 2}", "f.json:1:18: the key \"seed\" is there twice"},
      {"{\"seed\": 1}\n{", "f.json:2:1"},
      {"{\"seed\": NaN}", "f.json:1:"},
      {"{\"seed\": 1e999}", "f.json:1:"},
      {"{\"name\": \"\xff\"}", "f.json:1:"},
      {"{\"name\": \"a\nb\"}", "f.json:1:"},
      {"// only a comment", "f.json:1:"},
      {"/* open", "f.json:1:"}};
  for (const auto& [text, part] : cases) {
    const auto loaded = load_text(text, "f.json", "");
    ASSERT_FALSE(loaded.ok()) << text;
    EXPECT_NE(loaded.error().message.find(part), std::string::npos) << text << ": " << loaded.error().message;
    for (const char c : loaded.error().message) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << loaded.error().message;
  }
  EXPECT_NE(load_text(std::string(100'000, '['), "f.json", "").error().message.find("nested more than"), std::string::npos);
  EXPECT_NE(load_text("[]", "f.json", "").error().message.find("expected a scenario"), std::string::npos);
}

TEST(Traces, AreRelativeToTheFileAndSharedByVariants) {
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("drydock-loader-{}", ::getpid());
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "t.swf")
      << "1 5 -1 10 2 -1 -1 2 60 -1 1 1 1 1 3 1 -1 -1\n2 6 -1 10 3 -1 -1 3 60 -1 1 1 1 1 1 1 -1 -1\n";
  std::ofstream(folder / "s.json")
      << R"({"cluster": {"hosts": [{"name": "n", "count": 2}]}, "queues": [{"name": "a"}, {"name": "b"}],
    "workload": [{"queue": "a", "trace": {"format": "swf", "path": "t.swf", "queues": {"3": "b"},
      "oversized": "skip", "estimate": "requested"}}],
    "variants": [{"name": "x"}, {"name": "y"}, {"name": "large", "set": {"/cluster/hosts/0/count": 3}}]})";
  const auto loaded = load((folder / "s.json").string());
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const auto jobs = [&](std::size_t i) { return std::get<TraceSource>(loaded.value()[i].workload[0]).jobs; };
  EXPECT_EQ(jobs(0), jobs(1));
  ASSERT_EQ(jobs(0)->size(), 1U);
  EXPECT_EQ(jobs(2)->size(), 2U);
  EXPECT_EQ((*jobs(0))[0].queue, 1U);
  EXPECT_EQ(Duration{(*jobs(0))[0].estimate_ns}, 60s);
  LoadOptions strict;
  strict.sets = {"/workload/0/trace/oversized=error"};
  const auto refused = load((folder / "s.json").string(), strict);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("t.swf:2: this job has 3 tasks"), std::string::npos) << refused.error().message;
  std::filesystem::remove_all(folder);
}

TEST(BuiltIns, AllLoadAndSayWhatTheyShow) {
  for (const BuiltIn& built_in : built_in_scenarios()) {
    EXPECT_GT(built_in.description.size(), 20U) << built_in.name;
    const auto loaded = load(built_in.name);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_EQ(loaded.value()[0].description, built_in.description);
    for (const Scenario& scenario : loaded.value()) EXPECT_GT(Workload(scenario, 1).total(), 0U) << built_in.name;
  }
}

TEST(BuiltIns, NamesAreSuggested) {
  EXPECT_NE(load("easy-againts-fcfs").error().message.find("did you mean easy-against-fcfs"), std::string::npos);
  EXPECT_NE(load("mm2.json").error().message.find("mm1"), std::string::npos);
  EXPECT_NE(load("").error().message.find("no such file"), std::string::npos);
  EXPECT_NE(load("/").error().message.find("is a folder"), std::string::npos);
}

}  // namespace
}  // namespace drydock::scenarios::scenarios_loader_test

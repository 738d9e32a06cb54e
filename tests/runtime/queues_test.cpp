// Queues are known by name: a scheduler whose scenario lists other ones, or the same in another order, neither loses nor moves a job.
#include "tests/runtime/processes.hpp"

#include <csignal>
#include <cstdint>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace drydock::cli::queues_test {
namespace {

using nlohmann::json;

class Queues : public OnGivenStores {
 protected:
  void TearDown() override {
    worker_.reset();
    scheduler_.reset();
  }

  std::string scenario(const std::vector<std::string>& queues) {
    json all = json::parse(R"({
      "name": "queues",
      "cluster": {"hosts": [{"name": "node", "count": 1, "cpus": 4}]},
      "queues": [],
      "pools": [{"name": "main", "hosts": ["node"]}],
      "control_plane": {"mode": "cycle", "cycle": "50ms", "schedulers": 2, "lease": "3s", "renew": "300ms", "margin": "300ms"},
      "workload": [{"count": 1, "arrivals": {"at-once": {}}, "duration": "1s"}],
      "policies": {"liveness": {"type": "ttl", "heartbeat": "300ms", "ttl": "10s"}, "accounting": "fenced-counter"}})");
    all["pools"][0]["queues"] = queues;
    all["workload"][0]["queue"] = queues.front();
    for (const std::string& queue : queues) all["queues"].push_back({{"name", queue}});
    return folder_.file(fmt::format("{}.json", fmt::join(queues, "-")), all.dump());
  }
  // In place of the one before, until it leads.
  void lead(const std::vector<std::string>& queues, const std::vector<std::string>& more = {}) {
    if (scheduler_ != nullptr) {
      EXPECT_EQ(scheduler_->end(SIGTERM).code, 0);
    }
    std::vector<std::string> words{"scheduler",
                                   "--config",
                                   scenario(queues),
                                   "--redis",
                                   redis_url(),
                                   "--postgres",
                                   postgres_->connection(),
                                   "--name",
                                   fmt::format("s{}", ++schedulers_)};
    words.insert(words.end(), more.begin(), more.end());
    scheduler_ = std::make_unique<Process>(words);
    const std::string name = fmt::format("s{}", schedulers_);
    ASSERT_TRUE(until([&] {
      const json status = ask({"status", "--redis", redis_url(), "--once"});
      return status.is_object() && status["leader"].is_object() &&
             status["leader"]["name"].get<std::string>().starts_with(name + " ") &&
             status["queues"][0]["name"] == queues.front() && status["queues"][0]["served"] == true;
    })) << name;
  }
  void start_worker(const std::vector<std::string>& queues) {
    worker_ = std::make_unique<Process>(
        std::vector<std::string>{"worker", "--config", scenario(queues), "--redis", redis_url(), "--id", "0"});
  }
  json ask(std::vector<std::string> words) {
    words.insert(words.begin() + 1, {"--postgres", postgres_->connection(), "--format", "json"});
    const Ran ran = run_binary(words);
    EXPECT_TRUE(ran.code == 0 || words.front() == "status") << ran.err;
    return json::parse(ran.out, nullptr, false);
  }
  std::uint64_t submit(const std::string& queue, const std::string& script = "exit 0") {
    return ask({"submit", "--queue", queue, "--", "sh", "-c", script})["jobs"][0].get<std::uint64_t>();
  }
  json job(std::uint64_t id) { return ask({"job", std::to_string(id)}); }
  // Names of the queues of jobs, by id.
  std::map<std::uint64_t, std::string> queues_of_jobs() {
    std::map<std::uint64_t, std::string> queues;
    const json jobs = ask({"jobs", "--limit", "100"})["jobs"];
    for (const json& job : jobs) queues[job["id"].get<std::uint64_t>()] = job["queue"].get<std::string>();
    return queues;
  }
  json queue(const std::string& name) {
    const json status = ask({"status", "--redis", redis_url(), "--once"});
    for (const json& queue : status["queues"]) {
      if (queue["name"] == name) return queue;
    }
    return {};
  }

  std::unique_ptr<Process> scheduler_;
  std::unique_ptr<Process> worker_;
  int schedulers_ = 0;
};

TEST_F(Queues, InAnotherOrderAndWithNewOnesChangeNoJob) {
  lead({"short", "long"});
  const std::map<std::uint64_t, std::string> jobs{
      {submit("short"), "short"}, {submit("long"), "long"}, {submit("long"), "long"}};
  lead({"long", "new", "short"});
  EXPECT_EQ(queues_of_jobs(), jobs);
  EXPECT_EQ(ask({"jobs", "--queue", "long"})["jobs"].size(), 2U);
  EXPECT_EQ(queue("long"), json({{"name", "long"}, {"served", true}, {"waiting", 2}, {"running", 0}}));
  EXPECT_EQ(job(ask({"submit", "--sleep", "1ms"})["jobs"][0].get<std::uint64_t>())["queue"], "long") << "the first";
  start_worker({"long", "new", "short"});
  ASSERT_TRUE(until([&] { return ask({"jobs", "--state", "succeeded"})["jobs"].size() == 4; }));
}

// Also with all that waits in memory, where nothing is read from the database again.
class QueuesThatGo : public Queues, public testing::WithParamInterface<std::string> {};
INSTANTIATE_TEST_SUITE_P(Lookahead, QueuesThatGo, testing::Values("0", "1000"), [](const auto& of) { return of.param; });

TEST_P(QueuesThatGo, LoseNoJob) {
  const std::vector<std::string> more{"--set", "/control_plane/lookahead=" + GetParam()};
  lead({"stays", "goes"}, more);
  start_worker({"stays", "goes"});
  const std::uint64_t runs = submit("goes", "[ $DRYDOCK_ATTEMPT -gt 1 ] || sleep 600");
  ASSERT_TRUE(until([&] { return job(runs)["status"] == "running"; }));

  lead({"stays"}, more);
  ASSERT_TRUE(until([&] { return job(runs)["status"] == "waiting"; }));
  EXPECT_EQ(job(runs)["reason"], "no scheduler has its queue");
  EXPECT_EQ(job(runs)["queue"], "goes");
  EXPECT_EQ(job(runs)["failures"], 0);
  EXPECT_EQ(queue("goes"), json({{"name", "goes"}, {"served", false}, {"waiting", 1}, {"running", 0}}));
  EXPECT_NE(run_binary({"job", "--postgres", postgres_->connection(), std::to_string(runs)})
                .out.find("no scheduler has its queue"),
            std::string::npos);
  EXPECT_EQ(run_binary({"submit", "--postgres", postgres_->connection(), "--queue", "goes", "--sleep", "1s"}).code, 2);
  const std::uint64_t other = submit("stays");
  ASSERT_TRUE(until([&] { return job(other)["status"] == "succeeded"; })) << "the worker has room again";
  EXPECT_EQ(job(runs)["status"], "waiting");

  lead({"new", "goes"}, more);
  ASSERT_TRUE(until([&] { return job(runs)["status"] == "succeeded"; }));
  EXPECT_EQ(job(runs)["attempts"], 2);
}

TEST_P(QueuesThatGo, LetTheirJobsBeCancelled) {
  const std::vector<std::string> more{"--set", "/control_plane/lookahead=" + GetParam()};
  lead({"stays", "goes"}, more);
  const std::uint64_t waits = submit("goes");
  lead({"stays"}, more);
  EXPECT_EQ(run_binary({"cancel", "--postgres", postgres_->connection(), std::to_string(waits)}).code, 0);
  EXPECT_TRUE(until([&] { return job(waits)["status"] == "cancelled"; }));
}

}  // namespace
}  // namespace drydock::cli::queues_test

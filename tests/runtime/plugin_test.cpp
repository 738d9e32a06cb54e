// A plugin's policy in production: it decides, and when it is lost, the scheduler's process goes on with a built-in one.
#include "tests/runtime/processes.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <unistd.h>
#include <vector>

namespace drydock::cli::plugin_process_test {
namespace {

using nlohmann::json;

class PluginProcess : public OnGivenStores {
 protected:
  std::string scenario(const std::string& placement) {
    return folder_.file("real.json", fmt::format(R"({{"name": "real",
      "cluster": {{"hosts": [{{"name": "node", "count": 1, "cpus": 2}}]}},
      "queues": [{{"name": "default"}}],
      "pools": [{{"name": "main", "hosts": ["node"], "queues": ["default"]}}],
      "control_plane": {{"mode": "event", "schedulers": 2, "lease": "3s", "renew": "300ms", "margin": "300ms"}},
      "workload": [{{"queue": "default", "count": 1, "arrivals": {{"at-once": {{}}}}, "duration": "1s"}}],
      "policies": {{"placement": "{}", "liveness": {{"type": "ttl", "heartbeat": "300ms", "ttl": "10s"}}}}}})",
                                                 placement));
  }
  static std::string plugin(const std::string& name) { return fmt::format("--plugin={}/{}.so", DRYDOCK_PLUGINS, name); }

  // Job 3 is where bad ones misbehave.
  void run_six_jobs(const std::string& placement) {
    const std::string file = scenario(placement);
    scheduler_ = std::make_unique<Process>(std::vector<std::string>{
        "scheduler", "--config", file, "--redis", redis_url(), "--postgres", postgres_->connection(), "--record",
        folder_.path("record"), plugin(placement), "--plugin-patience", "1", "--fallback", "sjf"});
    worker_ =
        std::make_unique<Process>(std::vector<std::string>{"worker", "--config", file, "--redis", redis_url(), "--id", "0",
                                                           plugin(placement), "--parent", std::to_string(::getpid())});
    ASSERT_TRUE(until([&] { return run_binary({"jobs", "--postgres", postgres_->connection()}).code == 0; }));
    const Ran submitted = run_binary({"submit", "--sleep", "10ms", "--count", "6", "--postgres", postgres_->connection()});
    ASSERT_EQ(submitted.code, 0) << submitted.err;
    EXPECT_TRUE(until([&] {
      const Ran jobs =
          run_binary({"jobs", "--state", "succeeded", "--postgres", postgres_->connection(), "--format", "json"});
      return json::parse(jobs.out)["jobs"].size() == 6;
    }));
    EXPECT_EQ(worker_->end(SIGTERM).code, 0);
  }

  std::unique_ptr<Process> scheduler_;
  std::unique_ptr<Process> worker_;
};

TEST_F(PluginProcess, DecidesForReal) {
  const std::string file = scenario("short-first");
  const Ran ran =
      run_binary({"up", file, fmt::format("--plugin={}/short_first.so", DRYDOCK_PLUGINS), "--out", folder_.path("out")});
  EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
  const Ran replayed =
      run_binary({"replay", folder_.path("out/up.journal"), fmt::format("--plugin={}/short_first.so", DRYDOCK_PLUGINS)});
  EXPECT_EQ(replayed.code, 0) << replayed.out << replayed.err;
}

TEST_F(PluginProcess, ThatThrowsIsFollowedByTheFallback) {
  run_six_jobs("throws");
  const Ran ended = scheduler_->end(SIGTERM);
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_NE(ended.err.find("placement policy 'throws' was stopped: it threw an exception: no idea what to do"),
            std::string::npos)
      << ended.err;
  EXPECT_NE(ended.err.find("sjf decides (--fallback)"), std::string::npos) << ended.err;
}

TEST_F(PluginProcess, ThatDoesNotReturnIsFollowedByTheFallback) {
  run_six_jobs("loops");
  const Ran ended = scheduler_->end(SIGTERM);
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_NE(ended.err.find("policy 'loops' of loops.so: it has not returned for too long"), std::string::npos) << ended.err;
  EXPECT_NE(ended.err.find("sjf decides (--fallback)"), std::string::npos) << ended.err;
}

TEST_F(PluginProcess, ThatCrashesIsFollowedByTheFallback) {
  run_six_jobs("crashes");
  EXPECT_EQ(scheduler_->end(SIGTERM).code, 0);
}

TEST_F(PluginProcess, AFallbackIsBuiltIn) {
  const Ran ran = run_binary({"scheduler", "--config", scenario("throws"), "--redis", redis_url(), "--postgres",
                              postgres_->connection(), plugin("throws"), "--fallback", "throws"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("--fallback throws: expected a built-in placement policy"), std::string::npos) << ran.err;
}

}  // namespace
}  // namespace drydock::cli::plugin_process_test

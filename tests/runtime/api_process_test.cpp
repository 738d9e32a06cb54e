// `drydock api` as a process, with a scheduler and workers: the dialogue of a resource manager, from submission to result.
#include "real-runtime/postgres_client.hpp"
#include "tests/runtime/http_call.hpp"
#include "tests/runtime/processes.hpp"

#include <csignal>
#include <gtest/gtest.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace drydock::cli::api_process_test {
namespace {

using nlohmann::json;
using runtime::HttpCall;
using runtime::HttpReply;

const std::string kScenario = R"({
  "name": "real",
  "cluster": {"hosts": [{"name": "node", "count": 2, "cpus": 96}]},
  "queues": [{"name": "default"}, {"name": "other"}],
  "pools": [{"name": "main", "hosts": ["node"], "queues": ["default", "other"], "slots_per_worker": 8}],
  "control_plane": {"mode": "cycle", "cycle": "50ms", "schedulers": 2, "lease": "3s", "renew": "300ms", "margin": "300ms"},
  "workload": [{"queue": "default", "count": 1, "arrivals": {"at-once": {}}, "duration": "1s"}],
  "policies": {"liveness": {"type": "ttl", "heartbeat": "300ms", "ttl": "6s"}, "accounting": {"type": "fenced-counter"}}
})";
const std::string kToken = "a-token-for-this-test";

class ApiProcess : public OnGivenStores {
 protected:
  void SetUp() override {
    OnGivenStores::SetUp();
    if (HasFatalFailure()) return;
    scenario_ = folder_.file("real.json", kScenario);
    socket_ = folder_.path("api.sock");
    token_file_ = folder_.file("token", kToken + "\n");
    chmod(token_file_.c_str(), 0600);
  }
  [[nodiscard]] std::vector<std::string> words(const std::vector<std::string>& more) const {
    std::vector<std::string> all{"api",      "--redis",        redis_url(), "--postgres", postgres_->connection(),
                                 "--listen", "unix:" + socket_};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  std::unique_ptr<Process> start_scheduler() const {
    return std::make_unique<Process>(std::vector<std::string>{"scheduler", "--config", scenario_, "--redis", redis_url(),
                                                              "--postgres", postgres_->connection(), "--name", "a"});
  }
  std::unique_ptr<Process> start_worker(int id) const {
    return std::make_unique<Process>(
        std::vector<std::string>{"worker", "--config", scenario_, "--redis", redis_url(), "--id", std::to_string(id)});
  }
  HttpReply call(HttpCall what) const {
    if (what.token.empty()) what.token = kToken;
    return runtime::http_call("unix://" + socket_, what);
  }
  json get(const std::string& path) const { return call({.target = path}).json(); }
  json post(const std::string& body) const {
    return call({.method = "POST", .target = "/api/v1/jobs/submit", .body = body}).json();
  }
  [[nodiscard]] bool schema_is_there() const {
    const auto store = runtime::PostgresClient::connect({.connection = postgres_->connection(), .may_install = false});
    return store.ok() && store.value()->run("select name from drydock.queues limit 1").value() == "default";
  }
  std::string scenario_;
  std::string socket_;
  std::string token_file_;
};

TEST_F(ApiProcess, WorkersJoinAndLeaveAndJobsEnd) {
  const auto scheduler = start_scheduler();
  ASSERT_TRUE(until([&] { return schema_is_there(); }));
  Process api(words({"--token-file", token_file_, "--config", scenario_}));
  ASSERT_TRUE(until([&] { return call({.target = "/readyz"}).status == 200; }));
  const auto total = [&] { return get("/api/v1/dashboard")["resources"]["total_cpus"]; };
  EXPECT_EQ(total(), 0);
  const auto first = start_worker(0);
  EXPECT_TRUE(until([&] { return total() == 96; }));
  auto second = start_worker(1);
  EXPECT_TRUE(until([&] { return total() == 192; }));
  const json there = get("/api/v1/workers");
  for (const json& worker : there["workers"]) {
    EXPECT_EQ(worker["pool"], "main");
    const double ttl = worker["ttl_s"].get<double>();
    EXPECT_TRUE(ttl > 0 && ttl <= 6) << ttl;
  }
  EXPECT_EQ(second->end(SIGTERM).code, 0);
  EXPECT_EQ(total(), 96) << "it took its key away itself";
  second = start_worker(1);
  EXPECT_TRUE(until([&] { return total() == 192; }));
  (void)second->end(SIGKILL);
  EXPECT_TRUE(until([&] { return total() == 96; })) << "its key expired";

  const json job = post(R"({"script": "sleep 60", "cpus": 4})");
  const std::string path = "/api/v1/jobs/" + job["id"].dump();
  EXPECT_TRUE(until([&] { return get(path)["status"] == "running"; }));
  EXPECT_TRUE(until([&] {
    const json resources = get("/api/v1/dashboard")["resources"];
    return resources["allocated_cpus"] == 4 && resources["counter_cpus"] == 4 && resources["available_cpus"] == 92;
  }));
  EXPECT_EQ(call({.method = "DELETE", .target = path}).status, 202);
  EXPECT_TRUE(until([&] { return get(path)["status"] == "cancelled"; }));

  const std::string good = "/api/v1/jobs/" + post(R"({"command": ["sh", "-c", "exit 0"], "queue": "other"})")["id"].dump();
  const std::string bad = "/api/v1/jobs/" + post(R"({"script": "exit 3"})")["id"].dump();
  EXPECT_TRUE(until([&] { return get(good)["status"] == "succeeded" && get(bad)["status"] == "failed"; }));
  EXPECT_EQ(get(good)["allocations"][0]["outcome"], "succeeded");
  EXPECT_TRUE(get(good)["reason"].is_null());
  EXPECT_NE(get(bad)["reason"].get<std::string>().find("attempt 1 on worker 0 failed"), std::string::npos);
  EXPECT_TRUE(until([&] {  // its worker has told Redis
    return get(bad)["reason"] == "attempt 1 on worker 0 failed: it ended with exit status 3";
  })) << get(bad);
  EXPECT_EQ(get(bad)["allocations"][0]["ended_as"], "failed");
  const std::string huge = "/api/v1/jobs/" + post(R"({"script": "true", "cpus": 500})")["id"].dump();
  EXPECT_EQ(get(huge)["reason"],
            "no registered worker has room for it: it asks for 500 cpus (the most that one has: 96 cpus)");
  EXPECT_EQ(call({.method = "DELETE", .target = huge}).status, 202);
  EXPECT_TRUE(until([&] { return get("/api/v1/dashboard")["resources"]["counter_cpus"] == 0; }));
  EXPECT_EQ(api.end(SIGTERM).code, 0);
  EXPECT_NE(::access(socket_.c_str(), F_OK), 0);
}

TEST_F(ApiProcess, AsksForATokenUnlessToldOtherwise) {
  const auto scheduler = start_scheduler();
  ASSERT_TRUE(until([&] { return schema_is_there(); }));
  const std::string written = folder_.path("written");
  {
    Process api(words({"--write-token", written}));
    ASSERT_TRUE(until([&] { return call({.target = "/healthz"}).status == 200; }));
    EXPECT_EQ(call({.target = "/api/v1/jobs"}).status, 401);
    std::string token = text_of(written);
    ASSERT_TRUE(token.ends_with('\n'));
    token.pop_back();
    EXPECT_EQ(call({.target = "/api/v1/jobs", .token = token}).status, 200);
    struct stat found {};
    ASSERT_EQ(::stat(written.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777U, 0600U);
    const Ran second = run_binary(words({"--write-token", written}));
    EXPECT_EQ(second.code, 2);
    EXPECT_EQ(text_of(written), token + "\n") << "the API that listens there keeps its clients";
    const Ran ran = api.end(SIGINT);
    EXPECT_EQ(ran.code, 0);
    EXPECT_EQ(ran.err.find(token), std::string::npos) << ran.err;
  }
  {
    Process api(words({"--no-auth", "--rate", "0.001/s"}));
    const HttpCall open{.target = "/api/v1/queues", .token = "none-at-all"};
    ASSERT_TRUE(until([&] { return call(open).status == 200; }));
    HttpReply last;
    for (int i = 0; i < 20; ++i) last = call(open);
    EXPECT_EQ(last.status, 429);
    EXPECT_GT(std::stoi(last.headers["retry-after"]), 0);
    EXPECT_EQ(api.end(SIGTERM).code, 0);
  }
}

// In whatever order they are started.
TEST_F(ApiProcess, WaitsForTheSchema) {
  Process api(words({"--token-file", token_file_}));
  ASSERT_TRUE(until([&] { return call({.target = "/healthz"}).status == 200; }));
  EXPECT_EQ(call({.target = "/readyz"}).status, 503);
  const HttpReply early = call({.method = "POST", .target = "/api/v1/jobs/submit", .body = R"({"sleep": "1s"})"});
  EXPECT_EQ(early.status, 503);
  EXPECT_NE(early.message().find("start a scheduler there first"), std::string::npos) << early.message();
  const auto scheduler = start_scheduler();
  EXPECT_TRUE(until([&] { return call({.target = "/readyz"}).status == 200; }));
  EXPECT_TRUE(post(R"({"sleep": "1s"})").contains("id"));
  EXPECT_NE(api.end(SIGTERM).err.find("note: "), std::string::npos);
  const Ran hint = run_binary({"jobs", "--postgres", postgres_->connection(), "--schema", "none"});
  EXPECT_EQ(hint.code, 3);
  EXPECT_EQ(hint.err.find("Check that the server runs"), std::string::npos) << hint.err;
}

TEST_F(ApiProcess, WhatCannotBeIsSaid) {
  const auto refused = [&](const std::vector<std::string>& more, const std::string& why, int code = 2) {
    std::vector<std::string> all = words({});
    all.insert(all.end(), more.begin(), more.end());
    if (more.front() == "--listen") all = {"api", "--redis", redis_url(), "--postgres", postgres_->connection()};
    if (more.front() == "--listen") all.insert(all.end(), more.begin(), more.end());
    const Ran ran = run_binary(all);
    EXPECT_EQ(ran.code, code) << ran.err;
    EXPECT_NE(ran.err.find(why), std::string::npos) << ran.err;
  };
  refused({"--listen", "nowhere"}, "--listen: expected");
  refused({"--listen", "127.0.0.1:99999"}, "--listen: expected");
  refused({"--listen", "0.0.0.0:0", "--no-auth"}, "--insecure");
  refused({"--token-file", folder_.file("short", "abc")}, "a token has 16 to");
  refused({"--token-file", folder_.path("none")}, "--token-file");
  refused({"--rate", "often"}, "--rate");
  refused({"--body-max", "1B"}, "--body-max");
  refused({"--no-auth", "--token-file", token_file_}, "--no-auth asks for no token");
  refused({"--listen", "127.evil:0", "--no-auth"}, "--insecure");
  const std::string written = folder_.path("written");
  const Ran nowhere = run_binary(
      {"api", "--redis", redis_url(), "--postgres", "postgres://me:hush@127.0.0.1:1/db", "--write-token", written});
  EXPECT_EQ(nowhere.code, 3);
  EXPECT_NE(::access(written.c_str(), F_OK), 0) << "a token of no API";
  EXPECT_EQ(nowhere.err.find("hush"), std::string::npos) << nowhere.err;
}

}  // namespace
}  // namespace drydock::cli::api_process_test

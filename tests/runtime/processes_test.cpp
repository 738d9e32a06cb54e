// `drydock scheduler`, `worker`, `submit`, `jobs`, `job` and `cancel` as processes on given stores, and what becomes of jobs when they die.
#include "tests/runtime/processes.hpp"

#include "real-runtime/postgres_client.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace drydock::cli::processes_test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

const std::string kScenario = R"({
  "name": "real",
  "cluster": {"hosts": [{"name": "node", "count": 2, "cpus": 4}]},
  "queues": [{"name": "default"}, {"name": "other"}],
  "pools": [{"name": "main", "hosts": ["node"], "queues": ["default", "other"]}],
  "control_plane": {"mode": "cycle", "cycle": "50ms", "schedulers": 2, "lease": "3s", "renew": "300ms", "margin": "300ms"},
  "workload": [{"queue": "default", "count": 1, "arrivals": {"at-once": {}}, "duration": "1s"}],
  "policies": {"liveness": {"type": "ttl", "heartbeat": "300ms", "ttl": "10s"}, "accounting": {"type": "fenced-counter"}}
})";

class Processes : public OnGivenStores {
 protected:
  void SetUp() override {
    OnGivenStores::SetUp();
    if (HasFatalFailure()) return;
    scenario_ = folder_.file("real.json", kScenario);
    record_ = folder_.path("record");
  }
  void TearDown() override {
    workers_.clear();
    schedulers_.clear();
  }

  Process& start_scheduler(const std::string& name, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{
        "scheduler", "--config", scenario_,  "--redis", redis_url(), "--postgres", postgres_->connection(),
        "--name",    name,       "--record", record_};
    words.insert(words.end(), more.begin(), more.end());
    schedulers_[name] = std::make_unique<Process>(words);
    return *schedulers_[name];
  }
  void start_workers() {
    for (int id = 0; id < 2; ++id) {
      workers_.push_back(
          std::make_unique<Process>(std::vector<std::string>{"worker", "--config", scenario_, "--redis", redis_url(), "--id",
                                                             std::to_string(id), "--parent", std::to_string(::getpid())}));
    }
  }
  // A command that asks the store; its answer as JSON where it succeeded.
  json ask(std::vector<std::string> words) {
    words.insert(words.begin() + 1, {"--postgres", postgres_->connection(), "--format", "json"});
    const Ran ran = run_binary(words);
    EXPECT_EQ(ran.code, 0) << ran.err;
    return json::parse(ran.out, nullptr, false);
  }
  // The numbers of the jobs.
  std::vector<std::uint64_t> submit(const std::string& sleep, int count) {
    return ask({"submit", "--sleep", sleep, "--count", std::to_string(count)})["jobs"].get<std::vector<std::uint64_t>>();
  }
  std::size_t count(const std::string& state) { return ask({"jobs", "--state", state, "--limit", "1000"})["jobs"].size(); }

  // Who holds the lease; empty: nobody.
  std::string leader() {
    auto store = runtime::PostgresClient::connect({.connection = postgres_->connection()});
    if (!store.ok()) return "";
    const auto name = store.value()->run(
        "select coalesce((select split_part(holder, ' ', 1) from drydock.leases where clock_timestamp() < expires_at), '')");
    return name.ok() ? name.value() : "";
  }
  // Every job succeeded, at its first attempt.
  void expect_succeeded_once(std::size_t jobs) {
    const json listed = ask({"jobs", "--limit", "1000"})["jobs"];
    EXPECT_EQ(listed.size(), jobs);
    for (const json& job : listed) {
      EXPECT_EQ(job["status"], "succeeded") << job["id"];
      EXPECT_EQ(job["attempts"], 1) << job["id"];
    }
  }
  [[nodiscard]] std::vector<std::string> journals() const {
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::directory_iterator(record_)) paths.push_back(entry.path().string());
    return paths;
  }
  // Together nothing is broken, and each replays.
  void expect_good_journals(std::size_t at_least) {
    const std::vector<std::string> paths = journals();
    EXPECT_GE(paths.size(), at_least);
    std::vector<std::string> words{"check"};
    words.insert(words.end(), paths.begin(), paths.end());
    const Ran checked = run_binary(words);
    EXPECT_EQ(checked.code, 0) << checked.out << checked.err;
    for (const std::string& path : paths) {
      const Ran replayed = run_binary({"replay", path});
      EXPECT_EQ(replayed.code, 0) << replayed.out << replayed.err;
    }
  }

  std::string scenario_;
  std::string record_;
  std::map<std::string, std::unique_ptr<Process>> schedulers_;
  std::vector<std::unique_ptr<Process>> workers_;
};

TEST_F(Processes, AKilledLeaderLosesNothing) {
  start_scheduler("a");
  ASSERT_TRUE(until([&] { return leader() == "a"; }));
  start_scheduler("b");
  start_workers();
  submit("8s", 8);  // long enough to be seen running, also on a busy machine
  submit("10ms", 12);
  ASSERT_TRUE(until([&] { return count("running") == 8; }));
  schedulers_["a"]->end(SIGKILL);
  ASSERT_TRUE(until([&] { return leader() == "b"; }));
  ASSERT_TRUE(until([&] { return count("succeeded") == 20; }));
  expect_succeeded_once(20);
  EXPECT_EQ(schedulers_["b"]->end(SIGTERM).code, 0);
  expect_good_journals(2);
}

// It stands still past its lease; what it sends when it goes on is of an epoch that is over.
TEST_F(Processes, APausedLeaderHasNothingToSayWhenItWakesUp) {
  start_scheduler("a");
  ASSERT_TRUE(until([&] { return leader() == "a"; }));
  start_scheduler("b");
  start_workers();
  submit("8s", 8);  // long enough to be seen running, also on a busy machine
  submit("10ms", 12);
  ASSERT_TRUE(until([&] { return count("running") == 8; }));
  schedulers_["a"]->signal(SIGSTOP);
  ASSERT_TRUE(until([&] { return leader() == "b"; }));
  schedulers_["a"]->signal(SIGCONT);
  ASSERT_TRUE(until([&] { return count("succeeded") == 20; }));
  expect_succeeded_once(20);
  EXPECT_EQ(leader(), "b");
  ASSERT_TRUE(until([&] { return journals().size() >= 3; }));  // it stands by again
  const Ran paused = schedulers_["a"]->end(SIGTERM);
  EXPECT_EQ(paused.code, 0);
  EXPECT_NE(paused.err.find("does not lead any more"), std::string::npos) << paused.err;
  EXPECT_EQ(schedulers_["b"]->end(SIGTERM).code, 0);
  expect_good_journals(3);
}

TEST_F(Processes, TheOnlySchedulerIsKilledAndStartedAgain) {
  start_scheduler("a");
  start_workers();
  ASSERT_TRUE(until([&] { return leader() == "a"; }));
  submit("5s", 8);
  ASSERT_TRUE(until([&] { return count("running") == 8; }));
  schedulers_["a"]->end(SIGKILL);
  submit("10ms", 4);
  start_scheduler("a2");
  ASSERT_TRUE(until([&] { return count("succeeded") == 12; }));
  expect_succeeded_once(12);
  schedulers_["a2"]->end(SIGTERM);
  expect_good_journals(2);
}

// A segment is full, the next begins as after a takeover, and the oldest go.
TEST_F(Processes, JournalsStayWithinTheirLimit) {
  constexpr std::size_t kMost = 100'000;
  start_scheduler("a", {"--record-max", fmt::format("{}B", kMost)});
  start_workers();
  const auto journals = [&] {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(record_)) paths.push_back(entry.path());
    return paths;
  };
  ASSERT_TRUE(until([&] { return leader() == "a"; }));
  const auto first = journals();
  ASSERT_EQ(first.size(), 1U);
  const std::string starts = folder_.file("starts", "");
  for (const std::string& open : {starts, folder_.path(".")})  // to whomever jobs run as
    std::filesystem::permissions(open, std::filesystem::perms::all);
  const std::string script = fmt::format("echo begun >> '{}'; sleep 3", starts);
  const auto scripts = ask({"submit", "--count", "8", "--", "sh", "-c", script})["jobs"].get<std::vector<std::uint64_t>>();
  ASSERT_TRUE(until([&] {
    if (count("waiting") < 50) submit("1ms", 50);
    return !std::filesystem::exists(first.front());
  }));
  ASSERT_TRUE(until([&] { return count("waiting") + count("running") == 0; }));
  EXPECT_EQ(count("ended"), count("succeeded"));  // of the last thousand
  for (const std::uint64_t script_job : scripts) {
    const json told = ask({"job", std::to_string(script_job)});
    EXPECT_EQ(told["status"], "succeeded") << told.dump(2);
  }
  // What runs goes on. An order that had not left when a segment ended is given again, as an attempt of its own.
  std::ifstream begun(starts);
  EXPECT_EQ(std::count(std::istreambuf_iterator<char>(begun), {}, '\n'), 8);
  schedulers_["a"]->end(SIGTERM);
  std::uintmax_t bytes = 0;
  for (const auto& path : journals()) bytes += std::filesystem::file_size(path);
  EXPECT_LT(bytes, 3 * kMost) << "about: the present one may be a step too long, and holds what it began with";
  expect_good_journals(2);
}

TEST_F(Processes, JobsAreListedToldAndCancelled) {
  start_scheduler("a");
  ASSERT_TRUE(until([&] { return leader() == "a"; }));
  const std::string postgres = postgres_->connection();
  const Ran command =
      run_binary({"submit", "--postgres", postgres, "--queue", "other", "--cpus", "0.5", "--", "true", "--flag"});
  EXPECT_EQ(command.code, 0) << command.err;
  const auto sleeps = submit("100s", 10);
  ASSERT_EQ(sleeps.size(), 10U);
  EXPECT_EQ(std::stoull(command.out) + 1, sleeps.front());
  EXPECT_EQ(count("waiting"), 11U);

  const json page = ask({"jobs", "--limit", "4"});
  ASSERT_EQ(page["jobs"].size(), 4U);
  EXPECT_EQ(page["jobs"][0]["id"], sleeps.back()) << "the newest first";
  const json next = ask({"jobs", "--limit", "100", "--before", page["next_before"].dump()});
  EXPECT_EQ(next["jobs"].size(), 7U);
  EXPECT_TRUE(next["next_before"].is_null());
  const json others = ask({"jobs", "--queue", "other"})["jobs"];
  ASSERT_EQ(others.size(), 1U);
  EXPECT_EQ(others[0]["cpus"], 0.5);
  EXPECT_NE(others[0]["payload"].get<std::string>().find("--flag"), std::string::npos);

  start_workers();
  ASSERT_TRUE(until([&] { return count("succeeded") == 1 && count("running") == 8; }));
  const std::string runs = std::to_string(sleeps.front());
  const std::string waits = std::to_string(sleeps.back());
  const Ran unknown = run_binary({"cancel", "--postgres", postgres, runs, "9999999"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_EQ(unknown.out, "");
  EXPECT_NE(unknown.err.find("there is no job 9999999; nothing was cancelled"), std::string::npos) << unknown.err;
  EXPECT_EQ(count("running"), 8U);
  const Ran cancelled = run_binary({"cancel", "--postgres", postgres, runs, waits});
  EXPECT_EQ(cancelled.code, 0) << cancelled.err;
  ASSERT_TRUE(until([&] { return count("cancelled") == 2; }));
  const json told = ask({"job", runs});
  EXPECT_EQ(told["status"], "cancelled");
  ASSERT_EQ(told["allocations"].size(), 1U);
  EXPECT_EQ(told["allocations"][0]["outcome"], "cancelled");
  EXPECT_EQ(ask({"job", waits})["allocations"].size(), 0U);
  EXPECT_NE(run_binary({"job", "--postgres", postgres, runs}).out.find("attempt 1"), std::string::npos);
  EXPECT_NE(run_binary({"jobs", "--postgres", postgres}).out.find("cancelled"), std::string::npos);
}

TEST_F(Processes, WhatCannotBeIsSaid) {
  const std::string postgres = postgres_->connection();
  const Ran none = run_binary({"jobs", "--postgres", postgres});
  EXPECT_EQ(none.code, 3);
  EXPECT_NE(none.err.find("start a scheduler"), std::string::npos) << none.err;
  start_scheduler("a");
  ASSERT_TRUE(until([&] { return leader() == "a"; }));
  const Ran queue = run_binary({"submit", "--postgres", postgres, "--queue", "othr", "--sleep", "1s"});
  EXPECT_EQ(queue.code, 2);
  EXPECT_NE(queue.err.find("other"), std::string::npos) << queue.err;
  EXPECT_EQ(run_binary({"submit", "--postgres", postgres}).code, 2);
  EXPECT_EQ(run_binary({"submit", "--postgres", postgres, "--sleep", "1s", "--", "true"}).code, 2);
  EXPECT_EQ(run_binary({"job", "--postgres", postgres, "77"}).code, 2);
  EXPECT_EQ(run_binary({"cancel", "--postgres", postgres, "77"}).code, 2);
  const Ran worker = run_binary({"worker", "--config", scenario_, "--redis", redis_url(), "--id", "2"});
  EXPECT_EQ(worker.code, 2);
  EXPECT_NE(worker.err.find("0 to 1"), std::string::npos) << worker.err;
  const Ran still = run_binary({"worker", "--redis", redis_url(), "--id", "0", "--heartbeat", "0"});
  EXPECT_EQ(still.code, 2);
  EXPECT_NE(still.err.find("--heartbeat: expected a time above 0"), std::string::npos) << still.err;
}

// Before it registers: each job that it were given would fail.
TEST_F(Processes, AWorkerWhoseJobsHaveNoUserDoesNotStart) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root chooses the user of jobs";
  const Ran worker = run_binary({"worker", "--redis", redis_url(), "--id", "3", "--run-as", "no-such-user"});
  EXPECT_EQ(worker.code, 2);
  EXPECT_NE(worker.err.find("--run-as no-such-user: there is no user"), std::string::npos) << worker.err;
}

TEST_F(Processes, AStoreThatIsNotThereIsExitCodeThreeAndNoPasswordIsShown) {
  const std::string nowhere = "postgres://me:hush@127.0.0.1:1/db";
  const std::string no_redis = "redis://me:hush@127.0.0.1:1";
  const std::vector<std::vector<std::string>> commands{
      {"scheduler", "--config", scenario_, "--redis", redis_url(), "--postgres", nowhere},
      {"scheduler", "--config", scenario_, "--redis", no_redis, "--postgres", postgres_->connection()},
      {"worker", "--config", scenario_, "--redis", no_redis, "--id", "0"},
      {"submit", "--postgres", nowhere, "--sleep", "1s"},
      {"jobs", "--postgres", nowhere},
      {"cancel", "--postgres", nowhere, "1"}};
  for (const auto& words : commands) {
    const Ran ran = run_binary(words);
    EXPECT_EQ(ran.code, 3) << words.front() << ": " << ran.err;
    EXPECT_NE(ran.err.find("cannot be reached"), std::string::npos) << ran.err;
    EXPECT_EQ(ran.err.find("hush"), std::string::npos) << ran.err;
  }
}

}  // namespace
}  // namespace drydock::cli::processes_test

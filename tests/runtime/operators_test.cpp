// `drydock workers`, `drain`, `logs`, `job`, `status` and `doctor` against a scheduler and workers that are processes.
#include "real-runtime/drain_request.hpp"
#include "real-runtime/postgres_client.hpp"
#include "real-runtime/private_postgres.hpp"
#include "real-runtime/private_redis.hpp"
#include "tests/cli/binary.hpp"

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace drydock::cli::operators_test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

const std::string kScenario = R"({
  "name": "real",
  "cluster": {"hosts": [{"name": "node", "count": 2, "cpus": 4, "memory": "1GiB"}]},
  "queues": [{"name": "default"}],
  "pools": [{"name": "main", "hosts": ["node"], "queues": ["default"]}],
  "control_plane": {"mode": "cycle", "cycle": "50ms", "schedulers": 2, "lease": "3s", "renew": "300ms", "margin": "300ms"},
  "workload": [{"queue": "default", "count": 1, "arrivals": {"at-once": {}}, "duration": "1s"}],
  "policies": {"liveness": {"type": "ttl", "heartbeat": "300ms", "ttl": "10s"}, "accounting": {"type": "fenced-counter"}}
})";

class Operators : public testing::Test {
 protected:
  void SetUp() override {
    auto redis = runtime::PrivateRedis::start({});
    ASSERT_TRUE(redis.ok()) << redis.error().message;
    redis_ = std::move(redis).value();
    auto postgres = runtime::PrivatePostgres::start({});
    ASSERT_TRUE(postgres.ok()) << postgres.error().message;
    postgres_ = std::move(postgres).value();
    scenario_ = folder_.file("real.json", kScenario);
    ::chmod(folder_.path(".").c_str(), 0755);  // jobs run as another user where the tests are root
  }
  void TearDown() override {
    for (auto& [name, role] : roles_) role->interrupt(SIGKILL);
    for (auto& [name, role] : roles_) (void)role->wait();
  }
  [[nodiscard]] std::string redis_url() const { return "unix://" + redis_->address().unix_socket; }
  void start(const std::string& name, const std::vector<std::string>& words) {
    roles_[name] = std::make_unique<Started>(words);
  }
  Ran end(const std::string& name, int signal) {
    const auto role = std::move(roles_.extract(name).mapped());
    if (signal != 0) role->interrupt(signal);
    return role->wait();
  }
  void start_scheduler(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{
        "scheduler", "--config", scenario_, "--redis", redis_url(), "--postgres", postgres_->connection(), "--name", "a"};
    words.insert(words.end(), more.begin(), more.end());
    start("scheduler", words);
    ASSERT_TRUE(until([&] {
      const auto store = runtime::PostgresClient::connect({.connection = postgres_->connection(), .may_install = false});
      return store.ok() && store.value()->run("select name from drydock.queues limit 1").value() == "default";
    }));
  }
  // "worker-0", with its jobs in "jobs-0".
  void start_worker(int id) {
    const std::string number = std::to_string(id);
    start("worker-" + number, {"worker", "--config", scenario_, "--redis", redis_url(), "--id", number, "--jobs-folder",
                               folder_.path("jobs-" + number)});
    EXPECT_TRUE(until([&] { return !worker(id).is_null(); }));
  }
  // With both stores.
  Ran run(std::vector<std::string> words) const {
    words.insert(words.begin() + 1, {"--redis", redis_url(), "--postgres", postgres_->connection()});
    return run_binary(words);
  }
  json ask(std::vector<std::string> words) const {
    words.insert(words.end(), {"--format", "json"});
    const Ran ran = run(words);
    EXPECT_EQ(ran.code, 0) << words.front() << ": " << ran.err;
    return json::parse(ran.out, nullptr, false);
  }
  // As `drydock workers` has it; null: it is not there.
  json worker(int id) const {
    const json all = ask({"workers", "--config", scenario_})["workers"];
    for (const json& one : all) {
      if (one["id"] == id) return one;
    }
    return nullptr;
  }
  Ran drain(std::vector<std::string> words) const {
    words.insert(words.begin(), {"drain", "--redis", redis_url()});
    return run_binary(words);
  }
  std::string submit(const std::vector<std::string>& words) const {
    std::vector<std::string> all{"submit", "--postgres", postgres_->connection()};
    all.insert(all.end(), words.begin(), words.end());
    const Ran ran = run_binary(all);
    EXPECT_EQ(ran.code, 0) << ran.err;
    return ran.out.substr(0, ran.out.find('\n'));
  }
  std::string submit_script(const std::string& script) const { return submit({"--", "sh", "-c", script}); }
  std::string status_of(const std::string& job) const { return ask({"job", job})["status"].get<std::string>(); }
  std::size_t count(const std::string& state) const {
    const Ran ran = run_binary({"jobs", "--postgres", postgres_->connection(), "--state", state, "--format", "json"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    return json::parse(ran.out)["jobs"].size();
  }
  static bool until(const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + 90s;
    while (!so()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(50ms);
    }
    return true;
  }

  Folder folder_;
  std::unique_ptr<runtime::PrivateRedis> redis_;
  std::unique_ptr<runtime::PrivatePostgres> postgres_;
  std::string scenario_;
  std::map<std::string, std::unique_ptr<Started>> roles_;
};

TEST_F(Operators, TheShadowOfTheLeaderIsInStatus) {
  start_scheduler({"--shadow", "worst-fit"});
  start_worker(0);
  submit({"--sleep", "100s", "--cpus", "3"});
  submit({"--sleep", "100s", "--cpus", "2"});  // waits: there is room for one alone
  start_worker(1);
  ASSERT_TRUE(until([&] { return count("running") == 2; }));
  json shadow;
  EXPECT_TRUE(until([&] {
    shadow = ask({"status", "--once"})["shadow"];
    return shadow.is_object() && shadow["starts"]["same"] == 2;
  })) << shadow;
  EXPECT_EQ(shadow["name"], "worst-fit");
  EXPECT_EQ(shadow["moments"]["different"], 0) << shadow;
  submit({"--sleep", "100s", "--cpus", "1"});  // one core is free on worker 0, two on worker 1
  EXPECT_TRUE(until([&] {
    shadow = ask({"status", "--once"})["shadow"];
    return shadow["starts"]["elsewhere"] == 1;
  })) << shadow;
  EXPECT_NE(run({"status", "--once"}).out.find("shadow  worst-fit: 2 of 3 decisions equal"), std::string::npos);
  const Ran ended = end("scheduler", SIGTERM);
  EXPECT_NE(ended.err.find("shadow worst-fit: "), std::string::npos) << ended.err;
  EXPECT_NE(ended.err.find("real starts on worker 0; shadow starts on worker 1"), std::string::npos) << ended.err;
}

TEST_F(Operators, WorkersAreListed) {
  start_scheduler();
  const Ran none = run({"workers"});
  EXPECT_EQ(none.code, 0);
  EXPECT_NE(none.out.find("There is no worker"), std::string::npos) << none.out;
  start_worker(0);
  start_worker(1);
  submit({"--sleep", "100s", "--cpus", "3", "--memory", "1MiB"});
  ASSERT_TRUE(until([&] { return count("running") == 1; }));
  const json all = ask({"workers", "--config", scenario_});
  EXPECT_EQ(all["schema"], "drydock-workers/1");
  ASSERT_EQ(all["workers"].size(), 2U);
  double cpus = 0;
  for (const json& one : all["workers"]) {
    EXPECT_EQ(one["pool"], "main");
    EXPECT_EQ(one["status"], "ready");
    EXPECT_EQ(one["cpus"], 4);
    const double age = one["beat_age_s"].get<double>();
    EXPECT_TRUE(age >= 0 && age < 10) << age;
    cpus += one["allocated"]["cpus"].get<double>();
  }
  EXPECT_EQ(cpus, 3);
  const Ran table = run({"workers"});
  EXPECT_EQ(table.code, 0);
  EXPECT_NE(table.out.find("3/4"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("0/4"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("1MiB/1GiB"), std::string::npos) << table.out;

  const Ran without = run_binary({"workers", "--redis", redis_url(), "--postgres", "postgres://me:hush@127.0.0.1:1/db"});
  EXPECT_EQ(without.code, 3);
  EXPECT_NE(without.out.find("-/4"), std::string::npos) << "who lives is known without PostgreSQL: " << without.out;
  EXPECT_EQ(without.err.find("hush"), std::string::npos) << without.err;
}

TEST_F(Operators, ADrainedWorkerFinishesWhatItRunsAndLeaves) {
  start_scheduler();
  start_worker(0);
  start_worker(1);
  const Ran unknown = drain({"1", "7"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_NE(unknown.err.find("no worker 7: there are 0, 1"), std::string::npos) << unknown.err;
  submit({"--sleep", "3s", "--count", "8"});
  ASSERT_TRUE(until([&] { return count("running") == 8; }));
  const Ran drained = drain({"0", "--wait"});
  EXPECT_EQ(drained.code, 0) << drained.err;
  EXPECT_NE(drained.out.find("0: asked to end"), std::string::npos) << drained.out;
  EXPECT_NE(drained.out.find("0: has left"), std::string::npos) << drained.out;
  EXPECT_TRUE(worker(0).is_null());
  EXPECT_EQ(worker(1)["status"], "ready") << "nobody is asked where one of them is not there";
  EXPECT_EQ(end("worker-0", 0).code, 0);
  ASSERT_TRUE(until([&] { return count("succeeded") == 8; }));
  const json all = json::parse(run_binary({"jobs", "--postgres", postgres_->connection(), "--format", "json"}).out);
  for (const json& job : all["jobs"]) EXPECT_EQ(job["attempts"], 1) << job["id"];
}

TEST_F(Operators, ARequestIsForOneProcessAlone) {
  start_scheduler();
  start_worker(0);
  const std::string before = worker(0)["incarnation"].dump();
  EXPECT_EQ(drain({"0", "--wait"}).code, 0);
  end("worker-0", 0);
  auto redis = runtime::RedisClient::connect({.address = redis_->address()});
  ASSERT_TRUE(redis.ok());
  const std::string key = runtime::drain_key(WorkerId{0});
  EXPECT_TRUE(redis.value()->run({"GET", key}).value().empty()) << "it has been done";
  ASSERT_TRUE(redis.value()->run({"SET", key, before}).ok());
  std::this_thread::sleep_for(1s);  // incarnations are told apart by the second
  start_worker(0);
  const std::string job = submit({"--sleep", "10ms"});
  ASSERT_TRUE(until([&] { return status_of(job) == "succeeded"; }));
  EXPECT_EQ(worker(0)["status"], "ready");
}

// Its key still says that it drains when the next process comes.
TEST_F(Operators, OneThatWasKilledWhileItDrainedComesBackReady) {
  start_scheduler();
  start_worker(0);
  submit({"--sleep", "100s"});
  ASSERT_TRUE(until([&] { return count("running") == 1; }));
  const Ran slow = drain({"0", "--wait", "--timeout", "2s"});
  EXPECT_EQ(slow.code, 1);
  EXPECT_NE(slow.out.find("still finishes what it runs"), std::string::npos) << slow.out;
  EXPECT_NE(drain({"0"}).out.find("drains already"), std::string::npos);
  end("worker-0", SIGKILL);
  start_worker(0);
  ASSERT_TRUE(until([&] { return worker(0)["status"] == "ready"; }));
  const std::string job = submit({"--sleep", "10ms"});
  EXPECT_TRUE(until([&] { return status_of(job) == "succeeded"; }));
}

TEST_F(Operators, ADeathIsNotTakenForALeave) {
  start_scheduler();
  start_worker(0);
  submit({"--sleep", "100s"});
  ASSERT_TRUE(until([&] { return count("running") == 1; }));
  start("drain", {"drain", "--redis", redis_url(), "0", "--wait"});
  ASSERT_TRUE(until([&] { return worker(0)["status"] == "draining"; }));
  end("worker-0", SIGKILL);
  const Ran waited = end("drain", 0);
  EXPECT_EQ(waited.code, 1);
  EXPECT_NE(waited.out.find("its key has expired"), std::string::npos) << waited.out;
}

// As an init system does.
TEST_F(Operators, NorIsOneThatIsStartedAgainAtOnce) {
  start_scheduler();
  start_worker(0);
  submit({"--sleep", "100s"});
  ASSERT_TRUE(until([&] { return count("running") == 1; }));
  start("drain", {"drain", "--redis", redis_url(), "0", "--wait"});
  ASSERT_TRUE(until([&] { return worker(0)["status"] == "draining"; }));
  end("worker-0", SIGKILL);
  start_worker(0);
  const Ran waited = end("drain", 0);
  EXPECT_EQ(waited.code, 1);
  EXPECT_NE(waited.out.find("it was killed"), std::string::npos) << waited.out;
}

TEST_F(Operators, LogsOfJobsOnThisMachine) {
  start_scheduler();
  start_worker(0);
  const std::string job = submit_script("echo first; echo second; echo trouble >&2");
  ASSERT_TRUE(until([&] { return status_of(job) == "succeeded"; }));
  const Ran all = run({"logs", job});
  EXPECT_EQ(all.code, 0);
  EXPECT_EQ(all.out, "first\nsecond\n");
  EXPECT_EQ(all.err, "trouble\n");
  EXPECT_EQ(run({"logs", job, "--stderr"}).out, "trouble\n");
  EXPECT_EQ(run({"logs", job, "--stdout", "--tail", "1"}).out, "second\n");
  EXPECT_EQ(run({"logs", job, "--attempt", "1", "--follow"}).out, "first\nsecond\n");
  const Ran alone = run_binary({"logs", job, "--jobs-folder", folder_.path("jobs-0")});
  EXPECT_EQ(alone.code, 0) << alone.err;
  EXPECT_EQ(alone.out, "first\nsecond\n") << "no store is asked";

  const std::string tasks = submit({"--tasks", "2", "--cpus", "1", "--", "sh", "-c", "echo task $DRYDOCK_TASK"});
  ASSERT_TRUE(until([&] { return status_of(tasks) == "succeeded"; }));
  EXPECT_EQ(run({"logs", tasks}).out, "==> stdout-0 <==\ntask 0\n==> stdout-1 <==\ntask 1\n");

  EXPECT_EQ(run({"logs", "777"}).code, 2);
  const Ran attempt = run({"logs", job, "--attempt", "2"});
  EXPECT_EQ(attempt.code, 2);
  EXPECT_NE(attempt.err.find("only attempt 1"), std::string::npos) << attempt.err;
  const Ran nowhere = run_binary({"logs", job, "--jobs-folder", folder_.path("none")});
  EXPECT_EQ(nowhere.code, 2);
  EXPECT_NE(nowhere.err.find("--jobs-folder"), std::string::npos) << nowhere.err;
}

// What a worker inherits shifts the numbers of its own descriptors, some of which libuv closes by number in each process that is forked.
TEST_F(Operators, OutputArrivesWhateverElseIsOpen) {
  start_scheduler();
  std::vector<int> inherited;
  for (int more = 0; more < 8; ++more) {
    start_worker(0);
    const std::string job = submit_script("echo first; sleep 0.1; echo second");
    EXPECT_TRUE(until([&] { return status_of(job) != "waiting" && status_of(job) != "running"; }));
    EXPECT_EQ(run({"logs", job}).out, "first\nsecond\n") << more << " more are open; the job " << status_of(job);
    end("worker-0", SIGTERM);
    inherited.push_back(::open("/dev/null", O_RDONLY));
  }
  for (const int descriptor : inherited) ::close(descriptor);
}

TEST_F(Operators, LogsAreFollowedFromBeforeTheBeginningToTheEnd) {
  start_scheduler();
  const std::string job = submit_script("echo one; sleep 1; echo two; sleep 1; echo three");
  const Ran early = run({"logs", job});
  EXPECT_EQ(early.code, 0);
  EXPECT_NE(early.err.find("has not begun"), std::string::npos) << early.err;
  start("logs", {"logs", "--redis", redis_url(), "--postgres", postgres_->connection(), job, "--follow"});
  start_worker(0);
  const Ran followed = end("logs", 0);
  EXPECT_EQ(followed.code, 0) << followed.err;
  EXPECT_EQ(followed.out, "one\ntwo\nthree\n");
}

TEST_F(Operators, OfAJobThatNobodyHasRoomForItIsSaid) {
  start_scheduler();
  start_worker(0);
  const std::string job = submit({"--cpus", "500", "--", "true"});
  const std::string why = "no registered worker has room for it: it asks for 500 cpus";
  const Ran told = run({"job", job});
  EXPECT_NE(told.out.find("waits: " + why), std::string::npos) << told.out << told.err;
  EXPECT_TRUE(ask({"job", job})["reason"].get<std::string>().starts_with(why));
}

// With the worker its folder is out of sight, as on another machine.
TEST_F(Operators, OfWorkersElsewhereTheEndOfTheOutputIsInRedis) {
  start_scheduler();
  start_worker(0);
  const std::string job = submit_script("i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done; exit 3");
  const std::string silent = submit_script("true");
  ASSERT_TRUE(until([&] { return status_of(job) == "failed" && status_of(silent) == "succeeded"; }));
  const Ran told = run({"job", job});
  EXPECT_NE(told.out.find("it ended with exit status 3"), std::string::npos) << told.out << told.err;
  const json row = ask({"job", job})["allocations"][0];
  EXPECT_EQ(row["reason"], "it ended with exit status 3");
  EXPECT_EQ(row["ended_as"], "failed");
  EXPECT_GT(run({"logs", job}).out.size(), 40'000U) << "all of it is here";

  EXPECT_EQ(end("worker-0", SIGTERM).code, 0);
  const Ran kept = run({"logs", job});
  EXPECT_EQ(kept.code, 0) << kept.err;
  EXPECT_EQ(kept.out.size(), 16'384U);
  EXPECT_TRUE(kept.out.ends_with("line 4998\nline 4999\n"));
  EXPECT_NE(kept.err.find("the last 16384 of"), std::string::npos) << kept.err;
  EXPECT_EQ(run({"logs", job, "--tail", "1"}).out, "line 4999\n");
  const Ran nothing = run({"logs", silent});
  EXPECT_EQ(nothing.code, 0);
  EXPECT_EQ(nothing.out, "");
  EXPECT_NE(nothing.err.find("it printed nothing, or too long ago"), std::string::npos) << nothing.err;
}

TEST_F(Operators, StatusOnceAndAgain) {
  const Ran early = run({"status", "--once"});
  EXPECT_EQ(early.code, 3);
  start_scheduler();
  start_worker(0);
  submit_script("exit 1");
  ASSERT_TRUE(until([&] { return count("failed") == 1; }));
  submit({"--sleep", "100s", "--count", "5"});
  ASSERT_TRUE(until([&] { return count("running") == 4; }));
  const json all = ask({"status", "--once", "--config", scenario_});
  EXPECT_EQ(all["schema"], "drydock-status/1");
  EXPECT_TRUE(all["leader"]["name"].get<std::string>().starts_with("a")) << all["leader"];
  EXPECT_EQ(all["queues"][0], json({{"name", "default"}, {"served", true}, {"waiting", 1}, {"running", 4}}));
  EXPECT_EQ(all["workers"][0]["allocated"]["allocations"], 4);
  EXPECT_EQ(all["oldest_waiting"]["job"], 6);
  EXPECT_EQ(all["cpus"]["allocated"], 4);
  const Ran table = run({"status", "--once"});
  EXPECT_NE(table.out.find("the oldest that waits is 6"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("4/4"), std::string::npos) << table.out;

  start("status", {"status", "--redis", redis_url(), "--postgres", postgres_->connection()});
  std::this_thread::sleep_for(2500ms);
  const Ran lines = end("status", SIGTERM);
  EXPECT_NE(lines.out.find(" waiting=1 running=4 "), std::string::npos) << lines.out;
  EXPECT_EQ(lines.out.find('\x1b'), std::string::npos) << "it is not a terminal";
}

TEST_F(Operators, TheDoctorLooksAtStoresAndMachine) {
  const Ran early = run({"doctor"});
  EXPECT_EQ(early.code, 1);
  EXPECT_NE(early.out.find("start a scheduler"), std::string::npos) << early.out;
  start_scheduler();
  start_worker(0);
  const json all = ask({"doctor"});
  EXPECT_EQ(all["errors"], 0) << all.dump(2);
  const std::map<std::string, std::string> expected{
      {"redis reachable", "ok"}, {"postgres reachable", "ok"}, {"postgres commits", "ok"},  {"scheduler", "ok"},
      {"workers", "ok"},         {"jobs folder", "ok"},        {"postgres role", "warning"}};
  std::map<std::string, std::string> found;
  for (const json& finding : all["findings"]) found[finding["check"]] = finding["level"];
  for (const auto& [check, level] : expected) EXPECT_EQ(found[check], level) << check;
  const Ran table = run({"doctor", "--no-machine"});
  EXPECT_EQ(table.code, 0) << table.out;
  EXPECT_EQ(table.out.find("jobs folder"), std::string::npos) << table.out;

  const Ran nowhere = run_binary({"doctor", "--redis", redis_url(), "--postgres", "postgres://me:hush@127.0.0.1:1/db"});
  EXPECT_EQ(nowhere.code, 1);
  EXPECT_NE(nowhere.out.find("DRYDOCK_POSTGRES"), std::string::npos) << nowhere.out;
  EXPECT_EQ(nowhere.out.find("hush"), std::string::npos) << nowhere.out;
}

TEST_F(Operators, AWantedPasswordIsSaidWithItsVariable) {
  start_scheduler();
  auto redis = runtime::RedisClient::connect({.address = redis_->address()});
  ASSERT_TRUE(redis.ok());
  ASSERT_TRUE(redis.value()->run({"CONFIG", "SET", "requirepass", "secret"}).ok());
  for (const std::vector<std::string>& words : {std::vector<std::string>{"workers"}, {"status", "--once"}, {"logs", "1"}}) {
    const Ran ran = run(words);
    EXPECT_EQ(ran.code, words.front() == "logs" ? 2 : 3) << words.front();
    if (ran.code != 3) continue;
    EXPECT_NE(ran.err.find("DRYDOCK_REDIS_PASSWORD"), std::string::npos) << ran.err;
  }
  const Ran doctor = run({"doctor", "--no-machine"});
  EXPECT_EQ(doctor.code, 1);
  EXPECT_NE(doctor.out.find("DRYDOCK_REDIS_PASSWORD"), std::string::npos) << doctor.out;
  ::setenv("DRYDOCK_REDIS_PASSWORD", "secret", 1);
  const Ran workers = run({"workers"});
  ::unsetenv("DRYDOCK_REDIS_PASSWORD");
  EXPECT_EQ(workers.code, 0) << workers.err;
  ASSERT_TRUE(redis.value()->run({"CONFIG", "SET", "requirepass", ""}).ok());
}

}  // namespace
}  // namespace drydock::cli::operators_test

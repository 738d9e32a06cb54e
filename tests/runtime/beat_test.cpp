// `drydock beat`: periodic jobs for real, and what becomes of due times when beats die and PostgreSQL is away.
#include "real-runtime/postgres_client.hpp"
#include "tests/runtime/processes.hpp"

#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::cli::beat_process_test {
namespace {

// Two jobs, each due ten times a second: one catches up with all that was missed, one with the last alone.
std::string scenario_text(std::string_view lease, std::string_view run = R"({"command": ["true"]})") {
  return fmt::format(R"({{
    "name": "periodic", "duration": "1h",
    "cluster": {{"hosts": [{{"name": "node", "cpus": 4}}]}},
    "queues": [{{"name": "first"}}, {{"name": "second"}}],
    "pools": [{{"name": "main", "hosts": ["node"], "queues": ["first", "second"]}}],
    "control_plane": {{"mode": "cycle", "cycle": "50ms", "schedulers": 2, "lease": "{}", "renew": "300ms", "margin": "300ms"}},
    "workload": [
      {{"name": "all", "queue": "second", "every": "100ms", "duration": "10ms", "catch_up": "all", "run": {}}},
      {{"name": "last", "queue": "first", "every": "100ms", "duration": "10ms", "catch_up": "latest"}}],
    "policies": {{"liveness": {{"type": "ttl", "heartbeat": "300ms", "ttl": "10s"}}}}
  }})",
                     lease, run);
}

class Beats : public OnGivenStores {
 protected:
  void SetUp() override {
    OnGivenStores::SetUp();
    if (HasFatalFailure()) return;
    // Makes the schema, as a scheduler does.
    ASSERT_TRUE(runtime::PostgresClient::connect({.connection = postgres_->connection()}).ok());
  }
  void TearDown() override { beats_.clear(); }

  void start(const std::string& name, const std::string& scenario) {
    beats_[name] = std::make_unique<Process>(
        std::vector<std::string>{"beat", "--config", scenario, "--postgres", postgres_->connection(), "--name", name});
  }
  // A value of the store; empty: it cannot be asked.
  std::string value(const std::string& sql) {
    const auto store = runtime::PostgresClient::connect({.connection = postgres_->connection(), .may_install = false});
    if (!store.ok()) return "";
    const auto result = store.value()->run(sql);
    return result.ok() ? result.value() : "";
  }
  long number(const std::string& sql) { return std::atol(value(sql).c_str()); }
  std::string leader() {
    return value(
        "select coalesce((select split_part(holder, ' ', 1) from drydock.leases where name = 'beat' and clock_timestamp() < "
        "expires_at), '')");
  }
  long fired(const std::string& job) { return number("select count(*) from drydock.fired where name = '" + job + "'"); }
  // Each due time from the first to the last has fired, and each firing is one job of its queue that says what it runs.
  void expect_each_due_time_once() {
    EXPECT_EQ(value("select count(*) = (max(due_ns) - min(due_ns)) / 100000000 + 1 from drydock.fired where name = 'all'"),
              "t");
    EXPECT_EQ(value("select count(*) = (select count(*) from drydock.jobs) and count(distinct f.job) = count(*) from "
                    "drydock.fired f join drydock.jobs j on j.id = f.job"),
              "t");
    EXPECT_EQ(value("select count(*) from drydock.fired f join drydock.jobs j on j.id = f.job join drydock.queues q on "
                    "q.number = j.queue where (f.name = 'all') <> (q.name = 'second')"),
              "0");
    EXPECT_EQ(value("select distinct convert_from(payload, 'UTF8') from drydock.jobs j join drydock.fired f on f.job = j.id "
                    "where f.name = 'all'"),
              R"({"command":["true"]})");
  }
  // As if somebody had ended the job that was fired last.
  void end_last(const std::string& job) {
    (void)value(
        fmt::format("insert into drydock.endings (job, reason) select job, 4 from drydock.fired where name = '{}' "
                    "order by due_ns desc limit 1 returning job",
                    job));
  }

  std::map<std::string, std::unique_ptr<Process>> beats_;
};

TEST_F(Beats, WhenTheActiveOneIsKilledAnotherFiresOn) {
  const std::string scenario = folder_.file("periodic.json", scenario_text("3s"));
  start("a", scenario);
  ASSERT_TRUE(until([&] { return leader() == "a" && fired("all") >= 3 && fired("last") == 1; }));
  start("b", scenario);
  beats_["a"]->end(SIGKILL);
  ASSERT_TRUE(until([&] { return leader() == "b"; }));
  const long before = fired("all");
  ASSERT_TRUE(until([&] { return fired("all") >= before + 40; }));
  EXPECT_EQ(fired("last"), 1) << "one that nobody has started holds the next ones back";
  end_last("last");
  ASSERT_TRUE(until([&] { return fired("last") == 2; }));
  EXPECT_EQ(value("select max(due_ns) - min(due_ns) > 1000000000 from drydock.fired where name = 'last'"), "t")
      << "of those that passed, the last alone";
  const Ran b = beats_["b"]->end(SIGTERM);
  EXPECT_EQ(b.code, 0) << b.err;
  EXPECT_NE(b.err.find("leads, in epoch 2"), std::string::npos) << b.err;
  EXPECT_NE(b.err.find("note: \"last\" does not say what it runs"), std::string::npos) << b.err;
  expect_each_due_time_once();
}

// The lease would be kept for an hour.
TEST_F(Beats, ATerminatedOneHandsOver) {
  const std::string scenario = folder_.file("periodic.json", scenario_text("1h"));
  start("a", scenario);
  ASSERT_TRUE(until([&] { return leader() == "a" && fired("all") >= 3; }));
  start("b", scenario);
  const Ran a = beats_["a"]->end(SIGTERM);
  EXPECT_EQ(a.code, 0) << a.err;
  ASSERT_TRUE(until([&] { return leader() == "b"; }));
  const long before = fired("all");
  ASSERT_TRUE(until([&] { return fired("all") >= before + 5; }));
  beats_["b"]->end(SIGTERM);
  expect_each_due_time_once();
}

TEST_F(Beats, OutlivesAPostgresThatIsAwayAndCatchesUp) {
  start("a", folder_.file("periodic.json", scenario_text("2s")));
  ASSERT_TRUE(until([&] { return fired("all") >= 3; }));
  const long before = fired("all");
  postgres_->kill();
  const auto back = postgres_->restart();
  ASSERT_TRUE(back.ok()) << back.error().message;
  ASSERT_TRUE(until([&] { return fired("all") >= before + 30; }));
  const Ran ended = beats_["a"]->end(SIGTERM);
  EXPECT_EQ(ended.code, 0) << ended.err;
  expect_each_due_time_once();
}

// Due times count from when a beat first had the job: nobody wants those since 1970, nor those of a job that was taken out and is back.
TEST_F(Beats, AJobThatIsNewOrBackBeginsWithItsNextDueTime) {
  const std::string whole = scenario_text("2s");
  const std::string scenario = folder_.file("periodic.json", whole);
  start("a", scenario);
  ASSERT_TRUE(until([&] { return fired("all") >= 2; }));
  beats_["a"]->end(SIGTERM);
  const std::string only = whole.substr(0, whole.find(R"({"name": "all")")) + whole.substr(whole.find(R"({"name": "last")"));
  start("b", folder_.file("only.json", only));
  ASSERT_TRUE(until([&] { return leader() == "b" && number("select count(*) from drydock.periodic") == 1; }));
  const std::string last = value("select max(due_ns) from drydock.fired where name = 'all'");
  ASSERT_TRUE(
      until([&] { return value("select extract(epoch from clock_timestamp()) * 1e9 > " + last + " + 2e9") == "t"; }));
  beats_["b"]->end(SIGTERM);
  start("c", scenario);
  ASSERT_TRUE(
      until([&] { return number("select count(*) from drydock.fired where name = 'all' and due_ns > " + last) >= 2; }));
  beats_["c"]->end(SIGTERM);
  EXPECT_EQ(
      value("select min(due_ns) > " + last + " + 2000000000 from drydock.fired where name = 'all' and due_ns > " + last),
      "t");
}

TEST_F(Beats, AreToldWhatIsWrong) {
  const auto refused = [&](std::vector<std::string> words, int code, std::string_view why) {
    words.insert(words.begin(), "beat");
    const Ran ran = run_binary(words);
    EXPECT_EQ(ran.code, code) << ran.err;
    EXPECT_NE(ran.err.find(why), std::string::npos) << ran.err;
  };
  const std::string good = folder_.file("good.json", scenario_text("3s"));
  const std::string store = postgres_->connection();
  refused({"--postgres", store}, 2, "--config is required");
  refused({"--config", good, "--postgres", store, "--name", "a b"}, 2, "--name: a name has at most 100");
  refused({"--config", good, "--postgres", "host=/nowhere dbname=x"}, 3, "/nowhere");
  refused({"--config", good, "--postgres", store, "--schema", "other"}, 3, "start a scheduler there first");
  const std::string run = folder_.file("run.json", scenario_text("3s", R"({"command": ["true"], "pids": 0})"));
  refused({"--config", run, "--postgres", store}, 2, "/workload/0/run/pids: it is not a whole number between 1 and");
  const std::string sleeps = folder_.file("sleeps.json", scenario_text("3s", R"({"sleep_ns": 1})"));
  refused({"--config", sleeps, "--postgres", store}, 2, "/workload/0/run: it is a command, script or container");
  const std::string escapes =
      folder_.file("escapes.json", scenario_text("3s", R"({"command": ["true"], "files": [{"name": "../x", "text": ""}]})"));
  refused({"--config", escapes, "--postgres", store}, 2, "/workload/0/run/files/0/name: ../x does not stay plainly within");
  const std::string none = folder_.file("none.json", R"({"cluster": {"hosts": [{"name": "node", "cpus": 4}]},
    "workload": [{"count": 1, "arrivals": {"at-once": {}}, "duration": "1s"}]})");
  refused({"--config", none, "--postgres", store}, 2, "nothing in its workload is periodic");
}

}  // namespace
}  // namespace drydock::cli::beat_process_test

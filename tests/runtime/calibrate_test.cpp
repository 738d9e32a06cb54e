// `drydock calibrate` from outside, on private stores.
#include "real-runtime/postgres_client.hpp"
#include "real-runtime/private_postgres.hpp"
#include "real-runtime/private_redis.hpp"
#include "scenarios/calibration.hpp"
#include "tests/cli/binary.hpp"

#include <algorithm>
#include <chrono>
#include <gtest/gtest.h>
#include <string>
#include <thread>

namespace drydock::cli::calibrate_test {
namespace {

using namespace std::chrono_literals;

TEST(Calibrate, MeasuresEverythingAndAScenarioTakesIt) {
  const Folder folder;
  const std::string file = folder.path("calibration.json");
  const Ran ran = run_binary({"calibrate", "--quick", "--out", file});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("a row"), std::string::npos) << ran.out;
  const auto read = scenarios::parse_calibration(text_of(file), file);
  ASSERT_TRUE(read.ok()) << read.error().message;
  const scenarios::Calibration& measured = read.value();
  EXPECT_TRUE(measured.complete);
  for (const char* name :
       {"redis.counter", "redis.beat", "redis.script", "redis.push", "redis.pop", "redis.busy", "redis.loaded",
        "postgres.query", "postgres.submit", "postgres.commit", "postgres.loaded", "dispatch", "report", "timer"}) {
    ASSERT_TRUE(measured.figures.contains(name)) << name;
    EXPECT_TRUE(std::ranges::is_sorted(measured.figures.at(name).points)) << name;
  }
  EXPECT_EQ(measured.commit_points.size(), 6U);
  EXPECT_GT(scenarios::fit(measured.commit_points).per_row, 0);
  EXPECT_GT(measured.event, 0);
  EXPECT_GT(measured.attempt, 0);
  EXPECT_EQ(measured.context.at("stores"), "private");

  (void)folder.file("scenario.json", R"({"calibration": "calibration.json", "cluster": {"hosts": [{"name": "node"}]},
    "workload": [{"count": 1, "arrivals": {"at-once": {"at": "1s"}}, "duration": "1s"}]})");
  const Ran simulated = run_binary({"simulate", folder.path("scenario.json"), "--seeds", "1", "--check"});
  EXPECT_EQ(simulated.code, 0) << simulated.err;
  EXPECT_NE(simulated.out.find("measured: calibration.json"), std::string::npos) << simulated.out;
}

TEST(Calibrate, LeavesNothingBehindOnGivenStores) {
  const auto redis = runtime::PrivateRedis::start({});
  const auto postgres = runtime::PrivatePostgres::start({.durable = false});
  ASSERT_TRUE(redis.ok() && postgres.ok());
  const Folder folder;
  const Ran ran =
      run_binary({"calibrate", "--quick", "--redis", "unix://" + redis.value()->address().unix_socket, "--postgres",
                  postgres.value()->connection(), "--out", folder.path("c.json"), "--format", "json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, text_of(folder.path("c.json")));
  const auto client = runtime::RedisClient::connect({.address = redis.value()->address()});
  ASSERT_TRUE(client.ok());
  EXPECT_EQ(client.value()->run({"DBSIZE"}).value().front(), "0");
  const auto store = runtime::PostgresClient::connect({.connection = postgres.value()->connection()});
  ASSERT_TRUE(store.ok());
  EXPECT_EQ(store.value()->run("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'calibration%'").value(), "0");
}

TEST(Calibrate, SaysSoWhereAStoreCannotBeReached) {
  const Folder folder;
  const Ran ran = run_binary({"calibrate", "--redis", "unix://" + folder.path("nobody.sock"), "--postgres",
                              "host=" + folder.path("nowhere") + " user=nobody", "--out", folder.path("c.json")});
  EXPECT_EQ(ran.code, 3) << ran.err;
  EXPECT_NE(ran.err.find("nobody.sock"), std::string::npos) << ran.err;
  EXPECT_EQ(text_of(folder.path("c.json")), "");
}

TEST(Calibrate, WantsBothStoresOrNone) {
  const Folder folder;
  const Ran ran =
      run_binary({"calibrate", "--redis", "unix://" + folder.path("nobody.sock"), "--out", folder.path("c.json")});
  EXPECT_EQ(ran.code, 2) << ran.err;
  EXPECT_NE(ran.err.find("PostgreSQL"), std::string::npos) << ran.err;
}

TEST(Calibrate, WritesWhatThereIsWhenItIsInterrupted) {
  const Folder folder;
  const std::string file = folder.path("calibration.json");
  const Started started({"calibrate", "--out", file});
  std::this_thread::sleep_for(2s);  // all of it takes ten times as long
  started.interrupt();
  const Ran ran = started.wait();
  EXPECT_EQ(ran.code, 130) << ran.err;
  const auto read = scenarios::parse_calibration(text_of(file), file);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_FALSE(read.value().complete);
}

}  // namespace
}  // namespace drydock::cli::calibrate_test

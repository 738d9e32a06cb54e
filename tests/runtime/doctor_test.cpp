// What the doctor says of facts, and of real servers.
#include "real-runtime/doctor.hpp"

#include "real-runtime/private_postgres.hpp"
#include "real-runtime/private_redis.hpp"
#include "real-runtime/private_server.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::runtime::doctor_test {
namespace {

using Level = Finding::Level;

// The level of a check; nothing: it is not there.
std::optional<Level> level_of(const std::vector<Finding>& findings, const std::string& check) {
  const auto at = std::ranges::find(findings, check, &Finding::check);
  return at == findings.end() ? std::nullopt : std::optional(at->level);
}

void expect_advice(const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    EXPECT_EQ(finding.advice.empty(), finding.level == Level::ok) << finding.check;
    EXPECT_FALSE(finding.text.empty()) << finding.check;
  }
}

RedisFacts good_redis() {
  return {.info = {{"redis_version", "7.0.15"},
                   {"role", "master"},
                   {"maxmemory", "0"},
                   {"used_memory", "1000"},
                   {"evicted_keys", "0"}},
          .clock = {}};
}

PostgresFacts good_postgres() {
  return {.settings = {{"server_version", "15.4"},
                       {"synchronous_commit", "on"},
                       {"fsync", "on"},
                       {"max_connections", "100"},
                       {"autovacuum", "on"}},
          .version = 150000,
          .connections = 10,
          .may_create = true,
          .clock = {}};
}

TEST(Doctor, FindsNothingWhereAllIsWell) {
  for (const auto& findings : {judge(good_redis()), judge(good_postgres())}) {
    for (const Finding& finding : findings) EXPECT_EQ(finding.level, Level::ok) << finding.check << ": " << finding.text;
  }
}

TEST(Doctor, OnRedis) {
  struct Case {
    std::vector<std::pair<std::string, std::string>> settings;
    std::string check;
    Level level;
  };
  const std::vector<Case> cases{
      {{{"redis_version", "6.2.1"}}, "redis version", Level::error},
      {{{"role", "slave"}}, "redis writes", Level::error},
      {{{"maxmemory", "2000"}, {"maxmemory_policy", "allkeys-lru"}}, "redis eviction", Level::warning},
      {{{"maxmemory", "2000"}, {"maxmemory_policy", "volatile-ttl"}}, "redis eviction", Level::warning},
      {{{"maxmemory", "2000"}, {"maxmemory_policy", "noeviction"}}, "redis eviction", Level::ok},
      {{{"maxmemory", "1100"}, {"maxmemory_policy", "noeviction"}}, "redis eviction", Level::warning},
      {{{"evicted_keys", "5"}}, "redis evicted keys", Level::warning},
      {{{"rdb_last_bgsave_status", "err"}}, "redis persistence", Level::error},
  };
  for (const Case& one : cases) {
    RedisFacts facts = good_redis();
    for (const auto& [name, value] : one.settings) facts.info[name] = value;
    const auto findings = judge(facts);
    EXPECT_EQ(level_of(findings, one.check), one.level) << one.settings.front().second;
    expect_advice(findings);
  }
}

TEST(Doctor, OnPostgres) {
  const auto with = [](auto change) {
    PostgresFacts facts = good_postgres();
    change(facts);
    auto findings = judge(facts);
    expect_advice(findings);
    return findings;
  };
  EXPECT_EQ(level_of(with([](auto& facts) { facts.settings["synchronous_commit"] = "off"; }), "postgres commits"),
            Level::warning);
  EXPECT_EQ(level_of(with([](auto& facts) { facts.settings["fsync"] = "off"; }), "postgres commits"), Level::error);
  EXPECT_EQ(level_of(with([](auto& facts) { facts.connections = 95; }), "postgres connections"), Level::warning);
  EXPECT_EQ(level_of(with([](auto& facts) { facts.in_recovery = true; }), "postgres writes"), Level::error);
  EXPECT_EQ(level_of(with([](auto& facts) { facts.settings["autovacuum"] = "off"; }), "postgres autovacuum"),
            Level::warning);
  EXPECT_EQ(level_of(with([](auto& facts) { facts.superuser = true; }), "postgres role"), Level::warning);
}

TEST(Doctor, ClocksThatAreApartButForWhatTheQuestionTook) {
  PostgresFacts facts = good_postgres();
  facts.clock = {.ahead_s = -3, .unsure_s = 0.1};
  EXPECT_EQ(level_of(judge(facts), "postgres clock"), Level::warning);
  facts.clock = {.ahead_s = -3, .unsure_s = 2.5};
  EXPECT_EQ(level_of(judge(facts), "postgres clock"), Level::ok) << "it may be the time that the answer took";
  facts.clock = {.ahead_s = 0.5, .unsure_s = 0};
  EXPECT_EQ(level_of(judge(facts), "postgres clock"), Level::ok);
}

TEST(Doctor, OnWhoLives) {
  ClusterView nobody;
  nobody.unreadable = 1;
  const auto findings = judge(nobody, postgres::Lease{});
  EXPECT_EQ(level_of(findings, "scheduler"), Level::warning);
  EXPECT_EQ(level_of(findings, "workers"), Level::warning);
  EXPECT_EQ(level_of(findings, "registry"), Level::warning);
  expect_advice(findings);
}

TEST(Doctor, InfoIsReadLineByLine) {
  const auto info = parse_info("# Server\r\nredis_version:7.0.15\r\n\r\nempty:\r\nwith:a:colon\nno colon\r\n");
  EXPECT_EQ(info, (Settings{{"redis_version", "7.0.15"}, {"empty", ""}, {"with", "a:colon"}}));
}

TEST(Doctor, NamesTheVariablesOfPasswords) {
  EXPECT_NE(
      advice_on_passwords("Redis does not load scripts: NOAUTH Authentication required.").find("DRYDOCK_REDIS_PASSWORD"),
      std::string::npos);
  EXPECT_NE(advice_on_passwords("fe_sendauth: no password supplied").find("PGPASSWORD"), std::string::npos);
  EXPECT_EQ(advice_on_passwords("Connection refused"), "");
  EXPECT_EQ(unreachable("redis", "Connection refused").level, Level::error);
}

TEST(Doctor, FactsOfRealServers) {
  const auto server = PrivateRedis::start({});
  ASSERT_TRUE(server.ok()) << server.error().message;
  const auto redis = RedisClient::connect({.address = server.value()->address()});
  ASSERT_TRUE(redis.ok());
  ASSERT_TRUE(redis.value()->run({"CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru"}).ok());
  const auto facts = look_at(*redis.value());
  ASSERT_TRUE(facts.ok()) << facts.error().message;
  EXPECT_EQ(level_of(judge(facts.value()), "redis eviction"), Level::warning);
  EXPECT_EQ(level_of(judge(facts.value()), "redis version"), Level::ok);
  EXPECT_LT(std::abs(facts.value().clock.ahead_s), 1 + facts.value().clock.unsure_s) << "it is the clock of this machine";

  const auto cluster = PrivatePostgres::start({.durable = false});
  ASSERT_TRUE(cluster.ok()) << cluster.error().message;
  const auto store = PostgresClient::connect({.connection = cluster.value()->connection()});
  ASSERT_TRUE(store.ok());
  const auto told = look_at(*store.value());
  ASSERT_TRUE(told.ok()) << told.error().message;
  EXPECT_GE(told.value().version, 140000);
  EXPECT_GE(told.value().connections, 1);
  EXPECT_EQ(level_of(judge(told.value()), "postgres commits"), Level::error) << "it does not wait for its disk";
  EXPECT_LT(std::abs(told.value().clock.ahead_s), 1 + told.value().clock.unsure_s);
}

// A program of that name is not yet an engine that does anything.
TEST(Doctor, AsksTheContainerEngine) {
  TemporaryFolder folder;
  ASSERT_FALSE(folder.make({.prefix = "drydock-test-engine-", .socket = {}}));
  const std::string before = ::getenv("PATH");
  const auto with_docker = [&](const std::string& script) {
    const std::filesystem::path file = folder.path() / "docker";
    std::ofstream(file) << "#!/bin/sh\n" << script << '\n';
    std::filesystem::permissions(file, std::filesystem::perms{0755});
    ::setenv("PATH", (folder.path().string() + ":" + before).c_str(), 1);
    const auto findings = look_at_machine("", "nobody");
    ::setenv("PATH", before.c_str(), 1);
    return *std::ranges::find(findings, "containers", &Finding::check);
  };
  EXPECT_EQ(with_docker("exit 0").level, Level::ok);
  const Finding refused = with_docker("echo trying; echo 'Cannot connect to the Docker daemon' >&2; exit 1");
  EXPECT_EQ(refused.level, Level::warning);
  EXPECT_NE(refused.text.find("Cannot connect to the Docker daemon"), std::string::npos) << refused.text;
  EXPECT_NE(refused.advice.find("start its daemon"), std::string::npos) << refused.advice;
  EXPECT_EQ(with_docker("kill -9 $$").level, Level::warning);
  const Finding hangs = with_docker("exec sleep 60");
  EXPECT_EQ(hangs.level, Level::warning);
  EXPECT_NE(hangs.text.find("did not answer within 5 s"), std::string::npos) << hangs.text;
}

TEST(Doctor, KeysOfAnotherInstallation) {
  const Installation own{.id = "1/a/drydock", .place = "schema \"drydock\"", .scheduler = {}};
  const auto claim = [](const std::string& id) {
    return std::optional(KeysClaim{.of = {.id = id, .place = "schema \"other\"", .scheduler = "far"}, .left = Duration{1}});
  };
  EXPECT_EQ(judge(std::nullopt, own, {}).level, Level::ok);
  EXPECT_EQ(judge(claim(own.id), own, {}).level, Level::ok);
  const Finding other = judge(claim("another"), own, {});
  EXPECT_EQ(other.level, Level::error);
  EXPECT_NE(other.advice.find("--key-prefix"), std::string::npos);
}

TEST(Doctor, ThisMachine) {
  for (const Finding& finding : look_at_machine("", "nobody")) EXPECT_NE(finding.level, Level::error) << finding.text;
  EXPECT_EQ(level_of(look_at_machine("/proc/nowhere", "nobody"), "jobs folder"), Level::error);
}

}  // namespace
}  // namespace drydock::runtime::doctor_test

// The registry: what single commands do to hashes and their TTLs, with the traps that the source systems fell into; beats that
// register again; and how a Redis that lost something is recognised.

#include "tests/contract/redis_under_test.hpp"

#include <chrono>
#include <string>

namespace drydock::redis::redis_registry_test {
namespace {

using namespace std::chrono_literals;

const Fields kNode{{"worker_id", "w1"}, {"cpus", "96"}, {"status", "ready"}, {"last_heartbeat", "0"}};
constexpr Duration kLong = 2h;
constexpr Duration kSlack = 10min;  // real time passes while the real server works
constexpr Duration kShort = 30ms;

class RedisRegistry : public RedisContract {
 protected:
  Ttl::State state(const std::string& worker) { return ask<Ttl>(WorkerTtl{worker}).state; }
  bool gone(const std::string& worker) { return state(worker) == Ttl::State::missing; }
  void set(const std::string& worker, Duration ttl) {
    ask(SetWorker{worker, kNode});
    EXPECT_TRUE(ask<Found>(ExpireWorker{worker, ttl}).found);
  }
  std::vector<WorkerEntry> workers() { return ask<Workers>(ReadWorkers{}).entries; }
};
DRYDOCK_FOR_BOTH_REDIS(RedisRegistry);

TEST_P(RedisRegistry, SetCountsTheFieldsThatWereNotThere) {
  EXPECT_EQ(ask<Count>(SetWorker{"w1", kNode}).value, 4);
  EXPECT_EQ(ask<Count>(SetWorker{"w1", {{"cpus", "48"}, {"gpus", "2"}}}).value, 1);
  ASSERT_EQ(workers().size(), 1U);
  EXPECT_EQ(workers()[0].fields.at("cpus"), "48");
  EXPECT_EQ(workers()[0].fields.size(), 5U);
}

TEST_P(RedisRegistry, AKeyMadeBySetHasNoTtl) {
  ask(SetWorker{"w1", kNode});
  EXPECT_EQ(state("w1"), Ttl::State::immortal);
  EXPECT_TRUE(gone("w2"));
}

TEST_P(RedisRegistry, ExpireOnAMissingKeyDoesNothingAndSaysSo) {
  EXPECT_FALSE(ask<Found>(ExpireWorker{"w1", kLong}).found);
  EXPECT_TRUE(gone("w1"));
  EXPECT_TRUE(workers().empty());
}

TEST_P(RedisRegistry, SetAndTouchKeepTheTtl) {
  set("w1", kLong);
  ask(SetWorker{"w1", {{"status", "draining"}}});
  EXPECT_EQ(ask<Count>(TouchWorker{"w1", "last_heartbeat", "30"}).value, 0);
  const Ttl ttl = ask<Ttl>(WorkerTtl{"w1"});
  EXPECT_EQ(ttl.state, Ttl::State::expiring);
  EXPECT_LE(ttl.left, kLong);
  EXPECT_GE(ttl.left, kLong - kSlack);
}

TEST_P(RedisRegistry, DeleteAndSetAnewLosesTheTtl) {
  set("w1", kLong);
  EXPECT_TRUE(ask<Found>(DeleteWorker{"w1"}).found);
  EXPECT_FALSE(ask<Found>(DeleteWorker{"w1"}).found);
  ask(SetWorker{"w1", kNode});
  EXPECT_EQ(state("w1"), Ttl::State::immortal);
}

TEST_P(RedisRegistry, ATtlOfZeroOrLessDeletes) {
  for (const Duration ttl : {Duration{0}, Duration{-1}, Duration{-5s}, Duration::min()}) {
    set("w1", kLong);
    EXPECT_TRUE(ask<Found>(ExpireWorker{"w1", ttl}).found);
    EXPECT_TRUE(gone("w1"));
    EXPECT_FALSE(ask<Found>(ExpireWorker{"w1", ttl}).found);
  }
}

TEST_P(RedisRegistry, ExpireReplacesTheTtl) {
  set("w1", kLong);
  for (const Duration ttl : {Duration{5h}, Duration{1h}, Duration::max()}) {
    EXPECT_TRUE(ask<Found>(ExpireWorker{"w1", ttl}).found);
    const Ttl now = ask<Ttl>(WorkerTtl{"w1"});
    EXPECT_LE(now.left, ttl);
    EXPECT_GE(now.left, ttl - kSlack);
  }
}

TEST_P(RedisRegistry, WhatHasLapsedIsGoneForEveryOperation) {
  for (const std::string worker : {"listed", "asked", "deleted", "expired", "set"}) set(worker, kShort);
  EXPECT_TRUE(soon([&] { return workers().empty(); }));
  EXPECT_TRUE(gone("asked"));
  EXPECT_FALSE(ask<Found>(DeleteWorker{"deleted"}).found);
  EXPECT_FALSE(ask<Found>(ExpireWorker{"expired", kLong}).found);
  EXPECT_EQ(ask<Count>(SetWorker{"set", kNode}).value, 4);
  EXPECT_EQ(state("set"), Ttl::State::immortal);
}

TEST_P(RedisRegistry, TheSmallestTtlIsNotNone) {
  set("w1", Duration{1});
  EXPECT_TRUE(soon([&] { return gone("w1"); }));
}

// The heartbeat of the source systems is EXPIRE, then HSET last_heartbeat: a likely cause of "96 instead of 192" CPUs.
TEST_P(RedisRegistry, AHeartbeatAfterExpiryLeavesAnImmortalWorkerWithoutCpus) {
  set("w1", kShort);
  ASSERT_TRUE(soon([&] { return gone("w1"); }));
  EXPECT_FALSE(ask<Found>(ExpireWorker{"w1", kLong}).found);
  EXPECT_EQ(ask<Count>(TouchWorker{"w1", "last_heartbeat", "90"}).value, 1);
  const WorkerEntry undead{"w1", {{"last_heartbeat", "90"}}, {Ttl::State::immortal, {}}};
  EXPECT_EQ(workers(), std::vector{undead});
  EXPECT_TRUE(ask<Found>(ExpireWorker{"w1", kLong}).found) << "only the next heartbeat gives it a TTL again";
}

TEST_P(RedisRegistry, ReadWorkersSeesAllWorkersAndNothingElse) {
  ask(SetWorker{"b", kNode});
  set("a", kLong);
  ask(TouchWorker{"c", "last_heartbeat", "1"});
  ask(SetCounter{1});
  ask(Push{"worker", "not a worker"});
  ask(AcquireLease{"worker", "h", kLong, 1});
  ask(PlantSentinel{"s"});
  const auto all = workers();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].worker, "a");
  EXPECT_EQ(all[0].fields, kNode);
  EXPECT_EQ(all[0].ttl.state, Ttl::State::expiring);
  EXPECT_EQ(all[1].worker, "b");
  EXPECT_EQ(all[1].ttl.state, Ttl::State::immortal);
  EXPECT_EQ(all[2].fields.size(), 1U);
}

TEST_P(RedisRegistry, ReadWorkersFindsThousands) {
  std::vector<Op> ops;
  for (int i = 0; i < 2500; ++i) ops.emplace_back(TouchWorker{std::to_string(i), "cpus", std::to_string(i)});
  redis_->apply(ops);
  const auto all = workers();
  ASSERT_EQ(all.size(), 2500U);
  for (const WorkerEntry& entry : all) EXPECT_EQ(entry.fields.at("cpus"), entry.worker);
}

TEST_P(RedisRegistry, NamesAndValuesAreBytes) {
  const std::string name = "*?[a]:\\ \r\n";
  const std::string value("a\0b\r\n\xff", 6);
  ask(SetWorker{name, {{value, value}}});
  const auto all = workers();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].worker, name);
  EXPECT_EQ(all[0].fields.at(value), value);
}

// --- beats that register again ---

TEST_P(RedisRegistry, ABeatRegistersWhatIsMissing) {
  EXPECT_EQ(ask<Beat>(BeatWorker{"w1", kNode, {{"last_heartbeat", "30"}}, kLong}).before, Beat::Before::missing);
  const auto all = workers();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].fields.at("cpus"), "96");
  EXPECT_EQ(all[0].fields.at("last_heartbeat"), "30");
  EXPECT_EQ(all[0].ttl.state, Ttl::State::expiring);
}

TEST_P(RedisRegistry, ABeatTouchesOnlyWhatItIsTold) {
  set("w1", 1h);
  ask(TouchWorker{"w1", "status", "draining"});
  EXPECT_EQ(ask<Beat>(BeatWorker{"w1", kNode, {{"last_heartbeat", "30"}, {"load", "7"}}, kLong}).before,
            Beat::Before::complete);
  const auto all = workers();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].fields.at("status"), "draining");
  EXPECT_EQ(all[0].fields.at("last_heartbeat"), "30");
  EXPECT_EQ(all[0].fields.at("load"), "7");
  EXPECT_GE(all[0].ttl.left, kLong - kSlack);
}

TEST_P(RedisRegistry, ABeatCompletesAnImmortalRemnant) {
  ask(TouchWorker{"w1", "last_heartbeat", "1"});
  EXPECT_EQ(ask<Beat>(BeatWorker{"w1", kNode, {{"last_heartbeat", "2"}}, kLong}).before, Beat::Before::incomplete);
  EXPECT_EQ(ask<Beat>(BeatWorker{"w1", kNode, {{"last_heartbeat", "3"}}, kLong}).before, Beat::Before::complete);
  ASSERT_EQ(workers().size(), 1U);
  EXPECT_EQ(workers()[0].fields.at("cpus"), "96");
  EXPECT_EQ(workers()[0].fields.at("last_heartbeat"), "3");
  EXPECT_EQ(state("w1"), Ttl::State::expiring);
}

TEST_P(RedisRegistry, ABeatAfterExpiryRegistersAgain) {
  EXPECT_EQ(ask<Beat>(BeatWorker{"w1", kNode, {{"last_heartbeat", "1"}}, kShort}).before, Beat::Before::missing);
  ASSERT_TRUE(soon([&] { return gone("w1"); }));
  EXPECT_EQ(ask<Beat>(BeatWorker{"w1", kNode, {{"last_heartbeat", "2"}}, kLong}).before, Beat::Before::missing);
  EXPECT_EQ(workers()[0].fields.size(), kNode.size());
}

// --- whose the key is ---

TEST_P(RedisRegistry, AKeyBelongsToTheLifeThatMadeIt) {
  const auto beat = [&](const std::string& life, const std::string& incarnation, std::int64_t above) {
    return ask<Beat>(BeatWorker{"w1", kNode, {{"incarnation", incarnation}}, kLong, life, above}).before;
  };
  EXPECT_EQ(beat("first", "5", 0), Beat::Before::missing);
  EXPECT_EQ(beat("first", "5", 0), Beat::Before::complete);
  const auto before = workers();
  EXPECT_EQ(before.at(0).fields.at("life"), "first");
  EXPECT_EQ(beat("second", "6", 0), Beat::Before::foreign);
  EXPECT_EQ(beat("second", "6", 5), Beat::Before::foreign) << "5 is not below 5";
  EXPECT_EQ(workers().at(0).fields, before.at(0).fields) << "nothing was changed";
  EXPECT_EQ(beat("second", "6", 6), Beat::Before::complete);
  EXPECT_EQ(workers().at(0).fields.at("life"), "second");
  EXPECT_EQ(beat("first", "5", 5), Beat::Before::foreign);
  EXPECT_EQ(beat("", "7", 0), Beat::Before::complete) << "without a life nobody asks";
  EXPECT_EQ(workers().at(0).fields.at("life"), "second");
}

TEST_P(RedisRegistry, ABeatThatIsRefusedDoesNotProlongTheKey) {
  ask(BeatWorker{"w1", kNode, {{"incarnation", "1"}}, 1h, "first"});
  ask(BeatWorker{"w1", kNode, {{"incarnation", "1"}}, 9h, "second"});
  EXPECT_LE(ask<Ttl>(WorkerTtl{"w1"}).left, 1h);
}

TEST_P(RedisRegistry, AKeyOfNobodyAndOneWhoseIncarnationIsNoNumber) {
  ask(SetWorker{"w1", kNode});
  EXPECT_EQ(ask<Beat>(BeatWorker{"w1", kNode, {{"incarnation", "none"}}, kLong, "first"}).before, Beat::Before::complete);
  EXPECT_EQ(ask<Beat>(BeatWorker{"w1", kNode, {{"incarnation", "2"}}, kLong, "second", 100}).before, Beat::Before::foreign);
}

TEST_P(RedisRegistry, OnlyTheLifeThatHasTheKeyDeletesIt) {
  ask(BeatWorker{"w1", kNode, {{"incarnation", "1"}}, kLong, "first"});
  EXPECT_FALSE(ask<Found>(DeleteWorker{"w1", "second"}).found);
  EXPECT_EQ(workers().size(), 1U);
  EXPECT_TRUE(ask<Found>(DeleteWorker{"w1", "first"}).found);
  EXPECT_FALSE(ask<Found>(DeleteWorker{"w1", "first"}).found);
  ask(SetWorker{"w1", kNode});
  EXPECT_TRUE(ask<Found>(DeleteWorker{"w1", "first"}).found) << "of nobody";
}

// --- a store that lost something ---

TEST_P(RedisRegistry, TheFirstSentinelStands) {
  const auto bare = ask<StoreIdentity>(ReadIdentity{});
  EXPECT_FALSE(bare.sentinel.has_value());
  EXPECT_EQ(bare.run_id.size(), 40U);
  EXPECT_EQ(ask<StoreIdentity>(PlantSentinel{"first"}), (StoreIdentity{bare.run_id, "first"}));
  EXPECT_EQ(ask<StoreIdentity>(PlantSentinel{"second"}), (StoreIdentity{bare.run_id, "first"}));
  EXPECT_EQ(ask<StoreIdentity>(ReadIdentity{}), (StoreIdentity{bare.run_id, "first"}));
}

TEST_P(RedisRegistry, AFlushTakesTheSentinelAndKeepsTheRunId) {
  const auto before = ask<StoreIdentity>(PlantSentinel{"s"});
  admin(Flush{});
  EXPECT_EQ(ask<StoreIdentity>(ReadIdentity{}), (StoreIdentity{before.run_id, std::nullopt}));
}

TEST_P(RedisRegistry, ARestartChangesTheRunIdAndBringsTheOldSentinel) {
  const auto before = ask<StoreIdentity>(PlantSentinel{"old"});
  admin(Snapshot{});
  admin(Flush{});
  ask(PlantSentinel{"new"});
  admin(Restart{});
  const auto after = ask<StoreIdentity>(ReadIdentity{});
  EXPECT_NE(after.run_id, before.run_id);
  EXPECT_EQ(after.sentinel, "old");
}

}  // namespace
}  // namespace drydock::redis::redis_registry_test

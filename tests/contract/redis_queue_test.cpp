// Queues, leases, and what faults do to all of it.

#include "policies/ports/redis_keys.hpp"
#include "tests/contract/redis_under_test.hpp"

#include <chrono>
#include <string>

namespace drydock::redis::redis_queue_test {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLong = 2h;
constexpr Duration kShort = 30ms;
constexpr Duration kSlack = 10min;

class RedisQueue : public RedisContract {
 protected:
  std::int64_t push(const std::string& queue, const std::string& payload) { return ask<Count>(Push{queue, payload}).value; }
  std::optional<std::string> pop(const std::string& queue, const std::string& consumer) {
    return ask<Popped>(Pop{queue, consumer}).payload;
  }
  bool ack(const std::string& queue, const std::string& consumer, const std::string& payload) {
    return ask<Found>(Ack{queue, consumer, payload}).found;
  }
  std::int64_t requeue(const std::string& queue, const std::string& consumer) {
    return ask<Count>(Requeue{queue, consumer}).value;
  }
  std::int64_t length(const std::string& queue) { return ask<Count>(Length{queue}).value; }
  // All that is left, in the order in which it comes.
  std::string drain(const std::string& queue) {
    std::string all;
    while (const auto payload = pop(queue, "drain")) all += *payload;
    return all;
  }
};
DRYDOCK_FOR_BOTH_REDIS(RedisQueue);

TEST_P(RedisQueue, FirstInFirstOut) {
  EXPECT_EQ(push("q", "a"), 1);
  EXPECT_EQ(push("q", "b"), 2);
  EXPECT_EQ(push("q", "c"), 3);
  EXPECT_EQ(length("q"), 3);
  EXPECT_EQ(drain("q"), "abc");
  EXPECT_EQ(length("q"), 0);
  EXPECT_EQ(pop("q", "drain"), std::nullopt);
}

TEST_P(RedisQueue, PayloadsAreBytesAndMayBeEmpty) {
  const std::string bytes("\0\r\n\xff", 4);
  push("q", bytes);
  push("q", "");
  EXPECT_EQ(pop("q", "c"), bytes);
  EXPECT_EQ(pop("q", "c"), "");
  EXPECT_TRUE(ack("q", "c", ""));
  EXPECT_TRUE(ack("q", "c", bytes));
}

TEST_P(RedisQueue, AcknowledgedOnceAndByItsConsumerOnly) {
  push("q", "a");
  pop("q", "c1");
  EXPECT_FALSE(ack("q", "c2", "a"));
  EXPECT_FALSE(ack("other", "c1", "a"));
  EXPECT_TRUE(ack("q", "c1", "a"));
  EXPECT_FALSE(ack("q", "c1", "a"));
  EXPECT_EQ(requeue("q", "c1"), 0);
}

TEST_P(RedisQueue, AnAcknowledgementTakesTheFirstOfEquals) {
  for (const char* payload : {"x", "a", "x", "b"}) push("q", payload);
  while (pop("q", "c")) {}
  EXPECT_TRUE(ack("q", "c", "x"));
  EXPECT_EQ(requeue("q", "c"), 3);
  EXPECT_EQ(drain("q"), "axb");
}

TEST_P(RedisQueue, RequeuePutsAllBackToTheFrontInOrder) {
  for (const char* payload : {"a", "b", "c", "d", "e"}) push("q", payload);
  for (int i = 0; i < 4; ++i) pop("q", "c");
  EXPECT_TRUE(ack("q", "c", "b"));
  EXPECT_EQ(requeue("q", "c"), 3);
  EXPECT_EQ(requeue("q", "c"), 0);
  EXPECT_EQ(length("q"), 4);
  EXPECT_EQ(drain("q"), "acde");
}

TEST_P(RedisQueue, RequeueTouchesNeitherOtherConsumersNorOtherQueues) {
  for (const char* payload : {"a", "b"}) push("q", payload);
  push("r", "z");
  pop("q", "c1");
  pop("q", "c2");
  pop("r", "c1");
  EXPECT_EQ(requeue("q", "c1"), 1);
  EXPECT_EQ(drain("q"), "a");
  EXPECT_TRUE(ack("q", "c2", "b"));
  EXPECT_TRUE(ack("r", "c1", "z"));
}

TEST_P(RedisQueue, NamesDoNotRunIntoEachOther) {
  push("q", "a");
  pop("q", "x:y");
  EXPECT_EQ(requeue("q", "x"), 0);
  EXPECT_EQ(requeue("q", "x:y"), 1);
}

TEST_P(RedisQueue, FencedPushAppends) {
  push("q", "a");
  EXPECT_EQ(ask<Verdict>(FencedPush{"q", "b", 1}), (Verdict{Verdict::Outcome::applied, 2}));
  EXPECT_EQ(drain("q"), "ab");
}

// --- leases ---

class RedisLease : public RedisContract {
 protected:
  Lease acquire(const std::string& holder, Duration ttl, std::int64_t epoch_min = 1) {
    return ask<Lease>(AcquireLease{"l", holder, ttl, epoch_min});
  }
  Lease read() { return ask<Lease>(ReadLease{"l"}); }
  bool release(const std::string& holder, std::int64_t epoch) { return ask<Found>(ReleaseLease{"l", holder, epoch}).found; }
};
DRYDOCK_FOR_BOTH_REDIS(RedisLease);

TEST_P(RedisLease, OneHolderAtATime) {
  EXPECT_EQ(read(), Lease{});
  const Lease mine = acquire("a", kLong);
  EXPECT_EQ(mine.holder, "a");
  EXPECT_EQ(mine.epoch, 1);
  EXPECT_LE(mine.left, kLong);
  EXPECT_GE(mine.left, kLong - kSlack);
  const Lease others = acquire("b", kLong);
  EXPECT_EQ(others.holder, "a");
  EXPECT_EQ(others.epoch, 1);
  EXPECT_EQ(read().holder, "a");
  EXPECT_EQ(ask<Lease>(AcquireLease{"another", "b", kLong, 1}).holder, "b");
}

TEST_P(RedisLease, TheHolderProlongsItInTheSameEpoch) {
  acquire("a", 1h);
  const Lease longer = acquire("a", kLong);
  EXPECT_EQ(longer.epoch, 1);
  EXPECT_GE(longer.left, kLong - kSlack);
  EXPECT_LE(acquire("a", 1h).left, 1h) << "or shortens it";
}

TEST_P(RedisLease, EachTakingHasAHigherEpoch) {
  acquire("a", kShort);
  EXPECT_TRUE(soon([&] { return acquire("b", kLong).holder == "b"; }));
  EXPECT_EQ(read().epoch, 2);
  EXPECT_TRUE(release("b", 2));
  EXPECT_EQ(read(), Lease{});
  EXPECT_EQ(acquire("b", kLong).epoch, 3) << "also for the same holder";
}

TEST_P(RedisLease, OnlyItsHolderGivesItBack) {
  acquire("a", kLong, 7);
  EXPECT_FALSE(release("b", 7));
  EXPECT_FALSE(release("a", 6));
  EXPECT_EQ(read().holder, "a");
  EXPECT_TRUE(release("a", 7));
  EXPECT_FALSE(release("a", 7));
}

TEST_P(RedisLease, EpochsGoOnAfterTheStoreForgot) {
  EXPECT_EQ(acquire("a", kLong, 5).epoch, 5);
  admin(Flush{});
  EXPECT_EQ(acquire("b", kLong, 6).epoch, 6);
  EXPECT_EQ(acquire("b", kLong, 6).epoch, 6);
  EXPECT_EQ(acquire("b", kLong, 9).epoch, 9) << "it learned of a later epoch than that of its lease";
  EXPECT_EQ(acquire("c", kLong, 20).holder, "b");
  EXPECT_EQ(read().epoch, 9);
}

// --- faults ---

class RedisFaults : public RedisContract {};
DRYDOCK_FOR_BOTH_REDIS(RedisFaults);

TEST_P(RedisFaults, AFlushTakesEverything) {
  ask(SetWorker{"w", {{"cpus", "1"}}});
  ask(FencedSet{5, 3, 1});
  ask(Push{"q", "a"});
  admin(Flush{});
  EXPECT_TRUE(ask<Workers>(ReadWorkers{}).entries.empty());
  EXPECT_EQ(ask<Value>(GetCounter{}).value, std::nullopt);
  EXPECT_EQ(ask<Count>(Length{"q"}).value, 0);
  EXPECT_EQ(ask<Verdict>(RaiseEpoch{1}), (Verdict{Verdict::Outcome::applied, 1})) << "epochs too: the truth is elsewhere";
}

TEST_P(RedisFaults, EvictionTakesOneKey) {
  for (const char* worker : {"w1", "w2"}) ask(SetWorker{worker, {{"cpus", "96"}}});
  ask(SetCounter{4});
  admin(EvictKey{worker_key("w1")});
  admin(EvictKey{worker_key("never there")});
  const auto left = ask<Workers>(ReadWorkers{}).entries;
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].worker, "w2");
  admin(EvictKey{std::string(kCounterKey)});
  EXPECT_EQ(ask<Value>(GetCounter{}).value, std::nullopt);
}

TEST_P(RedisFaults, ARestartComesBackWithTheSnapshot) {
  ask(SetWorker{"w", {{"cpus", "1"}}});
  ask(ExpireWorker{"w", kLong});
  ask(FencedSet{5, 3, 1});
  for (const char* payload : {"a", "b"}) ask(Push{"q", payload});
  ask(Pop{"q", "c"});
  ask(Reserve{"r", 2, 100, kLong});
  ask(AcquireLease{"l", "h", kLong, 4});
  admin(Snapshot{});
  ask(DeleteWorker{"w"});
  ask(SetWorker{"late", {{"cpus", "1"}}});
  ask(CheckedAdd{1, 100, 3, 2});
  ask(Push{"q", "lost"});
  ask(Ack{"q", "c", "a"});
  admin(Restart{});
  const auto workers = ask<Workers>(ReadWorkers{}).entries;
  ASSERT_EQ(workers.size(), 1U);
  EXPECT_EQ(workers[0].worker, "w");
  EXPECT_EQ(workers[0].ttl.state, Ttl::State::expiring);
  EXPECT_EQ(ask<Value>(GetCounter{}).value, 5);
  EXPECT_EQ(ask<Count>(Requeue{"q", "c"}).value, 1);
  EXPECT_EQ(ask<Popped>(Pop{"q", "c"}).payload, "a");
  EXPECT_EQ(ask<Popped>(Pop{"q", "c"}).payload, "b");
  EXPECT_EQ(ask<Popped>(Pop{"q", "c"}).payload, std::nullopt);
  EXPECT_EQ(ask<Verdict>(Cancel{"r"}), (Verdict{Verdict::Outcome::applied, 0}));
  EXPECT_EQ(ask<Lease>(ReadLease{"l"}).epoch, 4);
  EXPECT_EQ(ask<Verdict>(RaiseEpoch{2}), (Verdict{Verdict::Outcome::old_epoch, 3}));
}

TEST_P(RedisFaults, TtlsGoOnWhileTheServerIsDown) {
  ask(SetWorker{"w", {{"cpus", "1"}}});
  ask(ExpireWorker{"w", kShort});
  ask(SetWorker{"stays", {{"cpus", "1"}}});
  admin(Snapshot{});
  EXPECT_TRUE(soon([&] { return ask<Ttl>(WorkerTtl{"w"}).state == Ttl::State::missing; }));
  admin(Restart{});
  const auto workers = ask<Workers>(ReadWorkers{}).entries;
  ASSERT_EQ(workers.size(), 1U);
  EXPECT_EQ(workers[0].worker, "stays");
}

TEST_P(RedisFaults, AnEmptySnapshotComesBackEmpty) {
  admin(Snapshot{});
  ask(SetCounter{5});
  admin(Restart{});
  EXPECT_EQ(ask<Value>(GetCounter{}).value, std::nullopt);
}

TEST_P(RedisFaults, ScriptsWorkAfterARestart) {
  admin(Restart{});
  EXPECT_EQ(ask<Verdict>(RaiseEpoch{1}).outcome, Verdict::Outcome::applied);
}

TEST_P(RedisFaults, ShortMemoryEvictsKeysThatWereNotUsed) {
  admin(LimitMemory{8'000'000});
  const std::string payload(100'000, 'x');
  constexpr int kQueues = 200;
  ask(PlantSentinel{"s"});
  for (int i = 0; i < kQueues; ++i) {
    ask(Push{std::to_string(i), payload});
    ask(ReadIdentity{});  // keeps the sentinel in use
  }
  int left = 0;
  for (int i = 0; i < kQueues; ++i) left += ask<Count>(Length{std::to_string(i)}).value > 0 ? 1 : 0;
  EXPECT_GT(left, 10);
  EXPECT_LT(left, 100);
  EXPECT_EQ(ask<Count>(Length{std::to_string(kQueues - 1)}).value, 1);
  admin(LimitMemory{0});
}

}  // namespace
}  // namespace drydock::redis::redis_queue_test

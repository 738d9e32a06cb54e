// What only the simulated Redis promises: exact milliseconds, active expiry, exact least recent use, run ids by seed.

#include "policies/ports/redis_keys.hpp"
#include "sim/redis.hpp"

#include <chrono>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::sim::sim_redis_test {
namespace {

using namespace redis;
using namespace std::chrono_literals;

const Fields kFields{{"cpus", "96"}};

class SimRedisTest : public testing::Test {
 protected:
  void set(Time now, const std::string& worker, Duration ttl) {
    EXPECT_EQ(redis_.apply(now, SetWorker{worker, kFields}), Reply(Count{1}));
    EXPECT_EQ(redis_.apply(now, ExpireWorker{worker, ttl}), Reply(Found{true}));
  }
  Ttl ttl(Time now, const std::string& worker) { return std::get<Ttl>(redis_.apply(now, WorkerTtl{worker})); }
  bool there(Time now, const std::string& worker) { return ttl(now, worker).state != Ttl::State::missing; }

  SimRedis redis_{{.seed = 1, .notify_expired = true}};
};

TEST_F(SimRedisTest, ItsClockIsTheTimeRoundedDownAndTtlsAreRoundedUp) {
  EXPECT_EQ(clock_ms(time_at(0)), 0);
  EXPECT_EQ(clock_ms(time_at(999'999)), 0);
  EXPECT_EQ(clock_ms(time_at(1'000'000)), 1);
  EXPECT_EQ(clock_ms(time_at(-1)), -1);
  EXPECT_EQ(ttl_ms(Duration{1}), 1);
  EXPECT_EQ(ttl_ms(1ms), 1);
  EXPECT_EQ(ttl_ms(Duration{1'000'001}), 2);
  EXPECT_EQ(ttl_ms(Duration{-999'999}), 0);
  EXPECT_EQ(ttl_ms(Duration{-1'000'001}), -1);
  EXPECT_EQ(duration_of_ms(5), 5ms);
  EXPECT_EQ(duration_of_ms(std::int64_t{1} << 60), Duration::max());
  EXPECT_EQ(duration_of_ms(-(std::int64_t{1} << 60)), Duration::min());
}

TEST_F(SimRedisTest, AKeyIsThereUpToAndIncludingItsLastMillisecond) {
  set(time_at(2'999'999), "w", 60ms);  // on the server's clock at 2 ms
  EXPECT_EQ(redis_.next_expiry(), time_at(63'000'000));
  EXPECT_EQ(ttl(time_at(3'000'000), "w").left, 59ms);
  EXPECT_EQ(ttl(time_at(62'000'000), "w"), (Ttl{Ttl::State::expiring, 0ms}));
  EXPECT_TRUE(there(time_at(62'999'999), "w"));
  EXPECT_FALSE(there(time_at(63'000'000), "w"));
  EXPECT_EQ(redis_.next_expiry(), kNever);
}

TEST_F(SimRedisTest, ALeaseIsNeverShorterThanAsked) {
  for (std::int64_t at = 0; at < 2'000'000; at += 99'991) {
    for (std::int64_t ttl = 1; ttl < 3'000'000; ttl += 99'991) {
      set(time_at(at), "w", Duration{ttl});
      EXPECT_GE(redis_.next_expiry(), time_at(at + ttl));
      EXPECT_LE(redis_.next_expiry(), time_at(at + ttl) + 2ms);
      (void)redis_.apply(time_at(at), DeleteWorker{"w"});
    }
  }
}

TEST_F(SimRedisTest, ActiveExpiryNamesTheKeysInOrderOfTime) {
  set(kTimeZero, "late", 30ms);
  set(kTimeZero, "early", 10ms);
  set(kTimeZero, "b", 20ms);
  set(kTimeZero, "a", 20ms);
  set(kTimeZero, "prolonged", 5ms);
  set(kTimeZero, "deleted", 5ms);
  (void)redis_.apply(kTimeZero, ExpireWorker{"prolonged", 1h});
  (void)redis_.apply(kTimeZero, DeleteWorker{"deleted"});
  EXPECT_TRUE(redis_.expire_until(kTimeZero + 10ms).empty());
  EXPECT_EQ(redis_.expire_until(kTimeZero + 21ms), (std::vector<std::string>{"worker:early", "worker:a", "worker:b"}));
  EXPECT_EQ(redis_.expire_until(kTimeZero + 31ms), (std::vector<std::string>{"worker:late"}));
  EXPECT_EQ(redis_.next_expiry(), kTimeZero + 1h + 1ms);
}

TEST_F(SimRedisTest, WhatOperationsFoundLapsedIsNamedToo) {
  set(kTimeZero, "a", 10ms);
  set(kTimeZero, "b", 10ms);
  set(kTimeZero, "c", 10ms);
  const Time later = kTimeZero + 1s;
  EXPECT_FALSE(there(later, "b"));
  EXPECT_EQ(redis_.expire_until(later), (std::vector<std::string>{"worker:b", "worker:a", "worker:c"}));
  EXPECT_TRUE(redis_.expire_until(later).empty());

  SimRedis quiet;
  (void)quiet.apply(kTimeZero, SetWorker{"a", kFields});
  (void)quiet.apply(kTimeZero, ExpireWorker{"a", 10ms});
  (void)quiet.apply(later, WorkerTtl{"a"});
  EXPECT_TRUE(quiet.expire_until(later).empty());
}

TEST_F(SimRedisTest, ItsClockMayGoBack) {
  set(kTimeZero + 10s, "w", 5s);
  EXPECT_EQ(ttl(kTimeZero + 2s, "w").left, 13s);
  EXPECT_TRUE(there(kTimeZero + 15s, "w"));
}

TEST_F(SimRedisTest, TheLeastRecentlyUsedKeysAreEvicted) {
  for (const char* worker : {"a", "b", "c", "d"}) (void)redis_.apply(kTimeZero, SetWorker{worker, kFields});
  const std::int64_t each = redis_.used_bytes() / 4;
  (void)redis_.apply(kTimeZero, TouchWorker{"a", "cpus", "96"});
  (void)redis_.apply(kTimeZero, WorkerTtl{"b"});  // PTTL and EXISTS are no use
  redis_.apply(kTimeZero, LimitMemory{2 * each});
  EXPECT_EQ(redis_.evicted_keys(), 2U);
  EXPECT_TRUE(there(kTimeZero, "a"));
  EXPECT_FALSE(there(kTimeZero, "b"));
  EXPECT_FALSE(there(kTimeZero, "c"));
  EXPECT_TRUE(there(kTimeZero, "d"));
}

TEST_F(SimRedisTest, EvictionComesBeforeTheNextOperation) {
  (void)redis_.apply(kTimeZero, SetWorker{"a", kFields});
  redis_.apply(kTimeZero, LimitMemory{redis_.used_bytes()});
  (void)redis_.apply(kTimeZero, SetCounter{1});
  EXPECT_EQ(redis_.evicted_keys(), 0U) << "the write itself passes the limit";
  EXPECT_FALSE(there(kTimeZero, "a"));
  EXPECT_EQ(redis_.apply(kTimeZero, GetCounter{}), Reply(Value{1}));
}

TEST_F(SimRedisTest, EstimatedMemoryComesBackToNothing) {
  const std::vector<Op> fill{SetWorker{"w", {{"a", "1"}, {"b", "22"}}},
                             TouchWorker{"w", "a", "longer"},
                             FencedSet{5, 1, 1},
                             Reserve{"r", 4, 100, 1h},
                             Reserve{"s", 4, 100, 1h},
                             Reserve{"r", 14, 100, 1h},
                             Confirm{"r", 1, 2},
                             Cancel{"s"},
                             Push{"q", "payload"},
                             Push{"q", "x"},
                             Pop{"q", "c"},
                             Pop{"q", "c"},
                             Ack{"q", "c", "x"},
                             Requeue{"q", "c"},
                             Pop{"q", "c"},
                             Ack{"q", "c", "payload"},
                             PlantSentinel{"s"},
                             AcquireLease{"l", "h", 1h, 1}};
  for (const Op& op : fill) (void)redis_.apply(kTimeZero, op);
  const std::int64_t used = redis_.used_bytes();
  EXPECT_GT(used, 0);
  redis_.apply(kTimeZero, Snapshot{});
  redis_.apply(kTimeZero, Restart{});
  EXPECT_EQ(redis_.used_bytes(), used) << "counted as it grew, and anew";
  for (const std::string& key : {worker_key("w"), std::string(kCounterKey), std::string(kFenceKey), std::string(kEpochKey),
                                 std::string(kSentinelKey), lease_key("l"), lease_epoch_key("l")}) {
    redis_.apply(kTimeZero, EvictKey{key});
  }
  EXPECT_EQ(redis_.used_bytes(), 0) << "queues and reservations took their keys with them";
}

TEST_F(SimRedisTest, RunIdsDependOnSeedAndRestartsAlone) {
  SimRedis same{{.seed = 1}};
  SimRedis other{{.seed = 2}};
  EXPECT_EQ(redis_.run_id(), same.run_id());
  EXPECT_NE(redis_.run_id(), other.run_id());
  EXPECT_EQ(redis_.run_id().size(), 40U);
  const std::string before = redis_.run_id();
  redis_.apply(kTimeZero, Restart{});
  same.apply(kTimeZero, Restart{});
  EXPECT_NE(redis_.run_id(), before);
  EXPECT_EQ(redis_.run_id(), same.run_id());
}

TEST(RedisPort, TextsSayWhatWasAskedAndAnswered) {
  EXPECT_EQ(to_text(Op(CheckedAdd{4, 96, 2, 7})), "CheckedAdd(4, limit 96, epoch 2, version 7)");
  EXPECT_EQ(to_text(Op(SetWorker{"w1", kFields})), "SetWorker('w1', {cpus: '96'})");
  EXPECT_EQ(to_text(Op(ReadWorkers{})), "ReadWorkers()");
  EXPECT_EQ(to_text(AdminOp(EvictKey{"worker:w1"})), "EvictKey('worker:w1')");
  EXPECT_EQ(to_text(Reply(Verdict{Verdict::Outcome::over_limit, 90})), "refused: over the limit, 90");
  EXPECT_EQ(to_text(Reply(Ttl{Ttl::State::immortal, {}})), "no TTL");
  EXPECT_EQ(to_text(Reply(Failed{Failed::Reason::unknown, "it broke"})), "failed (answer lost, outcome unknown): it broke");
}

TEST(RedisPort, EqualWithinLooksAtEverythingButTheClock) {
  const Reply a = Workers{{{"w", kFields, {Ttl::State::expiring, 60s}}}};
  const Reply near = Workers{{{"w", kFields, {Ttl::State::expiring, 59s}}}};
  const Reply immortal = Workers{{{"w", kFields, {Ttl::State::immortal, {}}}}};
  const Reply other = Workers{{{"w", {{"cpus", "1"}}, {Ttl::State::expiring, 60s}}}};
  EXPECT_TRUE(equal_within(a, near, 1s));
  EXPECT_FALSE(equal_within(a, near, 999ms));
  EXPECT_FALSE(equal_within(a, immortal, 1h));
  EXPECT_FALSE(equal_within(a, other, 1h));
  EXPECT_FALSE(equal_within(a, Workers{}, 1h));
  EXPECT_TRUE(equal_within(Lease{"h", 1, 60s}, Lease{"h", 1, 61s}, 1s));
  EXPECT_FALSE(equal_within(Lease{"h", 1, 60s}, Lease{"h", 2, 60s}, 1s));
  EXPECT_FALSE(equal_within(Count{1}, Value{1}, 1h));
  EXPECT_TRUE(equal_within(Failed{Failed::Reason::overflow, "one"}, Failed{Failed::Reason::overflow, "two"}, 1h));
}

TEST(RedisPortDeathTest, WhatTheHeaderForbidsStopsTheProcess) {
  EXPECT_DEATH(check_op(SetWorker{"w", {}}), "HSET needs a field");
  EXPECT_DEATH(check_op(Push{"a:b", "p"}), "no ':'");
  EXPECT_DEATH(check_op(RaiseEpoch{std::int64_t{1} << 53}), "exactly");
  EXPECT_DEATH(check_op(Reserve{"r", 0, 1, 1s}), "positive amount");
  EXPECT_DEATH(check_op(Reserve{"r", 1, 1, 0s}), "is positive");
}

}  // namespace
}  // namespace drydock::sim::sim_redis_test

// Schedulers that lead and stand by on the same stores: whoever leads, each job succeeds once, what lives is not run again, and what one
// writes that does not lead any more is refused.
#include "real-runtime/chaos/proxy.hpp"
#include "tests/runtime/real_world.hpp"

#include <chrono>
#include <gtest/gtest.h>
#include <string>

namespace drydock::runtime::takeover_test {
namespace {

using namespace std::chrono_literals;

const RealWorldOptions kTwo{.ttl = 10s, .schedulers = 2, .lease = 3s};

TEST(Takeover, AStandbyGoesOnWhenTheLeaderIsKilled) {
  RealWorld world(kTwo);
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.run_until([&] { return world.leader() != nullptr; }));
  const bool first = world.leader() == &world.scheduler(0);
  world.submit(8, SleepPayload{6s});
  world.submit(8, SleepPayload{10ms});
  ASSERT_TRUE(world.run_until([&] { return world.running() == 8; }));
  world.kill_scheduler(first ? 0 : 1);
  EXPECT_EQ(world.leader(), nullptr);
  ASSERT_TRUE(world.run_until_all_ended());
  EXPECT_EQ(world.counts().dispatched, 16U) << "nothing that lives is run again";
  EXPECT_EQ(world.counts().lost, 0U);
  EXPECT_EQ(world.leader()->epoch(), 2);
  world.expect_all_succeeded();
  world.expect_good_journals();
}

TEST(Takeover, ALeaderThatShutsDownHandsOver) {
  RealWorld world({.ttl = 10s, .schedulers = 2, .lease = 60s});  // nobody waits for its end
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.run_until([&] { return world.leader() != nullptr; }));
  SchedulerProcess* const before = world.leader();
  world.submit(4, SleepPayload{1s});
  ASSERT_TRUE(world.run_until([&] { return world.running() == 4; }));
  bool ended = false;
  before->shut_down([&] { ended = true; });
  ASSERT_TRUE(world.run_until([&] { return ended; }));
  EXPECT_FALSE(before->leads());
  ASSERT_TRUE(world.run_until_all_ended());
  EXPECT_NE(world.leader(), before);
  EXPECT_EQ(world.counts().dispatched, 4U);
  world.expect_all_succeeded();
  world.expect_good_journals();
}

// It cannot prolong its lease, stops by itself, and stands by when it is back.
TEST(Takeover, ALeaderThatIsCutOffFromPostgresStepsDown) {
  RealWorld world({.ttl = 10s, .schedulers = 1, .lease = 3s});
  const auto started = chaos::Proxy::start(world.loop(), world.postgres().folder() / ".s.PGSQL.5432");
  ASSERT_TRUE(started.ok()) << started.error().message;
  chaos::Proxy& proxy = *started.value();
  ASSERT_TRUE(world.start("host='" + proxy.folder().string() + "' port=5432 user=drydock dbname=postgres"));
  ASSERT_TRUE(world.run_until([&] { return world.leader() != nullptr; }));
  world.start_scheduler(1);
  world.submit(4, SleepPayload{5s});
  ASSERT_TRUE(world.run_until([&] { return world.running() == 4; }));
  world.submit(4, SleepPayload{10ms});
  proxy.cut();
  ASSERT_TRUE(world.run_until([&] { return !world.scheduler(0).leads(); }));
  EXPECT_FALSE(world.scheduler(1).leads()) << "the one before stops earlier than the next begins";
  ASSERT_TRUE(world.run_until([&] { return world.scheduler(1).leads(); }));
  proxy.mend();
  ASSERT_TRUE(world.run_until_all_ended());
  EXPECT_EQ(world.counts().dispatched, 8U);
  EXPECT_TRUE(world.scheduler(1).leads());
  world.expect_all_succeeded();
  world.expect_good_journals();
}

// As if it had stood still while somebody else led: its clock has not told it yet, the store does.
TEST(Takeover, WhatAnOutrankedLeaderWritesIsRefused) {
  RealWorld world({.lease = 60s});
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.run_until([&] { return world.leader() != nullptr && world.scheduler().is_live(WorkerId{1}); }));
  auto store = PostgresClient::connect(world.postgres_options());
  ASSERT_TRUE(store.ok());
  ASSERT_TRUE(store.value()
                  ->run("update drydock.leases set holder = 'another', epoch = epoch + 1, "
                        "expires_at = clock_timestamp() + interval '1 second'")
                  .ok());
  world.submit(4, SleepPayload{10ms});
  ASSERT_TRUE(world.run_until([&] { return world.counts().outranked > 0; }));
  EXPECT_EQ(world.counts().dispatched, 0U);
  ASSERT_TRUE(world.run_until_all_ended());
  EXPECT_EQ(world.leader()->epoch(), 3) << "it leads again, after the other";
  EXPECT_EQ(world.scheduler().reigns(), 2U);
  world.expect_all_succeeded();
  world.expect_good_journals();
}

// Redis has seen a higher epoch than the database, which came back from an old backup: a leader must go above it.
TEST(Takeover, GoesAboveTheEpochThatRedisKnows) {
  RealWorld world;
  auto redis = RedisClient::connect(world.redis_options());
  ASSERT_TRUE(redis.ok());
  ASSERT_TRUE(std::holds_alternative<redis::Verdict>(redis.value()->execute(redis::RaiseEpoch{41})));
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.run_until([&] { return world.leader() != nullptr; }));
  EXPECT_EQ(world.leader()->epoch(), 42);
  world.submit(2, SleepPayload{10ms});
  ASSERT_TRUE(world.run_until_all_ended());
  world.expect_all_succeeded();
}

// As by another installation with the same keys. It hears of it when an order is refused, and says so.
TEST(Takeover, ALeaderWhoseOrdersRedisRefusesTakesAHigherEpoch) {
  RealWorld world({.lease = 60s});  // it need not wait for the end of its own
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.run_until([&] { return world.leader() != nullptr && world.scheduler().is_live(WorkerId{1}); }));
  EXPECT_EQ(world.leader()->epoch(), 1);
  auto redis = RedisClient::connect(world.redis_options());
  ASSERT_TRUE(redis.ok());
  ASSERT_TRUE(std::holds_alternative<redis::Verdict>(redis.value()->execute(redis::RaiseEpoch{41})));
  world.submit(4, SleepPayload{10ms});
  ASSERT_TRUE(world.run_until([&] { return !world.scheduler().leads(); }));
  ASSERT_TRUE(world.run_until([&] { return !world.scheduler().why_it_stepped_down().empty(); }));
  EXPECT_NE(world.scheduler().why_it_stepped_down().find("to 41"), std::string::npos);
  EXPECT_NE(world.scheduler().why_it_stepped_down().find("--key-prefix"), std::string::npos);
  ASSERT_TRUE(world.run_until_all_ended());
  EXPECT_EQ(world.leader()->epoch(), 42);
  EXPECT_EQ(world.scheduler().reigns(), 2U);
  world.expect_all_succeeded();
  world.expect_good_journals();
}

TEST(Takeover, TheOnlySchedulerGoesOnAfterARestart) {
  RealWorld world({.ttl = 20s, .lease = 2s});
  ASSERT_TRUE(world.start());
  world.submit(8, SleepPayload{5s});  // all cores
  world.submit(4, SleepPayload{10ms});
  ASSERT_TRUE(world.run_until([&] { return world.running() == 8; }));
  world.kill_scheduler(0);
  world.submit(4, SleepPayload{10ms});  // while there is none
  world.cancel(12);
  world.cancel(0);  // it runs
  world.start_scheduler(0);
  ASSERT_TRUE(world.run_until_all_ended());
  EXPECT_EQ(world.counts().dispatched, 14U + 1U) << "all but the one that was cancelled while it waited";
  EXPECT_EQ(world.counts().lost, 0U);
  EXPECT_EQ(world.counts().cancelled, 2U);
  EXPECT_EQ(world.counts().completed, 14U);
  world.expect_good_journals();
}

// While nobody leads a worker dies, and one ends what it ran: the next leader hears of both.
TEST(Takeover, FindsOutWhatBecameOfWhatRan) {
  RealWorld world({.ttl = 3s, .lease = 2s});
  ASSERT_TRUE(world.start());
  world.submit(8, SleepPayload{1500ms});
  ASSERT_TRUE(world.run_until([&] { return world.running() == 8; }));
  world.kill_scheduler(0);
  world.kill_worker(0);
  ASSERT_TRUE(world.run_until([&] { return world.running() == 0; }));
  world.start_scheduler(0);
  ASSERT_TRUE(world.run_until_all_ended());
  EXPECT_EQ(world.counts().dispatched, 12U) << "the four of the worker that died, again";
  EXPECT_EQ(world.counts().completed, 8U);
  world.expect_all_succeeded();
  world.expect_good_journals();
}

// Another process under the same number, which runs nothing: what the one before ran is run again at once.
TEST(Takeover, AWorkerThatCameBackMeanwhileHasNothing) {
  RealWorld world({.ttl = 20s, .workers = 1, .lease = 2s});
  ASSERT_TRUE(world.start());
  world.submit(4, SleepPayload{1s});
  ASSERT_TRUE(world.run_until([&] { return world.running() == 4; }));
  world.kill_scheduler(0);
  world.kill_worker(0);
  world.start_worker(0);
  world.start_scheduler(0);
  ASSERT_TRUE(world.run_until_all_ended());
  EXPECT_EQ(world.counts().dispatched, 8U);
  world.expect_all_succeeded();
  world.expect_good_journals();
}

}  // namespace
}  // namespace drydock::runtime::takeover_test

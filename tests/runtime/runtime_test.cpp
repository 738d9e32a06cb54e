// The scheduler and its workers between a real Redis and a real PostgreSQL: whatever happens to them, each job succeeds once, and
// what was recorded replays in a fresh core.
#include "real-runtime/chaos/proxy.hpp"
#include "tests/runtime/real_world.hpp"

#include <algorithm>
#include <chrono>
#include <gtest/gtest.h>

namespace drydock::runtime::runtime_test {
namespace {

using namespace std::chrono_literals;

TEST(Runtime, AllJobsSucceedOnce) {
  RealWorld world;
  ASSERT_TRUE(world.start());
  std::size_t waits = 0;
  world.scheduler().on_first_dispatch([&](Duration wait) {
    if (wait >= Duration{0}) ++waits;
  });
  world.submit(40, SleepPayload{20ms});
  ASSERT_TRUE(world.run_until_all_ended());
  EXPECT_EQ(world.counts().dispatched, 40U);
  EXPECT_EQ(waits, 40U);
  EXPECT_EQ(world.counts().completed, 40U);
  world.expect_all_succeeded();
  world.expect_good_journals();
}

TEST(Runtime, ProcessesRunAndFail) {
  RealWorld world({.retry = "fixed"});
  ASSERT_TRUE(world.start());
  world.submit(6, CommandPayload{{"true"}});
  ASSERT_TRUE(world.run_until_all_ended());
  world.expect_all_succeeded();
  world.submit(1, CommandPayload{{"no-such-program-anywhere"}});
  ASSERT_TRUE(world.run_until([&] { return world.counts().retried > 0; }));
  EXPECT_EQ(world.counts().completed, 6U);
  world.expect_good_journals();
}

TEST(Runtime, WhatAKilledWorkerRanIsRunAgain) {
  RealWorld world;
  ASSERT_TRUE(world.start());
  world.submit(8, SleepPayload{1s});
  ASSERT_TRUE(world.run_until([&] { return world.running() == 8; }));
  world.kill_worker(0);
  ASSERT_TRUE(world.run_until_all_ended());
  EXPECT_EQ(world.counts().declared_dead, 1U);
  EXPECT_EQ(world.counts().lost, 4U);
  EXPECT_EQ(world.counts().dispatched, 12U);
  world.expect_all_succeeded();
  world.expect_good_journals();
}

TEST(Runtime, AWorkerThatComesBackIsAnother) {
  RealWorld world({.workers = 1});
  ASSERT_TRUE(world.start());
  world.submit(4, SleepPayload{1s});
  ASSERT_TRUE(world.run_until([&] { return world.running() == 4; }));
  world.kill_worker(0);
  world.start_worker(0);  // before its lease has ended
  ASSERT_TRUE(world.run_until_all_ended());
  EXPECT_EQ(world.counts().lost, 4U);
  world.expect_all_succeeded();
  world.expect_good_journals();
}

// It comes back with the next beats, which are due long before the lease ends.
TEST(Runtime, ARedisThatForgetsEverythingRepeatsNothingThatLives) {
  RealWorld world({.heartbeat = 200ms, .ttl = 10s});
  ASSERT_TRUE(world.start());
  world.submit(8, SleepPayload{1500ms});
  ASSERT_TRUE(world.run_until([&] { return world.running() == 8; }));
  const auto restarted = world.redis().restart();
  ASSERT_TRUE(restarted.ok()) << restarted.error().message;
  world.submit(8, SleepPayload{50ms});
  ASSERT_TRUE(world.run_until_all_ended());
  EXPECT_EQ(world.counts().dispatched, 16U);
  EXPECT_EQ(world.counts().lost, 0U);
  EXPECT_EQ(world.counts().declared_dead, 0U);
  EXPECT_EQ(world.worker(0)->agent().incarnation(), 1U);
  world.expect_all_succeeded();
  world.expect_good_journals();
}

TEST(Runtime, AWorkerThatCannotBeatEndsWhatItRuns) {
  RealWorld world({.workers = 1});
  ASSERT_TRUE(world.start());
  world.submit(2, SleepPayload{5s});
  ASSERT_TRUE(world.run_until([&] { return world.running() == 2; }));
  world.redis().kill();
  ASSERT_TRUE(world.run_until([&] { return world.running() == 0; }));
  EXPECT_FALSE(world.worker(0)->agent().registered());
  EXPECT_EQ(world.counts().completed, 0U);
  const auto restarted = world.redis().restart();
  ASSERT_TRUE(restarted.ok()) << restarted.error().message;
  ASSERT_TRUE(world.run_until_all_ended());
  EXPECT_GT(world.worker(0)->agent().incarnation(), 1U);
  EXPECT_EQ(world.counts().lost, 2U);
  world.expect_all_succeeded();
  world.expect_good_journals();
}

// The key of a live worker is lost, alone, and for so long that it is given up: then it hears of it and begins anew.
TEST(Runtime, AWorkerThatWasGivenUpComesBackAsAnother) {
  RealWorld world({.heartbeat = 2s, .ttl = 4s, .workers = 1});
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.run_until([&] { return world.scheduler().is_live(WorkerId{0}); }));
  auto redis = RedisClient::connect(world.redis_options());
  ASSERT_TRUE(redis.ok());
  // Another process takes its name, and leaves at once.
  redis::Fields newer{{"incarnation", "2"}};
  ASSERT_EQ(redis.value()->execute(redis::SetWorker{"0", newer}), redis::Reply(redis::Count{0}));
  ASSERT_TRUE(world.run_until([&] { return world.worker(0)->agent().incarnation() > 1; }));
  world.submit(2, SleepPayload{10ms});
  ASSERT_TRUE(world.run_until_all_ended());
  world.expect_all_succeeded();
  world.expect_good_journals();
}

TEST(Runtime, ACommitWhoseAnswerIsLostIsReadBack) {
  RealWorld world;
  const auto started = chaos::Proxy::start(world.loop(), world.postgres().folder() / ".s.PGSQL.5432");
  ASSERT_TRUE(started.ok()) << started.error().message;
  chaos::Proxy& proxy = *started.value();
  ASSERT_TRUE(world.start("host='" + proxy.folder().string() + "' port=5432 user=drydock dbname=postgres"));
  ASSERT_TRUE(world.run_until([&] { return world.leader() != nullptr; }));
  world.submit(4, SleepPayload{50ms});
  proxy.lose_answer_to("commit_batch");
  ASSERT_TRUE(world.run_until_all_ended());
  EXPECT_EQ(proxy.lost(), 1);
  EXPECT_GE(world.counts().in_doubt, 1U);
  EXPECT_EQ(world.counts().dispatched, 4U);
  world.expect_all_succeeded();
  world.expect_good_journals();
}

// Here it is not in the store, and never will be.
TEST(Runtime, ACommitThatIsCutOffIsDoneAgain) {
  RealWorld world;
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.run_until([&] { return world.leader() != nullptr; }));
  auto other = PostgresClient::connect(world.postgres_options());
  ASSERT_TRUE(other.ok());
  ASSERT_TRUE(other.value()->run("begin; select from drydock.truth for update").ok());
  world.submit(4, SleepPayload{50ms});
  // Perhaps not alone: what follows waits behind it.
  const std::string waits = "select count(*) > 0 from pg_stat_activity where wait_event_type = 'Lock'";
  ASSERT_TRUE(world.run_until([&] { return other.value()->run(waits).value() == "t"; }));
  const std::string cut = "select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock'";
  ASSERT_TRUE(other.value()->run(cut).ok());
  ASSERT_TRUE(world.run_until([&] { return world.counts().in_doubt > 0; }));
  ASSERT_TRUE(other.value()->run("rollback").ok());
  ASSERT_TRUE(world.run_until_all_ended());
  EXPECT_EQ(world.counts().dispatched, 4U);
  world.expect_all_succeeded();
  world.expect_good_journals();
}

TEST(Runtime, APostgresThatIsAwayForAWhileIsWaitedFor) {
  RealWorld world({.heartbeat = 200ms, .ttl = 10s});
  ASSERT_TRUE(world.start());
  world.submit(8, SleepPayload{100ms});
  ASSERT_TRUE(world.run_until([&] { return world.running() == 8; }));
  world.postgres().kill();
  world.submit(4, SleepPayload{10ms});
  world.run_for(400ms);
  const auto restarted = world.postgres().restart();
  ASSERT_TRUE(restarted.ok()) << restarted.error().message;
  ASSERT_TRUE(world.run_until_all_ended());
  EXPECT_EQ(world.counts().dispatched, 12U);
  world.expect_all_succeeded();
  world.expect_good_journals();
}

TEST(Runtime, CancelledJobsEndWithoutSuccess) {
  RealWorld world({.workers = 1, .cores = 1});
  ASSERT_TRUE(world.start());
  world.submit(3, SleepPayload{30s});
  ASSERT_TRUE(world.run_until([&] { return world.running() == 1; }));
  for (std::uint64_t job = 0; job < 3; ++job) world.cancel(job);  // one runs, two wait
  ASSERT_TRUE(world.run_until_all_ended());
  EXPECT_EQ(world.counts().cancelled, 3U);
  EXPECT_EQ(world.running(), 0U);
  auto client = PostgresClient::connect(world.postgres_options());
  ASSERT_TRUE(client.ok());
  for (std::uint64_t job = 0; job < 3; ++job) {
    const auto reply = client.value()->execute(postgres::ReadJob{JobId{job}});
    ASSERT_TRUE(std::holds_alternative<postgres::JobView>(reply));
    EXPECT_EQ(std::get<postgres::JobView>(reply).last_reason, ReleaseReason::cancelled) << "job " << job;
  }
  world.expect_good_journals();
}

TEST(Runtime, AWorkerThatDrainsFinishesAndLeaves) {
  RealWorld world;
  ASSERT_TRUE(world.start());
  world.submit(8, SleepPayload{300ms});
  ASSERT_TRUE(world.run_until([&] { return world.running() == 8; }));
  world.worker(0)->drain();
  ASSERT_TRUE(world.run_until_all_ended());
  EXPECT_EQ(world.counts().dispatched, 8U);
  auto redis = RedisClient::connect(world.redis_options());
  ASSERT_TRUE(redis.ok());
  ASSERT_TRUE(world.run_until([&] {
    return redis.value()->execute(redis::WorkerTtl{"0"}) == redis::Reply(redis::Ttl{redis::Ttl::State::missing, {}});
  }));
  world.submit(4, SleepPayload{10ms});
  ASSERT_TRUE(world.run_until_all_ended());
  EXPECT_EQ(world.worker(0)->started(), 4U);
  world.expect_all_succeeded();
  world.expect_good_journals();
}

}  // namespace
}  // namespace drydock::runtime::runtime_test

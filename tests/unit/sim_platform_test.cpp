#include "sim/faults.hpp"
#include "sim/platform.hpp"
#include "tests/unit/sim_support.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace drydock::sim::sim_platform_test {
namespace {

scenarios::Scenario two_pools() {
  auto scenario = scenario_on({{.name = "a", .count = 2, .cpus = 4, .memory_bytes = 1 << 20, .gpus = 2},
                               {.name = "b", .count = 1, .cpus = 8, .speed = 2.0}});
  scenario.pools = {
      {.name = "one", .hosts = {"b", "a"}, .queues = {"default"}, .slots_per_worker = 3},
      {.name = "two", .hosts = {"b"}, .queues = {"default"}, .slots_per_worker = {}, .processor_sharing = true}};
  return scenario;
}

TEST(Platform, NumbersWorkersByPoolThenGroupThenHost) {
  const Platform platform(two_pools());
  ASSERT_EQ(platform.workers().size(), 4U);
  const std::vector<HostIndex> hosts{2, 0, 1, 2};
  for (std::size_t w = 0; w < 4; ++w) EXPECT_EQ(platform.workers()[w].host, hosts[w]);
  EXPECT_EQ(platform.workers()[0].spec.pool, PoolId{0});
  EXPECT_EQ(platform.workers()[3].spec.pool, PoolId{1});
  EXPECT_EQ(platform.workers()[0].spec.speed, 2.0);
  const ResourceAmounts of_a{.cpus_milli = 4000, .memory_bytes = 1 << 20, .gpus = 2, .slots = 3};
  EXPECT_EQ(platform.workers()[1].spec.capacity, make_resources(of_a));
  const ResourceAmounts sharing{.cpus_milli = kUnlimited, .memory_bytes = kUnlimited, .gpus = 0, .slots = kUnlimited};
  EXPECT_EQ(platform.workers()[3].spec.capacity, make_resources(sharing));
  EXPECT_FALSE(platform.hosts()[0].oversubscribable);
  EXPECT_TRUE(platform.hosts()[2].oversubscribable);
}

TEST(Platform, ResolvesTargetsOfFaults) {
  const Platform platform(two_pools());
  EXPECT_EQ(platform.resolve(""), (std::vector<HostIndex>{0, 1, 2}));
  EXPECT_EQ(platform.resolve("a"), (std::vector<HostIndex>{0, 1}));
  EXPECT_EQ(platform.resolve("a-1"), (std::vector<HostIndex>{1}));
  EXPECT_EQ(platform.resolve("b"), (std::vector<HostIndex>{2}));
  EXPECT_TRUE(platform.resolve("a-2").empty());
}

TEST(Platform, IsSharedByScenariosOfEqualMachines) {
  auto other = two_pools();
  other.seed = 7;
  other.hosts[0].cost_per_hour = 3;
  EXPECT_TRUE(same_platform(two_pools(), other));
  other.hosts[0].speed = 3;
  EXPECT_FALSE(same_platform(two_pools(), other));
  auto slower = two_pools();
  slower.network.latency = 1ms;
  EXPECT_FALSE(same_platform(two_pools(), slower));
}

TEST(Crashes, AreDrawnPerHostAndSeedWhateverTheOrderOfAsking) {
  auto scenario = two_pools();
  scenario.faults = {
      scenarios::WorkerCrash{
          .target = "", .when = scenarios::WorkerCrash::Repeated{scenarios::Exponential{100}, scenarios::Exponential{10}}},
      crash_once("b", 5s, 3s)};
  const Platform platform(scenario);
  Crashes forwards(scenario, 1);
  Crashes backwards(scenario, 1);
  Crashes other_seed(scenario, 2);
  ASSERT_EQ(forwards.process_count(), 4U);
  std::vector<Duration> first;
  for (std::uint32_t p = 0; p < 3; ++p) {
    first.push_back(*forwards.until_crash(p));
    first.push_back(*forwards.until_repair(p));
  }
  for (std::uint32_t p = 3; p-- > 0;) {
    EXPECT_EQ(*backwards.until_crash(p), first[2 * p]);
    EXPECT_EQ(*backwards.until_repair(p), first[2 * p + 1]);
    EXPECT_NE(*other_seed.until_crash(p), first[2 * p]);
  }
  EXPECT_NE(first[0], first[2]);
  EXPECT_EQ(forwards.until_crash(3), std::optional<Duration>(5s));
  EXPECT_EQ(forwards.until_repair(3), std::optional<Duration>(3s));
  EXPECT_EQ(forwards.until_crash(3), std::nullopt);
}

}  // namespace
}  // namespace drydock::sim::sim_platform_test

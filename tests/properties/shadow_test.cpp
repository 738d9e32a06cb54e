// Shadows of every placement and isolation policy, beside schedulers with every other, in random histories with faults of workers and
// store: the scheduler decides as it would without, and the shadow's state is the scheduler's after each step.
#include "policies/core/shadow.hpp"

#include "policies/catalog.hpp"
#include "policies/core/rng.hpp"
#include "tests/properties/honest_world.hpp"
#include "tests/properties/random_history.hpp"
#include "tests/properties/seeds.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::properties::shadow_test {
namespace {

std::vector<const PolicyInfo*> all_of(PolicyFamily family) {
  std::vector<const PolicyInfo*> infos;
  for (const PolicyInfo& info : policy_catalog()) {
    if (info.family == family) infos.push_back(&info);
  }
  return infos;
}

class ShadowProperties : public testing::TestWithParam<std::string> {
 protected:
  [[nodiscard]] static WorldConfig history(std::uint64_t seed) {
    return random_history(random_policy(*find_policy(PolicyFamily::placement, GetParam()), seed), seed);
  }
};

// What its pools serve is as the isolation policy has it.
void isolate(SchedulerConfig& config, const PolicyConfig& isolation) {
  const bool all = make_isolation(isolation)->traits().serves_all;
  config.isolation = isolation;
  for (PoolConfig& pool : config.pools) {
    std::vector<QueueId> own = pool.own.empty() ? pool.queues : pool.own;
    if (all) {
      pool.queues.clear();
      for (std::uint32_t q = 0; q < config.queues.size(); ++q) pool.queues.push_back(QueueId{q});
      pool.own = std::move(own);
    } else {
      pool.queues = std::move(own);
      pool.own.clear();
    }
  }
}

// Another placement, another isolation that goes with it, other weights and priorities, and workers that prefetch.
SchedulerConfig some_other(SchedulerConfig config, std::uint64_t seed) {
  Rng rng(seed, "shadow");
  const auto placements = all_of(PolicyFamily::placement);
  config.placement = random_policy(*placements[rng.below(placements.size())], seed + 1);
  const PlacementTraits traits = make_placement(config.placement)->traits();
  std::vector<PolicyConfig> isolations;
  for (const PolicyInfo* info : all_of(PolicyFamily::isolation)) {
    const PolicyConfig isolation = random_policy(*info, seed + 2);
    if ((!traits.plans_ahead && !traits.preempts) || make_isolation(isolation)->traits().fixed)
      isolations.push_back(isolation);
  }
  isolate(config, isolations[rng.below(isolations.size())]);
  for (QueueConfig& queue : config.queues) {
    queue.priority = static_cast<std::int32_t>(rng.below(3));
    queue.weight = 1 + static_cast<std::int64_t>(rng.below(4));
  }
  const bool prefetches = !traits.plans_ahead && make_isolation(config.isolation)->traits().fixed && rng.below(3) == 0;
  for (PoolConfig& pool : config.pools) pool.prefetch = prefetches ? static_cast<std::uint32_t>(rng.below(3)) : 0;
  return config;
}

TEST_P(ShadowProperties, TheSamePolicyDiffersNowhere) {
  std::uint64_t equal = 0;
  for_each_seed(60, GetParam(), [&](std::uint64_t seed) {
    const WorldConfig config = history(seed);
    HonestWorld world(config, make_placement(config.scheduler));
    Shadow shadow(world.scheduler(), config.scheduler, make_policies(config.scheduler), "the same");
    world.after_step = [&](const Scheduler&, Time) {
      shadow.catch_up();
      shadow.sanity_check();
      const ShadowReport& report = shadow.report();
      return report.different == 0 ? std::string() : summary_of(report) + " " + to_text(report.first.front());
    };
    ASSERT_EQ(world.run(), "");
    ASSERT_TRUE(shadow.is_on()) << *shadow.report().off;
    ASSERT_EQ(shadow.report().differences(), 0U);
    equal += shadow.report().equal;
  });
  EXPECT_GT(equal, 0U);
}

TEST_P(ShadowProperties, NoShadowChangesWhatTheSchedulerDecides) {
  std::uint64_t different = 0;
  for_each_seed(60, GetParam(), [&](std::uint64_t seed) {
    const WorldConfig config = history(seed);
    HonestWorld alone(config, make_placement(config.scheduler));
    ASSERT_EQ(alone.run(), "");
    HonestWorld world(config, make_placement(config.scheduler));
    const SchedulerConfig other = some_other(config.scheduler, seed);
    SCOPED_TRACE(other.placement.type + " " + other.isolation.type);
    Shadow shadow(world.scheduler(), other, make_policies(other), "another");
    world.after_step = [&](const Scheduler&, Time) {
      shadow.catch_up();
      shadow.sanity_check();
      return std::string();
    };
    ASSERT_EQ(world.run(), "");
    ASSERT_TRUE(shadow.is_on()) << *shadow.report().off;
    ASSERT_EQ(world.scheduler().journal_hash(), alone.scheduler().journal_hash());
    different += shadow.report().different;
  });
  EXPECT_GT(different, 0U) << "no shadow of these histories decides otherwise";
}

// Where it has no time now and then, it follows all the same.
TEST_P(ShadowProperties, SkippedMomentsLeaveItWhereTheSchedulerIs) {
  std::uint64_t skipped = 0;
  for_each_seed(30, GetParam(), [&](std::uint64_t seed) {
    const WorldConfig config = history(seed);
    HonestWorld world(config, make_placement(config.scheduler));
    const SchedulerConfig other = some_other(config.scheduler, seed);
    Shadow shadow(world.scheduler(), other, make_policies(other), "slow");
    Rng rng(seed, "time");
    world.after_step = [&](const Scheduler&, Time now) {
      shadow.catch_up();
      shadow.sanity_check();
      shadow.spent(now, Duration{std::chrono::milliseconds{static_cast<std::int64_t>(rng.below(1'000))}});
      return std::string();
    };
    ASSERT_EQ(world.run(), "");
    ASSERT_TRUE(shadow.is_on()) << *shadow.report().off;
    skipped += shadow.report().skipped;
  });
  EXPECT_GT(skipped, 0U);
}

std::string test_name(const testing::TestParamInfo<std::string>& type) {
  std::string name = type.param;
  std::ranges::replace(name, '-', '_');
  return name;
}
std::vector<std::string> placement_types() {
  std::vector<std::string> types;
  for (const PolicyInfo* info : all_of(PolicyFamily::placement)) types.emplace_back(info->type);
  return types;
}
INSTANTIATE_TEST_SUITE_P(AllPolicies, ShadowProperties, testing::ValuesIn(placement_types()), test_name);

}  // namespace
}  // namespace drydock::properties::shadow_test

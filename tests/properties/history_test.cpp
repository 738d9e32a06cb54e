// Every placement policy, in random histories with faults of workers and store: nothing unsafe ever happens, and when faults
// have healed everything comes to an end.
#include "policies/catalog.hpp"
#include "tests/properties/honest_world.hpp"
#include "tests/properties/random_history.hpp"
#include "tests/properties/seeds.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::properties::history_test {
namespace {

std::vector<std::string> placement_types() {
  std::vector<std::string> types;
  for (const PolicyInfo& info : policy_catalog()) {
    if (info.family == PolicyFamily::placement) types.emplace_back(info.type);
  }
  return types;
}

class HistoryTest : public testing::TestWithParam<std::string> {};

// These start the first job that waits whenever it fits, whatever else they do. (Those that map jobs to workers let it wait for a faster
// one beside slow ones with room.)
bool starts_heads_that_fit(const PolicyConfig& policy) {
  constexpr std::array<std::string_view, 9> kOthers{
      "conservative", "greedy-backfill", "jsq", "jiq", "work-stealing", "batch-sampling", "min-min", "max-min", "sufferage"};
  return std::ranges::find(kOthers, policy.type) == kOthers.end();
}

// At the end of a step in which the policy was free to decide, no pool leaves its head waiting beside room for it.
std::string no_head_waits_beside_room(const Scheduler& scheduler, Time /*now*/) {
  std::vector<Placement> placements;
  const Cluster& cluster = scheduler.cluster();
  for (std::uint32_t p = 0; p < cluster.pools().size(); ++p) {
    const std::optional<JobRef> head = cluster.head(PoolId{p});
    if (head && cluster.find_workers(PoolId{p}, cluster.job(*head), placements)) {
      return fmt::format("job {} waits though it is first and fits into pool {}", cluster.job(*head).spec.id.value, p);
    }
  }
  return {};
}

TEST_P(HistoryTest, IsSafeAlwaysAndAliveOnceFaultsHealed) {
  const PolicyInfo& info = *find_policy(PolicyFamily::placement, GetParam());
  for_each_seed(150, GetParam(), [&](std::uint64_t seed) {
    const PolicyConfig policy = random_policy(info, seed);
    WorldConfig config = random_history(policy, seed);
    const bool ideal = config.scheduler.control_plane.trigger == PassTrigger::ideal;
    HonestWorld world(std::move(config), make_placement(policy));
    if (ideal && starts_heads_that_fit(policy)) world.after_step = no_head_waits_beside_room;
    ASSERT_EQ(world.run(), "");
  });
}

TEST_P(HistoryTest, IsDecidedBySeedAlone) {
  const PolicyInfo& info = *find_policy(PolicyFamily::placement, GetParam());
  for_each_seed(5, GetParam(), [&](std::uint64_t seed) {
    const PolicyConfig policy = random_policy(info, seed);
    HonestWorld one(random_history(policy, seed), make_placement(policy));
    HonestWorld other(random_history(policy, seed), make_placement(policy));
    EXPECT_EQ(one.run(), "");
    EXPECT_EQ(other.run(), "");
    EXPECT_EQ(one.scheduler().journal_hash(), other.scheduler().journal_hash());
  });
}

std::string test_name(const testing::TestParamInfo<std::string>& type) {
  std::string name = type.param;
  std::ranges::replace(name, '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(AllPolicies, HistoryTest, testing::ValuesIn(placement_types()), test_name);

}  // namespace
}  // namespace drydock::properties::history_test

// Retries in random histories with faults of workers and store: each job has as many attempts as its policy says, none before
// its delay is over, and in the end each has ended.
#include "policies/catalog.hpp"
#include "tests/properties/honest_world.hpp"
#include "tests/properties/random_history.hpp"
#include "tests/properties/seeds.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::properties::retry_history_test {
namespace {

// Without a budget, so that the world knows what is right.
WorldConfig with_retries(std::uint64_t seed) {
  const std::vector<std::string> placements{"fcfs", "easy", "conservative", "jsq", "srpt", "priority"};
  Rng rng(seed, "retries");
  const std::string& placement = placements[rng.below(placements.size())];
  WorldConfig config = random_history(random_policy(*find_policy(PolicyFamily::placement, placement), seed), seed);
  const char* type = rng.below(2) == 0 ? "fixed" : "exponential";
  config.scheduler.retry = configure(*find_policy(PolicyFamily::retry, type),
                                     {{"retries", static_cast<std::int64_t>(rng.below(4))},
                                      {"delay", Duration{static_cast<std::int64_t>(rng.below(6)) * 700'000'000}},
                                      {"quarantine_after", static_cast<std::int64_t>(rng.below(4))}});
  return config;
}

TEST(RetryHistory, IsSafeAlwaysAndAliveOnceFaultsHealed) {
  for_each_seed(600, "retries", [](std::uint64_t seed) {
    const WorldConfig config = with_retries(seed);
    HonestWorld world(config, make_placement(config.scheduler.placement));
    ASSERT_EQ(world.run(), "");
  });
}

TEST(RetryHistory, IsDecidedBySeedAlone) {
  for_each_seed(20, "retries", [](std::uint64_t seed) {
    const WorldConfig config = with_retries(seed);
    HonestWorld one(config, make_placement(config.scheduler.placement));
    HonestWorld other(config, make_placement(config.scheduler.placement));
    EXPECT_EQ(one.run(), "");
    EXPECT_EQ(other.run(), "");
    EXPECT_EQ(one.scheduler().journal_hash(), other.scheduler().journal_hash());
  });
}

}  // namespace
}  // namespace drydock::properties::retry_history_test

// Agents and ledger together without faults.
#include "tests/toy/share_world.hpp"

#include "policies/catalog.hpp"

#include <gtest/gtest.h>

namespace drydock::share_world_test {
namespace {

using std::chrono::seconds;
using toy::ShareHappening;

const ShareLimits kLimits{.total = {40, 800, 40'000}, .base = {10, 200, 10'000}};

toy::ShareWorldConfig world_of(const SharePolicy& policy, std::uint32_t workers) {
  toy::ShareWorldConfig config;
  config.limits = kLimits;
  config.policy = &policy;
  config.workers.resize(workers);
  config.messages = {.delay_min = std::chrono::milliseconds{1}, .delay_max = std::chrono::milliseconds{20}};
  config.healed_at = kNever;
  return config;
}

// Refused whenever all together are above the limit, workers of unequal beginnings come to equal shares, and overshoot by at
// most one raise of everybody.
TEST(ShareWorld, AimdComesToEqualShares) {
  const auto policy = make_share(configure(*find_policy(PolicyFamily::share, "aimd")));
  std::vector<ShareAgent> agents;
  for (std::uint32_t w = 0; w < 4; ++w) agents.push_back(ShareAgent({.worker = {w}, .limits = kLimits}, *policy));
  double most = 0;
  for (int s = 0; s <= 3000; ++s) {
    Share sum;
    for (std::uint32_t w = 0; w < 4; ++w) {
      std::vector<ShareEvent> events;
      if (s == static_cast<int>(w) * 200) events.emplace_back(LoadChanged{1, kLimits.total});
      std::ignore = agents[w].step(kTimeZero + seconds{s}, events);
      sum = sum + agents[w].share();
    }
    most = std::max(most, static_cast<double>(sum.concurrency));
    if (fits(sum, kLimits.total)) continue;
    for (ShareAgent& agent : agents) std::ignore = agent.step(kTimeZero + seconds{s}, std::vector<ShareEvent>{Throttled{}});
  }
  EXPECT_GT(most, 40);
  // A newcomer with its base share, and one unit more for each.
  EXPECT_LE(most, 40 + 10 + 4);
  for (const ShareAgent& agent : agents) {
    EXPECT_LE(std::abs(agent.share().concurrency - agents[0].share().concurrency), 1);
  }
}

// Low load: one worker has all. High load: a fair split. A dead worker's share comes back after its lease.
TEST(ShareWorld, LeasedSharesFollowTheLoad) {
  const auto policy = make_share(configure(*find_policy(PolicyFamily::share, "leased")));
  toy::ShareWorldConfig config = world_of(*policy, 4);
  const auto at = [](std::int64_t s) { return kTimeZero + seconds{s}; };
  config.happenings.push_back({.at = at(20), .worker = 0, .load = kLimits.total});
  for (std::uint32_t w = 1; w < 4; ++w) config.happenings.push_back({.at = at(60), .worker = w, .load = kLimits.total});
  config.happenings.push_back(
      {.at = at(100), .what = ShareHappening::What::restart, .worker = 3, .load = {}, .lasting = seconds{1000}});
  const auto shares_at = [&](std::int64_t end) {
    config.end = at(end);
    const auto result = toy::ShareWorld(config, std::make_unique<toy::LedgerInUse>(kLimits, *policy)).run();
    EXPECT_EQ(result.excess, "");
    return result.shares;
  };
  EXPECT_EQ(shares_at(10), std::vector<Share>(4)) << "a new ledger waits for one lease";
  // Nobody has had work for a lease: base shares, before somebody has.
  EXPECT_EQ(shares_at(19), std::vector<Share>(4, kLimits.base));
  EXPECT_EQ(shares_at(40)[0], kLimits.total);
  EXPECT_EQ(shares_at(80), std::vector<Share>(4, kLimits.base));
  EXPECT_EQ(shares_at(113)[0], kLimits.base) << "the dead worker's lease is not over";
  EXPECT_EQ(shares_at(130)[0], (Share{14, 267, 13'334}));
}

}  // namespace
}  // namespace drydock::share_world_test

// Leased shares under everything that may go wrong, and bugs that must not go unnoticed.
#include "tests/properties/seeds.hpp"
#include "tests/toy/share_schedule.hpp"

#include <functional>
#include <gtest/gtest.h>

namespace drydock::properties::share_test {
namespace {

using toy::LedgerInUse;
using toy::ShareSchedule;
using toy::ShareWorld;
using toy::ShareWorldResult;

#ifdef __SANITIZE_ADDRESS__
constexpr std::uint64_t kSchedules = 500;
#else
constexpr std::uint64_t kSchedules = 10'000;
#endif

ShareWorldResult run_honest(std::uint64_t seed) {
  const ShareSchedule schedule = toy::random_share_schedule(seed);
  return ShareWorld(schedule.config, std::make_unique<LedgerInUse>(schedule.config.limits, *schedule.policy)).run();
}

// Safety: what workers use, and what the ledger has given away, never exceeds the total (the ledger is checked at each
// operation). Liveness: some time after the faults are over, all of the total is in the hands of workers.
TEST(LeasedShares, NeverExceedTheTotalAndAtRestUseAllOfIt) {
  for_each_seed(kSchedules, "leased", [](std::uint64_t seed) {
    const ShareSchedule schedule = toy::random_share_schedule(seed);
    const Share total = schedule.config.limits.total;
    const ShareWorldResult result =
        ShareWorld(schedule.config, std::make_unique<LedgerInUse>(schedule.config.limits, *schedule.policy)).run();
    EXPECT_EQ(result.excess, "") << "of " << total.concurrency << "/" << total.requests_per_minute << "/"
                                 << total.tokens_per_minute;
    EXPECT_LE(result.max_ratio, 1.0);
    EXPECT_EQ(result.excess_s, 0.0);
    Share in_hands;
    for (const Share& share : result.shares) in_hands = in_hands + share;
    EXPECT_EQ(in_hands, total) << in_hands.concurrency << "/" << in_hands.requests_per_minute << "/"
                               << in_hands.tokens_per_minute << " of " << total.concurrency << "/"
                               << total.requests_per_minute << "/" << total.tokens_per_minute;
  });
}

TEST(LeasedShares, SchedulesRepeatExactly) {
  for_each_seed(50, "leased", [](std::uint64_t seed) {
    const ShareWorldResult once = run_honest(seed);
    const ShareWorldResult again = run_honest(seed);
    EXPECT_EQ(once.hash, again.hash);
    EXPECT_EQ(once.steps, again.steps);
    EXPECT_GT(once.steps, 50U);
  });
}

// A ledger that is right but for one thing, done to its state or its arguments from outside.
class BrokenLedger final : public LedgerInUse {
 public:
  struct Bug {
    std::function<void(ShareLedgerState&, Time now, StoreIdentity)> before = [](ShareLedgerState&, Time, StoreIdentity) {};
    std::function<void(ShareLedgerState&)> after = [](ShareLedgerState&) {};
    bool uses_clock_of_sender = false;
  };
  BrokenLedger(const ShareLimits& limits, const SharePolicy& policy, Bug bug)
      : LedgerInUse(limits, policy), bug_(std::move(bug)) {}

  LedgerReply apply(Time now, Time sender, StoreIdentity store, const LedgerOperation& operation) override {
    ShareLedgerState earlier = state();
    bug_.before(earlier, now, store);
    set(std::move(earlier));
    LedgerReply reply = plain(bug_.uses_clock_of_sender ? sender : now, store, operation);
    ShareLedgerState later = state();
    bug_.after(later);
    set(std::move(later));
    return reply;
  }

 private:
  Bug bug_;
};

// The number of schedules until an excess shows; 0 if none of `most` shows one.
std::uint64_t found_after(
    std::uint64_t most, const BrokenLedger::Bug& bug,
    const std::function<void(toy::ShareWorldConfig&)>& change = [](toy::ShareWorldConfig&) {}) {
  for (std::uint64_t seed = 1; seed <= most; ++seed) {
    ShareSchedule schedule = toy::random_share_schedule(seed);
    change(schedule.config);
    auto ledger = std::make_unique<BrokenLedger>(schedule.config.limits, *schedule.policy, bug);
    if (!ShareWorld(schedule.config, std::move(ledger)).run().excess.empty()) return seed;
  }
  return 0;
}

void expect_found(std::string_view name, std::uint64_t after) {
  EXPECT_GT(after, 0U) << name << " goes unnoticed";
  testing::Test::RecordProperty(std::string(name), static_cast<int>(after));
}

constexpr std::uint64_t kMost = 1000;

TEST(PlantedBugs, NoneIsFoundWhereNoneIs) { EXPECT_EQ(found_after(100, {}), 0U); }

TEST(PlantedBugs, GrowBeforeShrink) {
  expect_found("grow_before_shrink", found_after(kMost, {.after = [](ShareLedgerState& state) {
                                                   for (ShareHolder& holder : state.holders) holder.held = holder.granted;
                                                 }}));
}

TEST(PlantedBugs, LeaseComparedTheWrongWayRound) {
  expect_found("lease_wrong_way_round",
               found_after(kMost, {.before = [](ShareLedgerState& state, Time now, StoreIdentity /*store*/) {
                             std::erase_if(state.holders, [&](const ShareHolder& holder) { return holder.until > now; });
                             for (ShareHolder& holder : state.holders) holder.until = kNever;
                           }}));
}

TEST(PlantedBugs, LossOfTheLedgerIgnored) {
  expect_found("loss_ignored", found_after(kMost, {.before = [](ShareLedgerState& state, Time /*now*/, StoreIdentity store) {
                                             state.store = store;
                                             state.closed_until = {};
                                           }}));
}

TEST(PlantedBugs, LateDuplicateAccepted) {
  expect_found("no_fence", found_after(kMost, {.before = [](ShareLedgerState& state, Time /*now*/, StoreIdentity /*store*/) {
                                         for (ShareHolder& holder : state.holders) holder.number = RequestId{0};
                                       }}));
}

TEST(PlantedBugs, ExpiryByTheClockOfTheWorker) {
  expect_found("clock_of_worker", found_after(kMost, {.uses_clock_of_sender = true}));
}

TEST(PlantedBugs, AnOldStateBelievedAfterARestore) {
  expect_found("snapshot_believed",
               found_after(kMost, {.before = [](ShareLedgerState& state, Time /*now*/, StoreIdentity store) {
                             if (!state.holders.empty()) state.store = store;
                           }}));
}

TEST(PlantedBugs, DriverThatWaitsForItsAgentInsteadOfLookingAtTheClock) {
  expect_found("driver_does_not_look",
               found_after(kMost, {}, [](toy::ShareWorldConfig& config) { config.driver_looks_at_clock = false; }));
}

TEST(PlantedBugs, RunningRequestsNotReported) {
  expect_found("running_not_reported",
               found_after(kMost, {}, [](toy::ShareWorldConfig& config) { config.reports_running = false; }));
}

}  // namespace
}  // namespace drydock::properties::share_test

#include "policies/core/share_ledger.hpp"

#include "policies/catalog.hpp"

#include <gtest/gtest.h>

namespace drydock::share_ledger_test {
namespace {

using std::chrono::seconds;

constexpr Time at(std::int64_t s) { return kTimeZero + seconds{s}; }
constexpr StoreIdentity kStore{7};
const ShareLimits kLimits{.total = {40, 800, 40'000}, .base = {10, 200, 10'000}};
const Share kAll = kLimits.total;
const Share kHalf{20, 400, 20'000};

// Leases of 15 s; equal parts.
std::unique_ptr<SharePolicy> leased(const std::string& after_loss = "keep", Duration settle = {}) {
  return make_share(configure(*find_policy(PolicyFamily::share, "leased"),
                              {{"division", std::string("equal-active")}, {"after_loss", after_loss}, {"settle", settle}}));
}

class ShareLedgerTest : public testing::Test {
 protected:
  // Past the closed time of a new ledger.
  explicit ShareLedgerTest(std::unique_ptr<SharePolicy> policy = leased()) : policy_(std::move(policy)) {
    std::ignore = ledger_.apply(at(0), kStore, ReadReports{});
  }

  GrantReply renew(std::int64_t second, std::uint32_t worker, std::uint64_t number, const Share& holding, bool active = true,
                   std::uint32_t incarnation = 1) {
    const LedgerReply reply =
        ledger_.apply(at(second), store_,
                      RenewGrant{incarnation, RequestId{number}, {WorkerId{worker}, 1, active, 0, kLimits.total}, holding});
    ledger_.check();
    return std::get<GrantReply>(reply);
  }

  std::unique_ptr<SharePolicy> policy_;
  ShareLedger ledger_{kLimits, *policy_};
  StoreIdentity store_ = kStore;
};

TEST_F(ShareLedgerTest, ShrinksBeforeItGrows) {
  EXPECT_EQ(renew(20, 0, 1, {}).amount, kAll);
  const GrantReply newcomer = renew(21, 1, 1, {});
  EXPECT_EQ(newcomer.amount, Share{});
  EXPECT_EQ(newcomer.target, kHalf);
  EXPECT_EQ(newcomer.known.size(), 2U);
  EXPECT_EQ(renew(22, 0, 2, kAll).amount, kHalf);
  EXPECT_EQ(renew(23, 1, 2, {}).amount, Share{}) << "the answer may not have arrived";
  EXPECT_EQ(renew(24, 0, 3, {25, 400, 20'000}).amount, kHalf) << "five requests still run";
  EXPECT_EQ(renew(25, 1, 3, {}).amount, (Share{15, 400, 20'000}));
  EXPECT_EQ(renew(26, 0, 4, kHalf).amount, kHalf);
  EXPECT_EQ(renew(27, 1, 4, {15, 400, 20'000}).amount, kHalf);
}

TEST_F(ShareLedgerTest, AGrantCountsForOneLease) {
  EXPECT_EQ(renew(20, 0, 1, {}).amount, kAll);
  EXPECT_EQ(renew(34, 1, 1, {}).amount, Share{});
  const GrantReply after = renew(35, 1, 2, {});
  EXPECT_EQ(after.amount, kAll);
  EXPECT_EQ(after.known.size(), 1U);
  EXPECT_EQ(renew(36, 0, 2, kAll).amount, Share{}) << "what it says it holds was given away";
}

TEST_F(ShareLedgerTest, LateAndRepeatedRequestsChangeNothing) {
  EXPECT_EQ(renew(20, 0, 5, {}).amount, kAll);
  EXPECT_EQ(renew(22, 0, 4, {}).verdict, GrantVerdict::refused_stale);
  const Time until = ledger_.state().holders[0].until;
  EXPECT_EQ(renew(23, 0, 5, {}).amount, kAll);
  EXPECT_EQ(ledger_.state().holders[0].until, until) << "a repetition is no renewal";
}

TEST_F(ShareLedgerTest, ANewProcessDoesNotInheritAndTheOldOneIsRefused) {
  EXPECT_EQ(renew(20, 0, 9, {}).amount, kAll);
  EXPECT_EQ(renew(21, 0, 1, {}, true, 2).amount, Share{}) << "the old process may still use it";
  EXPECT_EQ(renew(22, 0, 10, kAll).verdict, GrantVerdict::refused_stale);
  EXPECT_EQ(renew(35, 0, 2, {}, true, 2).amount, kAll);
}

TEST_F(ShareLedgerTest, IdleWorkersGiveUpTheirShare) {
  EXPECT_EQ(renew(20, 0, 1, {}).amount, kAll);
  EXPECT_EQ(renew(21, 1, 1, {}).amount, Share{});
  EXPECT_EQ(renew(22, 0, 2, kAll, false).amount, Share{});
  EXPECT_EQ(renew(23, 0, 3, {}, false).amount, Share{});
  EXPECT_EQ(renew(24, 1, 2, {}).amount, kAll);
  EXPECT_EQ(renew(25, 1, 3, kAll, false).amount, kLimits.base) << "nobody is active: base share";
}

TEST_F(ShareLedgerTest, TheClockOfTheStoreDoesNotGoBack) {
  EXPECT_EQ(renew(20, 0, 1, {}).amount, kAll);
  EXPECT_EQ(renew(3, 1, 1, {}).amount, Share{});
  EXPECT_EQ(ledger_.state().latest, at(20));
}

TEST_F(ShareLedgerTest, AfterALossNobodyGetsMoreForOneLease) {
  EXPECT_EQ(renew(20, 0, 1, {}).amount, kAll);
  ledger_ = ShareLedger(kLimits, *policy_);
  EXPECT_EQ(renew(21, 1, 1, {}).amount, Share{});
  EXPECT_EQ(renew(22, 0, 2, kHalf).amount, kHalf) << "what it holds it keeps";
  EXPECT_EQ(renew(23, 2, 1, kAll).amount, kHalf) << "as far as it fits";
  EXPECT_EQ(renew(35, 0, 3, kHalf).amount, kHalf);
  EXPECT_EQ(renew(36, 1, 2, {}).amount, Share{}) << "now it would get what nobody holds";
  EXPECT_EQ(renew(36, 1, 2, {}).target, (Share{13, 267, 13'333}));
}

TEST_F(ShareLedgerTest, AnotherStoreOrAnOldStateIsALoss) {
  EXPECT_EQ(renew(20, 0, 1, {}).amount, kAll);
  store_ = {8};
  EXPECT_EQ(renew(21, 1, 1, {}).amount, Share{});
  EXPECT_EQ(ledger_.state().closed_until, at(36));
  EXPECT_EQ(ledger_.state().holders.size(), 1U);
}

class RefusingLedgerTest : public ShareLedgerTest {
 protected:
  RefusingLedgerTest() : ShareLedgerTest(leased("refuse", seconds{5})) {}
};

TEST_F(RefusingLedgerTest, AfterALossNothingIsGrantedForOneLeaseAndWhatMaySettle) {
  EXPECT_EQ(renew(19, 0, 1, kAll).verdict, GrantVerdict::refused_loss);
  EXPECT_EQ(renew(20, 0, 2, {}).amount, kAll);
  EXPECT_EQ(renew(39, 1, 1, {}).amount, Share{}) << "the lease is over, what it began may not be";
  EXPECT_EQ(renew(40, 1, 2, {}).amount, kAll);
}

TEST(AnnouncedLedger, KeepsWhatEachWorkerSaidLastForAsLongAsSilenceMayLast) {
  const auto policy = make_share(configure(*find_policy(PolicyFamily::share, "equal-active")));
  ShareLedger ledger(kLimits, *policy);
  const auto publish = [&](std::int64_t second, std::uint32_t worker, bool active) {
    std::ignore = ledger.apply(at(second), kStore, PublishReport{{WorkerId{worker}, 1, active, 0, {}}});
  };
  const auto read = [&](std::int64_t second) {
    return std::get<ReportsRead>(ledger.apply(at(second), kStore, ReadReports{})).reports;
  };
  publish(0, 3, true);
  publish(1, 1, false);
  publish(2, 3, false);
  ASSERT_EQ(read(2).size(), 2U);
  EXPECT_EQ(read(2)[0].worker, WorkerId{1});
  EXPECT_FALSE(read(2)[1].active);
  EXPECT_EQ(read(31).size(), 1U);
  EXPECT_EQ(read(32).size(), 0U);
  EXPECT_DEATH(std::ignore = ledger.apply(at(33), kStore, RenewGrant{}), "lease shares");
}

}  // namespace
}  // namespace drydock::share_ledger_test

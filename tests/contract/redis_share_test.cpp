// The state of shares in Redis: read and swapped, and the core's ledger between the two.

#include "policies/catalog.hpp"
#include "policies/ports/redis_keys.hpp"
#include "policies/ports/share_text.hpp"
#include "tests/contract/redis_under_test.hpp"

#include <chrono>
#include <string>

namespace drydock::redis::redis_share_test {
namespace {

using namespace std::chrono_literals;

class RedisLedger : public RedisContract {
 protected:
  Ledger read() { return ask<Ledger>(ReadLedger{"l"}); }
  Ledger swap(const std::string& run_id, std::optional<std::string> expected, const std::string& token,
              const std::string& state) {
    return ask<Ledger>(SwapLedger{"l", run_id, std::move(expected), token, state});
  }
};
DRYDOCK_FOR_BOTH_REDIS(RedisLedger);

TEST_P(RedisLedger, IsWrittenByWhoeverReadItLast) {
  const Ledger nothing = read();
  EXPECT_EQ(nothing.token, std::nullopt);
  EXPECT_EQ(nothing.state, "");
  EXPECT_EQ(nothing.run_id, ask<StoreIdentity>(ReadIdentity{}).run_id);
  const Ledger written = swap(nothing.run_id, std::nullopt, "a", "one");
  EXPECT_EQ(written.token, "a");
  EXPECT_EQ(written.state, "one");
  EXPECT_EQ(read().state, "one");

  EXPECT_EQ(swap(nothing.run_id, std::nullopt, "b", "two").token, "a") << "it is there already";
  EXPECT_EQ(swap(nothing.run_id, "x", "b", "two").token, "a") << "another one has written";
  EXPECT_EQ(swap("another", "a", "b", "two").token, "a") << "it was read from another server process";
  EXPECT_EQ(read().state, "one");
  EXPECT_EQ(swap(nothing.run_id, "a", "b", "two").token, "b");
  EXPECT_EQ(ask<Ledger>(ReadLedger{"other"}).token, std::nullopt) << "ledgers have names";
}

TEST_P(RedisLedger, HoldsAnyText) {
  std::string state;
  for (int c = 1; c < 256; ++c) state += static_cast<char>(c);
  state += std::string("\0, and more", 11);
  EXPECT_EQ(swap(read().run_id, std::nullopt, "a", state).state, state);
  EXPECT_EQ(read().state, state);
}

TEST_P(RedisLedger, HasTheClockOfItsServer) {
  const Time before = read().clock;
  pass(50ms);
  EXPECT_GE(read().clock - before, 50ms);
  EXPECT_EQ(nanos(read().clock) % 1'000'000, 0);
}

TEST_P(RedisLedger, ARestartIsSeenByItsRunIdAndAFlushByItsAbsence) {
  const Ledger first = read();
  swap(first.run_id, std::nullopt, "a", "one");
  admin(Snapshot{});
  swap(first.run_id, "a", "b", "two");
  admin(Restart{});
  const Ledger back = read();
  EXPECT_EQ(back.state, "one");
  EXPECT_NE(back.run_id, first.run_id);
  EXPECT_EQ(swap(first.run_id, "a", "c", "three").token, "a") << "what was read before is worth nothing";
  admin(Flush{});
  EXPECT_EQ(read().token, std::nullopt);
  EXPECT_EQ(read().run_id, back.run_id);
  swap(back.run_id, std::nullopt, "d", "four");
  admin(EvictKey{ledger_key("l")});
  EXPECT_EQ(read().token, std::nullopt);
}

// --- the core's ledger, between reading and writing ---

class LedgerInRedis : public RedisContract {
 protected:
  LedgerInRedis()
      : policy_(make_share(configure(*find_policy(PolicyFamily::share, "leased"), {{"division", std::string("equal-active")},
                                                                                   {"lease", Duration{200ms}},
                                                                                   {"margin", Duration{1ms}},
                                                                                   {"renew", Duration{50ms}}}))) {}

  GrantReply renew(std::uint32_t worker, std::uint64_t number, const Share& holding) {
    const RenewGrant operation{.incarnation = 1,
                               .number = RequestId{number},
                               .report = {.worker = WorkerId{worker}, .active = true, .load = {1, 1, 1}},
                               .holding = holding};
    const Ledger read = ask<Ledger>(ReadLedger{"l"});
    const auto text = read.token ? std::optional(read.state) : std::nullopt;
    const auto turn = take_turn(kLimits, *policy_, text, read.clock, store_identity(read.run_id), operation);
    EXPECT_TRUE(turn.ok());
    const std::string token = std::to_string(++writings_);
    EXPECT_EQ(ask<Ledger>(SwapLedger{"l", read.run_id, read.token, token, *turn.value().state}).token, token);
    return std::get<GrantReply>(turn.value().reply);
  }

  static constexpr Share kAll{40, 800, 40'000};
  static constexpr Share kHalf{20, 400, 20'000};
  static constexpr ShareLimits kLimits{.total = kAll, .base = {10, 200, 10'000}};
  std::unique_ptr<SharePolicy> policy_;
  int writings_ = 0;
};
DRYDOCK_FOR_BOTH_REDIS(LedgerInRedis);

TEST_P(LedgerInRedis, GrantsNothingNewAfterALossAndShrinksBeforeItGrows) {
  EXPECT_EQ(renew(0, 1, {}).amount, Share{}) << "others may have grants that are not known here";
  std::uint64_t number = 1;
  EXPECT_TRUE(soon([&] { return renew(0, ++number, {}).amount == kAll; })) << "until a lease is over";
  EXPECT_EQ(renew(1, 1, {}).amount, Share{});
  EXPECT_EQ(renew(0, ++number, kAll).amount, kHalf);
  EXPECT_EQ(renew(1, 2, {}).amount, Share{}) << "the first has not said yet that it gave up what is too much";
  EXPECT_EQ(renew(0, ++number, kHalf).amount, kHalf);
  EXPECT_EQ(renew(1, 3, {}).amount, kHalf);
  EXPECT_EQ(renew(1, 2, {}).verdict, GrantVerdict::refused_stale);
  admin(Flush{});
  EXPECT_EQ(renew(2, 1, {}).amount, Share{}) << "again after a loss";
  EXPECT_EQ(renew(1, 4, kHalf).amount, kHalf) << "who has something keeps it";
}

TEST_P(LedgerInRedis, TheGrantOfADeadWorkerLapses) {
  std::uint64_t number = 0;
  EXPECT_TRUE(soon([&] { return renew(0, ++number, {}).amount == kAll; }));
  EXPECT_EQ(renew(1, 1, {}).amount, Share{});
  std::uint64_t other = 1;
  EXPECT_TRUE(soon([&] { return renew(1, ++other, {}).amount == kAll; }));
}

}  // namespace
}  // namespace drydock::redis::redis_share_test

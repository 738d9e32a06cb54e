// The counter: as the source systems run it, fenced by epoch and version, and with reservations that lapse.

#include "policies/ports/redis_keys.hpp"
#include "tests/contract/redis_under_test.hpp"

#include <chrono>
#include <limits>
#include <string>

namespace drydock::redis::redis_counter_test {
namespace {

using namespace std::chrono_literals;
using Outcome = Verdict::Outcome;

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kNoLimit = (std::int64_t{1} << 53) - 1;
constexpr Duration kLong = 2h;

class RedisCounter : public RedisContract {
 protected:
  std::optional<std::int64_t> counter() { return ask<Value>(GetCounter{}).value; }
  Verdict verdict(const Op& op) { return ask<Verdict>(op); }
  void evict(std::string_view key) { admin(EvictKey{std::string(key)}); }
};
DRYDOCK_FOR_BOTH_REDIS(RedisCounter);

TEST_P(RedisCounter, AddsSetsAndDeletes) {
  EXPECT_EQ(counter(), std::nullopt);
  EXPECT_EQ(ask<Count>(AddCounter{4}).value, 4);
  EXPECT_EQ(ask<Count>(AddCounter{-9}).value, -5);
  ask<Done>(SetCounter{52});
  EXPECT_EQ(counter(), 52);
  EXPECT_TRUE(ask<Found>(DeleteCounter{}).found);
  EXPECT_FALSE(ask<Found>(DeleteCounter{}).found);
  EXPECT_EQ(counter(), std::nullopt);
}

TEST_P(RedisCounter, AddAfterDeleteStartsFromZero) {
  ask(SetCounter{48});
  ask(DeleteCounter{});
  EXPECT_EQ(ask<Count>(AddCounter{4}).value, 4) << "where the truth is 52";
}

TEST_P(RedisCounter, OverflowIsRefusedAndChangesNothing) {
  ask(SetCounter{kMax - 1});
  EXPECT_EQ(ask<Count>(AddCounter{1}).value, kMax);
  EXPECT_EQ(ask<Failed>(AddCounter{1}).reason, Failed::Reason::overflow);
  EXPECT_EQ(counter(), kMax);
  ask(SetCounter{kMin + 1});
  EXPECT_EQ(ask<Count>(AddCounter{-1}).value, kMin);
  EXPECT_EQ(ask<Failed>(AddCounter{kMin}).reason, Failed::Reason::overflow);
  EXPECT_EQ(counter(), kMin);
}

// --- fenced ---

TEST_P(RedisCounter, CheckedAddKeepsTheLimit) {
  EXPECT_EQ(verdict(FencedSet{90, 1, 1}), (Verdict{Outcome::applied, 90}));
  EXPECT_EQ(verdict(CheckedAdd{7, 96, 1, 2}), (Verdict{Outcome::over_limit, 90}));
  EXPECT_EQ(verdict(CheckedAdd{6, 96, 1, 2}), (Verdict{Outcome::applied, 96})) << "a refused version may come again";
  EXPECT_EQ(verdict(CheckedAdd{1, 96, 1, 3}), (Verdict{Outcome::over_limit, 96}));
  EXPECT_EQ(verdict(CheckedAdd{-2, 10, 1, 3}), (Verdict{Outcome::applied, 94})) << "a release is never over the limit";
  EXPECT_EQ(counter(), 94);
}

TEST_P(RedisCounter, CheckedAddCountsAVersionOnce) {
  verdict(FencedSet{0, 1, 5});
  EXPECT_EQ(verdict(CheckedAdd{4, kNoLimit, 1, 6}).outcome, Outcome::applied);
  EXPECT_EQ(verdict(CheckedAdd{4, kNoLimit, 1, 6}), (Verdict{Outcome::old_version, 4}));
  EXPECT_EQ(verdict(CheckedAdd{4, kNoLimit, 1, 5}), (Verdict{Outcome::old_version, 4})) << "the resync contains it";
  EXPECT_EQ(counter(), 4);
}

TEST_P(RedisCounter, CheckedAddNeedsACounterThatAResyncMade) {
  EXPECT_EQ(verdict(CheckedAdd{4, kNoLimit, 1, 1}), (Verdict{Outcome::missing, 0}));
  ask(AddCounter{4});
  EXPECT_EQ(verdict(CheckedAdd{4, kNoLimit, 1, 1}), (Verdict{Outcome::missing, 0}));
  verdict(FencedSet{48, 1, 1});
  ask(DeleteCounter{});
  EXPECT_EQ(verdict(CheckedAdd{4, kNoLimit, 1, 2}), (Verdict{Outcome::missing, 0}));
  EXPECT_EQ(counter(), std::nullopt);
  verdict(FencedSet{52, 1, 2});
  evict(kFenceKey);
  EXPECT_EQ(verdict(CheckedAdd{4, kNoLimit, 1, 3}), (Verdict{Outcome::missing, 0}));
  EXPECT_EQ(counter(), 52);
}

TEST_P(RedisCounter, LowerEpochsAreRefusedByAll) {
  verdict(FencedSet{10, 3, 7});
  EXPECT_EQ(verdict(RaiseEpoch{5}), (Verdict{Outcome::applied, 5}));
  EXPECT_EQ(verdict(RaiseEpoch{5}), (Verdict{Outcome::applied, 5}));
  const Verdict refused{Outcome::old_epoch, 5};
  EXPECT_EQ(verdict(RaiseEpoch{4}), refused);
  EXPECT_EQ(verdict(CheckedAdd{1, kNoLimit, 4, 1000}), refused);
  EXPECT_EQ(verdict(FencedSet{1, 4, 1000}), refused);
  EXPECT_EQ(verdict(FencedPush{"q", "p", 4}), refused);
  EXPECT_EQ(verdict(Confirm{"r", 4, 1000}), refused);
  EXPECT_EQ(counter(), 10);
  EXPECT_EQ(ask<Count>(Length{"q"}).value, 0);
}

TEST_P(RedisCounter, EachFencedOperationRaisesTheEpoch) {
  std::int64_t epoch = 1;
  const auto was_raised = [&] { return verdict(RaiseEpoch{epoch - 1}) == Verdict{Outcome::old_epoch, epoch}; };
  verdict(FencedSet{10, ++epoch, 1});
  EXPECT_TRUE(was_raised());
  verdict(CheckedAdd{1, 0, ++epoch, 1});  // refused for its limit
  EXPECT_TRUE(was_raised());
  verdict(FencedPush{"q", "p", ++epoch});
  EXPECT_TRUE(was_raised());
  verdict(Confirm{"r", ++epoch, 1});  // refused: no such reservation
  EXPECT_TRUE(was_raised());
}

TEST_P(RedisCounter, VersionsStartAnewInAHigherEpoch) {
  verdict(FencedSet{10, 1, 1000});
  EXPECT_EQ(verdict(CheckedAdd{1, kNoLimit, 2, 1}), (Verdict{Outcome::applied, 11}));
  EXPECT_EQ(verdict(FencedSet{20, 2, 1}), (Verdict{Outcome::applied, 20}));
}

TEST_P(RedisCounter, AResyncLosesAgainstNewerChanges) {
  verdict(FencedSet{10, 1, 5});
  verdict(CheckedAdd{4, kNoLimit, 1, 8});
  EXPECT_EQ(verdict(FencedSet{12, 1, 7}), (Verdict{Outcome::old_version, 14}));
  EXPECT_EQ(verdict(FencedSet{13, 1, 8}), (Verdict{Outcome::applied, 13})) << "at rest a resync repairs what drifted";
  EXPECT_EQ(verdict(FencedSet{15, 1, 9}), (Verdict{Outcome::applied, 15}));
}

TEST_P(RedisCounter, AResyncMakesALostCounterUnlessItKnowsTooLittle) {
  verdict(FencedSet{10, 1, 5});
  verdict(CheckedAdd{4, kNoLimit, 1, 8});
  ask(DeleteCounter{});
  EXPECT_EQ(verdict(FencedSet{10, 1, 7}), (Verdict{Outcome::old_version, 0}));
  EXPECT_EQ(counter(), std::nullopt);
  EXPECT_EQ(verdict(FencedSet{14, 1, 8}), (Verdict{Outcome::applied, 14}));
  EXPECT_EQ(verdict(CheckedAdd{1, kNoLimit, 1, 9}), (Verdict{Outcome::applied, 15}));
}

TEST_P(RedisCounter, AFencedOverflowChangesNoVersion) {
  verdict(FencedSet{0, 1, 1});
  ask(SetCounter{kMin});
  EXPECT_EQ(ask<Failed>(CheckedAdd{-1, 0, 1, 2}).reason, Failed::Reason::overflow);
  EXPECT_EQ(counter(), kMin);
  ask(SetCounter{0});
  EXPECT_EQ(verdict(CheckedAdd{-1, 0, 1, 2}), (Verdict{Outcome::applied, -1}));
}

TEST_P(RedisCounter, LargeValuesStayExact) {
  verdict(FencedSet{0, 1, 1});
  ask(SetCounter{kMax - 10});
  EXPECT_EQ(verdict(CheckedAdd{-1, 0, 1, 2}), (Verdict{Outcome::applied, kMax - 11}));
  EXPECT_EQ(verdict(CheckedAdd{1, kNoLimit, 1, 3}), (Verdict{Outcome::over_limit, kMax - 11}));
}

// --- reservations ---

TEST_P(RedisCounter, ReservationsCountAgainstTheLimit) {
  EXPECT_EQ(verdict(Reserve{"a", 4, 100, kLong}), (Verdict{Outcome::missing, 0}));
  verdict(FencedSet{90, 1, 1});
  EXPECT_EQ(verdict(Reserve{"a", 4, 100, kLong}), (Verdict{Outcome::applied, 4}));
  EXPECT_EQ(verdict(Reserve{"b", 7, 100, kLong}), (Verdict{Outcome::over_limit, 4}));
  EXPECT_EQ(verdict(Reserve{"b", 6, 100, kLong}), (Verdict{Outcome::applied, 10}));
  EXPECT_EQ(verdict(Cancel{"a"}), (Verdict{Outcome::applied, 6}));
  EXPECT_EQ(verdict(Cancel{"a"}), (Verdict{Outcome::missing, 0}));
  EXPECT_EQ(verdict(Cancel{"b"}), (Verdict{Outcome::applied, 0}));
  EXPECT_EQ(counter(), 90);
}

TEST_P(RedisCounter, ARepeatedReservationReplacesItself) {
  verdict(FencedSet{90, 1, 1});
  verdict(Reserve{"a", 6, 100, kLong});
  EXPECT_EQ(verdict(Reserve{"a", 6, 100, kLong}), (Verdict{Outcome::applied, 6}));
  EXPECT_EQ(verdict(Reserve{"a", 11, 100, kLong}), (Verdict{Outcome::over_limit, 6})) << "the old one stays";
  EXPECT_EQ(verdict(Reserve{"a", 10, 100, kLong}), (Verdict{Outcome::applied, 10}));
}

TEST_P(RedisCounter, ConfirmMovesAReservationIntoTheCounterOnce) {
  verdict(FencedSet{90, 1, 1});
  verdict(Reserve{"a", 6, 100, kLong});
  EXPECT_EQ(verdict(Confirm{"a", 1, 2}), (Verdict{Outcome::applied, 96}));
  EXPECT_EQ(verdict(Confirm{"a", 1, 2}), (Verdict{Outcome::old_version, 96}));
  EXPECT_EQ(verdict(Confirm{"a", 1, 3}), (Verdict{Outcome::missing, 0}));
  EXPECT_EQ(verdict(Reserve{"b", 4, 100, kLong}), (Verdict{Outcome::applied, 4}));
  EXPECT_EQ(verdict(Reserve{"c", 1, 100, kLong}).outcome, Outcome::over_limit);
}

TEST_P(RedisCounter, AResyncThatOvertookAConfirmIsNotCountedTwice) {
  verdict(FencedSet{90, 1, 1});
  verdict(Reserve{"a", 6, 100, kLong});
  verdict(FencedSet{96, 1, 2});  // the truth with a's commit
  EXPECT_EQ(verdict(Confirm{"a", 1, 2}), (Verdict{Outcome::old_version, 96}));
  EXPECT_EQ(verdict(Reserve{"b", 4, 100, kLong}), (Verdict{Outcome::applied, 4})) << "a is forgotten";
}

TEST_P(RedisCounter, ConfirmWithoutACounterKeepsTheReservation) {
  verdict(FencedSet{90, 1, 1});
  verdict(Reserve{"a", 6, 100, kLong});
  ask(DeleteCounter{});
  EXPECT_EQ(verdict(Confirm{"a", 1, 2}), (Verdict{Outcome::missing, 0}));
  EXPECT_EQ(verdict(Cancel{"a"}), (Verdict{Outcome::applied, 0}));
}

TEST_P(RedisCounter, ReservationsLapseWithTheirLease) {
  verdict(FencedSet{90, 1, 1});
  verdict(Reserve{"short", 4, 100, 30ms});
  verdict(Reserve{"long", 3, 100, kLong});
  EXPECT_TRUE(soon([&] { return verdict(Reserve{"next", 7, 100, kLong}).outcome == Outcome::applied; }));
  EXPECT_EQ(verdict(Confirm{"short", 1, 2}), (Verdict{Outcome::missing, 0}));
  EXPECT_EQ(verdict(Cancel{"short"}), (Verdict{Outcome::missing, 0}));
  EXPECT_EQ(verdict(Cancel{"long"}), (Verdict{Outcome::applied, 7}));
  EXPECT_EQ(counter(), 90);
}

TEST_P(RedisCounter, ARepeatedReservationHasANewLease) {
  verdict(FencedSet{0, 1, 1});
  verdict(Reserve{"a", 4, 100, 30ms});
  verdict(Reserve{"a", 4, 100, kLong});
  verdict(Reserve{"witness", 5, 100, 40ms});
  EXPECT_TRUE(soon([&] { return verdict(Reserve{"probe", 96, 100, kLong}).outcome == Outcome::applied; }));
  EXPECT_EQ(verdict(Confirm{"a", 1, 2}), (Verdict{Outcome::applied, 4}));
}

TEST_P(RedisCounter, EvictionOfOneOfTheirKeysForgetsAllReservations) {
  verdict(FencedSet{0, 1, 1});
  for (const std::string_view key : {kReservationsKey, kReservedUntilKey}) {
    EXPECT_EQ(verdict(Reserve{"a", 4, 100, kLong}), (Verdict{Outcome::applied, 4}));
    EXPECT_EQ(verdict(Reserve{"b", 4, 100, kLong}), (Verdict{Outcome::applied, 8}));
    evict(key);
    EXPECT_EQ(verdict(Reserve{"c", 3, 100, kLong}), (Verdict{Outcome::applied, 3}));
    EXPECT_EQ(verdict(Cancel{"a"}), (Verdict{Outcome::missing, 0}));
    EXPECT_EQ(verdict(Cancel{"c"}), (Verdict{Outcome::applied, 0}));
  }
}

}  // namespace
}  // namespace drydock::redis::redis_counter_test

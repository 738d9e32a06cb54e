// 100 000 random operations and faults, few names so that they collide, sent to the simulated and the real Redis: every answer
// must be the same.
//
// Real time passes while the real server works, and the simulated clock stands still. So TTLs are hours apart and are compared
// within kTolerance, and nothing lapses in this test but what is told to lapse at once (a TTL <= 0); redis_*_test.cpp let short
// TTLs run out.

#include "policies/core/rng.hpp"
#include "policies/ports/redis_keys.hpp"
#include "tests/contract/redis_under_test.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace drydock::redis::redis_random_test {
namespace {

constexpr Duration kTolerance = std::chrono::minutes{20};
constexpr Duration kTtlStep = std::chrono::hours{1};
constexpr std::size_t kOperations = 100'000;
constexpr std::size_t kBatch = 250;

class RandomOps {
 public:
  explicit RandomOps(std::uint64_t seed) : rng_(seed, "redis-operations") {}

  Op next() {
    if (rng_.below(200) == 0) ++epoch_;  // another leader
    switch (rng_.below(30)) {
      case 0: return SetWorker{worker(), fields()};
      case 1: return ExpireWorker{worker(), any_ttl()};
      case 2: return TouchWorker{worker(), field(), number(1000)};
      case 3: return DeleteWorker{worker(), life()};
      case 4: return ReadWorkers{};
      case 5: return WorkerTtl{worker()};
      case 6: return BeatWorker{worker(), fields(), fields(), ttl(), life(), between(0, 1000)};
      case 7: return PlantSentinel{number(1'000'000)};
      case 8: return ReadIdentity{};
      case 9: return AddCounter{rng_.below(50) == 0 ? extreme() : between(-20, 20)};
      case 10: return GetCounter{};
      case 11: return SetCounter{rng_.below(20) == 0 ? extreme() : between(0, 100)};
      case 12: return DeleteCounter{};
      case 13: return RaiseEpoch{epoch()};
      case 14: return CheckedAdd{between(-20, 20), between(0, 100), epoch(), version()};
      case 15: return FencedSet{between(0, 100), epoch(), version()};
      case 16: return FencedPush{queue(), payload(), epoch()};
      case 17:
      case 18: return Reserve{number(6), between(1, 30), between(50, 200), ttl()};
      case 19: return Confirm{number(6), epoch(), version()};
      case 20: return Cancel{number(6)};
      case 21: return Push{queue(), payload()};
      case 22: return Pop{queue(), consumer()};
      case 23: return Ack{queue(), consumer(), payload()};
      case 24: return rng_.below(4) == 0 ? Op(Requeue{queue(), consumer()}) : Op(Pop{queue(), consumer()});
      case 25: return Length{queue()};
      case 26: return ReadLedger{number(2)};
      case 27: return swap();
      case 28: return AcquireLease{number(2), consumer(), ttl(), between(1, epoch_)};
      default:
        return rng_.below(2) == 0 ? Op(ReleaseLease{number(2), consumer(), between(1, epoch_)}) : Op(ReadLease{number(2)});
    }
  }

  // Between batches; mostly nothing.
  std::vector<AdminOp> faults() {
    std::vector<AdminOp> result;
    for (std::uint64_t n = rng_.below(4); n > 0; --n) result.emplace_back(EvictKey{key()});
    if (rng_.below(10) == 0) result.emplace_back(Snapshot{});
    if (rng_.below(15) == 0) result.emplace_back(Flush{});
    if (rng_.below(20) == 0) result.emplace_back(Restart{});
    return result;
  }

 private:
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(high - low + 1)));
  }
  std::string number(std::uint64_t bound) { return std::to_string(rng_.below(bound)); }
  std::string worker() { return "w" + number(4); }
  // With a token that is there now and then, and with a run id that no server has: the others are in redis_share_test.cpp.
  Op swap() {
    std::optional<std::string> expected = rng_.below(2) == 0 ? std::nullopt : std::optional("t" + number(3));
    return SwapLedger{number(2), "none", std::move(expected), "t" + number(3), "s" + number(100)};
  }
  std::string life() { return rng_.below(2) == 0 ? "" : "l" + number(3); }
  std::string queue() { return "q" + number(2); }
  std::string consumer() { return "c" + number(3); }
  std::string payload() { return "p" + number(5); }
  std::string field() {
    constexpr std::array kNames{"cpus", "status", "last_heartbeat", "incarnation"};
    return kNames[rng_.below(kNames.size())];
  }
  Fields fields() {
    Fields result;
    for (std::uint64_t n = 1 + rng_.below(3); n > 0; --n) result[field()] = number(1000);
    return result;
  }
  Duration ttl() { return kTtlStep * between(1, 9); }
  Duration any_ttl() { return rng_.below(4) == 0 ? -kTtlStep * between(0, 2) : ttl(); }
  std::int64_t epoch() { return std::max<std::int64_t>(epoch_ - (rng_.below(10) == 0 ? 1 : 0), 0); }
  // Mostly rising, now and then again an old one.
  std::int64_t version() { return rng_.below(4) == 0 ? between(0, version_) : ++version_; }
  std::int64_t extreme() {
    const std::int64_t near = between(0, 30);
    return rng_.below(2) == 0 ? std::numeric_limits<std::int64_t>::max() - near
                              : std::numeric_limits<std::int64_t>::min() + near;
  }
  std::string key() {
    switch (rng_.below(10)) {
      case 0: return worker_key(worker());
      case 1: return std::string(kCounterKey);
      case 2: return std::string(kFenceKey);
      case 3: return std::string(kReservationsKey);
      case 4: return std::string(kReservedUntilKey);
      case 5: return std::string(kSentinelKey);
      case 6: return queue_key(queue());
      case 7: return processing_key(queue(), consumer());
      case 8: return lease_key(number(2));
      default: return lease_epoch_key(number(2));
    }
  }

  Rng rng_;
  std::int64_t epoch_ = 1;
  std::int64_t version_ = 0;
};

// Run ids differ between servers: what must agree is when they change.
class RunIds {
 public:
  // Replaces a run id by the number of different ones seen so far.
  void canonise(Reply& reply) {
    auto* identity = std::get_if<StoreIdentity>(&reply);
    auto* ledger = std::get_if<Ledger>(&reply);
    if (identity == nullptr && ledger == nullptr) return;
    std::string& run_id = identity != nullptr ? identity->run_id : ledger->run_id;
    const auto [at, added] = seen_.emplace(run_id, seen_.size());
    run_id = std::to_string(at->second);
  }

 private:
  std::map<std::string, std::size_t> seen_;
};

// The operations before the difference, the last ones first.
std::string history(const std::vector<std::string>& log) {
  constexpr std::size_t kMost = 15;
  std::string text;
  for (std::size_t i = 0; i < std::min(kMost, log.size()); ++i) text += "\n  before: " + log[log.size() - 1 - i];
  return text;
}

class Comparison {
 public:
  Comparison(std::uint64_t seed, std::unique_ptr<RedisUnderTest> simulated, std::unique_ptr<RedisUnderTest> real)
      : ops_(seed), simulated_(std::move(simulated)), real_(std::move(real)) {}

  // False at the first difference, which is a failure.
  bool batch() {
    std::vector<Op> batch;
    for (std::size_t i = 0; i < kBatch; ++i) batch.push_back(ops_.next());
    std::vector<Reply> expected = real_->apply(batch);
    std::vector<Reply> actual = simulated_->apply(batch);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      real_ids_.canonise(expected[i]);
      simulated_ids_.canonise(actual[i]);
      if (!equal_within(expected[i], actual[i], kTolerance)) {
        ADD_FAILURE() << "operation " << log_.size() << ", " << to_text(batch[i])
                      << "\n  real:      " << to_text(expected[i]) << "\n  simulated: " << to_text(actual[i])
                      << history(log_);
        return false;
      }
      ++kinds_[std::string(name_of(batch[i]))];
      failures_ += std::holds_alternative<Failed>(actual[i]) ? 1U : 0U;
      if (const auto* verdict = std::get_if<Verdict>(&actual[i])) ++outcomes_[verdict->outcome];
      log_.push_back(to_text(batch[i]) + " -> " + to_text(actual[i]));
    }
    return true;
  }
  void faults() {
    for (const AdminOp& fault : ops_.faults()) {
      real_->apply(fault);
      simulated_->apply(fault);
      log_.push_back(to_text(fault));
    }
  }
  // That the operations reached what they are to compare.
  void expect_coverage() const {
    EXPECT_EQ(kinds_.size(), std::variant_size_v<Op>);
    EXPECT_EQ(outcomes_.size(), 5U);
    for (const auto& [outcome, count] : outcomes_) EXPECT_GT(count, 100U) << "outcome " << static_cast<int>(outcome);
    EXPECT_GT(failures_, 20U) << "overflows";
  }

 private:
  RandomOps ops_;
  std::unique_ptr<RedisUnderTest> simulated_;
  std::unique_ptr<RedisUnderTest> real_;
  RunIds simulated_ids_;
  RunIds real_ids_;
  std::vector<std::string> log_;
  std::map<std::string, std::size_t> kinds_;
  std::map<Verdict::Outcome, std::size_t> outcomes_;
  std::size_t failures_ = 0;
};

TEST(RedisDifferential, RandomOperationsHaveTheSameAnswers) {
  if (redis_worlds().size() < 2) GTEST_SKIP() << "built without the real runtime (DRYDOCK_BUILD_RUNTIME)";
  constexpr std::uint64_t kSeed = 1;
  auto real = make_real_redis();
  ASSERT_NE(real, nullptr);
  Comparison comparison(kSeed, make_simulated_redis(), std::move(real));
  for (std::size_t done = 0; done < kOperations; done += kBatch) {
    ASSERT_TRUE(comparison.batch()) << "seed " << kSeed;
    comparison.faults();
  }
  comparison.expect_coverage();
}

}  // namespace
}  // namespace drydock::redis::redis_random_test

#include "policies/core/rate_limit.hpp"

#include "policies/core/rng.hpp"

#include <array>
#include <gtest/gtest.h>
#include <vector>

namespace drydock::rate_limit_test {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr Time ms(std::int64_t n) { return kTimeZero + std::chrono::milliseconds{n}; }

template <class Limiter>
class RateLimit : public testing::Test {};
using Limiters = testing::Types<TokenBucket, Gcra>;
TYPED_TEST_SUITE(RateLimit, Limiters);

TYPED_TEST(RateLimit, FiftyAtOnceThenOneEachFiftyMilliseconds) {
  TypeParam limiter({10, seconds{1}}, 20, kTimeZero, 20);
  int admitted = 0;
  for (int i = 0; i < 50; ++i) admitted += limiter.take(kTimeZero) ? 1 : 0;
  EXPECT_EQ(admitted, 20);
  for (int i = 1; i <= 100; ++i) admitted += limiter.take(ms(50 * i)) ? 1 : 0;
  EXPECT_EQ(admitted, 70);
}

// A third of a token per nanosecond loses nothing, however often one looks.
TYPED_TEST(RateLimit, IsExact) {
  TypeParam limiter({1, Duration{3}}, 1'000'000, kTimeZero, 0);
  for (std::int64_t t = 1; t <= 3000; ++t) {
    EXPECT_EQ(limiter.content(time_at(t)), t / 3);
    EXPECT_TRUE(limiter.take(time_at(t), 0));
  }
  EXPECT_EQ(limiter.ready_at(time_at(3000), 1001), time_at(3003));
  EXPECT_EQ(limiter.ready_at(time_at(3001), 1001), time_at(3003));
  EXPECT_FALSE(limiter.take(time_at(3002), 1001));
  EXPECT_TRUE(limiter.take(time_at(3003), 1001));
  EXPECT_EQ(limiter.ready_at(time_at(3003), 1'000'001), kNever);
  EXPECT_EQ(limiter.ready_at(time_at(1), 0), time_at(3003)) << "time never goes back";
}

TYPED_TEST(RateLimit, AChangedRateKeepsWhatIsThereCutAtTheNewBurst) {
  TypeParam limiter({60, minutes{1}}, 60, kTimeZero, 60);
  EXPECT_TRUE(limiter.take(kTimeZero, 40));
  limiter.change(kTimeZero, {120, minutes{1}}, 120);  // growing gives no tokens
  EXPECT_EQ(limiter.content(kTimeZero), 20);
  EXPECT_EQ(limiter.content(ms(1500)), 23);
  limiter.change(ms(1750), {1, minutes{1}}, 100);  // 23.5 tokens
  EXPECT_EQ(limiter.content(ms(1750)), 23);
  EXPECT_EQ(limiter.ready_at(ms(1750), 24), ms(31'750)) << "the half token was kept";
  limiter.change(ms(1750), {60, minutes{1}}, 5);
  EXPECT_EQ(limiter.content(ms(1750)), 5);
  EXPECT_EQ(limiter.ready_at(ms(1750), 6), kNever);
  limiter.change(ms(1750), {7, seconds{1}}, 10);
  EXPECT_EQ(limiter.content(ms(1750)), 5);
}

TYPED_TEST(RateLimit, HoldsTheLargestRates) {
  TypeParam limiter({kNoLimit, minutes{1}}, kNoLimit, kTimeZero, 0);
  EXPECT_EQ(limiter.content(kTimeZero + minutes{1}), kNoLimit);
  EXPECT_TRUE(limiter.take(kTimeZero + minutes{1}, kNoLimit));
  EXPECT_EQ(limiter.content(kTimeZero + minutes{1}), 0);
  EXPECT_EQ(limiter.content(kNever), kNoLimit);
}

TEST(TokenBucket, OfRateZeroNeverFills) {
  TokenBucket bucket({0, minutes{1}}, 5, kTimeZero, 2);
  EXPECT_TRUE(bucket.take(ms(1), 2));
  EXPECT_EQ(bucket.ready_at(ms(1)), kNever);
  EXPECT_FALSE(bucket.take(ms(1) + std::chrono::hours{100}));
  bucket = TokenBucket({0, minutes{1}}, 5, ms(1), 0);
  bucket.change(ms(1), {60, minutes{1}}, 5);
  EXPECT_EQ(bucket.ready_at(ms(1)), ms(1001));
}

TEST(RateLimits, GcraDecidesLikeATokenBucket) {
  Rng rng(1, "rate limits");
  const auto draw = [&](std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(high - low + 1)));
  };
  for (int round = 0; round < 300; ++round) {
    const Duration per{draw(1, 1000)};
    std::int64_t amount = draw(1, 50);
    std::int64_t burst = draw(0, 30);
    Time now = time_at(draw(0, 1000));
    TokenBucket bucket({amount, per}, burst, now, burst / 2);
    Gcra gcra({amount, per}, burst, now, burst / 2);
    for (int i = 0; i < 200; ++i) {
      now += Duration{draw(0, 60)};
      const std::int64_t n = draw(0, 4);
      ASSERT_EQ(bucket.ready_at(now, n), gcra.ready_at(now, n)) << "round " << round << " step " << i;
      ASSERT_EQ(bucket.take(now, n), gcra.take(now, n)) << "round " << round << " step " << i;
      ASSERT_EQ(bucket.content(now), gcra.content(now));
      if (rng.below(20) != 0) continue;
      // A change of the amount alone is exact in both; GCRA's full time is rounded down by less than a part of a nanosecond.
      burst = draw(0, 30);
      bucket.change(now, {amount, per}, burst);
      gcra.change(now, {amount, per}, burst);
    }
  }
}

// Shares move between four workers at random, each with the burst of its share; every worker takes all it can. In no interval
// do they take more than the burst of all and what the rate of all gives.
TEST(RateLimits, WorkersTogetherKeepWithinTheGlobalBucket) {
  constexpr std::int64_t kTotal = 800;
  constexpr std::int64_t kBurst = 97;
  Rng rng(2, "moving shares");
  for (int round = 0; round < 50; ++round) {
    std::array<std::int64_t, 4> shares{kTotal, 0, 0, 0};
    std::vector<TokenBucket> buckets;
    for (const std::int64_t share : shares) {
      const std::int64_t burst = burst_of(share, kTotal, kBurst);
      buckets.emplace_back(Rate{share, minutes{1}}, burst, kTimeZero, burst);
    }
    TokenBucket all({kTotal, minutes{1}}, kBurst, kTimeZero, kBurst);
    Time now = kTimeZero;
    for (int i = 0; i < 400; ++i) {
      now += Duration{static_cast<std::int64_t>(rng.below(300'000'000))};
      const std::size_t from = rng.below(4);
      const std::size_t to = rng.below(4);
      const auto moved = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(shares[from]) + 1));
      shares[from] -= moved;
      shares[to] += moved;
      for (const std::size_t w : {from, to}) {
        buckets[w].change(now, {shares[w], minutes{1}}, burst_of(shares[w], kTotal, kBurst));
      }
      const std::size_t w = rng.below(4);
      const std::int64_t n = buckets[w].content(now);
      ASSERT_TRUE(buckets[w].take(now, n));
      ASSERT_TRUE(all.take(now, n)) << "round " << round << " at " << drydock::seconds(now);
    }
  }
}

TEST(RateLimits, BurstsOfSharesSumToTheBurstOfAll) {
  EXPECT_EQ(burst_of(10, 40, 20), 5);
  EXPECT_EQ(burst_of(40, 40, 20), 20);
  EXPECT_EQ(burst_of(13, 40, 20) + burst_of(14, 40, 20) + burst_of(13, 40, 20), 19) << "rounded down, never up";
  EXPECT_EQ(burst_of(50, 40, 20), 20);
}

TEST(RateLimits, NonsenseIsAProgrammersError) {
  EXPECT_DEATH(TokenBucket({-1, minutes{1}}, 1, kTimeZero, 0), "a rate is");
  EXPECT_DEATH(TokenBucket({1, Duration{0}}, 1, kTimeZero, 0), "a rate is");
  EXPECT_DEATH(Gcra({0, minutes{1}}, 1, kTimeZero, 0), "above 0");
}

}  // namespace
}  // namespace drydock::rate_limit_test

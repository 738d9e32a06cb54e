#include "policies/core/rng.hpp"

#include <array>
#include <bit>
#include <gtest/gtest.h>
#include <set>
#include <vector>

namespace drydock::rng_test {
namespace {

// SplitMix64 as published: a counter that rises by the golden ratio, and its finaliser.
class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    const std::uint64_t result = mix64(state_);
    state_ += 0x9e3779b97f4a7c15U;
    return result;
  }

 private:
  std::uint64_t state_;
};

// xoshiro256++ as published (prng.di.unimi.it), with a state that can be set.
class Xoshiro256 {
 public:
  explicit Xoshiro256(std::array<std::uint64_t, 4> state) : s_(state) {}
  std::uint64_t next() {
    const std::uint64_t result = std::rotl(s_[0] + s_[3], 23) + s_[0];
    const std::uint64_t t = s_[1] << 17U;
    s_[2] ^= s_[0];
    s_[3] ^= s_[1];
    s_[1] ^= s_[2];
    s_[0] ^= s_[3];
    s_[2] ^= t;
    s_[3] = std::rotl(s_[3], 45);
    return result;
  }

 private:
  std::array<std::uint64_t, 4> s_;
};

TEST(Rng, FinaliserGivesThePublishedSplitMix64Numbers) {
  SplitMix64 generator(1234567);
  for (const std::uint64_t expected :
       {6457827717110365317U, 3203168211198807973U, 9817491932198370423U, 4593380528125082431U, 16408922859458223821U}) {
    EXPECT_EQ(generator.next(), expected);
  }
}

TEST(Rng, ReferenceGivesThePublishedXoshiro256Numbers) {
  Xoshiro256 generator({1, 2, 3, 4});
  for (const std::uint64_t expected : {41943041U, 58720359U}) EXPECT_EQ(generator.next(), expected);
  for (const std::uint64_t expected :
       {3588806011781223U, 3591011842654386U, 9228616714210784205U, 9973669472204895162U, 14011001112246962877U,
        12406186145184390807U, 15849039046786891736U, 10450023813501588000U}) {
    EXPECT_EQ(generator.next(), expected);
  }
}

TEST(Rng, IsXoshiro256SeededBySplitMix64) {
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}}) {
    SplitMix64 seeder(mix64(seed) ^ stream_of("test"));
    std::array<std::uint64_t, 4> state{};
    for (std::uint64_t& word : state) word = seeder.next();
    Xoshiro256 expected(state);
    Rng rng(seed, "test");
    for (int i = 0; i < 1'000; ++i) ASSERT_EQ(rng.bits(), expected.next());
  }
}

TEST(Rng, StreamNamesAreHashedByFnv1a) {
  EXPECT_EQ(stream_of(""), 0xcbf29ce484222325U);
  EXPECT_EQ(stream_of("a"), 0xaf63dc4c8601ec8cU);
  EXPECT_EQ(stream_of("foobar"), 0x85944171f73967e8U);
}

TEST(Rng, StreamsAndSeedsDiffer) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    for (const char* stream : {"a", "b", "placement"}) seen.insert(Rng(seed, stream).bits());
  }
  EXPECT_EQ(seen.size(), 300U);
}

TEST(Rng, UniformIsInTheHalfOpenInterval) {
  EXPECT_EQ(unit_interval(0), 0.0);
  EXPECT_LT(unit_interval(~std::uint64_t{0}), 1.0);
  Rng rng(1, "uniform");
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double x = rng.uniform();
    ASSERT_GE(x, 0.0);
    ASSERT_LT(x, 1.0);
    sum += x;
  }
  EXPECT_NEAR(sum / 100'000, 0.5, 0.004);  // 4 standard errors
}

TEST(Rng, BelowIsUniform) {
  Rng rng(1, "below");
  for (const std::uint64_t bound : {1U, 2U, 3U, 10U, 37U}) {
    std::vector<int> counts(bound);
    constexpr int kDraws = 37'000;
    for (int i = 0; i < kDraws; ++i) {
      const std::uint64_t x = rng.below(bound);
      ASSERT_LT(x, bound);
      ++counts[x];
    }
    const double expected = static_cast<double>(kDraws) / static_cast<double>(bound);
    double chi2 = 0;
    for (const int count : counts) chi2 += (count - expected) * (count - expected) / expected;
    EXPECT_LT(chi2, 75.0) << bound;  // 36 degrees of freedom at most: p < 0.0002
  }
  // A bound just above 2^63 refuses almost half of all draws, and must still end.
  const std::uint64_t large = (std::uint64_t{1} << 63U) + 1;
  for (int i = 0; i < 100; ++i) ASSERT_LT(rng.below(large), large);
}

TEST(Rng, CountedDependsOnEachOfItsArguments) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    for (std::uint64_t stream = 0; stream < 10; ++stream) {
      for (std::uint64_t counter = 0; counter < 100; ++counter) seen.insert(counted(seed, stream, counter));
    }
  }
  EXPECT_EQ(seen.size(), 10'000U);
  constexpr std::uint64_t kOnce = counted(1, 2, 3);  // known when it is compiled
  EXPECT_EQ(counted(1, 2, 3), kOnce);
}

}  // namespace
}  // namespace drydock::rng_test

#include "policies/core/arena.hpp"

#include <gtest/gtest.h>
#include <numeric>
#include <vector>

namespace drydock::arena_test {
namespace {

TEST(Arena, KeepsWhatItGaveOutUntilCleared) {
  Arena<int> arena;
  for (int round = 0; round < 3; ++round) {  // the second time in the memory of the first
    std::vector<std::span<int>> taken;
    for (const std::size_t count : {1U, 0U, 100U, 200U, 1'000U, 256U, 257U, 5U, 3'000U, 1U}) {
      taken.push_back(arena.take(count));
      ASSERT_EQ(taken.back().size(), count);
      std::iota(taken.back().begin(), taken.back().end(), static_cast<int>(100'000 * taken.size()) + round);
    }
    for (std::size_t i = 0; i < taken.size(); ++i) {
      for (std::size_t k = 0; k < taken[i].size(); ++k) {
        ASSERT_EQ(taken[i][k], static_cast<int>(100'000 * (i + 1) + k) + round) << "overwritten by a later take";
      }
    }
    arena.clear();
  }
}

TEST(Arena, Copies) {
  Arena<int> arena;
  const std::vector<int> values{3, 1, 4};
  const std::span<int> copy = arena.copy(values);
  EXPECT_TRUE(std::ranges::equal(copy, values));
  EXPECT_NE(copy.data(), values.data());
}

}  // namespace
}  // namespace drydock::arena_test

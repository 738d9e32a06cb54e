#include "policies/core/fit_index.hpp"

#include "policies/core/rng.hpp"
#include "tests/properties/seeds.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <vector>

namespace drydock::fit_index_test {
namespace {

std::vector<std::uint32_t> by_scanning(Fit fit, const std::vector<Resources>& rooms, const Resources& demand) {
  std::vector<std::uint32_t> result;
  for (std::uint32_t p = 0; p < rooms.size(); ++p) {
    if (demand.fits_in(rooms[p])) result.push_back(p);
  }
  std::ranges::stable_sort(result, [&](std::uint32_t a, std::uint32_t b) {
    if (fit == Fit::first) return false;
    return fit == Fit::best ? rooms[a].cpus() < rooms[b].cpus() : rooms[a].cpus() > rooms[b].cpus();
  });
  return result;
}

std::vector<std::uint32_t> by_index(const FitIndex& index, const Resources& demand, std::size_t most) {
  std::vector<std::uint32_t> result;
  if (most == 0) return result;
  index.for_each_fitting(demand, [&](std::uint32_t position, const Resources& room) {
    EXPECT_EQ(room, index.room(position));
    result.push_back(position);
    return result.size() < most;
  });
  return result;
}

class FitIndexTest : public testing::TestWithParam<Fit> {};

TEST_P(FitIndexTest, FindsWhatAScanFinds) {
  properties::for_each_seed(60, "", [](std::uint64_t seed) {
    Rng rng(seed, "fit index");
    const auto below = [&](std::uint64_t bound) { return static_cast<std::int64_t>(rng.below(bound)); };
    FitIndex index(GetParam());
    std::vector<Resources> rooms;
    const std::uint64_t size = 1 + rng.below(seed % 4 == 0 ? 400 : 20);
    for (int i = 0; i < 400; ++i) {
      const auto position = static_cast<std::uint32_t>(rng.below(size));
      const Resources room = rng.below(6) == 0 ? Resources{Resources::Amounts::Constant(-1)}
                                               : make_resources({below(9), below(9), below(3), below(9)});
      if (rooms.size() <= position) rooms.resize(position + 1, Resources{Resources::Amounts::Constant(-1)});
      rooms[position] = room;
      index.set(position, room);
      const Resources demand = make_resources({below(9), below(9), below(2), 1 + below(2)});
      std::vector<std::uint32_t> expected = by_scanning(GetParam(), rooms, demand);
      ASSERT_EQ(by_index(index, demand, ~std::size_t{0}), expected);
      expected.resize(std::min<std::size_t>(expected.size(), rng.below(4)));
      ASSERT_EQ(by_index(index, demand, expected.size()), expected);
    }
  });
}

TEST_P(FitIndexTest, FindsNothingWhenEmptyOrOutOfUse) {
  FitIndex index(GetParam());
  const Resources nothing = make_resources({0, 0, 0, 1});
  EXPECT_TRUE(by_index(index, nothing, 1).empty());
  index.set(3, Resources{Resources::Amounts::Constant(-1)});
  EXPECT_TRUE(by_index(index, nothing, 1).empty());
  EXPECT_TRUE(by_index(index, make_resources({0, 0, 0, 0}), 1).empty());
}

// Rooms that fail in one kind only must not lure the search into every subtree. Each kind is plentiful somewhere, so that
// the summaries of larger subtrees let the demand through; what is bounded is that the answer is still right.
TEST_P(FitIndexTest, IsRightWhereNoSingleKindRulesOut) {
  FitIndex index(GetParam());
  constexpr std::uint32_t kSize = 1'000;
  for (std::uint32_t p = 0; p < kSize; ++p) index.set(p, make_resources({p % 2 == 0 ? 8 : 0, p % 2 == 0 ? 0 : 8, 0, 1}));
  const Resources demand = make_resources({4, 4, 0, 1});
  EXPECT_TRUE(by_index(index, demand, 1).empty());
  index.set(777, make_resources({4, 4, 0, 1}));
  EXPECT_EQ(by_index(index, demand, 2), std::vector<std::uint32_t>{777});
}

INSTANTIATE_TEST_SUITE_P(AllFits, FitIndexTest, testing::Values(Fit::first, Fit::best, Fit::worst), [](const auto& fit) {
  return fit.param == Fit::first ? "first" : fit.param == Fit::best ? "best" : "worst";
});

}  // namespace
}  // namespace drydock::fit_index_test

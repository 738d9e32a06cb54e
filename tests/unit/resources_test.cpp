#include "policies/core/resources.hpp"

#include "policies/core/rng.hpp"
#include "tests/properties/seeds.hpp"

#include <gtest/gtest.h>

namespace drydock::resources_test {
namespace {

// One after the other, until the next does not fit.
std::int64_t count_by_taking(const Resources& demand, Resources room) {
  std::int64_t count = 0;
  while (demand.fits_in(room)) {
    room -= demand;
    ++count;
  }
  return count;
}

TEST(Resources, FitCountIsWhatCanBeTakenOneByOne) {
  properties::for_each_seed(2'000, "", [](std::uint64_t seed) {
    Rng rng(seed, "resources");
    const auto amount = [&](std::uint64_t bound) {
      return static_cast<std::int64_t>(rng.below(bound)) - (rng.below(20) == 0 ? 3 : 0);
    };
    const Resources room = make_resources({amount(50), amount(50), amount(4), amount(40)});
    const Resources demand =
        make_resources({static_cast<std::int64_t>(rng.below(9)), static_cast<std::int64_t>(rng.below(9)),
                        static_cast<std::int64_t>(rng.below(2)), 1 + static_cast<std::int64_t>(rng.below(2))});
    EXPECT_EQ(fit_count(demand, room), count_by_taking(demand, room));
  });
}

TEST(Resources, NegativeRoomHasNoPlaceEvenForNoDemand) {
  const Resources demand = make_resources({0, 0, 0, 1});
  EXPECT_EQ(fit_count(demand, Resources{Resources::Amounts::Constant(-1)}), 0);
  EXPECT_EQ(fit_count(demand, make_resources({-1, 10, 10, 10})), 0);
}

TEST(Resources, UnlimitedAmountsLeaveRoomForSums) {
  const Resources sharing = make_resources({kUnlimited, 0, 0, kUnlimited});
  EXPECT_EQ(fit_count(make_resources({1'000, 0, 0, 1}), sharing), kUnlimited / 1'000);
  EXPECT_TRUE((sharing * 1'000).non_negative());
  EXPECT_EQ(sharing + sharing - sharing, sharing);
}

TEST(Resources, FitsByComponent) {
  const Resources room = make_resources({4, 4, 1, 2});
  EXPECT_TRUE(make_resources({4, 4, 1, 2}).fits_in(room));
  for (const ResourceAmounts& larger : {ResourceAmounts{5, 0, 0, 0}, {0, 5, 0, 0}, {0, 0, 2, 0}, {0, 0, 0, 3}}) {
    EXPECT_FALSE(make_resources(larger).fits_in(room));
  }
}

}  // namespace
}  // namespace drydock::resources_test

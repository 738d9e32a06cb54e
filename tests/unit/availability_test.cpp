#include "policies/availability.hpp"

#include "policies/core/rng.hpp"
#include "tests/properties/seeds.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace drydock {
namespace {

using Amounts = Availability::Amounts;

struct Jump {
  Time at{};
  std::uint64_t owner = 0;
  Amounts change = Amounts::Zero();
  [[nodiscard]] bool rising() const { return !(change < 0).any(); }
};

// Times are whole nanoseconds below kEnd: look at each.
constexpr std::int64_t kEnd = 120;

Time by_brute_force(const std::vector<Jump>& jumps, Time now, const Amounts& free_now, const Amounts& need,
                    Duration length) {
  const auto enough_at = [&](std::int64_t t) {
    Amounts level = free_now;
    for (const Jump& jump : jumps) {
      if (nanos(jump.at) <= t) level += jump.change;
    }
    return (level >= need).all();
  };
  for (std::int64_t start = nanos(now); start <= kEnd; ++start) {
    bool enough = true;
    for (std::int64_t t = start; enough && t < start + nanos(length) && t <= kEnd; ++t) enough = enough_at(t);
    if (enough) return time_at(start);
  }
  return kNever;
}

TEST(Availability, FindsTheEarliestHoleThatABruteForceFinds) {
  properties::for_each_seed(150, "", [](std::uint64_t seed) {
    Rng rng(seed, "availability");
    const auto below = [&](std::uint64_t bound) { return static_cast<std::int64_t>(rng.below(bound)); };
    const std::uint64_t kinds = 1 + rng.below(3);
    const auto amounts = [&](std::uint64_t bound) {
      Amounts a = Amounts::Zero();
      for (std::uint64_t k = 0; k < kinds; ++k) a[static_cast<Eigen::Index>(k)] = below(bound);
      return a;
    };
    Availability availability;
    std::vector<Jump> jumps;
    std::uint64_t owner = 0;
    for (int i = 0; i < 60; ++i) {
      if (rng.below(4) == 0 && !jumps.empty()) {
        const std::size_t at = rng.below(jumps.size());
        availability.remove_jump(jumps[at].at, jumps[at].owner, jumps[at].rising());
        jumps.erase(jumps.begin() + static_cast<std::ptrdiff_t>(at));
      } else {
        const Amounts size = amounts(5);
        const Time at = time_at(below(100));
        ++owner;
        if (rng.below(2) == 0 && (size > 0).any()) {  // a reservation: down, and up again
          const Time until = at + Duration{1 + below(15)};
          for (const Jump& jump : {Jump{at, owner, -size}, Jump{until, owner, size}}) jumps.push_back(jump);
          availability.add_jump(at, owner, -size);
          availability.add_jump(until, owner, size);
        } else {
          jumps.push_back({at, owner, size});
          availability.add_jump(at, owner, size);
        }
      }
      const Time now = time_at(below(40));
      const Amounts free_now = amounts(6) - 1;
      const Amounts need = amounts(9);
      const Duration length{1 + below(40)};
      ASSERT_EQ(nanos(availability.earliest(now, free_now, need, length)),
                nanos(by_brute_force(jumps, now, free_now, need, length)));
    }
  });
}

TEST(Availability, IsFreeForEverWithoutJumps) {
  const Availability availability;
  const Amounts one{1, 0, 0, 0};
  EXPECT_EQ(availability.earliest(time_at(7), one, one, Duration::max()), time_at(7));
  EXPECT_EQ(availability.earliest(time_at(7), one, 2 * one, Duration{1}), kNever);
}

TEST(Availability, AnEndAndAStartAtOneInstantShareNoPlace) {
  Availability availability;
  const Amounts one{1, 0, 0, 0};
  const Amounts none = Amounts::Zero();
  availability.add_jump(time_at(10), 1, one);   // a running job ends
  availability.add_jump(time_at(10), 2, -one);  // and the next has its place
  availability.add_jump(time_at(20), 2, one);
  EXPECT_EQ(availability.earliest(time_at(0), none, one, Duration{1}), time_at(20));
  availability.clear();
  EXPECT_EQ(availability.earliest(time_at(0), none, one, Duration{1}), kNever);
}

}  // namespace
}  // namespace drydock

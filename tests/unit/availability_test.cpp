#include "policies/availability.hpp"

#include "policies/core/rng.hpp"
#include "tests/properties/seeds.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <vector>

namespace drydock::availability_test {
namespace {

template <int Kinds>
using AmountsOf = typename Availability<Kinds>::Amounts;

// The same by trying every time at which something ends, against all claims.
template <int Kinds>
struct Plain {
  using Amounts = AmountsOf<Kinds>;
  struct Claim {
    Interval when;
    Amounts need = Amounts::Zero();
  };

  Amounts capacity = Amounts::Zero();
  std::vector<Claim> running;
  std::map<std::pair<std::int64_t, std::uint64_t>, typename Availability<Kinds>::Reservation> reserved;

  [[nodiscard]] std::vector<Claim> claims() const {
    std::vector<Claim> all = running;
    for (const auto& [order, r] : reserved) all.push_back({r.planned, r.need});
    return all;
  }
  static bool fits(const std::vector<Claim>& all, Time time, const Amounts& need, const Amounts& capacity) {
    Amounts level = capacity;
    for (const Claim& claim : all) {
      if (claim.when.start <= time && time < claim.when.end) level -= claim.need;
    }
    return (level >= need).all();
  }
  [[nodiscard]] Time earliest(Time now, const Amounts& need, Duration length) const {
    const std::vector<Claim> all = claims();
    std::vector<Time> starts{now};
    for (const Claim& claim : all) {
      if (claim.when.end > now && claim.when.end != kNever) starts.push_back(claim.when.end);
    }
    std::ranges::sort(starts);
    for (const Time start : starts) {
      bool enough = fits(all, start, need, capacity);
      for (const Claim& claim : all) {
        const bool within = claim.when.start > start && claim.when.start < later(start, length);
        enough = enough && (!within || fits(all, claim.when.start, need, capacity));
      }
      if (enough) return start;
    }
    return kNever;
  }
  void compress(Time now) {
    for (auto& [order, r] : reserved) {
      r.planned = kNoInterval;
      const Time start = earliest(now, r.need, r.length);
      r.planned = {start, later(start, r.length)};
    }
  }
};

// Jobs come, end early or late, leave and start; now and then all reservations move forward.
template <int Kinds>
class Story {
 public:
  explicit Story(std::uint64_t seed) : rng_(seed, "availability") {
    plain_.capacity = amounts(12) + 1;
    real_ = Availability<Kinds>(plain_.capacity);
  }

  void step() {
    switch (rng_.below(6)) {
      case 0: advance(); break;
      case 1: change_end(); break;
      case 2: withdraw(); break;
      case 3: compress(); break;
      default: reserve(); break;
    }
  }

 private:
  using Amounts = AmountsOf<Kinds>;
  std::int64_t below(std::uint64_t bound) { return static_cast<std::int64_t>(rng_.below(bound)); }
  Amounts amounts(std::uint64_t bound) {
    Amounts a = Amounts::Zero();
    for (Eigen::Index k = 0; k < Kinds; ++k) a[k] = below(bound);
    return a;
  }

  void reserve() {
    const Amounts need = amounts(7);
    const Duration length = rng_.below(40) == 0 ? Duration::max() : Duration{1 + below(60)};
    const Time expected = plain_.earliest(now_, need, length);
    const auto made = real_.reserve(now_, need, length);
    ASSERT_EQ(nanos(made.planned.start), nanos(expected));
    plain_.reserved[{below(3), next_++}] = made;
  }
  // Up to the next start at most; what is due runs from then on.
  void advance() {
    Time next = now_ + Duration{below(30)};
    for (const auto& [order, r] : plain_.reserved) next = std::min(next, r.planned.start);
    now_ = next;
    std::erase_if(plain_.running, [&](const auto& claim) { return claim.when.end <= now_; });
    std::erase_if(plain_.reserved, [&](const auto& entry) {
      const auto& [order, r] = entry;
      if (r.planned.start > now_) return false;
      plain_.running.push_back({r.planned, r.need});
      return true;
    });
  }
  void change_end() {
    if (plain_.running.empty()) return;
    auto& claim = plain_.running[rng_.below(plain_.running.size())];
    const Time end = now_ + Duration{rng_.below(3) == 0 ? 0 : 1 + below(60)};
    real_.change_end(claim.when.end, end, claim.need);
    claim.when.end = end;
  }
  void withdraw() {
    if (plain_.reserved.empty()) return;
    const auto it = std::next(plain_.reserved.begin(), below(plain_.reserved.size()));
    real_.release(it->second.planned, it->second.need);
    plain_.reserved.erase(it);
  }
  void compress() {
    auto reserved = plain_.reserved;
    plain_.compress(now_);
    real_.begin_round(now_);
    for (auto& [order, r] : reserved) {
      const Time before = r.planned.start;
      const Time expected = plain_.reserved.at(order).planned.start;
      EXPECT_EQ(real_.move_forward(order, r), expected != before);
      ASSERT_EQ(nanos(r.planned.start), nanos(expected));
    }
    real_.end_round();
    plain_.reserved = reserved;
  }

  Rng rng_;
  Plain<Kinds> plain_;
  Availability<Kinds> real_;
  Time now_{};
  std::uint64_t next_ = 0;
};

TEST(Availability, MovesReservationsAsPlacingEachAnewDoes) {
  properties::for_each_seed(150, "", [](std::uint64_t seed) {
    Story<1> places(seed);
    Story<4> sums(seed);
    for (int i = 0; i < 250 && !testing::Test::HasFatalFailure(); ++i) places.step();
    for (int i = 0; i < 150 && !testing::Test::HasFatalFailure(); ++i) sums.step();
  });
}

using One = Availability<1>::Amounts;

TEST(Availability, IsFreeForEverWithoutClaims) {
  const Availability<1> availability(One{1});
  EXPECT_EQ(availability.earliest(time_at(7), One{1}, Duration::max()).start, time_at(7));
  EXPECT_EQ(availability.earliest(time_at(7), One{2}, Duration{1}).start, kNever);
}

TEST(Availability, AnEndAndAStartAtOneInstantShareNoPlace) {
  Availability<1> availability(One{1});
  availability.claim({time_at(0), time_at(10)}, One{1});
  availability.claim({time_at(10), time_at(20)}, One{1});
  EXPECT_EQ(availability.earliest(time_at(0), One{1}, Duration{1}).start, time_at(20));
}

}  // namespace
}  // namespace drydock::availability_test

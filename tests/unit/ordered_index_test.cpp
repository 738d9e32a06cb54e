#include "policies/core/ordered_index.hpp"

#include "policies/core/rng.hpp"
#include "tests/properties/seeds.hpp"

#include <algorithm>
#include <bit>
#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace drydock::ordered_index_test {
namespace {

using properties::for_each_seed;

// Not commutative: an affine map x -> scale * x + shift, composed from left to right. Joining in the wrong order, twice or not
// at all gives another map.
struct Affine {
  std::uint64_t scale = 1;
  std::uint64_t shift = 0;
  static Affine join(const Affine& left, const Affine& right) {
    ++joins;
    return {left.scale * right.scale, left.shift * right.scale + right.shift};
  }
  friend bool operator==(const Affine&, const Affine&) = default;
  static inline std::uint64_t joins = 0;
};

// Least value and sum of the entries below, and the affine map of all of them.
struct Summary {
  std::int64_t least = 0;
  std::int64_t sum = 0;
  Affine affine;
  static Summary join(const Summary& a, const Summary& b) {
    return {std::min(a.least, b.least), a.sum + b.sum, Affine::join(a.affine, b.affine)};
  }
};

Summary summary_of(std::uint64_t bits) {
  const auto amount = static_cast<std::int64_t>(bits % 100);
  return {amount, amount, {bits | 1U, bits >> 7U}};
}

using Index = OrderedIndex<std::int64_t, std::uint32_t, Summary>;
struct Known {
  std::uint32_t value = 0;
  Summary summary;
};
using Model = std::map<std::int64_t, Known>;

class Pair {
 public:
  explicit Pair(std::uint64_t seed) : rng_(seed, "ordered index") {}

  void insert(std::int64_t key) {
    const Known known{static_cast<std::uint32_t>(rng_.bits()), summary_of(rng_.bits())};
    if (!model_.emplace(key, known).second) return;
    index_.insert({key, known.value, known.summary});
  }
  void erase(std::int64_t key) {
    if (model_.erase(key) > 0) index_.erase(key);
  }
  void update(std::int64_t key) {
    const auto found = model_.find(key);
    if (found == model_.end()) return;
    found->second.summary = summary_of(rng_.bits());
    index_.update(key, found->second.summary);
  }
  // Some key of the set, or one beside it.
  [[nodiscard]] std::int64_t some_key() {
    if (model_.empty() || rng_.below(4) == 0) return static_cast<std::int64_t>(rng_.below(20'000)) - 5'000;
    const auto found = model_.lower_bound(static_cast<std::int64_t>(rng_.below(20'000)) - 5'000);
    return found == model_.end() ? model_.rbegin()->first : found->first;
  }

  void compare_all() const {
    ASSERT_EQ(index_.size(), model_.size());
    ASSERT_EQ(index_.empty(), model_.empty());
    auto expected = model_.begin();
    index_.for_each([&](const Index::Entry& entry) {
      ASSERT_NE(expected, model_.end());
      EXPECT_EQ(entry.key, expected->first);
      EXPECT_EQ(entry.value, expected->second.value);
      ++expected;
    });
    EXPECT_EQ(expected, model_.end());
    compare(index_.first(), model_.begin());
    compare(index_.last(), model_.empty() ? model_.end() : std::prev(model_.end()));
  }
  void compare_around(std::int64_t key) {
    compare(index_.next(key), model_.upper_bound(key));
    const auto at = model_.lower_bound(key);
    compare(index_.previous(key), at == model_.begin() ? model_.end() : std::prev(at));
    compare_least(key, static_cast<std::int64_t>(rng_.below(8)));
    compare_sum(key, static_cast<std::int64_t>(rng_.below(2'000)));
    compare_affine(key);
  }

  [[nodiscard]] const Index& index() const { return index_; }
  [[nodiscard]] Rng& rng() { return rng_; }
  [[nodiscard]] std::size_t size() const { return model_.size(); }

 private:
  void compare(const Index::Entry* got, Model::const_iterator expected) const {
    ASSERT_EQ(got == nullptr, expected == model_.end());
    if (got == nullptr) return;
    EXPECT_EQ(got->key, expected->first);
    EXPECT_EQ(got->value, expected->second.value);
    EXPECT_EQ(got->summary.affine, expected->second.summary.affine);
  }

  // The first entry behind `key` whose amount is at most `bound`: refused by the least one below.
  void compare_least(std::int64_t key, std::int64_t bound) const {
    const auto accept = [&](const Summary& s) { return s.least <= bound; };
    const auto wanted = [&](const auto& entry) { return entry.second.summary.least <= bound; };
    compare(index_.find_after(key, accept), std::find_if(model_.upper_bound(key), model_.end(), wanted));
    compare(index_.find(accept), std::find_if(model_.begin(), model_.end(), wanted));
  }

  // The first entry at which the amounts behind `key` add up to at least `bound`.
  void compare_sum(std::int64_t key, std::int64_t bound) const {
    std::int64_t passed = 0;
    const Index::Entry* got = index_.find_after(key, [&](const Summary& s) {
      if (passed + s.sum >= bound) return true;
      passed += s.sum;
      return false;
    });
    std::int64_t sum = 0;
    auto expected = model_.upper_bound(key);
    while (expected != model_.end() && sum + expected->second.summary.sum < bound) sum += (expected++)->second.summary.sum;
    compare(got, expected);
    EXPECT_EQ(passed, sum);
  }

  // The map of everything behind `key`, from as many summaries as the index chooses to show, from left to right.
  void compare_affine(std::int64_t key) const {
    Affine got;
    const Index::Entry* found = index_.find_after(key, [&](const Summary& s) {
      got = Affine::join(got, s.affine);
      return false;
    });
    EXPECT_EQ(found, nullptr);
    Affine expected;
    for (auto it = model_.upper_bound(key); it != model_.end(); ++it)
      expected = Affine::join(expected, it->second.summary.affine);
    EXPECT_EQ(got, expected);
  }

  Rng rng_;
  Index index_;
  Model model_;
};

TEST(OrderedIndex, IsEmptyAtFirst) {
  const Index index;
  EXPECT_TRUE(index.empty());
  EXPECT_EQ(index.first(), nullptr);
  EXPECT_EQ(index.last(), nullptr);
  EXPECT_EQ(index.next(0), nullptr);
  EXPECT_EQ(index.previous(0), nullptr);
  EXPECT_EQ(index.find([](const Summary&) { return true; }), nullptr);
}

TEST(OrderedIndex, AgreesWithMapUnderRandomChanges) {
  for_each_seed(12, "", [](std::uint64_t seed) {
    Pair pair(seed);
    // Waves of growth and shrinkage, so that nodes split, merge and empty, and the root grows and shrinks.
    for (int wave = 0; wave < 6; ++wave) {
      const std::uint64_t insert_of_ten = wave % 2 == 0 ? 8 : 1;
      const std::uint64_t changes = 300 + pair.rng().below(1'500);
      for (std::uint64_t i = 0; i < changes; ++i) {
        const std::uint64_t kind = pair.rng().below(10);
        if (kind < insert_of_ten) pair.insert(static_cast<std::int64_t>(pair.rng().below(20'000)) - 5'000);
        else if (kind == 9) pair.update(pair.some_key());
        else pair.erase(pair.some_key());
        if (i % 16 == 0) pair.compare_around(pair.some_key());
      }
      pair.compare_all();
    }
  });
}

TEST(OrderedIndex, AgreesWithMapWhenUsedAsAQueue) {
  for_each_seed(4, "", [](std::uint64_t seed) {
    Pair pair(seed);
    std::int64_t back = 0;
    std::int64_t front = 0;
    for (int wave = 0; wave < 3; ++wave) {
      for (int i = 0; i < 3'000; ++i) pair.insert(back++);
      pair.compare_all();
      // From the front mostly, now and then from the middle: nodes empty from the left.
      while (front < back && pair.size() > 0) {
        pair.erase(pair.rng().below(8) == 0 ? front + static_cast<std::int64_t>(pair.rng().below(500)) : front++);
        if (front % 256 == 0) pair.compare_around(front);
      }
      pair.compare_all();
    }
  });
}

TEST(OrderedIndex, AgreesWithMapWhenFilledAndEmptiedFromEitherEnd) {
  for (const bool fill_down : {false, true}) {
    for (const bool empty_down : {false, true}) {
      Pair pair(1);
      constexpr std::int64_t kSize = 5'000;
      for (std::int64_t i = 0; i < kSize; ++i) pair.insert(fill_down ? kSize - i : i);
      pair.compare_all();
      for (std::int64_t i = 0; i <= kSize; ++i) {
        pair.erase(empty_down ? kSize - i : i);
        if (i % 100 == 0) pair.compare_around(i);
      }
      pair.compare_all();
      EXPECT_EQ(pair.size(), 0U);
      pair.insert(7);
      pair.compare_all();
    }
  }
}

TEST(OrderedIndex, EraseOfAMissingKeyIsAProgrammersError) {
  Index index;
  EXPECT_DEATH(index.erase(1), "empty index");
  index.insert({1, 1, {}});
  EXPECT_DEATH(index.erase(2), "not in the index");
  EXPECT_DEATH(index.update(2, {}), "not in the index");
}

// What an operation costs at most, counted in joins of summaries: nodes of up to 32 on a path of log16 n, with room for a split
// at each level.
std::uint64_t joins_allowed(std::uint64_t size) { return 70 * (std::bit_width(size) / 4 + 2); }

TEST(OrderedIndex, ChangesCostLogarithmicallyManyJoins) {
  for (const std::uint64_t size : {100U, 1'000U, 10'000U, 100'000U}) {
    OrderedIndex<std::uint64_t, int, Affine> index;
    Rng rng(size, "joins");
    const auto worst_of = [&](std::uint64_t times, const auto& change) {
      std::uint64_t worst = 0;
      for (std::uint64_t i = 0; i < times; ++i) {
        const std::uint64_t before = Affine::joins;
        change(i);
        worst = std::max(worst, Affine::joins - before);
      }
      return worst;
    };
    // A bijection of the numbers below a power of two, so that keys come in no order.
    const auto key = [&](std::uint64_t i) { return mix64(i); };
    EXPECT_LE(worst_of(size, [&](std::uint64_t i) { index.insert({key(i), 0, {}}); }), joins_allowed(size)) << size;
    EXPECT_LE(worst_of(size, [&](std::uint64_t i) { index.update(key(i), {3, i}); }), joins_allowed(size)) << size;
    EXPECT_LE(worst_of(size, [&](std::uint64_t i) { index.erase(key(i)); }), joins_allowed(size)) << size;
    EXPECT_TRUE(index.empty());
  }
}

TEST(OrderedIndex, FindLooksAtLogarithmicallyManySummaries) {
  struct Least {
    std::int64_t least = 0;
    static Least join(const Least& a, const Least& b) { return {std::min(a.least, b.least)}; }
  };
  for (const std::int64_t size : {100, 1'000, 10'000, 100'000}) {
    OrderedIndex<std::int64_t, int, Least> index;
    // Only the last entry is small.
    for (std::int64_t i = 0; i < size; ++i) index.insert({i, 0, {i + 1 == size ? 1 : 1'000}});
    for (const std::int64_t after : {std::int64_t{-1}, size / 2, size - 2}) {
      std::uint64_t looked_at = 0;
      const auto* found = index.find_after(after, [&](const Least& s) {
        ++looked_at;
        return s.least <= 1;
      });
      ASSERT_NE(found, nullptr);
      EXPECT_EQ(found->key, size - 1);
      EXPECT_LE(looked_at, joins_allowed(static_cast<std::uint64_t>(size)));
    }
  }
}

TEST(OrderedIndex, IsAsNewOnceCleared) {
  OrderedIndex<std::uint64_t, int, Affine> index;
  for (const std::uint64_t size : {1U, 1'000U, 40U}) {
    for (std::uint64_t i = 0; i < size; ++i) index.insert({i, 0, {}});
    EXPECT_EQ(index.size(), size);
    EXPECT_EQ(index.last()->key, size - 1);
    index.clear();
    EXPECT_TRUE(index.empty());
    EXPECT_EQ(index.first(), nullptr);
  }
}

TEST(OrderedIndex, AppendsStayCheapAndDense) {
  OrderedIndex<std::uint64_t, int, Affine> index;
  constexpr std::uint64_t kSize = 100'000;
  const std::uint64_t before = Affine::joins;
  for (std::uint64_t i = 0; i < kSize; ++i) index.insert({i, 0, {}});
  EXPECT_LE(Affine::joins - before, 12 * kSize);  // about one per level, and the splits
}

}  // namespace
}  // namespace drydock::ordered_index_test

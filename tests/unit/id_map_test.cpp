#include "policies/core/id_map.hpp"

#include "policies/core/rng.hpp"
#include "tests/properties/seeds.hpp"

#include <gtest/gtest.h>
#include <map>

namespace drydock::id_map_test {
namespace {

TEST(IdMap, FindsNothingAtFirst) {
  const IdMap<int> map;
  EXPECT_EQ(map.size(), 0U);
  EXPECT_EQ(map.find(JobId{0}), nullptr);
}

TEST(IdMap, AgreesWithMapUnderRandomChanges) {
  properties::for_each_seed(20, "", [](std::uint64_t seed) {
    Rng rng(seed, "id map");
    IdMap<std::uint64_t> map;
    std::map<std::uint64_t, std::uint64_t> model;
    // Dense ids as jobs have them; ids far apart; ids whose hashes collide in their low bits.
    const std::uint64_t stride = seed % 3 == 0 ? 1 : seed % 3 == 1 ? 0x9e3779b9U : std::uint64_t{1} << 40U;
    const std::uint64_t range = 1 + rng.below(3'000);
    for (int i = 0; i < 20'000; ++i) {
      const std::uint64_t id = rng.below(range) * stride;
      const bool insert = rng.below(i / 5'000 % 2 == 0 ? 3 : 2) > 0 && i / 5'000 % 2 == 0;
      if (insert && model.emplace(id, i).second) {
        map.insert(JobId{id}, static_cast<std::uint64_t>(i));
      } else if (!insert && model.erase(id) > 0) {
        map.erase(JobId{id});
      }
      const std::uint64_t asked = rng.below(range) * stride;
      const std::uint64_t* got = map.find(JobId{asked});
      const auto expected = model.find(asked);
      ASSERT_EQ(got != nullptr, expected != model.end());
      if (got != nullptr) {
        ASSERT_EQ(*got, expected->second);
      }
      ASSERT_EQ(map.size(), model.size());
    }
    for (const auto& [id, value] : model) {
      ASSERT_NE(map.find(JobId{id}), nullptr);
      EXPECT_EQ(*map.find(JobId{id}), value);
    }
  });
}

}  // namespace
}  // namespace drydock::id_map_test

#include "policies/core/rng.hpp"
#include "sim/event_queue.hpp"

#include <cstdint>
#include <gtest/gtest.h>
#include <map>
#include <utility>
#include <vector>

namespace drydock::sim::sim_event_queue_test {
namespace {

using Queue = EventQueue<std::uint64_t>;

TEST(EventQueue, GivesEqualTimesInOrderOfPushing) {
  Queue queue;
  for (std::uint64_t i = 0; i < 10; ++i) queue.push(i % 2 == 0 ? 7 : 5, i);
  std::vector<std::uint64_t> order;
  while (!queue.empty()) order.push_back(queue.pop());
  EXPECT_EQ(order, (std::vector<std::uint64_t>{1, 3, 5, 7, 9, 0, 2, 4, 6, 8}));
  EXPECT_EQ(queue.top_time(), Queue::kNone);
}

TEST(EventQueue, LookingAtTheTopDoesNotForbidEarlierTimes) {
  Queue queue;
  queue.push(1000, 1);
  EXPECT_EQ(queue.top_time(), 1000);
  queue.push(10, 2);
  EXPECT_EQ(queue.top_time(), 10);
  EXPECT_EQ(queue.pop(), 2U);
  queue.push(10, 3);
  EXPECT_EQ(queue.top_time(), 10);
}

TEST(EventQueue, RefusesThePast) {
  Queue queue;
  queue.push(5, 1);
  static_cast<void>(queue.pop());
  EXPECT_DEATH(queue.push(4, 2), "past");
}

// Against a multimap, which keeps equal keys in order of insertion; gaps from nothing to months, and purges.
TEST(EventQueue, AgreesWithAMultimapAtRandom) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Rng rng(seed, "queue");
    Queue queue;
    std::multimap<std::int64_t, std::uint64_t> model;
    std::int64_t now = 0;
    for (std::uint64_t i = 0; i < 5000; ++i) {
      const std::uint64_t what = rng.below(100);
      if (what < 52) {
        const std::int64_t gap = static_cast<std::int64_t>(rng.bits() >> (1 + rng.below(63)));
        const std::int64_t at = what < 10 ? now : now + gap % 9'000'000'000'000'000;
        queue.push(at, i);
        model.emplace(at, i);
      } else if (what < 99 && !model.empty()) {
        ASSERT_EQ(queue.top_time(), model.begin()->first) << "seed " << seed;
        now = queue.top_time();
        ASSERT_EQ(queue.pop(), model.begin()->second) << "seed " << seed;
        model.erase(model.begin());
      } else {
        queue.purge([](std::uint64_t payload) { return payload % 3 == 0; });
        std::erase_if(model, [](const auto& entry) { return entry.second % 3 == 0; });
      }
      ASSERT_EQ(queue.size(), model.size()) << "seed " << seed;
      ASSERT_EQ(queue.top_time(), model.empty() ? Queue::kNone : model.begin()->first) << "seed " << seed;
    }
  }
}

TEST(EventQueue, AsksForAPurgeOnlyWhenMostAreVoid) {
  Queue queue;
  for (std::uint64_t i = 0; i < 4000; ++i) queue.push(100, i);
  for (int i = 0; i < 2000; ++i) queue.add_void();
  EXPECT_FALSE(queue.void_heavy());
  queue.add_void();
  EXPECT_TRUE(queue.void_heavy());
  queue.purge([](std::uint64_t payload) { return payload >= 1999; });
  EXPECT_FALSE(queue.void_heavy());
  EXPECT_EQ(queue.size(), 1999U);
}

}  // namespace
}  // namespace drydock::sim::sim_event_queue_test

// The two structures that everything else stands on: the ordered index of waiting jobs and the queue of pending events.
#include "policies/core/cluster.hpp"
#include "policies/core/rng.hpp"
#include "sim/event_queue.hpp"

#include <benchmark/benchmark.h>
#include <cstdint>

namespace drydock::bench {
namespace {

// One entry out in front, one in at a random place, one search that only the last entries answer.
void ordered_index(benchmark::State& state) {
  WaitingIndex index;
  Rng rng(1, "bench");
  std::uint64_t sequence = 0;
  const auto add = [&] {
    index.insert({.key = {.rank = {static_cast<std::int64_t>(rng.below(1U << 30U)), 0}, .sequence = sequence++},
                  .value = JobRef{0},
                  .summary = {static_cast<std::int64_t>(1 + rng.below(100)), 1, 1}});
  };
  for (std::int64_t i = 0; i < state.range(0); ++i) add();
  for ([[maybe_unused]] auto _ : state) {
    index.erase(index.first()->key);
    add();
    benchmark::DoNotOptimize(index.find([](const LeastDemand& least) { return least.tasks <= 1; }));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(ordered_index)->Name("OrderedIndex")->RangeMultiplier(10)->Range(100, 1'000'000);

// Hold model: the first event out, one in again after an exponential time.
void event_queue(benchmark::State& state) {
  sim::EventQueue<std::uint64_t> queue;
  Rng rng(1, "bench");
  const auto delay = [&] { return static_cast<std::int64_t>(rng.below(60'000'000'000U)); };
  for (std::int64_t i = 0; i < state.range(0); ++i) queue.push(delay(), static_cast<std::uint64_t>(i));
  for ([[maybe_unused]] auto _ : state) {
    const std::int64_t now = queue.top_time();
    queue.push(now + delay(), queue.pop());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(event_queue)->Name("EventQueue")->RangeMultiplier(10)->Range(100, 1'000'000);

}  // namespace
}  // namespace drydock::bench

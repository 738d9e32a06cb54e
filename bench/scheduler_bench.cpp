// Scheduler::step: the cost of one decision (an attempt dispatched, its commit answered, its end taken in, its job
// submitted) must not grow with the workers or with the waiting jobs by more than a logarithm.
#include "bench/busy_cluster.hpp"
#include "policies/catalog.hpp"

#include <benchmark/benchmark.h>
#include <string>
#include <vector>

namespace drydock::bench {
namespace {

void decide(benchmark::State& state, BusyClusterConfig config) {
  config.workers = static_cast<std::uint32_t>(state.range(0));
  config.waiting = static_cast<std::uint64_t>(state.range(1));
  BusyCluster cluster(config);
  for (int i = 0; i < 100; ++i) cluster.round();  // past the start, where all workers were free
  std::uint64_t decisions = 0;
  const std::uint64_t steps = cluster.steps();
  for ([[maybe_unused]] auto _ : state) decisions += cluster.round();
  state.SetItemsProcessed(static_cast<std::int64_t>(decisions));
  state.counters["per_decision"] =
      benchmark::Counter(static_cast<double>(decisions), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["steps_per_round"] =
      benchmark::Counter(static_cast<double>(cluster.steps() - steps), benchmark::Counter::kAvgIterations);
  if (cluster.shadow() != nullptr) state.counters["different"] = static_cast<double>(cluster.shadow()->different);
  state.counters["waiting"] = static_cast<double>(cluster.scheduler().cluster().queue(QueueId{0}).waiting.size());
}

// All placement policies at all sizes: workers at 10^4 waiting jobs, waiting jobs at 10^4 workers.
[[maybe_unused]] const bool kRegistered = [] {
  for (const PolicyInfo& info : policy_catalog()) {
    if (info.family != PolicyFamily::placement) continue;
    const std::string policy{info.type};
    auto* bench = benchmark::RegisterBenchmark(("Decide/" + policy).c_str(),
                                               [policy](benchmark::State& state) { decide(state, {.policy = policy}); });
    bench->ArgNames({"workers", "waiting"})->Unit(benchmark::kMicrosecond)->MinTime(0.2);
    if (policy == "conservative") {  // asks every waiting job again when one ends early: for short queues
      for (const std::int64_t workers : {100, 1'000, 10'000}) bench->Args({workers, 100});
      for (const std::int64_t waiting : {10, 1'000, 10'000}) bench->Args({1'000, waiting});
      continue;
    }
    if (policy == "min-min" || policy == "max-min" ||
        policy == "sufferage") {  // look at all workers for each job of their window
      for (const std::int64_t workers : {100, 1'000, 10'000}) bench->Args({workers, 10'000});
      for (const std::int64_t waiting : {100, 1'000, 100'000, 1'000'000}) bench->Args({1'000, waiting});
      continue;
    }
    for (const std::int64_t workers : {100, 1'000, 100'000}) bench->Args({workers, 10'000});
    for (const std::int64_t waiting : {100, 1'000, 10'000, 100'000, 1'000'000}) bench->Args({10'000, waiting});
  }
  // Half of the estimates are too short: backfilling has to live with many attempts that should have ended.
  for (const std::string policy : {"easy", "easy-sjf", "greedy-backfill"}) {
    auto* bench = benchmark::RegisterBenchmark(("DecideOverdue/" + policy).c_str(), [policy](benchmark::State& state) {
      decide(state, {.policy = policy, .estimate_least = 0.66});
    });
    bench->ArgNames({"workers", "waiting"})->Unit(benchmark::kMicrosecond)->MinTime(0.2);
    for (const std::int64_t workers : {100, 1'000, 10'000, 100'000}) bench->Args({workers, 10'000});
  }
  // Few of those that wait are in memory: the others cost nothing.
  auto* lookahead = benchmark::RegisterBenchmark("DecideLookahead/fcfs", [](benchmark::State& state) {
    decide(state, {.policy = "fcfs", .wide_jobs = 0, .lookahead = 1'000});
  });
  lookahead->ArgNames({"workers", "waiting"})->Unit(benchmark::kMicrosecond)->MinTime(0.2);
  for (const std::int64_t waiting : {1'000, 10'000, 100'000, 1'000'000}) lookahead->Args({10'000, waiting});
  // With a shadow beside it: one that decides the same, one that seldom differs, and one that plans anew where it differs.
  struct Pair {
    std::string policy;
    std::string shadow;
  };
  for (const auto& [policy, beside] :
       std::vector<Pair>{{"fcfs", "fcfs"}, {"fcfs", "easy"}, {"easy", "easy"}, {"easy", "sjf"}, {"easy", "conservative"}}) {
    auto* bench = benchmark::RegisterBenchmark(("DecideShadow/" + policy + "/" + beside).c_str(),
                                               [policy = policy, beside = beside](benchmark::State& state) {
                                                 decide(state, {.policy = policy, .shadow = beside});
                                               });
    bench->ArgNames({"workers", "waiting"})->Unit(benchmark::kMicrosecond)->MinTime(0.2);
    bench->Args({1'000, 1'000});
    if (beside != "conservative") bench->Args({10'000, 10'000})->Args({10'000, 100'000});
  }
  // Demands differ: no pool is just a number of places.
  for (const std::string policy : {"fcfs", "easy", "easy-sjf", "greedy-backfill", "best-fit", "srpt", "priority"}) {
    auto* bench = benchmark::RegisterBenchmark(("DecideMixed/" + policy).c_str(), [policy](benchmark::State& state) {
      decide(state, {.policy = policy, .two_demands = true});
    });
    bench->ArgNames({"workers", "waiting"})->Unit(benchmark::kMicrosecond)->MinTime(0.2);
    for (const std::int64_t workers : {100, 1'000, 10'000, 100'000}) bench->Args({workers, 10'000});
    bench->Args({10'000, 1'000'000});
  }
  return true;
}();

}  // namespace
}  // namespace drydock::bench

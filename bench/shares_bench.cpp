// Workers that share the limits of a service: an hour of saturated requests. The cost is per request where workers are few, and
// per message of the agents where they are many: each answer of the store names all of them. Bad news would be more than a
// microsecond per request with four workers.
#include "sim/shares.hpp"

#include "scenarios/loader.hpp"

#include <benchmark/benchmark.h>
#include <cstdint>
#include <fmt/format.h>
#include <string>

namespace drydock::bench {
namespace {

constexpr Time kEnd = kTimeZero + std::chrono::hours{1};

void share(benchmark::State& state, const std::string& policy) {
  const auto workers = static_cast<std::uint32_t>(state.range(0));
  const std::string text = fmt::format(
      R"({{"cluster": {{"hosts": [{{"name": "node", "count": {0}}}], "stores": {{"redis": {{"latency": "1ms"}}}}}},
           "limits": {{"concurrency": {1}, "requests_per_minute": {2}}},
           "workload": [{{"count": 1, "arrivals": {{"at-once": {{}}}}, "requests": {{"count": 1000000, "duration": "2.9s"}}}}],
           "policies": {{"share": "{3}"}}}})",
      workers, 10 * workers, 200 * workers, policy);
  const auto loaded = scenarios::load_text(text, "bench.json", "");
  if (!loaded) {
    state.SkipWithError(loaded.error().message.c_str());
    return;
  }
  const scenarios::Scenario& scenario = loaded.value().front();
  const sim::Platform platform(scenario);
  std::int64_t requests = 0;
  for ([[maybe_unused]] auto _ : state) {
    const sim::Links links(scenario, 1);
    sim::Shares shares(scenario, platform, 1, links);
    for (std::uint32_t worker = 0; worker < workers; ++worker) {
      shares.started(kTimeZero, worker);
      shares.clients().begin(kTimeZero, {.key = worker, .worker = worker, .tasks = 40, .requests = {.count = 1'000'000}});
    }
    for (shares.happen(kTimeZero); shares.next() <= nanos(kEnd);) shares.happen(time_at(shares.next()));
    requests += static_cast<std::int64_t>(shares.clients().made());
  }
  state.SetItemsProcessed(requests);
}
BENCHMARK_CAPTURE(share, leased, "leased")->Arg(4)->Arg(100)->Name("Shares/leased")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(share, equal_active, "equal-active")
    ->Arg(4)
    ->Arg(100)
    ->Name("Shares/equal_active")
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace drydock::bench

// Where the jobs come from: reading a trace, and drawing a synthetic workload. Both must cost little beside deciding.
#include "scenarios/loader.hpp"
#include "scenarios/trace.hpp"
#include "scenarios/workload.hpp"

#include <benchmark/benchmark.h>
#include <cstdint>
#include <fmt/format.h>
#include <memory>
#include <string>

namespace drydock::bench {
namespace {

constexpr std::int64_t kJobs = 100'000;

std::string swf_text() {
  std::string text = "; Version: 2.2\n; MaxProcs: 1000\n";
  for (std::int64_t job = 1; job <= kJobs; ++job) {
    const std::int64_t runtime = 60 + job * 7919 % 1080;
    text += fmt::format("{} {} -1 {} 1 -1 -1 1 {} -1 1 1 1 1 1 -1 -1 -1\n", job, job / 2, runtime, runtime);
  }
  return text;
}

void read_trace(benchmark::State& state) {
  const std::string text = swf_text();
  for ([[maybe_unused]] auto _ : state) {
    const auto trace = scenarios::read_swf(scenarios::open_memory(text), "bench.swf");
    if (!trace || trace.value().jobs.size() != kJobs) state.SkipWithError("the trace was not read");
  }
  state.SetItemsProcessed(state.iterations() * kJobs);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(read_trace)->Name("ReadSwf")->Unit(benchmark::kMillisecond);

void draw_jobs(benchmark::State& state, const std::string& arrivals, const std::string& duration) {
  const std::string text = R"({"name": "bench", "cluster": {"hosts": [{"name": "node", "count": 1}]},
    "queues": [{"name": "default"}], "pools": [{"name": "main", "hosts": ["node"], "queues": ["default"]}],
    "workload": [{"name": "jobs", "count": 100000, "arrivals": )" +
                           arrivals + R"(, "duration": )" + duration + "}]}";
  const auto loaded = scenarios::load_text(text, "bench.json", ".");
  if (!loaded) {
    state.SkipWithError(loaded.error().message.c_str());
    return;
  }
  for ([[maybe_unused]] auto _ : state) {
    scenarios::Workload workload(loaded.value().front(), 1);
    scenarios::Arrival arrival;
    while (workload.next(arrival)) benchmark::DoNotOptimize(arrival);
  }
  state.SetItemsProcessed(state.iterations() * kJobs);
}
BENCHMARK_CAPTURE(draw_jobs, poisson_exponential, R"({"poisson": {"rate": "1/s"}})", R"({"exponential": {"mean": "1s"}})")
    ->Name("Workload/poisson_exponential")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(draw_jobs, deterministic_lognormal, R"({"deterministic": {"interval": "1s"}})",
                  R"({"lognormal": {"mean": "1s", "cv": 2}})")
    ->Name("Workload/deterministic_lognormal")
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace drydock::bench

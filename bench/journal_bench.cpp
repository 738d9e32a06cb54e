// What a journal costs on top of the decisions it records.
#include "bench/busy_cluster.hpp"

#include <benchmark/benchmark.h>
#include <sstream>

namespace drydock::bench {
namespace {

void write_journal(benchmark::State& state, JournalFormat format) {
  BusyCluster cluster({.policy = "fcfs", .workers = 1'000, .waiting = 1'000});
  std::ostringstream out;
  JournalWriter journal(out, format, {.version = "bench", .scenario = "{}", .variant = "", .seed = 1});
  cluster.journal_to(journal);
  std::int64_t bytes = 0;
  const std::uint64_t steps = cluster.steps();
  for ([[maybe_unused]] auto _ : state) {
    cluster.round();
    if (out.tellp() > 1 << 24) {
      bytes += out.tellp();
      out.str("");
    }
  }
  bytes += out.tellp();
  state.SetBytesProcessed(bytes);
  state.counters["bytes_per_step"] = static_cast<double>(bytes) / static_cast<double>(cluster.steps() - steps);
}
BENCHMARK_CAPTURE(write_journal, binary, JournalFormat::binary)->Name("Journal/binary");
BENCHMARK_CAPTURE(write_journal, json_lines, JournalFormat::json_lines)->Name("Journal/json_lines");

void without_journal(benchmark::State& state) {
  BusyCluster cluster({.policy = "fcfs", .workers = 1'000, .waiting = 1'000});
  for ([[maybe_unused]] auto _ : state) cluster.round();
}
BENCHMARK(without_journal)->Name("Journal/none");

}  // namespace
}  // namespace drydock::bench

// What must hold for any bytes given to a reader: it ends, with a value that can be used or with one line that says what is
// wrong. Used by the fuzzers and by a short run of mutations in the unit tests.
#pragma once

#include "scenarios/loader.hpp"
#include "scenarios/trace.hpp"
#include "scenarios/workload.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace drydock::fuzz {

inline void require(bool good, std::string_view what, std::string_view detail) {
  if (good) return;
  std::fprintf(stderr, "broken: %.*s: %.*s\n", static_cast<int>(what.size()), what.data(), static_cast<int>(detail.size()),
               detail.data());
  std::abort();
}

inline void require_message(const std::string& message) {
  require(!message.empty() && message.size() < 10'000, "a message is one line", message);
  for (const char c : message)
    require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "a message has no control characters", message);
}

// True when the text was a scenario.
inline bool scenario(std::string_view text) {
  scenarios::LoadOptions options;
  options.read_traces = false;
  const auto loaded = scenarios::load_text(text, "fuzz.json", "", options);
  if (!loaded) {
    require_message(loaded.error().message);
    require(!loaded.error().message.starts_with("fuzz.json: breaks the schema at"), "schema and loader agree",
            loaded.error().message);
    return false;
  }
  for (const auto& scenario : loaded.value()) {
    const auto again = scenarios::load_text(scenario.json, "again.json", "", options);
    require(again.ok(), "a resolved scenario loads again", again.ok() ? "" : again.error().message);
    scenarios::Workload workload(scenario, 1);
    scenarios::Arrival arrival;
    Time last{};
    for (int i = 0; i < 20 && workload.next(arrival); ++i) {
      require(
          arrival.at >= last && arrival.work > Duration{0} && arrival.job.estimate > Duration{0} && arrival.job.tasks > 0,
          "jobs make sense", scenario.json);
      last = arrival.at;
    }
  }
  return true;
}

inline bool trace(const Result<scenarios::RawTrace>& trace) {
  if (!trace) {
    require_message(trace.error().message);
    return false;
  }
  std::int64_t last = 0;
  for (const auto& job : trace.value().jobs) {
    require(job.submit_ns >= last && job.runtime_ns > 0 && job.tasks > 0 && job.queue < trace.value().queues.size(),
            "jobs make sense", "");
    last = job.submit_ns;
  }
  const std::vector<scenarios::TraceTarget> targets(trace.value().queues.size(), {0, 64});
  const auto window = scenarios::select_jobs(trace.value(), {}, targets);
  if (!window) require_message(window.error().message);
  return true;
}

inline bool swf(std::string_view bytes) { return trace(scenarios::read_swf(scenarios::open_memory(bytes), "fuzz.swf")); }

inline bool batsim(std::string_view bytes) {
  return trace(scenarios::read_batsim(scenarios::open_memory(bytes), "fuzz.json", 1e9));
}

inline bool journal(std::string_view bytes) {
  return trace(scenarios::read_journal_jobs(scenarios::open_memory(bytes), "fuzz.journal"));
}

inline bool csv(std::string_view bytes) {
  scenarios::CsvColumns columns;
  columns.submit = "submit";
  columns.runtime = {{"runtime", 1e9}, {"tokens", 2e7}};
  columns.tasks = "tasks";
  columns.estimate = "estimate";
  columns.queue = "queue";
  return trace(scenarios::read_csv(scenarios::open_memory(bytes), "fuzz.csv", columns));
}

}  // namespace drydock::fuzz

// A journal as a trace that Chrome's and Perfetto's viewers load (the Trace Event Format of Google, JSON): each worker is a process whose
// threads are what it runs at a time, each attempt on it a complete event; faults and losses are instants, queue lengths counters.
// Written as it goes: memory does not grow with the trace.
#pragma once

#include "reports/happenings.hpp"
#include "reports/timeline.hpp"

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace drydock::reports {

struct ChromeTraceOptions {
  std::string title;                // what the journal is of
  std::vector<std::string> queues;  // names
  std::vector<std::string> hosts;   // of workers, by number; may be shorter
  std::uint64_t most_events = 1'000'000;
};

class ChromeTrace {
 public:
  // The stream is the caller's, who looks at its state after finish().
  ChromeTrace(std::ostream& out, ChromeTraceOptions options);

  // After each step of `all`.
  void step(Time now, const Happenings& all);
  // After finish() of `all`. The faults are those of the scenario until then.
  void finish(Time end, const Happenings& all, std::span<const FaultSpan> faults);

  [[nodiscard]] std::uint64_t events() const { return events_; }
  // That there was no room for.
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }
  // Since when events are left out.
  [[nodiscard]] std::optional<Time> full_since() const { return full_since_; }

 private:
  [[nodiscard]] bool room(Time now);
  void write(const std::string& event);
  void name_worker(WorkerId worker, std::uint32_t lane);
  void attempt(const Stretch& stretch);
  void mark(const WorkerMark& mark);
  void fault(const FaultSpan& fault, std::size_t number, Time end);
  void counter(Time now, const char* name, std::uint64_t value, std::optional<std::uint64_t>& last);

  std::ostream& out_;
  ChromeTraceOptions options_;
  std::set<std::pair<WorkerId, std::uint32_t>> named_;
  std::optional<std::uint64_t> waiting_;
  std::optional<std::uint64_t> running_;
  std::optional<std::uint64_t> workers_;
  std::uint64_t events_ = 0;
  std::uint64_t left_out_ = 0;
  std::optional<Time> full_since_;
  bool first_ = true;
};

}  // namespace drydock::reports

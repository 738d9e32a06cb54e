// One piece of work in a process of its own, from which something comes back whatever becomes of it.
#pragma once

#include "reports/run_result.hpp"

#include <atomic>
#include <functional>
#include <optional>
#include <string>

namespace drydock::sim {

// What came back of work in a child.
struct Returned {
  std::optional<std::string> message;  // that it gave back; nothing: it died before, or was stopped
  std::string end;                     // how it died; empty: it ended by itself
  std::string said;                    // on stderr (which goes nowhere else): the last of it
  bool stopped = false;
};

// Runs `work`, which must not throw, in a child; blocks. When `stop` becomes true the child is killed. Throws std::system_error when
// the system has no more processes.
[[nodiscard]] Returned call_isolated(const std::function<std::string()>& work, const std::atomic<bool>& stop);

// The same for a run. If the child dies, RunResult::error says how, with what it said last. One that was stopped is partial.
[[nodiscard]] reports::RunResult run_isolated(const std::function<reports::RunResult()>& work,
                                              const std::atomic<bool>& stop);

}  // namespace drydock::sim

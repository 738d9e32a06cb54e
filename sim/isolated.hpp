// One piece of work in a process of its own, from which something comes back whatever becomes of it.
#pragma once

#include "reports/run_result.hpp"

#include <atomic>
#include <functional>

namespace drydock::sim {

// Runs `work` in a child and returns its result; blocks. If the child dies, RunResult::error says how, with what it said last on stderr
// (which goes nowhere else). When `stop` becomes true it is killed, and the result is partial. Throws std::system_error when the system
// has no more processes.
[[nodiscard]] reports::RunResult run_isolated(const std::function<reports::RunResult()>& work,
                                              const std::atomic<bool>& stop);

}  // namespace drydock::sim

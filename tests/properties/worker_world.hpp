// A tiny world for worker agents and their dispatcher: a registry with leases, mailboxes, and everything between them lossy. Random,
// by seed. It keeps the truth about what runs where, and notes what must never be.
#pragma once

#include "policies/core/dispatcher.hpp"
#include "policies/core/rng.hpp"
#include "policies/core/worker_agent.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace drydock::properties {

// What is wrong with the product, for tests of the tests.
enum class WorkerBug : std::uint8_t {
  none,
  kills_are_forgotten,      // a worker that ends its incarnation goes on with what it runs
  lost_beats_count,         // a beat whose answer was lost counts as acknowledged
  reports_are_said_once,    // a report is not repeated
  orders_are_said_once,     // nor is an order to a worker
  starts_are_repeated,      // an order that comes again starts the attempt again
  reports_are_taken_early,  // a report is acknowledged before its release is in the store
  numbers_are_forgotten,    // an older attempt is taken after a newer one
  superseded_is_not_heard,  // a worker that was given up is not told
};

struct WorkerWorldConfig {
  std::uint64_t seed = 1;
  WorkerBug bug = WorkerBug::none;
  double loss = 0.1;       // of each message, and of each answer
  bool crashes = true;     // processes die, and come back
  bool pauses = false;     // processes are stopped for a while, and what they run goes on
  bool flushes = true;     // the registry and all mail are lost, now and then
  bool evictions = false;  // single keys are lost, and nobody notices that it was no death
  Duration troubled = std::chrono::seconds{20};
  Duration healing = std::chrono::seconds{60};  // after it, by which all jobs must have ended
};

struct WorkerWorldResult {
  std::vector<std::string> wrong;  // what must never be; at most a few
  std::uint64_t started = 0;       // attempts
  std::uint64_t lost = 0;          // workers that were given up
  std::uint64_t ended = 0;         // jobs
  std::uint64_t stops = 0;         // orders to stop
};
[[nodiscard]] WorkerWorldResult run_worker_world(const WorkerWorldConfig& config);

}  // namespace drydock::properties

// What the parts of one simulated world share: the instant, its pending events, the facts of the round, the metrics.
#pragma once

#include "policies/core/events.hpp"
#include "policies/core/time.hpp"
#include "reports/metrics.hpp"
#include "scenarios/faults/course.hpp"
#include "sim/event_queue.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace drydock::sim {

using scenarios::kEndOfTime;
using scenarios::kMostYears;
// Stands for every time that is too late to be told: later than any run, but it does come.
inline constexpr Time kTooLate = kNever - Duration{1};

enum class Happening : std::uint8_t {
  attempt_end,    // index: job slot; its tasks on dedicated hosts have ended
  host_end,       // index: host; the next task of a shared host ends
  flow_end,       // index: job slot; one of its flows has arrived
  answer,         // index: something about an order to a store is due
  lease_end,      // index: worker that stopped; its lease runs out
  beat,           // index: worker; something about its beats is due
  key_back,       // index: worker whose key in the registry was lost; its next beat arrives
  reading,        // the answer to a reading of the registry
  store_fault,    // something is done to a store
  replicas,       // index: task; something about one of several schedulers is due
  replica_fault,  // something is done to one of them
  trouble,        // index: job slot; its attempt fails, kills its worker or is at its time limit
  crash,          // index: fault process
  session,        // index: host; a session begins, is ready or ends
  repair,         // index: fault process
  worker_start,   // index: worker whose process was killed
  host_speed,     // index: host; it is slow, paused or well again
  late_stop,      // index: job slot; its attempt is told to stop, now that its host is no longer paused
  child_ready,    // index: job slot; the processes that are to run its tasks have started
  report,         // index: job slot; the end of its attempt is told
  report_again,   // index: number of a report; it comes again
  linger_end,     // index: worker that was asked to end; it has waited long enough for the scheduler to know of it
  grace_end,      // index: worker that was asked to end; what it still runs is ended
};

// An event in the queue. Void when its generation is not the present one of what it is about.
struct Pending {
  Pending() = default;
  Pending(Happening what, std::uint32_t about, std::uint32_t of) : kind(what), index(about & (kMost - 1)), generation(of) {}
  static constexpr std::uint32_t kMost = std::uint32_t{1} << 27;

  Happening kind : 5 = Happening::attempt_end;
  std::uint32_t index : 27 = 0;
  std::uint32_t generation = 0;
};
static_assert(sizeof(Pending) == 8);

struct Common {
  Time now{};
  EventQueue<Pending> queue;
  std::vector<Event> facts;  // of the next round at this instant
  reports::Metrics metrics;

  explicit Common(reports::MetricsConfig config) : metrics(std::move(config)) {}

  void at(Time time, Happening kind, std::uint32_t index, std::uint32_t generation) {
    queue.push(nanos(std::min(time, kTooLate)), Pending(kind, index, generation));
  }
};

}  // namespace drydock::sim

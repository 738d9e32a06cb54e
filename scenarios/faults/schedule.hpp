// What the faults of a scenario do, and when, one turn after the other: for a world that carries them out as they come. The draws are
// those of the simulation, which looks at the same courses where it computes ahead.
#pragma once

#include "policies/core/time.hpp"
#include "scenarios/faults/crashes.hpp"
#include "scenarios/faults/host_troubles.hpp"
#include "scenarios/faults/links.hpp"
#include "scenarios/faults/scheduler_faults.hpp"
#include "scenarios/faults/store_faults.hpp"
#include "scenarios/scenario.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace drydock::scenarios {

struct FaultTurn {
  enum class Phase : std::uint8_t {
    prepares,  // Redis is to come back with what it has now
    begins,
    ends,
    strikes,  // it is over at once
  };
  Time at{};              // since the beginning of the scenario
  std::size_t fault = 0;  // index into Scenario::faults
  Phase phase = Phase::begins;
  std::optional<HostIndex> host{};  // of faults that each host has for itself
  std::uint64_t number = 0;         // of the span, from 0; of those that each host has: on this host
  std::uint64_t draw = 0;           // for what is chosen at random then: the scheduler
  std::optional<Duration>
      down{};  // of a worker-stop: from the end of a worker to its next start; nothing: it does not come back
  friend bool operator==(const FaultTurn&, const FaultTurn&) = default;
};
[[nodiscard]] std::string_view name_of(FaultTurn::Phase phase);

// "worker-crash": as in scenarios.
[[nodiscard]] std::string_view type_of(const Fault& fault);

// Turns come by time; of one instant by the fault's index, ends before beginnings. Faults without a course (poison jobs, clocks) have none.
class FaultSchedule {
 public:
  // The scenario must outlive it.
  FaultSchedule(const Scenario& scenario, std::uint64_t seed);

  // kNever when there are no more turns, or none before back() is called.
  [[nodiscard]] Time next() const;
  [[nodiscard]] FaultTurn take();
  // Of a worker-stop, which does not end by itself: the workers of the host that this turn asked to end run again. With mtbf its next
  // turn follows from that.
  void back(const FaultTurn& stop, Time now);

 private:
  struct Span {  // of a course
    std::size_t fault = 0;
    std::optional<HostIndex> host;
    const Course* course = nullptr;
    bool begins_only = false;
    std::uint64_t number = 0;
    bool within = false;
    [[nodiscard]] Time next() const;
  };
  struct Crashing {
    std::uint64_t number = 0;
    bool down = false;
    Time next = kNever;
  };
  [[nodiscard]] FaultTurn take_span(Span& span);
  [[nodiscard]] FaultTurn take_crash(std::uint32_t process);
  [[nodiscard]] FaultTurn take_action();
  [[nodiscard]] FaultTurn take_scheduler();
  [[nodiscard]] std::uint32_t process_of(const FaultTurn& stop) const;

  Crashes crashes_;
  HostTroubles troubles_;
  Links links_;
  StoreFaults stores_;
  SchedulerFaults schedulers_;
  std::vector<Course> orders_;  // of messages and orders, once each
  std::vector<Crashing> crashing_;
  std::vector<Span> spans_;
};

}  // namespace drydock::scenarios

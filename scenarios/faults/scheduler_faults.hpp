// When something is done to one of several schedulers: spans of time, drawn by number.
#pragma once

#include "policies/core/time.hpp"
#include "scenarios/scenario.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace drydock::scenarios {

class SchedulerFaults {
 public:
  SchedulerFaults(const Scenario& scenario, std::uint64_t seed);

  // A span begins or ends. Spans of one course do not overlap.
  struct Turn {
    const SchedulerFault* fault = nullptr;
    std::size_t course = 0;
    std::size_t index = 0;   // of the fault, in Scenario::faults
    std::uint64_t span = 0;  // from 0
    bool begins = true;
  };
  // The time of the next turn; kNever when there is none.
  [[nodiscard]] Time next() const;
  [[nodiscard]] Turn take();
  // Whether the span that began last ends.
  [[nodiscard]] bool ends(std::size_t course) const { return courses_[course].next != kNever; }
  [[nodiscard]] std::size_t courses() const { return courses_.size(); }
  // A random number for this turn; one in [0, count).
  [[nodiscard]] std::uint64_t bits(const Turn& turn) const;
  [[nodiscard]] std::uint64_t draw(const Turn& turn, std::uint64_t count) const;

 private:
  struct Timetable {
    SchedulerFault fault;
    std::size_t index = 0;
    std::uint64_t stream = 0;
    Time next{};
    std::uint64_t turns = 0;  // taken
  };
  void plan(Timetable& course) const;

  std::uint64_t seed_;
  std::vector<Timetable> courses_;
};

}  // namespace drydock::scenarios

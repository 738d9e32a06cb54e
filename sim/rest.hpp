// When a run that is judged (Scenario::must_end_by) has come to rest: all faults are over, nothing was written for long enough that
// a counter beside the store was set to the truth.
#pragma once

#include "policies/core/time.hpp"
#include "scenarios/scenario.hpp"

namespace drydock::sim {

class Rest {
 public:
  explicit Rest(const scenarios::Scenario& scenario);

  [[nodiscard]] bool jobs_are_late(Time now) const { return now > must_end_by_; }
  // The store was written at `changed` for the last time.
  [[nodiscard]] bool reached(Time now, Time changed) const { return now >= later(std::max(changed, healed_), quiet_); }
  // Whether the counter must be right at rest.
  [[nodiscard]] bool counter_is_due() const { return resyncs_ && heals_; }
  // No run goes on for longer.
  [[nodiscard]] Time latest() const { return latest_; }

 private:
  Time must_end_by_{};
  Time healed_{};         // the last fault has ended
  bool heals_ = true;     // all of them end
  bool resyncs_ = false;  // the counter is set anew now and then
  Duration quiet_{};
  Time latest_{};
};

}  // namespace drydock::sim

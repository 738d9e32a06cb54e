// What an attempt has to do on one host: its work, with the checkpoints on the way. Pure arithmetic between work (time on a
// core of speed 1) and service (time on this host, alone, at its normal speed). A service that int64 nanoseconds cannot hold
// is Duration::max().
#pragma once

#include "policies/core/time.hpp"

#include <cstdint>

namespace drydock::sim {

struct WorkPlan {
  Duration work{};      // left to do, > 0
  double speed = 1.0;   // of the host
  Duration restart{};   // service before the work begins
  Duration interval{};  // work between two checkpoints; 0: none are written
  Duration cost{};      // service to write one
};

struct WorkDone {
  Duration all{};    // since the attempt began; less than the plan's work
  Duration saved{};  // of it, held by finished checkpoints
};

// Service that `work` takes at `speed`, to the nearest nanosecond (exact at speed 1), at least 1 ns.
[[nodiscard]] Duration service_of(Duration work, double speed);

// Checkpoints written on the way: one after each interval of work, none at the end.
[[nodiscard]] std::int64_t checkpoints_in(const WorkPlan& plan);

// Service of the whole plan.
[[nodiscard]] Duration total_service(const WorkPlan& plan);

// What has been done after part of that service.
[[nodiscard]] WorkDone work_done(const WorkPlan& plan, Duration received);

}  // namespace drydock::sim

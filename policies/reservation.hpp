// When the job at the head of a pool could start, by the estimates of what runs, and what may run before it without making
// it wait longer: the arithmetic behind EASY and greedy backfilling.
#pragma once

#include "policies/core/outlook.hpp"
#include "policies/core/placement_policy.hpp"

#include <span>
#include <vector>

namespace drydock {

class Reservation {
 public:
  // For a waiting job that does not fit now. O(log n) when all demands in the pool are equal, else one step per placement
  // of the attempts that end before the job can start.
  void make(const PassContext& pass, JobRef head);

  // The earliest time at which enough has ended; kNever when even all ends would not make room.
  [[nodiscard]] Time shadow() const { return shadow_; }

  // Whether a job that starts now on these workers, ending at `end`, leaves room for the head at its shadow time; if so,
  // the room is taken.
  bool admit(const Job& job, std::span<const Placement> placements, Time end);

  // Whether a job with this demand might be admitted, on the fastest worker: false rules it out.
  [[nodiscard]] bool may_admit(const LeastDemand& demand) const;

 private:
  void make_scalar(const Pool& pool, const Job& head);
  void make_general(const PassContext& pass, const Job& head);

  bool scalar_ = false;
  Time now_{};
  Time shadow_ = kNever;
  std::int64_t window_ns_ = 0;  // estimated work that a job may have to end by the shadow time on the fastest worker
  std::int64_t extra_ = 0;      // tasks of the head's demand that fit beside it at the shadow time
  Outlook outlook_;             // at the shadow time, when not scalar
};

}  // namespace drydock

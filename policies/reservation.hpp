// When the job at the head of a pool could start, by the estimates of what runs, and what may run before it without making
// it wait longer: the arithmetic behind EASY and greedy backfilling.
#pragma once

#include "policies/core/outlook.hpp"
#include "policies/core/placement_policy.hpp"
#include "policies/vain_searches.hpp"

#include <span>
#include <vector>

namespace drydock {

// Workers with room that are looked at for one job, when those that the fit offers will not do: a pass may come to many such
// jobs, and must not look at all workers for each.
inline constexpr std::size_t kWorkersTried = 256;

// Searches for faster workers than the fit offers.
class InTime {
 public:
  void begin() { vain_.clear(); }  // a pass
  // Workers, in the order of the fit, on which a job that starts now ends by `end`. `out` holds those that the fit offers,
  // which are too slow.
  [[nodiscard]] bool find_workers(const PassContext& pass, const Job& job, Time end, std::vector<Placement>& out);

 private:
  VainSearches vain_;  // one head, and so one `end`, in a pass
};

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

  // Workers on which a job may start now without making the head wait longer; the room is taken. Those that the fit offers
  // if they will do, else others, looked at in the order of the fit: fast ones on which it ends by the shadow time, or such
  // that the head's tasks still all fit then: first where that takes nothing from the head, then as far as it can spare it.
  [[nodiscard]] bool find_workers(const PassContext& pass, const Job& job, std::vector<Placement>& out);

  // Whether a job with this demand might be admitted, on the fastest worker: false rules it out.
  [[nodiscard]] bool may_admit(const LeastDemand& demand) const;

 private:
  struct Offer {
    WorkerId worker;
    std::int64_t room = 0;   // for so many tasks now
    std::int64_t tasks = 0;  // so many it is to get
  };

  void make_scalar(const Pool& pool, const Job& head);
  void make_general(const PassContext& pass, const Job& head);
  [[nodiscard]] bool find_workers_beside(const PassContext& pass, const Job& job, std::vector<Placement>& out);
  std::int64_t offer_what_costs_nothing(const PassContext& pass, const Job& job);
  std::int64_t offer_what_can_be_spared(const Job& job, std::int64_t missing);
  [[nodiscard]] std::int64_t most_tasks(const Job& job, const Offer& offer, std::int64_t cost) const;

  bool scalar_ = false;
  Time now_{};
  Time shadow_ = kNever;
  std::int64_t window_ns_ = 0;  // estimated work that a job may have to end by the shadow time on the fastest worker
  std::int64_t extra_ = 0;      // tasks of the head's demand that fit beside it at the shadow time
  Outlook outlook_;             // at the shadow time, when not scalar
  InTime in_time_;
  VainSearches vain_;          // beside the head
  std::vector<Offer> offers_;  // scratch
};

}  // namespace drydock

#include "policies/reservation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace drydock {

void Reservation::make(const PassContext& pass, JobRef head_ref) {
  const Pool& pool = pass.cluster.pool(pass.pool);
  const Job& head = pass.cluster.job(head_ref);
  now_ = pass.now;
  scalar_ = pool.is_scalar();
  shadow_ = kNever;
  extra_ = 0;
  if (scalar_) make_scalar(pool, head);
  else make_general(pass, head);
  // One nanosecond of slack: may_admit only rules out, admit() decides.
  const double window_ns = std::ceil(static_cast<double>(nanos(shadow_ - now_)) * pool.speed_max) + 1;
  const bool endless = shadow_ == kNever || window_ns >= 0x1.0p62;
  window_ns_ = endless ? std::numeric_limits<std::int64_t>::max() : static_cast<std::int64_t>(window_ns);
}

void Reservation::make_scalar(const Pool& pool, const Job& head) {
  const std::int64_t missing = head.spec.tasks - pool.free_units;
  std::int64_t ended = 0;
  const auto* entry = pool.by_estimated_end.find([&](const EndSum& sum) {
    if (ended + sum.tasks >= missing) return true;
    ended += sum.tasks;
    return false;
  });
  if (entry == nullptr) return;
  shadow_ = std::max(entry->key.at, now_);  // what has outlived its estimate may end at any moment
  // All that end by then: those of the same instant, and all that have outlived their estimates.
  ended += entry->summary.tasks;
  (void)pool.by_estimated_end.find_after(entry->key, [&](const EndSum& sum) {
    if (sum.last > shadow_) return true;
    ended += sum.tasks;
    return false;
  });
  extra_ = ended - missing;
}

void Reservation::make_general(const PassContext& pass, const Job& head) {
  const Pool& pool = pass.cluster.pool(pass.pool);
  outlook_.begin(pass.cluster, pass.pool, head.spec.per_task);
  const auto* entry = pool.by_estimated_end.first();
  while (entry != nullptr && (shadow_ == kNever || entry->key.at <= shadow_)) {
    outlook_.release(pass.cluster.job(entry->value));
    if (shadow_ == kNever && outlook_.fitting() >= head.spec.tasks) shadow_ = std::max(entry->key.at, now_);
    entry = pool.by_estimated_end.next(entry->key);
  }
  extra_ = outlook_.fitting() - head.spec.tasks;
}

bool Reservation::may_admit(const LeastDemand& demand) const {
  if (demand.remaining_ns <= window_ns_) return true;
  return !scalar_ || demand.tasks <= extra_;  // otherwise it may use what is of no use to the head
}

bool Reservation::admit(const Job& job, std::span<const Placement> placements, Time end) {
  if (end <= shadow_) {
    if (!scalar_) outlook_.keep(placements);
    return true;
  }
  if (scalar_) {
    if (job.spec.tasks > extra_) return false;
    extra_ -= job.spec.tasks;
    return true;
  }
  const std::int64_t needed = outlook_.fitting() - extra_;
  outlook_.take(placements, job.spec.per_task);
  if (outlook_.fitting() < needed) {
    outlook_.undo_take(placements, job.spec.per_task);
    return false;
  }
  extra_ = outlook_.fitting() - needed;
  return true;
}

}  // namespace drydock

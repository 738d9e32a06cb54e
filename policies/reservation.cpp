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
  in_time_.begin();
  vain_.clear();
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

bool Reservation::find_workers(const PassContext& pass, const Job& job, std::vector<Placement>& out) {
  const auto admitted = [&] { return admit(job, out, pass.cluster.estimated_end(job, out, pass.now)); };
  if (!pass.cluster.find_workers(pass.pool, job, out)) return false;
  if (admitted()) return true;
  if (nanos(job.remaining()) <= window_ns_ && in_time_.find_workers(pass, job, shadow_, out)) return admitted();
  return !scalar_ && find_workers_beside(pass, job, out) && admitted();
}

bool Reservation::find_workers_beside(const PassContext& pass, const Job& job, std::vector<Placement>& out) {
  const SoughtRoom sought{job.spec.per_task, job.spec.tasks, Duration{0}};
  if (vain_.rule_out(sought)) return false;
  const std::int64_t missing = offer_what_costs_nothing(pass, job);
  if (offer_what_can_be_spared(job, missing) > 0) {
    vain_.add(sought);
    return false;
  }
  out.clear();
  for (const Offer& offer : offers_) {
    if (offer.tasks > 0) out.push_back({offer.worker, static_cast<std::uint32_t>(offer.tasks)});
  }
  return true;
}

// Fills offers_; returns how many tasks have no place yet.
std::int64_t Reservation::offer_what_costs_nothing(const PassContext& pass, const Job& job) {
  const Pool& pool = pass.cluster.pool(pass.pool);
  std::int64_t missing = job.spec.tasks;
  offers_.clear();
  pool.fits.for_each_fitting(job.spec.per_task, [&](std::uint32_t position, const Resources& room) {
    Offer offer{pool.workers[position], std::min(missing, fit_count(job.spec.per_task, room)), 0};
    offer.tasks = most_tasks(job, offer, 0);
    missing -= offer.tasks;
    offers_.push_back(offer);
    return missing > 0 && offers_.size() < kWorkersTried;
  });
  return missing;
}

std::int64_t Reservation::offer_what_can_be_spared(const Job& job, std::int64_t missing) {
  std::int64_t spare = extra_;
  for (Offer& offer : offers_) {
    if (missing == 0 || spare <= 0) break;
    const std::int64_t before = offer.tasks;
    offer.room = std::min(offer.room, before + missing);
    offer.tasks = most_tasks(job, offer, spare);
    missing -= offer.tasks - before;
    spare -= outlook_.loss(offer.worker, job.spec.per_task * offer.tasks);
  }
  return missing;
}

// As many as the worker has room for, of those that cost the head no more than so many tasks: each costs it more, or nothing.
std::int64_t Reservation::most_tasks(const Job& job, const Offer& offer, std::int64_t cost) const {
  const auto affordable = [&](std::int64_t tasks) { return outlook_.loss(offer.worker, job.spec.per_task * tasks) <= cost; };
  if (affordable(offer.room)) return offer.room;
  std::int64_t most = offer.tasks;
  for (std::int64_t too_many = offer.room; most + 1 < too_many;) {
    const std::int64_t middle = most + (too_many - most) / 2;
    (affordable(middle) ? most : too_many) = middle;
  }
  return most;
}

bool InTime::find_workers(const PassContext& pass, const Job& job, Time end, std::vector<Placement>& out) {
  const Pool& pool = pass.cluster.pool(pass.pool);
  const SoughtRoom sought{job.spec.per_task, job.spec.tasks, job.remaining()};
  if (pass.cluster.speed_of(out) >= pool.speed_max || vain_.rule_out(sought)) return false;
  std::int64_t missing = job.spec.tasks;
  std::size_t tried = 0;
  out.clear();
  pool.fits.for_each_fitting(job.spec.per_task, [&](std::uint32_t position, const Resources& room) {
    const std::int64_t tasks = std::min(missing, fit_count(job.spec.per_task, room));
    const Placement placement{pool.workers[position], static_cast<std::uint32_t>(tasks)};
    if (pass.cluster.estimated_end(job, {&placement, 1}, pass.now) <= end) {
      out.push_back(placement);
      missing -= tasks;
    }
    return missing > 0 && ++tried < kWorkersTried;
  });
  if (missing > 0) vain_.add(sought);
  return missing == 0;
}

}  // namespace drydock

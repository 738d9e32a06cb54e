#include "policies/core/planner.hpp"

#include <algorithm>
#include <exception>

namespace drydock {

PlacementTraits cluster_traits(const PlacementPolicy& placement, const IsolationPolicy* isolation, bool aggregate) {
  PlacementTraits traits = placement.traits();
  if (aggregate) traits.fit = Fit::worst;  // no worker's cpus say no: the emptiest is next
  traits.preempts = traits.preempts || (isolation != nullptr && isolation->traits().preempts);
  return traits;
}

Planner::Planner(PlacementPolicy& placement, IsolationPolicy* isolation, Cluster& cluster, Rng rng)
    : placement_(placement),
      isolation_(isolation),
      traits_(isolation != nullptr ? isolation->traits() : IsolationTraits{.fixed = true}),
      order_changes_(placement.traits().order_changes),
      cluster_(cluster),
      rng_(rng),
      plan_(cluster, PoolId{}, Time{}) {}

void Planner::open_turns() {
  for (std::uint32_t p = 0; isolation_ != nullptr && p < cluster_.pools().size(); ++p) {
    guarded("the isolation policy beside it", [&] {
      isolation_->open({Time{}, PoolId{p}, cluster_}, cluster_.turns(PoolId{p}));
    });
  }
}

template <class Call>
void Planner::guarded(std::string_view who, const Call& call) {
  try {
    call();
  } catch (const std::exception& error) {
    error_ = std::string(who) + " threw an exception: " + error.what();
  } catch (...) {
    error_ = std::string(who) + " threw something that is not a std::exception";
  }
}

Time Planner::wakeup(PoolId pool) const {
  return std::min(placement_.next_wakeup(pool), turns_change() ? isolation_->next_wakeup(pool) : kNever);
}

void Planner::wake(Time now) {
  for (std::uint32_t p = 0; p < cluster_.pools().size(); ++p) {
    if (wakeup(PoolId{p}) <= now) cluster_.call_for_pass(PoolId{p});
  }
}

Time Planner::next_wakeup(Time now) const {
  Time at = kNever;
  for (std::uint32_t p = 0; p < cluster_.pools().size(); ++p) {
    if (const Time next = wakeup(PoolId{p}); next > now) at = std::min(at, next);
  }
  return at;
}

// Until no pool has changes: what one pool takes from a shared queue is a change for the others. Each round takes a job. Where
// pools lend, all of them take their own first; what a loan changes for a pool comes before its own lending. Only what then
// still waits is a reason to stop something: what another pool has room for is not.
bool Planner::pass(Time now) {
  now_ = now;
  started_.clear();
  displaced_.clear();
  acts_.clear();
  const auto is_dirty = [](const Pool& pool) { return pool.dirty; };
  while (!failed() && std::ranges::any_of(cluster_.pools(), is_dirty)) {
    planned_.clear();
    for (std::uint32_t p = 0; p < cluster_.pools().size() && !failed(); ++p) {
      if (!cluster_.pools()[p].dirty) continue;
      plan_pool(PoolId{p}, false);
      planned_.push_back(PoolId{p});
    }
    if (!traits_.lends) continue;
    for (const PoolId pool : planned_) {
      if (!failed() && !cluster_.pool(pool).dirty) plan_pool(pool, true);
    }
  }
  for (std::uint32_t p = 0; traits_.preempts && p < cluster_.pools().size() && !failed(); ++p) reclaim(PoolId{p});
  return !failed();
}

void Planner::plan_pool(PoolId pool, bool lending) {
  IsolationPolicy* const isolation = turns_change() ? isolation_ : nullptr;
  const IsolationPass open{now_, pool, cluster_, lending};
  plan_.begin({.pool = pool, .now = now_, .isolation = isolation, .lending = lending});
  guarded("it", [&] {
    if (order_changes_ && !lending) {
      cluster_.rank_again(pool, [this](const Job& job) { return placement_.rank(job, cluster_); });
    }
    if (isolation != nullptr) isolation->open(open, cluster_.turns(pool));
    // A start may change whose turn it is, and so the job that is first: the policy is asked again until it starts nothing.
    for (bool again = true; again;) {
      const std::size_t before = plan_.started().size();
      placement_.plan(PassContext{now_, pool, cluster_, rng_}, plan_);
      again = isolation != nullptr && !plan_.error() && plan_.started().size() > before;
    }
  });
  if (!failed() && plan_.error()) error_ = "it broke a rule: " + *plan_.error();
  cluster_.clear_changes(pool);
  if (failed()) return;
  started_.insert(started_.end(), plan_.started().begin(), plan_.started().end());
  displaced_.insert(displaced_.end(), plan_.preempted().begin(), plan_.preempted().end());
}

void Planner::reclaim(PoolId pool) {
  const IsolationPass open{now_, pool, cluster_};
  plan_.begin({.pool = pool, .now = now_});
  guarded("the isolation policy beside it", [&] {
    isolation_->open(open, cluster_.turns(pool));
    isolation_->reclaim(open, plan_);
  });
  if (failed()) return;
  if (plan_.error()) error_ = "the isolation policy beside it broke a rule: " + *plan_.error();
  else displaced_.insert(displaced_.end(), plan_.preempted().begin(), plan_.preempted().end());
}

}  // namespace drydock

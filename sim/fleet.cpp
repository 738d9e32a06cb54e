#include "sim/fleet.hpp"

#include <algorithm>
#include <utility>

namespace drydock::sim {

Fleet::Fleet(const Platform& platform, Crashes crashes, const LivenessPolicy& liveness, bool eager, SimGridEngine& engine,
             Executor& executor, Common& common)
    : platform_(platform),
      crashes_(std::move(crashes)),
      liveness_(liveness),
      interval_(liveness.interval()),
      eager_(eager),
      engine_(engine),
      executor_(executor),
      common_(common),
      hosts_(platform.hosts().size()),
      workers_(platform.workers().size()) {}

void Fleet::start() {
  for (HostIndex host = 0; host < hosts_.size(); ++host) note_capacity(host, true);
  for (std::uint32_t worker = 0; worker < workers_.size(); ++worker) register_worker(worker);
  for (std::uint32_t process = 0; process < crashes_.process_count(); ++process) {
    if (const auto up = crashes_.until_crash(process)) common_.at(later(common_.now, *up), Happening::crash, process, 0);
  }
}

bool Fleet::reachable(std::span<const Placement> placements) const {
  return std::ranges::all_of(placements, [this](const Placement& p) { return workers_[index(p.worker)].alive; });
}

void Fleet::register_worker(std::uint32_t worker) {
  WorkerState& state = workers_[worker];
  if (state.believed) tell_dead(worker);
  ++state.incarnation;
  state.alive = state.believed = true;
  state.registered = state.last_beat = common_.now;
  common_.facts.emplace_back(WorkerRegistered{WorkerId{worker}, state.incarnation, platform_.workers()[worker].spec});
  if (!interval_) return;
  const Time next_beat = later(common_.now, *interval_);
  // A lease shorter than the interval ends between two beats of a worker that lives.
  const Time lease_until = liveness_.expiry(common_.now);
  if (lease_until < next_beat) common_.at(lease_until, Happening::lease_end, worker, state.incarnation);
  if (eager_) common_.at(next_beat, Happening::beat, worker, state.incarnation);
}

void Fleet::beat(std::uint32_t worker, std::uint32_t incarnation) {
  WorkerState& state = workers_[worker];
  if (!state.alive || state.incarnation != incarnation) {
    common_.queue.drop_void();
    return;
  }
  state.last_beat = common_.now;
  common_.at(later(common_.now, *interval_), Happening::beat, worker, incarnation);
}

Time Fleet::last_beat(const WorkerState& state) const {
  if (eager_) return state.last_beat;
  return state.registered + (common_.now - state.registered) / *interval_ * *interval_;
}

// The process of a worker is gone; what it ran is dead already.
void Fleet::lose(std::uint32_t worker) {
  WorkerState& state = workers_[worker];
  if (!state.alive) return;
  state.alive = false;
  common_.metrics.worker_time(common_.now - state.registered);
  if (!interval_) {
    tell_dead(worker);
    return;
  }
  if (eager_) common_.queue.add_void();
  state.lease_until = std::max(common_.now, liveness_.expiry(last_beat(state)));
  if (state.lease_until == kNever) return;
  ++pending_leases_;
  common_.at(state.lease_until, Happening::lease_end, worker, state.incarnation);
}

// The scheduler learns that the process is gone: by its lease, or by its successor (which may come first).
void Fleet::tell_dead(std::uint32_t worker) {
  WorkerState& state = workers_[worker];
  if (state.lease_until == kNever || state.lease_until == common_.now) {
    common_.facts.emplace_back(LeaseExpired{WorkerId{worker}, state.incarnation});
  }
  if (state.lease_until != kNever) --pending_leases_;
  state.lease_until = kNever;
  state.believed = false;
  common_.metrics.detected(common_.now - hosts_[platform_.workers()[worker].host].crashed);
}

void Fleet::lease_end(std::uint32_t worker, std::uint32_t incarnation) {
  WorkerState& state = workers_[worker];
  if (state.incarnation != incarnation || !state.believed) {
    common_.queue.drop_void();
    return;
  }
  if (!state.alive) {
    if (state.lease_until == common_.now) tell_dead(worker);
    return;
  }
  // Alive, but its lease ran out: it stops what it runs and comes back as a new process at its next beat.
  executor_.kill_on_worker(WorkerId{worker});
  state.alive = state.believed = false;
  common_.metrics.worker_time(common_.now - state.registered);
  common_.metrics.false_expiry();
  common_.facts.emplace_back(LeaseExpired{WorkerId{worker}, incarnation});
  if (eager_) common_.queue.add_void();
  ++returning_hosts_;
  common_.at(later(state.registered, *interval_), Happening::worker_return, worker, incarnation);
}

void Fleet::worker_return(std::uint32_t worker, std::uint32_t incarnation) {
  --returning_hosts_;
  if (workers_[worker].incarnation == incarnation && hosts_[platform_.workers()[worker].host].down_by == 0)
    register_worker(worker);
}

void Fleet::crash(std::uint32_t process) {
  const HostIndex index = crashes_.host_of(process);
  HostState& host = hosts_[index];
  const bool was_up = host.down_by == 0;
  const bool returned = returns(host);
  const std::optional<Duration> down = crashes_.until_repair(process);
  ++host.down_by;
  if (down) common_.at(later(common_.now, *down), Happening::repair, process, 0);
  else ++host.for_ever_by;
  if (returned && !returns(host)) --returning_hosts_;
  if (!returned && returns(host)) ++returning_hosts_;
  if (!was_up) return;
  ++hosts_down_;
  host.crashed = common_.now;
  executor_.kill_on_host(index);
  engine_.set_host_on(index, false);
  note_capacity(index, false);
  for (const WorkerId worker : platform_.hosts()[index].workers) lose(worker.value);
}

void Fleet::repair(std::uint32_t process) {
  const HostIndex index = crashes_.host_of(process);
  HostState& host = hosts_[index];
  if (const auto up = crashes_.until_crash(process)) common_.at(later(common_.now, *up), Happening::crash, process, 0);
  --host.down_by;
  if (host.down_by > 0) return;
  --returning_hosts_;
  --hosts_down_;
  return_host(index);
}

void Fleet::return_host(HostIndex index) {
  engine_.set_host_on(index, true);
  note_capacity(index, true);
  for (const WorkerId worker : platform_.hosts()[index].workers) register_worker(worker.value);
}

void Fleet::note_capacity(HostIndex host, bool up) {
  const std::int64_t milli = std::int64_t{platform_.hosts()[host].cpus} * 1000;
  common_.metrics.capacity(common_.now, up ? milli : -milli, platform_.pools_of(host));
}

bool Fleet::is_void(const Pending& pending) const {
  if (pending.kind != Happening::beat) return false;
  const WorkerState& state = workers_[pending.index];
  return !state.alive || state.incarnation != pending.generation;
}

void Fleet::close_books() {
  for (const WorkerState& state : workers_) {
    if (state.alive) common_.metrics.worker_time(common_.now - state.registered);
  }
  const double hours = seconds(common_.now) / 3600;
  double cost = 0;
  for (const HostFacts& host : platform_.hosts()) cost += host.cost_per_hour * hours;
  common_.metrics.cost(cost);
}

}  // namespace drydock::sim

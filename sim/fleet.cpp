#include "sim/fleet.hpp"

#include <algorithm>
#include <utility>

namespace drydock::sim {

Fleet::Fleet(const Platform& platform, Crashes crashes, BeatChannel channel, const LivenessPolicy& liveness, Config config,
             SimGridEngine& engine, Executor& executor, Common& common)
    : platform_(platform),
      crashes_(std::move(crashes)),
      channel_(std::move(channel)),
      liveness_(liveness),
      beats_(liveness.interval().has_value()),
      config_(config),
      engine_(engine),
      executor_(executor),
      common_(common),
      hosts_(platform.hosts().size()),
      workers_(platform.workers().size()),
      tracks_(beats_ ? workers_.size() : 0) {}

void Fleet::start() {
  for (HostIndex host = 0; host < hosts_.size(); ++host) note_capacity(host, true);
  for (std::uint32_t worker = 0; worker < workers_.size(); ++worker) start_process(worker);
  read_registry();
  for (std::uint32_t process = 0; process < crashes_.process_count(); ++process) {
    if (const auto up = crashes_.until_crash(process)) common_.at(later(common_.now, *up), Happening::crash, process, 0);
  }
}

bool Fleet::reachable(std::span<const Placement> placements) const {
  return std::ranges::all_of(placements, [this](const Placement& p) {
    const WorkerState& state = workers_[index(p.worker)];
    return state.running && state.trusted && state.told == state.incarnation;
  });
}

// --- processes ---

void Fleet::start_process(std::uint32_t worker) {
  WorkerState& state = workers_[worker];
  // Its predecessor's lease may still run; the scheduler is told that it ended only where that is due at this very instant.
  if (state.lease_until == common_.now) distrust(worker);
  else if (state.lease_until != kNever) --pending_leases_;
  state.lease_until = kNever;
  ++state.incarnation;
  state.running = state.trusted = true;
  state.started = common_.now;
  if (watcher_ != nullptr) watcher_->process_started(WorkerId{worker});
  change(worker);
  if (!beats_) return;
  const BeatChannel::Sender sender{.worker = worker, .process = state.processes++, .host = platform_.workers()[worker].host};
  tracks_[worker].start(liveness_, channel_, sender, common_.now);
  plan_beats(worker);
}

// The process of a worker is gone; what it ran is dead already.
void Fleet::stop_process(std::uint32_t worker) {
  WorkerState& state = workers_[worker];
  state.running = false;
  if (watcher_ != nullptr) watcher_->process_stopped(WorkerId{worker});
  state.crashed = common_.now;
  common_.metrics.worker_time(common_.now - state.started);
  ++state.generation;
  if (state.planned) common_.queue.add_void();
  if (!state.trusted) --returning_;
  state.awaited = state.told_live;
  if (!state.told_live) common_.metrics.detected(Duration{0});
  if (!state.trusted) return;
  if (!beats_) {
    distrust(worker);
    return;
  }
  state.lease_until = std::max(common_.now, tracks_[worker].trusted_after_stop(common_.now));
  if (state.lease_until == kNever) return;
  ++pending_leases_;
  common_.at(state.lease_until, Happening::lease_end, worker, state.incarnation);
}

void Fleet::lease_end(std::uint32_t worker, std::uint32_t incarnation) {
  const WorkerState& state = workers_[worker];
  if (state.incarnation == incarnation && state.lease_until == common_.now) distrust(worker);
}

// --- beats ---

void Fleet::plan_beats(std::uint32_t worker) {
  WorkerState& state = workers_[worker];
  const Time next = tracks_[worker].next(config_.eager);
  state.planned = next != kNever;
  if (state.planned) common_.at(next, Happening::beat, worker, state.generation);
}

void Fleet::beat(std::uint32_t worker, std::uint32_t generation) {
  WorkerState& state = workers_[worker];
  if (state.generation != generation) {
    common_.queue.drop_void();
    return;
  }
  if (const auto turn = tracks_[worker].advance()) {
    if (*turn == BeatTrack::Turn::suspected) {
      executor_.kill_on_worker(WorkerId{worker});
      common_.metrics.false_expiry();
      ++returning_;
      distrust(worker);
    } else {
      --returning_;
      ++state.incarnation;
      state.trusted = true;
      change(worker);
    }
  }
  plan_beats(worker);
}

// --- what the scheduler learns ---

void Fleet::distrust(std::uint32_t worker) {
  WorkerState& state = workers_[worker];
  if (state.lease_until != kNever) --pending_leases_;
  state.lease_until = kNever;
  state.trusted = false;
  change(worker);
}

// What the registry holds about a worker is another now.
void Fleet::change(std::uint32_t worker) {
  if (!config_.reading || !beats_) {
    tell(worker);
    return;
  }
  if (workers_[worker].changed) return;
  workers_[worker].changed = true;
  if (changed_.empty()) {
    const Duration past = common_.now.time_since_epoch() % *config_.reading;
    common_.at(past == Duration{0} ? common_.now : later(common_.now, *config_.reading - past), Happening::reading, 0, 0);
  }
  changed_.push_back(worker);
}

void Fleet::read_registry() {
  for (const std::uint32_t worker : changed_) {
    workers_[worker].changed = false;
    tell(worker);
  }
  changed_.clear();
}

// That another incarnation registered implies that the one before is gone.
void Fleet::tell(std::uint32_t worker) {
  WorkerState& state = workers_[worker];
  const bool gone = state.told_live && (!state.trusted || state.told != state.incarnation);
  if (gone && !state.trusted) common_.facts.emplace_back(LeaseExpired{WorkerId{worker}, state.told});
  if (gone && state.awaited) {
    common_.metrics.detected(common_.now - state.crashed);
    state.awaited = false;
  }
  if (state.trusted && (!state.told_live || gone)) {
    common_.facts.emplace_back(WorkerRegistered{WorkerId{worker}, state.incarnation, platform_.workers()[worker].spec});
  }
  state.told_live = state.trusted;
  state.told = state.incarnation;
}

// --- hosts ---

void Fleet::crash(std::uint32_t process) {
  const HostIndex index = crashes_.host_of(process);
  HostState& host = hosts_[index];
  const bool was_up = host.down_by == 0;
  const bool returned = returns(host);
  const std::optional<Duration> down = crashes_.until_repair(process);
  ++host.down_by;
  if (down) common_.at(later(common_.now, *down), Happening::repair, process, 0);
  else ++host.for_ever_by;
  if (returned && !returns(host)) --returning_;
  if (!returned && returns(host)) ++returning_;
  if (!was_up) return;
  ++hosts_down_;
  executor_.kill_on_host(index);
  engine_.set_host_on(index, false);
  note_capacity(index, false);
  for (const WorkerId worker : platform_.hosts()[index].workers) stop_process(worker.value);
}

void Fleet::repair(std::uint32_t process) {
  const HostIndex index = crashes_.host_of(process);
  HostState& host = hosts_[index];
  if (const auto up = crashes_.until_crash(process)) common_.at(later(common_.now, *up), Happening::crash, process, 0);
  --host.down_by;
  if (host.down_by > 0) return;
  --returning_;
  --hosts_down_;
  return_host(index);
}

void Fleet::return_host(HostIndex index) {
  engine_.set_host_on(index, true);
  note_capacity(index, true);
  for (const WorkerId worker : platform_.hosts()[index].workers) start_process(worker.value);
}

void Fleet::note_capacity(HostIndex host, bool up) {
  const std::int64_t milli = std::int64_t{platform_.hosts()[host].cpus} * 1000;
  common_.metrics.capacity(common_.now, up ? milli : -milli, platform_.pools_of(host));
}

bool Fleet::is_void(const Pending& pending) const {
  return pending.kind == Happening::beat && workers_[pending.index].generation != pending.generation;
}

void Fleet::close_books() {
  for (const WorkerState& state : workers_) {
    if (state.running) common_.metrics.worker_time(common_.now - state.started);
  }
  const double hours = seconds(common_.now) / 3600;
  double cost = 0;
  for (const HostFacts& host : platform_.hosts()) cost += host.cost_per_hour * hours;
  common_.metrics.cost(cost);
}

}  // namespace drydock::sim

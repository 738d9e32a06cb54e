#include "sim/fleet.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace drydock::sim {

Fleet::Fleet(const Platform& platform, Crashes crashes, BeatChannel channel, const LivenessPolicy& liveness, Config config,
             const Links& links, SimGridEngine& engine, Executor& executor, Common& common)
    : platform_(platform),
      crashes_(std::move(crashes)),
      channel_(std::move(channel)),
      liveness_(liveness),
      beats_(liveness.interval().has_value()),
      config_(config),
      links_(links),
      engine_(engine),
      executor_(executor),
      common_(common),
      hosts_(platform.hosts().size()),
      workers_(platform.workers().size()),
      tracks_(beats_ ? workers_.size() : 0) {
  executor_.set_loop_watcher(*this);
}

void Fleet::start() {
  for (HostIndex host = 0; host < hosts_.size(); ++host) {
    if (const SessionRules* rules = platform_.hosts()[host].sessions) {
      hosts_[host].away = true;
      if (rules->idle_stop) stopping_idle_.push_back(sessions_.size());
      sessions_.push_back({.host = host, .keeper = SessionKeeper(*rules, common_.now)});
    } else {
      note_capacity(host, true);
    }
  }
  for (std::uint32_t worker = 0; worker < workers_.size(); ++worker) {
    if (!hosts_[platform_.workers()[worker].host].away) start_process(worker);
  }
  for (Sessions& sessions : sessions_) carry_out(sessions, SessionKeeper::Turn::none);
  if (!config_.is_read) (void)read_registry();
  for (std::uint32_t process = 0; process < crashes_.process_count(); ++process) {
    if (const auto up = crashes_.until_crash(process)) common_.at(later(common_.now, *up), Happening::crash, process, 0);
  }
}

bool Fleet::gets_orders(const WorkerState& state, std::uint32_t worker) const {
  const bool runs = state.trusted || !fences(worker) || fences_apart(worker);
  return state.running && !state.announcing && runs && !state.hollow && state.told == state.incarnation;
}

bool Fleet::reachable(std::span<const Placement> placements) const {
  return std::ranges::all_of(placements, [this](const Placement& p) {
    const WorkerState& state = workers_[index(p.worker)];
    return !state.stopping && gets_orders(state, p.worker.value);
  });
}

// An order names the incarnation of its worker that the scheduler knows. It does not know yet, if it was busy, stopped or cut off, that the
// worker is another by now, or (where that is no question of what a reading is taken for) was given up. It will hear why nothing came of it.
bool Fleet::meant_for_others(const Dispatch& order, const Cluster& known, std::span<const Event> waiting) const {
  const auto other = [&](const Event& fact) -> std::optional<WorkerId> {
    if (const auto* const came = std::get_if<WorkerRegistered>(&fact)) {
      const bool same =
          index(came->worker) < known.worker_count() && known.worker(came->worker).incarnation == came->incarnation;
      return same ? std::nullopt : std::optional(came->worker);
    }
    if (config_.is_read) return std::nullopt;
    if (const auto* const expired = std::get_if<LeaseExpired>(&fact)) return expired->worker;
    if (const auto* const left = std::get_if<WorkerLeft>(&fact)) return left->worker;
    return std::nullopt;
  };
  return std::ranges::any_of(waiting, [&](const Event& fact) {
    const auto worker = other(fact);
    return worker && std::ranges::find(order.placements, *worker, &Placement::worker) != order.placements.end();
  });
}

void Fleet::forget_what_is_over(std::vector<Event>& facts, const Cluster& known) {
  for (std::size_t i = 0; i < facts.size(); ++i) {
    auto* const expired = std::get_if<LeaseExpired>(&facts[i]);
    auto* const left = std::get_if<WorkerLeft>(&facts[i]);
    if (expired == nullptr && left == nullptr) continue;
    const WorkerId worker = expired != nullptr ? expired->worker : left->worker;
    std::uint32_t& incarnation = expired != nullptr ? expired->incarnation : left->incarnation;
    const auto came = std::find_if(facts.begin(), facts.begin() + static_cast<std::ptrdiff_t>(i), [&](const Event& fact) {
      const auto* const registered = std::get_if<WorkerRegistered>(&fact);
      return registered != nullptr && registered->worker == worker && registered->incarnation == incarnation;
    });
    if (came == facts.begin() + static_cast<std::ptrdiff_t>(i)) continue;
    incarnation = index(worker) < known.worker_count() ? known.worker(worker).incarnation : 0;
    facts.erase(came);
    --i;
  }
}

// --- processes ---

void Fleet::start_process(std::uint32_t worker) {
  WorkerState& state = workers_[worker];
  // Its predecessor's lease may still run; the scheduler is told that it ended only where that is due at this very instant.
  if (state.lease_until == common_.now) distrust(worker);
  else if (state.lease_until != kNever) --pending_leases_;
  state.lease_until = kNever;
  ++state.incarnation;
  if (state.absent) --returning_;
  state.running = state.trusted = true;
  state.absent = state.hollow = state.declared = state.left = state.told_draining = false;
  state.unread = {};
  state.announced = 0;
  executor_.listen(WorkerId{worker});
  common_.metrics.workers(common_.now, 1, platform_.workers()[worker].spec.pool);
  state.started = common_.now;
  if (watcher_ != nullptr) watcher_->process_started(WorkerId{worker});
  change(worker);
  if (const auto stopped_by = std::exchange(state.stopped_by, std::nullopt)) plan_next_stop(*stopped_by);
  const std::uint32_t process = state.processes++;
  if (!beats_) return;
  const BeatChannel::Sender sender{.worker = worker, .process = process, .host = platform_.workers()[worker].host};
  tracks_[worker].start(liveness_, channel_, sender, platform_.workers()[worker].beats_in_loop, common_.now);
  plan_beats(worker);
}

// What the process of a worker leaves behind in any case; what it ran is dead already.
void Fleet::end_process(std::uint32_t worker) {
  WorkerState& state = workers_[worker];
  state.running = false;
  if (std::exchange(state.stopping, false)) --stopping_;
  state.lingers = false;
  set_announcing(state, false);
  if (watcher_ != nullptr) watcher_->process_stopped(WorkerId{worker});
  common_.metrics.workers(common_.now, -1, platform_.workers()[worker].spec.pool);
  common_.metrics.worker_time(common_.now - state.started);
  ++state.generation;
  if (state.planned) common_.queue.add_void();
  if (!state.trusted || state.absent) --returning_;
}

void Fleet::stop_process(std::uint32_t worker) {
  WorkerState& state = workers_[worker];
  end_process(worker);
  note_death(state);
  if (!state.trusted) return;
  if (state.absent) {
    state.absent = false;
    distrust(worker);
    return;
  }
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

void Fleet::loop_changed(WorkerId id, bool busy) {
  WorkerState& state = workers_[index(id)];
  if (!beats_ || !state.running) return;
  BeatTrack& track = tracks_[index(id)];
  if (busy) track.hold(common_.now);
  else track.release(common_.now);
  if (state.planned) common_.queue.add_void();
  ++state.generation;
  plan_beats(id.value);
  if (state.absent) plan_return(id.value);
}

void Fleet::beat(std::uint32_t worker, std::uint32_t generation) {
  WorkerState& state = workers_[worker];
  if (state.generation != generation) {
    common_.queue.drop_void();
    return;
  }
  if (const auto turn = tracks_[worker].advance()) take_turn(worker, *turn);
  if (state.generation == generation) plan_beats(worker);  // else it was planned anew, when its jobs ended
}

void Fleet::take_turn(std::uint32_t worker, BeatTrack::Turn turn) {
  WorkerState& state = workers_[worker];
  switch (turn) {
    case BeatTrack::Turn::suspected:
      if (fences(worker) && !fences_apart(worker)) executor_.kill_on_worker(WorkerId{worker});
      if (!config_.is_read || fences(worker)) common_.metrics.false_expiry();
      if (!state.absent) ++returning_;
      state.absent = false;
      distrust(worker);
      return;
    case BeatTrack::Turn::trusted_again: {
      --returning_;
      const bool another = fences(worker) && !fences_apart(worker);
      if (another || state.declared || !config_.safe_beat) ++state.incarnation;
      state.declared = false;
      state.hollow = !config_.safe_beat;
      state.trusted = true;
      learn(worker);
      change(worker);
      return;
    }
    case BeatTrack::Turn::fenced:
      executor_.fence(WorkerId{worker}, state.incarnation);
      set_announcing(state, true);
      if (state.absent) plan_return(worker);
      return;
    case BeatTrack::Turn::learned: learn(worker); return;
  }
}

// Where a worker fences itself apart from what the registry thinks of it.
void Fleet::learn(std::uint32_t worker) {
  if (!fences_apart(worker)) return;
  WorkerState& state = workers_[worker];
  const BeatTrack& track = tracks_[worker];
  if (state.announced != track.announced()) {
    state.announced = track.announced();
    ++state.incarnation;
    state.declared = false;
    set_announcing(state, false);
    change(worker);
  }
  if (track.is_registered()) executor_.listen(WorkerId{worker});
}

void Fleet::set_announcing(WorkerState& state, bool announcing) {
  if (state.announcing == announcing) return;
  state.announcing = announcing;
  if (announcing) ++stopping_;
  else --stopping_;
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
  if (!config_.is_read) {
    tell(worker);
    return;
  }
  if (workers_[worker].changed) return;
  workers_[worker].changed = true;
  changed_.push_back(worker);
}

Fleet::Reading Fleet::read_registry() {
  reading_.gone = 0;
  for (const std::uint32_t worker : changed_) {
    workers_[worker].changed = false;
    tell(worker);
  }
  changed_.clear();
  for (const std::uint32_t worker : asked_to_end_) tell_draining(worker);
  return reading_;
}

void Fleet::tell_all(std::vector<Event>& facts) {
  facts.swap(common_.facts);
  changed_.clear();
  reading_ = {};
  for (std::uint32_t worker = 0; worker < workers_.size(); ++worker) {
    WorkerState& state = workers_[worker];
    state.changed = state.told_live = state.told_draining = false;
    state.told = 0;
    if (present(state)) tell(worker);
    else note_detected(state, kAnyIncarnation);
    tell_draining(worker);
  }
  facts.swap(common_.facts);
}

bool Fleet::answers(WorkerId worker) const {
  const HostIndex host = platform_.workers()[index(worker)].host;
  return workers_[index(worker)].running && !links_.is_cut(host, Way::to_redis, common_.now) &&
         !links_.is_cut(host, Way::from_redis, common_.now);
}

void Fleet::tell_reports(std::vector<Event>& facts) const {
  for (std::uint32_t worker = 0; worker < workers_.size(); ++worker) {
    if (answers(WorkerId{worker})) facts.emplace_back(WorkerReported{WorkerId{worker}, workers_[worker].incarnation});
  }
}

// Of a process that the scheduler takes for dead already, the death is known at once. Of one that it has not heard of yet, it may hear
// while the key lasts; else there is nothing to detect.
void Fleet::note_death(WorkerState& state) {
  const Death death{.at = common_.now, .incarnation = state.incarnation};
  if (state.told != state.incarnation) state.unread = death;
  else if (state.told_live) state.awaited = death;
  else common_.metrics.detected(Duration{0});
}

void Fleet::note_detected(WorkerState& state, std::uint32_t incarnation) {
  if (state.awaited.at == kNever) return;
  if (incarnation != kAnyIncarnation && incarnation != state.awaited.incarnation) return;
  common_.metrics.detected(common_.now - state.awaited.at);
  state.awaited = {};
}

// That another incarnation registered implies that the one before is gone.
void Fleet::tell(std::uint32_t worker) {
  WorkerState& state = workers_[worker];
  const bool there = present(state);
  const bool other = state.told != state.incarnation;
  if (state.told_live && !there && state.left && !config_.is_read) {
    common_.facts.emplace_back(WorkerLeft{WorkerId{worker}, state.told});
    --reading_.entries;
  } else if (state.told_live && !there) {
    const bool early = state.absent || state.left;
    common_.facts.emplace_back(LeaseExpired{WorkerId{worker}, state.told, config_.is_read && early});
    ++reading_.gone;
    --reading_.entries;
    if (!config_.is_read) {  // at this very instant
      note_detected(state, kAnyIncarnation);
      state.declared = true;
      if (state.running && state.absent) common_.metrics.false_expiry();
      if (state.running) executor_.kill_on_worker(WorkerId{worker});
    }
  } else if (there && (!state.told_live || other)) {
    if (state.awaited.incarnation != state.incarnation) note_detected(state, kAnyIncarnation);
    if (!state.told_live) ++reading_.entries;
    state.told_draining = false;
    WorkerSpec spec = platform_.workers()[worker].spec;
    if (const Sessions* sessions = sessions_of(platform_.workers()[worker].host)) spec.until = sessions->keeper.until();
    if (state.hollow) spec.capacity = Resources{};
    common_.facts.emplace_back(WorkerRegistered{WorkerId{worker}, state.incarnation, spec});
  }
  state.told_live = there;
  // Of a process whose key nobody has read, the scheduler knows nothing: what it sends is meant for the one before.
  if (there) state.told = state.incarnation;
  if (there && state.unread.incarnation == state.incarnation) state.awaited = std::exchange(state.unread, {});
}

void Fleet::declared_dead(WorkerId worker, std::uint32_t incarnation) {
  WorkerState& state = workers_[index(worker)];
  note_detected(state, incarnation);
  if (state.running) executor_.disown_on_worker(worker);
  if (state.incarnation != incarnation) return;
  if (state.running && (!fences(worker.value) || state.absent)) common_.metrics.false_expiry();
  state.declared = true;
  if (!present(state) || !state.running) return;
  // It had come back before it was given up, and is another now.
  ++state.incarnation;
  state.declared = false;
  change(worker.value);
}

// --- lost keys ---

void Fleet::lose_key(std::uint32_t worker) {
  WorkerState& state = workers_[worker];
  if (state.hollow) {
    state.hollow = false;
    change(worker);
    if (!state.running) return;
  }
  if (!state.trusted || state.absent || !beats_) return;
  if (!state.running) return distrust(worker);  // its lease was all that was left of it
  state.absent = true;
  ++returning_;
  plan_return(worker);
  change(worker);
}

void Fleet::plan_return(std::uint32_t worker) {
  WorkerState& state = workers_[worker];
  state.back_at = tracks_[worker].next_arrival(common_.now);
  if (state.back_at < kEndOfTime) common_.at(state.back_at, Happening::key_back, worker, state.processes);
}

void Fleet::lose_all_keys() {
  for (std::uint32_t worker = 0; worker < workers_.size(); ++worker) lose_key(worker);
}

void Fleet::lose_keys_since(Time written) {
  for (std::uint32_t worker = 0; worker < workers_.size(); ++worker) {
    if (workers_[worker].running && workers_[worker].started > written) lose_key(worker);
  }
}

void Fleet::lose_keys(std::span<const HostIndex> hosts) {
  for (const HostIndex host : hosts) {
    for (const WorkerId worker : platform_.hosts()[host].workers) lose_key(worker.value);
  }
}

void Fleet::key_back(std::uint32_t worker, std::uint32_t process) {
  WorkerState& state = workers_[worker];
  if (!state.absent || state.processes != process || state.back_at != common_.now) return;
  state.absent = false;
  --returning_;
  if (state.declared || !config_.safe_beat) ++state.incarnation;
  state.declared = false;
  state.hollow = !config_.safe_beat;
  change(worker);
}

// --- hosts ---

void Fleet::crash(std::uint32_t process) {
  const HostIndex index = crashes_.host_of(process);
  if (crashes_.stop_of(process) != nullptr) return stop_workers(process);
  HostState& host = hosts_[index];
  const bool was_repaired = host.down_by == 0;
  const bool returned = returns(host);
  const std::optional<Duration> down = crashes_.until_repair(process);
  ++host.down_by;
  if (down) common_.at(later(common_.now, *down), Happening::repair, process, 0);
  else ++host.for_ever_by;
  if (returned && !returns(host)) --returning_;
  if (!returned && returns(host)) ++returning_;
  if (!was_repaired) return;
  ++hosts_down_;
  if (!host.away) take_down(index);
}

// With everything that runs there.
void Fleet::take_down(HostIndex index) {
  executor_.kill_on_host(index);
  engine_.set_host_on(index, false);
  note_capacity(index, false);
  for (const WorkerId worker : platform_.hosts()[index].workers) {
    WorkerState& state = workers_[drydock::index(worker)];
    if (state.running) stop_process(worker.value);
    else if (std::exchange(state.restarting, false)) --returning_;
  }
}

void Fleet::kill(WorkerId worker, Duration restart) {
  WorkerState& state = workers_[index(worker)];
  if (!state.running) return;
  executor_.kill_on_worker(worker);
  stop_process(worker.value);
  state.restarting = true;
  ++returning_;
  common_.at(later(common_.now, restart), Happening::worker_start, worker.value, state.incarnation);
}

void Fleet::repair(std::uint32_t process) {
  const HostIndex index = crashes_.host_of(process);
  HostState& host = hosts_[index];
  if (const auto up = crashes_.until_crash(process)) common_.at(later(common_.now, *up), Happening::crash, process, 0);
  --host.down_by;
  if (host.down_by > 0) return;
  --returning_;
  --hosts_down_;
  if (!host.away) return_host(index);
}

void Fleet::return_host(HostIndex index) {
  engine_.set_host_on(index, true);
  note_capacity(index, true);
  for (const WorkerId worker : platform_.hosts()[index].workers) start_process(worker.value);
}

// --- sessions ---

Fleet::Sessions* Fleet::sessions_of(HostIndex host) {
  const auto found = std::ranges::lower_bound(sessions_, host, {}, &Sessions::host);
  return found == sessions_.end() || found->host != host ? nullptr : &*found;
}

void Fleet::session(HostIndex host, std::uint32_t generation) {
  Sessions& sessions = *sessions_of(host);
  if (sessions.generation != generation) return;
  sessions.due = kNever;
  --returning_;
  carry_out(sessions, sessions.keeper.wake(common_.now));
}

// Comes or goes, and sees to it that the keeper is called again.
void Fleet::carry_out(Sessions& sessions, SessionKeeper::Turn turn) {
  HostState& host = hosts_[sessions.host];
  if (turn != SessionKeeper::Turn::none) {
    host.away = turn == SessionKeeper::Turn::ended;
    if (host.down_by == 0 && host.away) take_down(sessions.host);
    if (host.down_by == 0 && !host.away) return_host(sessions.host);
  }
  if (sessions.keeper.next() == sessions.due) return;
  if (sessions.due != kNever) --returning_;
  ++sessions.generation;
  sessions.due = sessions.keeper.next();
  if (sessions.due == kNever) return;
  ++returning_;
  common_.at(sessions.due, Happening::session, sessions.host, sessions.generation);
}

bool Fleet::stop_idle() {
  bool any = false;
  std::erase_if(asked_to_end_, [&](std::uint32_t worker) {
    if (!workers_[worker].stopping) return true;
    const bool asleep = executor_.awake_at(platform_.workers()[worker].host) > common_.now;
    if (asleep || workers_[worker].lingers || !executor_.is_idle(WorkerId{worker})) return false;
    leave(worker);
    any = true;
    return true;
  });
  for (const std::size_t place : stopping_idle_) {
    Sessions& sessions = sessions_[place];
    if (!sessions.keeper.is_ready()) continue;
    const auto turn = sessions.keeper.tell_work(common_.now, !executor_.is_idle(sessions.host));
    carry_out(sessions, turn);
    any = any || turn == SessionKeeper::Turn::ended;
  }
  return any;
}

void Fleet::jobs_arrived() {
  for (const std::size_t place : stopping_idle_) {
    Sessions& sessions = sessions_[place];
    sessions.keeper.tell_arrival(common_.now);
    carry_out(sessions, SessionKeeper::Turn::none);
  }
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
  double cost = 0;
  for (HostIndex host = 0; host < hosts_.size(); ++host) cost += cost_of(host);
  common_.metrics.cost(cost);
}

double Fleet::cost_of(HostIndex index) const {
  constexpr double kHoursPerMonth = 365.25 * 24 / 12;
  const HostFacts& host = platform_.hosts()[index];
  const double hours = seconds(common_.now) / 3600;
  const auto sessions = std::ranges::lower_bound(sessions_, index, {}, &Sessions::host);
  const bool all_the_time = host.sessions == nullptr || sessions == sessions_.end();
  const double used_hours = all_the_time ? hours : seconds(sessions->keeper.used(common_.now)) / 3600;
  return host.cost_per_hour * used_hours + host.cost_per_month * hours / kHoursPerMonth;
}

}  // namespace drydock::sim

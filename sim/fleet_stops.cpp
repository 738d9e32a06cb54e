// Workers that are asked to end: they take nothing new, and leave when they have nothing more to do.
#include "sim/fleet.hpp"

#include <algorithm>
#include <utility>

namespace drydock::sim {

// Whoever stands still hears of it when he goes on.
void Fleet::stop_workers(std::uint32_t process) {
  const HostIndex host = crashes_.host_of(process);
  if (const Time awake = executor_.awake_at(host); awake > common_.now) {
    if (awake < kEndOfTime) common_.at(awake, Happening::crash, process, 0);
    return;
  }
  const std::optional<Duration> down = crashes_.until_repair(process);
  for (const WorkerId worker : platform_.hosts()[host].workers) ask_to_end(worker.value, process, down);
  if (down) plan_next_stop(process);
}

// From when the last of them is back.
void Fleet::plan_next_stop(std::uint32_t process) {
  const auto asked = [&](WorkerId worker) { return workers_[index(worker)].stopped_by == process; };
  if (std::ranges::any_of(platform_.hosts()[crashes_.host_of(process)].workers, asked)) return;
  if (const auto up = crashes_.until_crash(process)) common_.at(later(common_.now, *up), Happening::crash, process, 0);
}

// Not one that is about to end already.
void Fleet::ask_to_end(std::uint32_t worker, std::uint32_t process, std::optional<Duration> down) {
  const scenarios::WorkerStop& stop = *crashes_.stop_of(process);
  WorkerState& state = workers_[worker];
  if (!state.running || state.stopping) return;
  if (down) state.stopped_by = process;
  state.stopping = true;
  state.down = down;
  ++stopping_;
  asked_to_end_.push_back(worker);
  if (config_.is_read) {
    state.lingers = true;
    common_.at(later(common_.now, config_.linger), Happening::linger_end, worker, state.processes);
  } else {
    tell_draining(worker);
  }
  if (stop.grace) common_.at(later(common_.now, *stop.grace), Happening::grace_end, worker, state.processes);
}

void Fleet::linger_end(std::uint32_t worker, std::uint32_t process) {
  WorkerState& state = workers_[worker];
  if (state.stopping && state.processes == process) state.lingers = false;
}

void Fleet::grace_end(std::uint32_t worker, std::uint32_t process) {
  const WorkerState& state = workers_[worker];
  if (!state.stopping || state.processes != process) return;
  executor_.kill_on_worker(WorkerId{worker});
}

// It deletes its key, where it can: else that lapses by itself.
void Fleet::leave(std::uint32_t worker) {
  WorkerState& state = workers_[worker];
  if (links_.is_cut(platform_.workers()[worker].host, Way::to_redis, common_.now)) {
    stop_process(worker);
  } else {
    end_process(worker);
    state.left = true;
    state.absent = state.hollow = false;
    if (state.trusted) distrust(worker);
  }
  if (!state.down) return;
  state.restarting = true;
  ++returning_;
  common_.at(later(common_.now, *state.down), Happening::worker_start, worker, state.incarnation);
}

void Fleet::worker_start(std::uint32_t worker, std::uint32_t incarnation) {
  WorkerState& state = workers_[worker];
  if (!state.restarting || state.incarnation != incarnation) return;
  state.restarting = false;
  --returning_;
  start_process(worker);
}

bool Fleet::declines(const Dispatch& order) {
  if (stopping_ == 0) return false;
  std::vector<Event> facts;
  for (const Placement& p : order.placements) {
    const WorkerState& state = workers_[index(p.worker)];
    if (!gets_orders(state, p.worker.value)) return false;
    if (state.stopping) facts.emplace_back(WorkerDraining{p.worker, state.incarnation});
  }
  if (facts.empty()) return false;
  executor_.decline(order, std::move(facts));
  return true;
}

// It beats at once when it is asked, and whenever it can be heard again.
void Fleet::tell_draining(std::uint32_t worker) {
  WorkerState& state = workers_[worker];
  if (!state.stopping || !state.told_live || state.told != state.incarnation || state.told_draining) return;
  if (links_.is_cut(platform_.workers()[worker].host, Way::to_redis, common_.now)) return;
  state.told_draining = true;
  state.lingers = false;
  common_.facts.emplace_back(WorkerDraining{WorkerId{worker}, state.incarnation});
}

}  // namespace drydock::sim

#include "reports/worker_books.hpp"

#include <algorithm>
#include <utility>

namespace drydock::reports {

WorkerBooks::WorkerBooks(const JournalMeterConfig& config, const Observations& observed, Metrics& metrics, Died died)
    : config_(config),
      observed_(observed),
      metrics_(metrics),
      died_(std::move(died)),
      workers_(config.workers.size()),
      up_on_host_(config.hosts.size(), 0) {
  if (!sees()) return;
  for (std::uint32_t host = 0; host < config_.hosts.size(); ++host) change_host(host, true, kTimeZero);
}

WorkerBooks::Worker& WorkerBooks::at(WorkerId worker) {
  if (index(worker) >= workers_.size()) workers_.resize(index(worker) + 1);
  return workers_[index(worker)];
}

double WorkerBooks::speed_of(WorkerId worker) const {
  return index(worker) < workers_.size() ? workers_[index(worker)].speed : 1;
}

PoolId WorkerBooks::pool_of(WorkerId worker) const {
  return index(worker) < config_.workers.size() ? config_.workers[index(worker)].pool : PoolId{};
}

std::span<const PoolId> WorkerBooks::pools_beside(WorkerId worker) const {
  if (index(worker) >= config_.workers.size()) return {};
  return config_.hosts[config_.workers[index(worker)].host].pools;
}

// --- what is seen ---

void WorkerBooks::advance(Time now) {
  while (true) {
    const bool process = next_process_ < observed_.processes.size() && observed_.processes[next_process_].at <= now;
    const bool host = next_host_ < observed_.hosts.size() && observed_.hosts[next_host_].at <= now;
    if (!process && !host) return;
    const auto since = [&](Time at) { return std::max(kTimeZero, kTimeZero + (at - observed_.origin)); };
    // A host goes with what runs on it.
    if (host && (!process || observed_.hosts[next_host_].at <= observed_.processes[next_process_].at)) {
      const Observations::HostTurn& turn = observed_.hosts[next_host_++];
      change_host(turn.host, turn.up, since(turn.at));
      continue;
    }
    const Observations::ProcessTurn& turn = observed_.processes[next_process_++];
    if (turn.up) {
      begin(turn.worker, since(turn.at));
      at(turn.worker).lowest = turn.incarnation;
    } else if (runs(turn.worker)) {
      end(turn.worker, since(turn.at));
      if (!turn.left) note_death(at(turn.worker), since(turn.at));
      died_(turn.worker, since(turn.at));
    }
  }
}

void WorkerBooks::begin(WorkerId id, Time now) {
  Worker& worker = at(id);
  if (worker.up) return;
  worker.up = true;
  worker.since = now;
  metrics_.workers(now, 1, pool_of(id));
  if (sees() || index(id) >= config_.workers.size()) return;
  if (up_on_host_[config_.workers[index(id)].host]++ == 0) change_host(config_.workers[index(id)].host, true, now);
}

void WorkerBooks::end(WorkerId id, Time now) {
  Worker& worker = at(id);
  if (!worker.up) return;
  worker.up = false;
  metrics_.workers(now, -1, pool_of(id));
  if (sees()) metrics_.worker_time(now - worker.since);
  if (sees() || index(id) >= config_.workers.size()) return;
  if (--up_on_host_[config_.workers[index(id)].host] == 0) change_host(config_.workers[index(id)].host, false, now);
}

void WorkerBooks::change_host(std::uint32_t host, bool up, Time now) {
  const JournalMeterConfig::Host& facts = config_.hosts[host];
  metrics_.capacity(now, up ? facts.cpus_milli : -facts.cpus_milli, facts.pools);
}

// --- what the scheduler learns of it ---

// Of a process that it takes for dead already, the death is known at once. Of one that it has not heard of yet, it may hear while the key lasts.
void WorkerBooks::note_death(Worker& worker, Time now) {
  if (worker.told < worker.lowest) worker.unread = {.at = now, .incarnation = worker.lowest};
  else if (worker.told_live) worker.awaited = {.at = now, .incarnation = worker.told};
  else metrics_.detected(Duration{0});
}

void WorkerBooks::note_detected(Worker& worker, Time now) {
  if (worker.awaited.at == kNever) return;
  metrics_.detected(now - worker.awaited.at);
  worker.awaited = {};
}

void WorkerBooks::on(const WorkerRegistered& fact, Time now) {
  Worker& worker = at(fact.worker);
  worker.speed = fact.spec.speed;
  if (fact.incarnation < worker.told || (fact.incarnation == worker.told && worker.told_live)) return;
  const bool same_process = worker.told >= worker.lowest && worker.told > 0;
  // It has stopped by itself what it ran, and come back, before anybody had missed it.
  if (sees() && worker.up && same_process && worker.told_live) metrics_.false_expiry();
  if (worker.awaited.incarnation != fact.incarnation) note_detected(worker, now);
  worker.told = fact.incarnation;
  worker.told_live = true;
  worker.evicted = false;
  if (worker.unread.at != kNever && fact.incarnation >= worker.unread.incarnation && !worker.up) {
    worker.awaited = {.at = std::exchange(worker.unread, {}).at, .incarnation = fact.incarnation};
  }
  if (!sees()) begin(fact.worker, now);
}

void WorkerBooks::on(const WorkerLeft& fact, Time now) {
  at(fact.worker).told_live = false;
  if (!sees()) end(fact.worker, now);
}

void WorkerBooks::on(const LeaseExpired& fact, Time now) {
  Worker& worker = at(fact.worker);
  if (!worker.told_live || worker.told != fact.incarnation) return;
  worker.told_live = false;
  worker.evicted = fact.early;
  const bool same_process = worker.told >= worker.lowest;
  if (sees() && worker.up && same_process && !fact.early) metrics_.false_expiry();
  if (config_.declares) return;
  note_detected(worker, now);
  if (!sees()) end(fact.worker, now);
}

void WorkerBooks::on(const DeclareDead& order, Time now) {
  Worker& worker = at(order.worker);
  if (worker.awaited.incarnation == order.incarnation) note_detected(worker, now);
  if (worker.told != order.incarnation) return;
  worker.told_live = false;
  if (sees() && worker.up && std::exchange(worker.evicted, false)) metrics_.false_expiry();
  if (!sees()) end(order.worker, now);
}

void WorkerBooks::finish(Time now) {
  if (sees()) {
    for (const Worker& worker : workers_) {
      if (worker.up) metrics_.worker_time(now - worker.since);
    }
  }
  double usd = 0;
  for (const JournalMeterConfig::Host& host : config_.hosts) usd += host.usd_per_s * seconds(now);
  if (!config_.hosts.empty()) metrics_.cost(usd);
}

}  // namespace drydock::reports

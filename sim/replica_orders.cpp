// What several schedulers order, and what is done to them.
#include "policies/core/assert.hpp"
#include "sim/replicas.hpp"

#include <algorithm>
#include <numeric>
#include <utility>
#include <variant>

namespace drydock::sim {
namespace {

// After this a scheduler that is cut off gives up waiting for an answer.
constexpr Duration kTimeout = std::chrono::seconds{1};

}  // namespace

// --- what comes later ---

void Replicas::later_or_now(Duration delay, std::function<void()> what) {
  if (delay <= Duration{0}) return what();
  std::uint32_t place = 0;
  if (free_tasks_.empty()) {
    place = static_cast<std::uint32_t>(tasks_.size());
    tasks_.push_back(std::move(what));
  } else {
    place = free_tasks_.back();
    free_tasks_.pop_back();
    tasks_[place] = std::move(what);
  }
  parts_.common.at(later(parts_.common.now, delay), Happening::replicas, place, 0);
}

void Replicas::due(std::uint32_t task) {
  const std::function<void()> what = std::exchange(tasks_[task], nullptr);
  free_tasks_.push_back(task);
  what();
}

bool Replicas::cut_from_postgres(std::uint64_t process) {
  const Host* const host = host_of(process);
  return host != nullptr && host->cut_from_postgres_by > 0;
}

bool Replicas::cut_from_redis(std::uint64_t process) {
  const Host* const host = host_of(process);
  return host != nullptr && host->cut_from_redis_by > 0;
}

// --- orders ---

bool Replicas::meant_for_others(const Process& process, const Dispatch& order) const {
  const Cluster& known = process.scheduler->cluster();
  return parts_.fleet.meant_for_others(order, known, process.inbox) ||
         parts_.fleet.meant_for_others(order, known, process.withheld);
}

void Replicas::carry_out(Host& host, const Command& command) {
  struct Visitor {
    Replicas& all;
    Host& host;
    Process& process;
    std::int64_t epoch;
    bool no_postgres;
    bool no_redis;

    [[nodiscard]] RequestId wire(RequestId id) const { return {process.number << kRequestBits | id.value}; }
    void give_up(const Event& answer) const {
      all.later_or_now(kTimeout, [&a = all, number = process.number, answer] { a.post(number, {answer}); });
    }
    [[nodiscard]] bool outdated() const { return epoch < all.workers_epoch_ && !all.options_.bugs.workers_ignore_epochs; }
    void refuse() const { all.parts_.common.metrics.write_refused(); }

    void operator()(const Commit& order) const {
      Commit sent = order;
      sent.request = wire(order.request);
      if (!no_postgres) return all.parts_.stores.commit(sent);
      all.parts_.stores.lose_answer(sent.request, std::nullopt);
      give_up(CommitAnswered{order.request, Answer::unknown});
    }
    void operator()(const ReadBatch& order) const {
      if (no_postgres) return give_up(BatchRead{.request = order.request, .answer = Answer::unknown});
      all.parts_.stores.read({wire(order.request), wire(order.commit)});
    }
    void operator()(const SumAllocations& order) const {
      if (no_postgres) return give_up(AllocationsSummed{.request = order.request, .answer = Answer::unknown});
      all.parts_.stores.sum({wire(order.request)});
    }
    void operator()(const AskCounter& order) const {
      if (no_redis) return give_up(CounterAnswered{.request = order.request, .answer = Answer::unknown});
      AskCounter sent = order;
      sent.request = wire(order.request);
      all.parts_.stores.ask(sent, epoch);
    }
    // What one scheduler has read is no news for the next: only the one in charge of the workers is told.
    void operator()(const ReadRegistry& order) const {
      if (no_redis || process.number != all.in_charge_) {
        return give_up(RegistryRead{.request = order.request, .answer = Answer::failed});
      }
      all.parts_.world.obey(ReadRegistry{wire(order.request)});
    }
    void operator()(const Dispatch& order) const {
      if (no_redis) {
        process.unsent.push_back({order.attempt, {order.placements.begin(), order.placements.end()}, std::nullopt});
      } else if (outdated()) {
        refuse();
      } else if (!all.meant_for_others(process, order)) {
        all.parts_.world.obey(order);
      }
    }
    void operator()(const StopAttempt& order) const {
      if (no_redis) process.unsent.push_back({order.attempt, {}, order.reason});
      else if (outdated()) refuse();
      else all.parts_.world.obey(order);
    }
    void operator()(const RejectJob& order) const {
      if (all.ledger_.reject(order.job)) all.parts_.world.obey(order);
      else refuse();
    }
    void operator()(const Halt& order) const { all.parts_.world.obey(order); }
    // No message, but what it believes: of one that was outranked nobody hears it.
    void operator()(const DeclareDead& order) const {
      if (epoch >= all.workers_epoch_) all.parts_.world.obey(order);
    }
    void operator()(const AskLease& order) const { all.ask_lease(host, order); }
    void operator()(const AskState& order) const {
      if (no_postgres) return give_up(StateLoaded{order.request, Answer::unknown});
      all.later_or_now(all.parts_.stores.query_time(), [&a = all, from = Ledger::Sender{process.number, epoch},
                                                        id = order.request] { a.answer_load(from, id); });
    }
    void operator()(const AskWaiting& order) const {
      if (no_postgres) return give_up(WaitingLoaded{.request = order.request, .answer = Answer::unknown});
      all.later_or_now(all.parts_.stores.query_time(),
                       [&a = all, number = process.number, order] { a.answer_waiting(number, order); });
    }
    void operator()(const NoteStatistics& order) const { all.parts_.world.obey(order); }
    void operator()(const AskWorkers& order) const {
      if (no_redis) return give_up(WorkersAsked{order.request, Answer::unknown});
      all.later_or_now(
          all.parts_.stores.registry_round_trip(all.parts_.fleet.registry_keys()),
          [&a = all, from = Ledger::Sender{process.number, epoch}, id = order.request] { a.answer_workers(from, id); });
    }
    void operator()(const StepDown&) const {}  // see step_process
  };
  Process& process = *host.process;
  const std::int64_t epoch = process.scheduler->epoch();
  ledger_.hear({process.number, epoch});
  std::visit(Visitor{*this, host, process, epoch, host.cut_from_postgres_by > 0, host.cut_from_redis_by > 0}, command);
}

// What is on its way when its scheduler dies arrives all the same.
void Replicas::ask_lease(const Host& host, const AskLease& order) {
  const Ledger::Sender from{host.process->number, host.process->scheduler->epoch()};
  if (host.cut_from_postgres_by > 0) {
    if (order.op == LeaseOp::release) return;
    return later_or_now(kTimeout, [this, from, id = order.request] {
      post(from.process, {LeaseAnswered{id, Answer::unknown}});
    });
  }
  later_or_now(parts_.stores.transaction_time(), [this, from, order] { answer_lease(from, order); });
}

void Replicas::answer_lease(const Ledger::Sender& from, const AskLease& order) {
  if (parts_.store_faults.database_is_down(parts_.common.now)) {
    if (order.op == LeaseOp::acquire) post(from.process, {LeaseAnswered{order.request, Answer::failed}});
    return;
  }
  ledger_.hear(from);
  if (order.op == LeaseOp::release) return ledger_.release_lease();
  const Ledger::Held lease = ledger_.acquire(order.ttl);
  LeaseAnswered answer{order.request, Answer::done, lease.by_sender, lease.epoch, lease.left};
  if (cut_from_postgres(from.process)) answer = {order.request, Answer::unknown};
  post(from.process, {answer});
}

void Replicas::answer_load(const Ledger::Sender& from, RequestId request) {
  StateLoaded answer{request};
  std::vector<Event> facts;
  ledger_.hear(from);
  if (parts_.store_faults.database_is_down(parts_.common.now) || cut_from_postgres(from.process)) {
    answer.answer = Answer::failed;
  } else if (!ledger_.load(facts)) {
    answer.answer = Answer::refused;
  } else if (Host* const host = host_of(from.process)) {
    host->process->knows_jobs = true;
  }
  facts.emplace_back(answer);
  post(from.process, std::move(facts));
}

void Replicas::answer_waiting(std::uint64_t process, const AskWaiting& order) {
  std::vector<Event> facts;
  if (parts_.store_faults.database_is_down(parts_.common.now) || cut_from_postgres(process)) {
    facts.emplace_back(WaitingLoaded{.request = order.request, .answer = Answer::failed});
  } else {
    ledger_.load(order, facts);
  }
  post(process, std::move(facts));
}

// Redis refuses what the leader before sends from now on, and so do the workers, which hear of the epoch from there.
void Replicas::answer_workers(const Ledger::Sender& from, RequestId request) {
  WorkersAsked answer{request};
  std::vector<Event> facts;
  if (parts_.store_faults.redis_is_down(parts_.common.now) || cut_from_redis(from.process)) {
    answer.answer = Answer::failed;
  } else if (from.epoch < workers_epoch_) {
    answer.answer = Answer::refused;
    parts_.common.metrics.write_refused();
  } else if (host_of(from.process) != nullptr) {
    workers_epoch_ = from.epoch;
    parts_.stores.raise_epoch(from.epoch);
    if (std::exchange(in_charge_, from.process) != from.process) parts_.fleet.tell_all(facts);
    parts_.fleet.tell_reports(facts);
    parts_.executor.tell_held(facts, [this](WorkerId worker) { return parts_.fleet.answers(worker); });
    tell_results(facts);
  }
  facts.emplace_back(answer);
  post(from.process, std::move(facts));
}

// --- faults ---

void Replicas::plan_fault() {
  const Time next = faults_.next();
  if (next < kEndOfTime) parts_.common.at(next, Happening::replica_fault, 0, 0);
}

void Replicas::fault() {
  const SchedulerFaults::Turn turn = faults_.take();
  std::vector<std::uint32_t>& struck = struck_[turn.course];
  if (turn.begins) {
    struck = victims_of(turn);
    const bool ends = faults_.ends(turn.course);
    for (const std::uint32_t host : struck) begin(*turn.fault, host);
    returning_ += ends ? 1 : 0;
  } else {
    for (const std::uint32_t host : struck) end(*turn.fault, host);
    struck.clear();
    --returning_;
  }
  if (turn.begins) observe();  // else a step follows, before which nobody has found out how late it is
  plan_fault();
}

std::vector<std::uint32_t> Replicas::victims_of(const SchedulerFaults::Turn& turn) {
  using Whom = scenarios::SchedulerFault::Whom;
  std::vector<std::uint32_t> all(hosts_.size());
  std::iota(all.begin(), all.end(), 0U);
  switch (turn.fault->whom) {
    case Whom::all: return all;
    case Whom::one: return {turn.fault->index};
    case Whom::any: return {static_cast<std::uint32_t>(faults_.draw(turn, hosts_.size()))};
    case Whom::leader: break;
  }
  const auto leads = [this](std::uint32_t host) { return hosts_[host].process && hosts_[host].process->number == leader_; };
  const auto leader = std::ranges::find_if(all, leads);
  return {leader == all.end() ? 0U : *leader};
}

void Replicas::begin(const scenarios::SchedulerFault& fault, std::uint32_t index) {
  Host& host = hosts_[index];
  switch (fault.kind) {
    case scenarios::SchedulerFault::Kind::pause:
      if (host.paused_by++ == 0) host.paused_at = parts_.common.now;
      return;
    case scenarios::SchedulerFault::Kind::cut:
      host.cut_from_postgres_by += fault.from_postgres ? 1 : 0;
      host.cut_from_redis_by += fault.from_redis ? 1 : 0;
      return;
    case scenarios::SchedulerFault::Kind::crash: break;
  }
  ++host.down_by;
  if (!host.process) return;
  if (fault.graceful && !host.frozen && host.paused_by == 0) host.process->inbox.emplace_back(ShutdownRequested{});
  else end_process(host);
}

void Replicas::end(const scenarios::SchedulerFault& fault, std::uint32_t index) {
  Host& host = hosts_[index];
  switch (fault.kind) {
    case scenarios::SchedulerFault::Kind::pause:
      if (--host.paused_by == 0) resume(host);
      return;
    case scenarios::SchedulerFault::Kind::cut:
      host.cut_from_postgres_by -= fault.from_postgres ? 1 : 0;
      host.cut_from_redis_by -= fault.from_redis ? 1 : 0;
      if (fault.from_redis && host.cut_from_redis_by == 0) reconnect(host);
      return;
    case scenarios::SchedulerFault::Kind::crash:
      if (--host.down_by == 0 && !host.process) start_process(index);
      return;
  }
}

// What could not be sent is sent, by the epoch that it has; what workers keep for it comes.
void Replicas::reconnect(Host& host) {
  if (!host.process) return;
  Process& process = *host.process;
  for (const Unsent& unsent : std::exchange(process.unsent, {})) {
    if (unsent.stop) carry_out(host, StopAttempt{unsent.attempt, *unsent.stop});
    else carry_out(host, Dispatch{unsent.attempt, unsent.placements});
  }
  if (process.number != in_charge_) return;
  for (const Event& fact : std::exchange(process.withheld, {})) process.inbox.push_back(fact);
  tell_results(process.inbox);
}

}  // namespace drydock::sim

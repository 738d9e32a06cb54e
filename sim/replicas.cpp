#include "sim/replicas.hpp"

#include "policies/catalog.hpp"
#include "policies/core/assert.hpp"

#include <algorithm>
#include <bit>
#include <fmt/format.h>
#include <type_traits>
#include <utility>
#include <variant>

namespace drydock::sim {
namespace {

constexpr int kLeaders = 7;
constexpr Duration kSoon = std::chrono::seconds{1};
constexpr std::size_t kMostViolations = 100;
constexpr std::size_t kManyResults = 1024;

template <class... T, class Variant>
bool is_one_of(const Variant& value) {
  return (std::holds_alternative<T>(value) || ...);
}

// Goes on for ever, and brings no job on.
bool is_idle(const Event& fact) {
  return is_one_of<RegistryRead, CounterAnswered, AllocationsSummed, LeaseAnswered, WorkersAsked, WorkerReported>(fact);
}
bool is_idle(const Command& command) {
  return is_one_of<ReadRegistry, AskCounter, SumAllocations, AskLease, AskWorkers, StepDown, AskState, NoteStatistics>(
      command);
}

std::uint64_t sender_of(RequestId wire) { return wire.value >> kRequestBits; }
RequestId inner(RequestId wire) { return {wire.value & ((std::uint64_t{1} << kRequestBits) - 1)}; }

// Of AttemptFinished or AttemptStopped.
AttemptId attempt_of(const Event& end) {
  const auto* const finished = std::get_if<AttemptFinished>(&end);
  return finished != nullptr ? finished->attempt : std::get<AttemptStopped>(end).attempt;
}

SchedulerConfig config_of(const scenarios::Scenario& scenario, std::uint64_t seed) {
  SchedulerConfig config = scenario.scheduler;
  config.seed = seed;
  return config;
}

}  // namespace

Replicas::Replicas(const scenarios::Scenario& scenario, std::uint64_t seed, const Options& options, const Parts& parts)
    : scenario_(scenario),
      seed_(seed),
      options_(options),
      parts_(parts),
      ledger_(parts.executor, parts.common, scenario.scheduler.control_plane.lookahead, !options.bugs.store_ignores_epochs),
      faults_(scenario, seed),
      struck_(faults_.courses()),
      hosts_(scenario.schedulers) {
  parts_.stores.set_ledger(ledger_);
}

void Replicas::start() {
  for (std::uint32_t host = 0; host < hosts_.size(); ++host) start_process(host);
  plan_fault();
}

// --- processes ---

void Replicas::start_process(std::uint32_t index) {
  Host& host = hosts_[index];
  host.process = std::make_unique<Process>();
  Process& process = *host.process;
  process.number = ++processes_;
  process.scheduler = std::make_unique<Scheduler>(config_of(scenario_, seed_), make_policies(scenario_.scheduler));
  process.wakeup = std::max(parts_.common.now, process.scheduler->next_wakeup());
  ++host.starts;
  const ControlPlaneConfig& plane = scenario_.scheduler.control_plane;
  if (options_.check) {
    process.checker = std::make_unique<Checker>(
        Checker::Options{.limit = kMostViolations, .per_worker = !plane.aggregate, .holds_all = plane.lookahead == 0});
  }
  if (options_.journals != nullptr) process.journal = &options_.journals->open(index, host.starts);
}

void Replicas::end_process(Host& host) {
  Process& process = *host.process;
  hash_ = mix64(hash_ ^ process.scheduler->journal_hash());
  if (process.journal != nullptr) process.journal->close(JournalEnd::stopped);
  if (process.checker) {
    violation_count_ += process.checker->violation_count();
    const std::vector<Violation>& found = process.checker->violations();
    violations_.insert(violations_.end(), found.begin(), found.end());
  }
  host.process.reset();
  host.frozen = false;
}

// Its supervisor starts it again.
void Replicas::plan_restart(std::uint32_t index) {
  Host& host = hosts_[index];
  if (host.down_by > 0) return;
  ++returning_;
  const std::uint64_t generation = ++host.generation;
  later_or_now(std::max(Duration{1}, scenario_.scheduler_restart), [this, index, generation] {
    --returning_;
    Host& again = hosts_[index];
    if (again.down_by == 0 && !again.process && again.generation == generation) start_process(index);
  });
}

Replicas::Host* Replicas::host_of(std::uint64_t number) {
  const auto is_it = [number](const Host& host) { return host.process && host.process->number == number; };
  const auto host = std::ranges::find_if(hosts_, is_it);
  return host == hosts_.end() ? nullptr : &*host;
}

bool Replicas::may_step(const Host& host) const {
  return host.process && !host.frozen && (!host.process->inbox.empty() || host.process->wakeup <= parts_.common.now);
}

void Replicas::step(std::vector<Event>& facts) {
  for (const Event& fact : facts) deliver(fact);
  idle_ = true;
  for (Host& host : hosts_) {
    if (may_step(host)) step_process(host);
  }
  observe();
}

void Replicas::step_process(Host& host) {
  Process& process = *host.process;
  std::vector<Event> facts;
  facts.swap(process.inbox);
  order_canonically(facts);
  const std::vector<WorkerRegistered> others = parts_.executor.superseding(process.scheduler->cluster(), facts);
  const std::span<const Command> commands = process.scheduler->step(parts_.common.now, facts);
  process.wakeup = process.scheduler->next_wakeup();
  const std::uint64_t hash = process.scheduler->journal_hash();
  if (process.journal != nullptr) process.journal->step(parts_.common.now, facts, commands, hash);
  if (process.checker) process.checker->step(parts_.common.now, facts, commands);
  const auto idle = [](const auto& what) { return is_idle(what); };
  idle_ = idle_ && std::ranges::all_of(facts, idle) && std::ranges::all_of(commands, idle);
  if (process.scheduler->leads()) parts_.executor.supersede(others);
  if (host.paused_by > 0 && stops_now(host, commands)) {
    process.held.assign(commands.begin(), commands.end());  // what they point at holds until its next step
    host.frozen = true;
    return;
  }
  for (const Command& command : commands) carry_out(host, command);
  if (!process.scheduler->stepped_down()) return;
  end_process(host);
  plan_restart(static_cast<std::uint32_t>(&host - hosts_.data()));
}

// At the worst moment: with a write that has not left, if there is one soon; else with its next step.
bool Replicas::stops_now(const Host& host, std::span<const Command> commands) const {
  const auto writes = [](const Command& c) { return is_one_of<Commit, Dispatch, StopAttempt>(c); };
  return std::ranges::any_of(commands, writes) || parts_.common.now - host.paused_at >= kSoon;
}

// It sends what it had decided, and then finds out how late it is.
void Replicas::resume(Host& host) {
  if (!host.process || !host.frozen) return;
  host.frozen = false;
  Process& process = *host.process;
  for (const Command& command : std::exchange(process.held, {})) carry_out(host, command);
  process.wakeup = parts_.common.now;
  if (!process.scheduler->stepped_down()) return;
  end_process(host);
  plan_restart(static_cast<std::uint32_t>(&host - hosts_.data()));
}

// Who leads now, by its own belief, if it can decide at all.
void Replicas::observe() {
  std::uint64_t leader = 0;
  for (const Host& host : hosts_) {
    if (!host.process || host.frozen || !host.process->scheduler->leads()) continue;
    if (leader != 0) {
      breach(fmt::format("scheduler processes {} and {} lead at once", leader, host.process->number));
    }
    leader = std::max(leader, host.process->number);
  }
  if (leader == leader_) return;
  leader_ = leader;
  parts_.common.metrics.leader(parts_.common.now, leader != 0, leader != last_leader_ && last_leader_ != 0);
  if (leader != 0) last_leader_ = leader;
}

Time Replicas::next_wakeup() const {
  Time next = kNever;
  for (const Host& host : hosts_) {
    if (!host.process || host.frozen) continue;
    next = std::min(next, host.process->inbox.empty() ? host.process->wakeup : parts_.common.now);
  }
  return next;
}

// --- facts ---

void Replicas::submitted(const JobSpec& job) { ledger_.submit(job); }

void Replicas::post(std::uint64_t number, std::vector<Event> facts) {
  Host* const host = host_of(number);
  if (host == nullptr) return;
  std::vector<Event>& inbox = host->process->inbox;
  inbox.insert(inbox.end(), facts.begin(), facts.end());
}

// What an attempt ended with is told until it is written down; nobody waits for one that was given up.
void Replicas::keep_result(const Event& fact) {
  const auto* const finished = std::get_if<AttemptFinished>(&fact);
  const auto* const stopped = std::get_if<AttemptStopped>(&fact);
  if (finished == nullptr && stopped == nullptr) return;
  if (finished != nullptr && !parts_.executor.counts(*finished)) return;
  const AttemptId attempt = attempt_of(fact);
  if (ledger_.holds(attempt)) results_.insert_or_assign(attempt.job, fact);
  // Now and then, so that those that are written down cost no memory.
  if (results_.size() >= kManyResults && std::has_single_bit(results_.size())) forget_written();
}

void Replicas::forget_written() {
  std::erase_if(results_, [this](const auto& entry) { return !ledger_.holds(attempt_of(entry.second)); });
}

void Replicas::tell_results(std::vector<Event>& facts) {
  forget_written();
  for (const auto& [job, fact] : results_) facts.push_back(fact);
}

void Replicas::deliver_about_workers(const Event& fact) {
  keep_result(fact);
  Host* const host = host_of(in_charge_);
  if (host == nullptr) return;
  if (host->cut_from_redis_by == 0) {
    host->process->inbox.push_back(fact);
  } else if (!is_one_of<AttemptFinished, AttemptStopped>(fact)) {
    host->process->withheld.push_back(fact);
  }
}

// A scheduler that is cut off does not hear the answer. Reads are the exception: what was sent before the cut is answered.
template <class Answered>
bool Replicas::deliver_answer(const Event& fact) {
  const auto* const answered = std::get_if<Answered>(&fact);
  if (answered == nullptr) return false;
  Host* const host = host_of(sender_of(answered->request));
  if (host == nullptr) return true;
  Answered mine = *answered;
  mine.request = inner(answered->request);
  if constexpr (std::is_same_v<Answered, CommitAnswered>) {
    if (host->cut_from_postgres_by > 0 && mine.answer != Answer::unknown) {
      parts_.stores.lose_answer(answered->request, *answered);
      mine.answer = Answer::unknown;
    }
  } else if constexpr (std::is_same_v<Answered, CounterAnswered>) {
    if (mine.verdict == CounterVerdict::old_epoch) parts_.common.metrics.write_refused();
    if (host->cut_from_redis_by > 0) mine.answer = Answer::unknown;
  } else if constexpr (std::is_same_v<Answered, RegistryRead>) {
    if (host->cut_from_redis_by > 0) mine.answer = Answer::failed;
  }
  host->process->inbox.push_back(mine);
  return true;
}

void Replicas::deliver(const Event& fact) {
  if (deliver_answer<CommitAnswered>(fact) || deliver_answer<BatchRead>(fact) || deliver_answer<RegistryRead>(fact) ||
      deliver_answer<CounterAnswered>(fact) || deliver_answer<AllocationsSummed>(fact)) {
    return;
  }
  if (!std::holds_alternative<JobSubmitted>(fact)) return deliver_about_workers(fact);
  for (Host& host : hosts_) {
    if (host.process && host.process->knows_jobs) host.process->inbox.push_back(fact);
  }
}

// --- at the end ---

void Replicas::finish(bool all_ended) {
  for (Host& host : hosts_) {
    if (!host.process) continue;
    // The others do not know how it ended.
    const Scheduler& scheduler = *host.process->scheduler;
    const bool knows = scheduler.leads() && scheduler.epoch() == ledger_.epoch() && scheduler.idle();
    if (host.process->checker) host.process->checker->finish(all_ended && knows);
    end_process(host);
  }
  for (const std::string& what : ledger_.breaches()) breach(what);
}

void Replicas::breach(const std::string& what) {
  if (++violation_count_ <= kMostViolations) violations_.push_back({kLeaders, parts_.common.now, what});
}

}  // namespace drydock::sim

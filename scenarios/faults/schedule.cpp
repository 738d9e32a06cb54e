#include "scenarios/faults/schedule.hpp"

#include "policies/core/assert.hpp"
#include "scenarios/faults/hosts.hpp"

#include <algorithm>
#include <tuple>
#include <variant>

namespace drydock::scenarios {
namespace {

using Phase = FaultTurn::Phase;

// The span in which something happens to each message or order; nothing: it is no such fault.
std::optional<WorkerCrash::Once> span_of_each(const Fault& fault) {
  if (const auto* loss = std::get_if<MessageLoss>(&fault)) return WorkerCrash::Once{loss->at, loss->lasting};
  if (const auto* delay = std::get_if<MessageDelay>(&fault)) return WorkerCrash::Once{delay->at, delay->lasting};
  if (const auto* order = std::get_if<OrderFault>(&fault)) return WorkerCrash::Once{order->at, order->lasting};
  if (const auto* down = std::get_if<BeatDown>(&fault)) return WorkerCrash::Once{down->at, down->lasting};
  return std::nullopt;
}

// Redis that goes down comes back by an action of its own.
bool comes_back_changed(const StoreFault& fault) {
  return fault.kind == StoreFault::Kind::redis_restart || fault.kind == StoreFault::Kind::redis_failover;
}

bool is_over_at_once(const StoreFault& fault) {
  using Kind = StoreFault::Kind;
  return fault.kind == Kind::redis_flush || fault.kind == Kind::counter_eviction || fault.kind == Kind::worker_key_eviction;
}

std::string_view type_of_store_fault(const StoreFault& fault) {
  using Kind = StoreFault::Kind;
  switch (fault.kind) {
    case Kind::redis_outage: return "redis-outage";
    case Kind::redis_flush: return "redis-flush";
    case Kind::redis_restart: return "redis-restart";
    case Kind::redis_failover: return "redis-failover";
    case Kind::counter_eviction: return "counter-eviction";
    case Kind::worker_key_eviction: return "worker-key-eviction";
    case Kind::database_outage: return "database-outage";
    case Kind::redis_slow: return "redis-slow";
    case Kind::database_slow: return "database-slow";
  }
  DRYDOCK_CHECK(false, "no such fault of a store");
  return "";
}

std::string_view type_of_order_fault(const OrderFault& fault) {
  using Kind = OrderFault::Kind;
  switch (fault.kind) {
    case Kind::counter_update_loss: return "counter-update-loss";
    case Kind::counter_update_repeat: return "counter-update-repeat";
    case Kind::commit_abort: return "commit-abort";
    case Kind::commit_in_doubt: return "commit-in-doubt";
  }
  DRYDOCK_CHECK(false, "no such fault of an order");
  return "";
}

std::string_view type_of_scheduler_fault(const SchedulerFault& fault) {
  switch (fault.kind) {
    case SchedulerFault::Kind::crash: return "scheduler-crash";
    case SchedulerFault::Kind::pause: return "scheduler-pause";
    case SchedulerFault::Kind::cut: return "scheduler-cut";
  }
  DRYDOCK_CHECK(false, "no such fault of a scheduler");
  return "";
}

}  // namespace

std::string_view name_of(Phase phase) {
  switch (phase) {
    case Phase::prepares: return "prepares";
    case Phase::begins: return "begins";
    case Phase::ends: return "ends";
    case Phase::strikes: return "strikes";
  }
  DRYDOCK_CHECK(false, "no such phase");
  return "";
}

std::string_view type_of(const Fault& fault) {
  struct Visitor {
    std::string_view operator()(const WorkerCrash& /*f*/) const { return "worker-crash"; }
    std::string_view operator()(const WorkerStop& /*f*/) const { return "worker-stop"; }
    std::string_view operator()(const HostTrouble& f) const { return f.factor <= 0 ? "worker-pause" : "worker-slow"; }
    std::string_view operator()(const WorkerCut& /*f*/) const { return "worker-cut"; }
    std::string_view operator()(const PoisonJob& /*f*/) const { return "poison-job"; }
    std::string_view operator()(const MessageLoss& /*f*/) const { return "message-loss"; }
    std::string_view operator()(const MessageDelay& f) const { return f.repeats ? "message-repeat" : "message-delay"; }
    std::string_view operator()(const ClockSkew& /*f*/) const { return "clock-skew"; }
    std::string_view operator()(const StoreFault& f) const { return type_of_store_fault(f); }
    std::string_view operator()(const OrderFault& f) const { return type_of_order_fault(f); }
    std::string_view operator()(const BeatDown& /*f*/) const { return "beat-down"; }
    std::string_view operator()(const SchedulerFault& f) const { return type_of_scheduler_fault(f); }
  };
  return std::visit(Visitor{}, fault);
}

FaultSchedule::FaultSchedule(const Scenario& scenario, std::uint64_t seed)
    : crashes_(scenario, seed),
      troubles_(scenario, seed),
      links_(scenario, seed),
      stores_(scenario, seed),
      schedulers_(scenario, seed),
      crashing_(crashes_.process_count()) {
  for (std::uint32_t process = 0; process < crashes_.process_count(); ++process) {
    if (const auto up = crashes_.until_crash(process)) crashing_[process].next = later(kTimeZero, *up);
  }
  for (const HostTroubles::Trouble& trouble : troubles_.all()) {
    spans_.push_back({.fault = trouble.fault, .host = trouble.host, .course = &trouble.course});
  }
  for (const Links::Cut& cut : links_.all()) {
    spans_.push_back({.fault = cut.fault, .host = cut.host, .course = &cut.course});
  }
  for (const StoreFaults::Running& running : stores_.all()) {
    if (is_over_at_once(running.fault)) continue;
    spans_.push_back(
        {.fault = running.index, .host = {}, .course = &running.course, .begins_only = comes_back_changed(running.fault)});
  }
  orders_.reserve(scenario.faults.size());
  for (std::size_t i = 0; i < scenario.faults.size(); ++i) {
    const auto span = span_of_each(scenario.faults[i]);
    if (!span) continue;
    orders_.emplace_back(*span, seed, 0);
    spans_.push_back({.fault = i, .host = {}, .course = &orders_.back()});
  }
}

Time FaultSchedule::Span::next() const {
  const Course::Span* span = course->span(number);
  if (span == nullptr) return kNever;
  return within ? span->until : span->from;
}

Time FaultSchedule::next() const {
  Time next = std::min(stores_.next_action(), schedulers_.next());
  for (const Crashing& crash : crashing_) next = std::min(next, crash.next);
  for (const Span& span : spans_) next = std::min(next, span.next());
  return next < kEndOfTime ? next : kNever;
}

FaultTurn FaultSchedule::take() {
  const Time now = next();
  DRYDOCK_CHECK(now != kNever, "no fault is due");
  // (index of the fault, whether it begins): of one instant the first is the least.
  struct Candidate {
    std::size_t fault = 0;
    bool begins = false;
    std::size_t kind = 0;
    std::size_t place = 0;
    [[nodiscard]] auto key() const { return std::tuple(begins, fault, kind, place); }
  };
  std::optional<Candidate> first;
  const auto offer = [&](const Candidate& candidate) {
    if (!first || candidate.key() < first->key()) first = candidate;
  };
  for (std::size_t i = 0; i < crashing_.size(); ++i) {
    if (crashing_[i].next == now) {
      offer({crashes_.fault_of(static_cast<std::uint32_t>(i)), !crashing_[i].down, 0, i});
    }
  }
  for (std::size_t i = 0; i < spans_.size(); ++i) {
    if (spans_[i].next() == now) offer({spans_[i].fault, !spans_[i].within, 1, i});
  }
  if (stores_.next_action() == now) offer({0, false, 2, 0});
  if (schedulers_.next() == now) offer({0, true, 3, 0});
  switch (first->kind) {
    case 0: return take_crash(static_cast<std::uint32_t>(first->place));
    case 1: return take_span(spans_[first->place]);
    case 2: return take_action();
    default: return take_scheduler();
  }
}

FaultTurn FaultSchedule::take_span(Span& span) {
  FaultTurn turn{.at = span.next(),
                 .fault = span.fault,
                 .phase = span.within ? Phase::ends : Phase::begins,
                 .host = span.host,
                 .number = span.number};
  if (span.within || span.begins_only) ++span.number;
  if (!span.begins_only) span.within = !span.within;
  return turn;
}

FaultTurn FaultSchedule::take_crash(std::uint32_t process) {
  Crashing& crash = crashing_[process];
  const bool is_stop = crashes_.stop_of(process) != nullptr;
  FaultTurn turn{.at = crash.next,
                 .fault = crashes_.fault_of(process),
                 .phase = crash.down ? Phase::ends
                          : is_stop  ? Phase::strikes
                                     : Phase::begins,
                 .host = crashes_.host_of(process),
                 .number = crash.number};
  if (crash.down) {
    ++crash.number;
    const auto up = crashes_.until_crash(process);
    crash.next = up ? later(turn.at, *up) : kNever;
    crash.down = false;
    return turn;
  }
  if (is_stop) {
    turn.down = crashes_.until_repair(process);
    crash.next = kNever;
    return turn;
  }
  const auto down = crashes_.until_repair(process);
  crash.next = down ? later(turn.at, *down) : kNever;
  crash.down = true;
  return turn;
}

void FaultSchedule::back(const FaultTurn& stop, Time now) {
  const std::uint32_t process = process_of(stop);
  ++crashing_[process].number;
  const auto up = crashes_.until_crash(process);
  crashing_[process].next = up ? later(now, *up) : kNever;
}

std::uint32_t FaultSchedule::process_of(const FaultTurn& stop) const {
  for (std::uint32_t process = 0; process < crashing_.size(); ++process) {
    if (crashes_.fault_of(process) == stop.fault && crashes_.host_of(process) == stop.host) return process;
  }
  DRYDOCK_CHECK(false, "the turn of a fault that stops workers");
  return 0;
}

FaultTurn FaultSchedule::take_action() {
  using Kind = StoreFaults::Action::Kind;
  const StoreFaults::Action action = stores_.take_action();
  const Phase phase = action.kind == Kind::snapshot                                   ? Phase::prepares
                      : action.kind == Kind::restart || action.kind == Kind::failover ? Phase::ends
                                                                                      : Phase::strikes;
  return {.at = action.at, .fault = action.index, .phase = phase, .host = {}, .number = action.number};
}

FaultTurn FaultSchedule::take_scheduler() {
  const Time at = schedulers_.next();
  const SchedulerFaults::Turn turn = schedulers_.take();
  return {.at = at,
          .fault = turn.index,
          .phase = turn.begins ? Phase::begins : Phase::ends,
          .host = {},
          .number = turn.span,
          .draw = schedulers_.bits(turn)};
}

}  // namespace drydock::scenarios

#ifdef DRYDOCK_WITH_RUNTIME

#include "cli/real_faults.hpp"

#include "policies/core/rng.hpp"
#include "scenarios/sampling.hpp"
#include "scenarios/workload.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <utility>
#include <variant>

namespace drydock::cli {
namespace {

using runtime::chaos::StoreLinks;
using scenarios::HostIndex;
using scenarios::Scenario;
using StoreKind = scenarios::StoreFault::Kind;
using Phase = scenarios::FaultTurn::Phase;

constexpr std::size_t kDelays = 256;  // that a worker is told of a random delay; then they come again
constexpr const char* kEverybody = "everybody";
constexpr const char* kPostgresSocket = ".s.PGSQL.5432";

bool is_of_redis(const scenarios::StoreFault& fault) {
  return fault.kind == StoreKind::redis_outage || fault.kind == StoreKind::redis_slow ||
         fault.kind == StoreKind::redis_restart || fault.kind == StoreKind::redis_failover;
}

bool is_of_postgres(const scenarios::StoreFault& fault) {
  return fault.kind == StoreKind::database_outage || fault.kind == StoreKind::database_slow;
}

// Why it cannot be carried out; nothing: it can.
struct WhyNot {
  bool in_process = false;
  using Reason = std::optional<std::string>;
  Reason operator()(const scenarios::WorkerCrash& /*f*/) const { return std::nullopt; }
  Reason operator()(const scenarios::WorkerStop& /*f*/) const { return std::nullopt; }
  Reason operator()(const scenarios::HostTrouble& f) const {
    if (!in_process) return std::nullopt;
    if (f.factor > 0) return "workers within this process (--in-process) run at its speed";
    return "workers within this process (--in-process) cannot stand still by themselves";
  }
  Reason operator()(const scenarios::WorkerCut& /*f*/) const { return std::nullopt; }
  Reason operator()(const scenarios::PoisonJob& /*f*/) const { return std::nullopt; }
  Reason operator()(const scenarios::MessageLoss& f) const { return of_messages(f.kinds); }
  Reason operator()(const scenarios::MessageDelay& f) const { return of_messages(f.kinds); }
  Reason operator()(const scenarios::StoreFault& /*f*/) const { return std::nullopt; }
  Reason operator()(const scenarios::OrderFault& /*f*/) const { return std::nullopt; }
  Reason operator()(const scenarios::SchedulerFault& f) const {
    if (f.kind != scenarios::SchedulerFault::Kind::pause) return std::nullopt;
    return "the schedulers are parts of this process, and do not stand still by themselves";
  }
  Reason operator()(const scenarios::BeatDown& /*f*/) const { return "the beat is a part of this process, and goes on"; }
  static Reason of_messages(const scenarios::MessageKinds& kinds) {
    if (kinds.beats || kinds.dispatches || kinds.reports) return std::nullopt;
    return "questions about shares reach their store for real, whatever befalls other messages";
  }
  Reason operator()(const scenarios::ClockSkew& f) const {
    if (f.rate == 1) return "for real nobody compares clocks, only differences of one: an offset would change nothing";
    return "a process cannot be given a clock that runs at another rate";
  }
};

}  // namespace

std::vector<LeftOutFault> faults_left_out(const Scenario& scenario, bool in_process) {
  std::vector<LeftOutFault> left_out;
  for (std::size_t i = 0; i < scenario.faults.size(); ++i) {
    if (auto reason = std::visit(WhyNot{in_process}, scenario.faults[i])) left_out.push_back({i, std::move(*reason)});
  }
  return left_out;
}

RealFaults::RealFaults(const Parts& parts)
    : parts_(parts),
      schedule_(parts.scenario, parts.seed),
      order_draws_(parts.scenario, parts.seed),
      cut_(parts.platform.hosts().size(), false),
      redis_links_(parts.loop, parts.redis.address().unix_socket),
      postgres_links_(parts.loop, parts.postgres.folder() / kPostgresSocket),
      redis_faults_(parts.redis, redis_links_),
      orders_(
          parts.loop, order_draws_, [this] { return scenario_now(); },
          [this](scenarios::OrderFault::Kind kind) {
            count_strike([kind](const scenarios::Fault& fault) {
              const auto* order = std::get_if<scenarios::OrderFault>(&fault);
              return order != nullptr && order->kind == kind;
            });
          }),
      hazards_(parts.scenario, parts.seed),
      troubled_by_(parts.platform.workers().size()),
      fates_(parts.platform.workers().size()),
      late_(parts.loop),
      timer_(parts.loop, [this] { act(); }) {
  for (const scenarios::Fault& fault : parts.scenario.faults) look_at(fault);
  for (LeftOutFault& left : faults_left_out(parts.scenario, parts.in_process)) {
    records_[left.fault].left_out = std::move(left.reason);
    records_[left.fault].strikes.reset();
  }
}

// What it needs.
void RealFaults::look_at(const scenarios::Fault& fault) {
  FaultRecord& record = records_.emplace_back();
  record.type = std::string(type_of(fault));
  if (const auto* cut = std::get_if<scenarios::WorkerCut>(&fault)) {
    for (const HostIndex host : parts_.platform.resolve(cut->target)) cut_[host] = true;
  }
  if (const auto* scheduler = std::get_if<scenarios::SchedulerFault>(&fault)) {
    schedulers_ = parts_.scenario.schedulers;
    cuts_schedulers_ = cuts_schedulers_ || scheduler->kind == scenarios::SchedulerFault::Kind::cut;
  }
  const auto* host = std::get_if<scenarios::HostTrouble>(&fault);
  const bool poison = std::holds_alternative<scenarios::PoisonJob>(fault);
  if (poison || std::holds_alternative<scenarios::OrderFault>(fault)) record.strikes = 0;
  any_poison_ = any_poison_ || poison;
  any_trouble_ = any_trouble_ || std::holds_alternative<scenarios::MessageLoss>(fault) ||
                 std::holds_alternative<scenarios::MessageDelay>(fault) || (host != nullptr && host->factor > 0);
  if (const auto* store = std::get_if<scenarios::StoreFault>(&fault)) {
    redis_proxied_ = redis_proxied_ || is_of_redis(*store);
    postgres_proxied_ = postgres_proxied_ || is_of_postgres(*store);
  }
}

// Of several such faults the first counts.
void RealFaults::count_strike(const std::function<bool(const scenarios::Fault&)>& is_meant) {
  const auto found = std::ranges::find_if(parts_.scenario.faults, is_meant);
  FaultRecord& record = records_[static_cast<std::size_t>(found - parts_.scenario.faults.begin())];
  record.strikes = record.strikes.value_or(0) + 1;
}

// --- the ways to the stores ---

std::string RealFaults::clients_on(HostIndex host) const { return cut_[host] ? fmt::format("host-{}", host) : kEverybody; }

std::optional<Error> RealFaults::prepare() {
  if (any_trouble_ && !parts_.in_process) {
    auto teller = runtime::chaos::TroubleTeller::start(parts_.loop);
    if (!teller) return teller.error();
    teller_ = std::move(teller).value();
  }
  for (HostIndex host = 0; host < cut_.size(); ++host) {
    if (!cut_[host] && !redis_proxied_) continue;
    if (const auto way = redis_links_.way_of(clients_on(host)); !way) return way.error();
  }
  if (redis_proxied_) {
    if (const auto way = redis_links_.way_of(kEverybody); !way) return way.error();
  }
  for (std::size_t number = 0; number < schedulers_; ++number) {
    if (redis_of_schedulers_proxied()) {
      if (const auto way = redis_links_.way_of(client_of(number)); !way) return way.error();
    }
    if (postgres_proxied()) {
      if (const auto way = postgres_links_.way_of(client_of(number)); !way) return way.error();
    }
  }
  return std::nullopt;
}

runtime::RedisAddress RealFaults::redis_of_workers(HostIndex host) const {
  runtime::RedisAddress address = parts_.redis.address();
  if (cut_[host] || redis_proxied_) address.unix_socket = redis_links_.socket_of(clients_on(host));
  return address;
}

std::string RealFaults::client_of(std::size_t scheduler) const {
  return cuts_schedulers_ ? fmt::format("scheduler-{}", scheduler) : kEverybody;
}

runtime::RedisAddress RealFaults::redis_of_scheduler(std::size_t number) const {
  runtime::RedisAddress address = parts_.redis.address();
  if (redis_of_schedulers_proxied()) address.unix_socket = redis_links_.socket_of(client_of(number));
  return address;
}

std::string RealFaults::postgres_of_scheduler(std::size_t number) const {
  if (!postgres_proxied()) return parts_.postgres.connection();
  const std::filesystem::path socket = postgres_links_.socket_of(client_of(number));
  return fmt::format("host='{}' port=5432 user=drydock dbname=postgres", socket.parent_path().string());
}

runtime::WrapRedis RealFaults::wrap_redis() {
  return [this](runtime::RedisPort& port) { return orders_.around(port); };
}
runtime::WrapPostgres RealFaults::wrap_postgres() {
  return [this](runtime::PostgresPort& port) { return orders_.around(port); };
}

// --- time ---

std::optional<Time> RealFaults::scenario_now() const {
  if (!origin_) return std::nullopt;
  return later(kTimeZero, duration_of_seconds(seconds(parts_.loop.now() - *origin_) * parts_.time_scale));
}

void RealFaults::begin(SchedulerGroup& schedulers) {
  group_ = &schedulers;
  origin_ = parts_.loop.now();
  plan();
}

void RealFaults::plan() {
  const Time next = schedule_.next();
  if (next == kNever) return timer_.stop();
  timer_.start(later(*origin_, duration_of_seconds(seconds(next - kTimeZero) / parts_.time_scale)));
}

void RealFaults::act() {
  while (schedule_.next() <= *scenario_now()) carry_out(schedule_.take());
  plan();
}

void RealFaults::carry_out(const Turn& turn) {
  if (records_[turn.fault].left_out) return;
  problem_.clear();
  target_.clear();
  std::visit([&](const auto& fault) { on(fault, turn); }, parts_.scenario.faults[turn.fault]);
  note(turn, std::exchange(problem_, {}));
}

void RealFaults::note(const Turn& turn, std::string problem) {
  FaultRecord& record = records_[turn.fault];
  if (record.turns.size() >= FaultRecord::kMostTurns) {
    ++record.more_turns;
    return;
  }
  FaultRecord::Turn noted{.phase = turn.phase,
                          .target = target_,
                          .planned_s = seconds(turn.at - kTimeZero),
                          .at_s = seconds(*scenario_now() - kTimeZero),
                          .problem = std::move(problem)};
  if (turn.host) {
    const sim::HostFacts& host = parts_.platform.hosts()[*turn.host];
    noted.target = scenarios::host_name(parts_.scenario.hosts[host.group], host.number);
  }
  record.turns.push_back(std::move(noted));
}

void RealFaults::back(const Turn& stop) {
  schedule_.back(stop, *scenario_now());
  plan();
}

// --- what is done ---

void RealFaults::on(const scenarios::WorkerCrash& /*fault*/, const Turn& turn) {
  if (turn.phase == Phase::begins) parts_.hosts.take_down(*turn.host);
  else parts_.hosts.bring_back(*turn.host);
}

void RealFaults::on(const scenarios::WorkerStop& fault, const Turn& turn) { parts_.hosts.ask_to_end(turn, fault.grace); }

void RealFaults::on(const scenarios::HostTrouble& fault, const Turn& turn) {
  if (fault.factor <= 0) return parts_.hosts.pause(*turn.host, turn.phase == Phase::begins);
  for (const WorkerId worker : parts_.platform.hosts()[*turn.host].workers) trouble(worker, turn);
}

void RealFaults::on(const scenarios::WorkerCut& fault, const Turn& turn) {
  const StoreLinks::Directions directions{.to_server = fault.to_redis, .to_client = fault.from_redis};
  if (turn.phase == Phase::begins) redis_links_.cut(clients_on(*turn.host), directions);
  else redis_links_.mend(clients_on(*turn.host), directions);
}

void RealFaults::on(const scenarios::StoreFault& fault, const Turn& turn) {
  const bool begins = turn.phase == Phase::begins;
  switch (fault.kind) {
    case StoreKind::redis_outage: return begins ? redis_links_.shut() : redis_links_.open();
    case StoreKind::database_outage: return begins ? postgres_links_.shut() : postgres_links_.open();
    case StoreKind::redis_slow: return slow(redis_links_, fault, turn);
    case StoreKind::database_slow: return slow(postgres_links_, fault, turn);
    case StoreKind::redis_flush: redis_faults_.flush(); break;
    case StoreKind::counter_eviction: redis_faults_.evict_counter(); break;
    case StoreKind::worker_key_eviction: {
      std::vector<WorkerId> workers;
      for (const HostIndex host : parts_.platform.resolve(fault.target)) {
        const auto& there = parts_.platform.hosts()[host].workers;
        workers.insert(workers.end(), there.begin(), there.end());
      }
      redis_faults_.evict_workers(workers);
      break;
    }
    case StoreKind::redis_restart:
    case StoreKind::redis_failover: {
      const bool failover = fault.kind == StoreKind::redis_failover;
      const bool with_snapshot = failover || fault.snapshot_age.has_value();
      if (turn.phase == Phase::prepares) {
        if (with_snapshot) redis_faults_.snapshot(turn.fault);
      } else if (begins) {
        redis_faults_.die();
      } else {
        redis_faults_.come_back({.name = turn.fault, .with_snapshot = with_snapshot, .with_workers = failover});
      }
      break;
    }
  }
  problem_ = redis_faults_.problem();
}

// Of the time that it takes in the scenario, which is what a slow store takes several times of.
StoreLinks::Delay RealFaults::more_of(const std::optional<scenarios::Distribution>& latency,
                                      const scenarios::StoreFault& fault, std::size_t index) {
  if (!latency) return {};
  return [this, latency = *latency, factor = fault.factor, index] {
    const double drawn = scenarios::sample(latency, parts_.seed, mix64(stream_of("slow-store") + index), slow_draws_++);
    return std::max(Duration{0}, duration_of_seconds(drawn * (factor - 1) / parts_.time_scale));
  };
}

void RealFaults::slow(StoreLinks& links, const scenarios::StoreFault& fault, const Turn& turn) {
  if (turn.phase == Phase::ends) return links.not_slow(turn.fault);
  const bool redis = fault.kind == StoreKind::redis_slow;
  const Scenario& scenario = parts_.scenario;
  if (redis && !scenario.registry_latency) {
    links.slow(turn.fault, more_of(scenario.redis_service, fault, turn.fault), {});
  } else if (redis) {
    links.slow(turn.fault, more_of(scenario.registry_latency, fault, turn.fault),
               more_of(scenario.registry_latency, fault, turn.fault));
  } else {
    links.slow(turn.fault,
               more_of(scenario.commit_latency ? scenario.commit_latency : scenario.query_latency, fault, turn.fault), {});
  }
}

// Whoever sends the orders looks whether it is their time.
void RealFaults::on(const scenarios::OrderFault& /*fault*/, const Turn& /*turn*/) {}
void RealFaults::on(const scenarios::BeatDown& /*fault*/, const Turn& /*turn*/) {}

// --- schedulers ---

std::vector<std::size_t> RealFaults::victims_of(const scenarios::SchedulerFault& fault, const Turn& turn) const {
  using Whom = scenarios::SchedulerFault::Whom;
  switch (fault.whom) {
    case Whom::leader: return {group_->leader()};
    case Whom::any: return {static_cast<std::size_t>(turn.draw % schedulers_)};
    case Whom::one: return {fault.index};
    case Whom::all: break;
  }
  std::vector<std::size_t> all(schedulers_);
  for (std::size_t number = 0; number < schedulers_; ++number) all[number] = number;
  return all;
}

void RealFaults::on(const scenarios::SchedulerFault& fault, const Turn& turn) {
  const bool begins = turn.phase == Phase::begins;
  std::vector<std::size_t>& struck = struck_[turn.fault];
  if (begins) struck = victims_of(fault, turn);
  for (const std::size_t number : struck) {
    if (fault.kind == scenarios::SchedulerFault::Kind::crash) {
      if (begins) group_->take_down(number, fault.graceful);
      else group_->start(number);
      continue;
    }
    const auto act = [&](StoreLinks& links) {
      if (begins) links.cut(client_of(number), {});
      else links.mend(client_of(number), {});
    };
    if (fault.from_redis) act(redis_links_);
    if (fault.from_postgres) act(postgres_links_);
  }
  target_ = fmt::format("scheduler {}", fmt::join(struck, ", "));
}

// --- what workers are told ---

void RealFaults::on(const scenarios::MessageLoss& fault, const Turn& turn) { trouble_hosts(fault.target, turn); }
void RealFaults::on(const scenarios::MessageDelay& fault, const Turn& turn) { trouble_hosts(fault.target, turn); }

void RealFaults::trouble_hosts(std::string_view target, const Turn& turn) {
  for (const HostIndex host : parts_.platform.resolve(target)) {
    for (const WorkerId worker : parts_.platform.hosts()[host].workers) trouble(worker, turn);
  }
}

void RealFaults::trouble(WorkerId worker, const Turn& turn) {
  if (turn.phase == Phase::begins) troubled_by_[index(worker)].insert(turn.fault);
  else troubled_by_[index(worker)].erase(turn.fault);
  runtime::chaos::WorkerTrouble troubles = troubles_of(worker);
  if (teller_ != nullptr) teller_->tell(worker, troubles);
  else fates_[index(worker)].set(std::move(troubles));
}

runtime::chaos::WorkerTrouble RealFaults::troubles_of(WorkerId worker) const {
  const std::uint64_t own = mix64(parts_.seed ^ mix64(worker.value));
  runtime::chaos::WorkerTrouble troubles{.seed = own, .speed = 1, .rules = {}};
  for (const std::size_t number : troubled_by_[index(worker)]) {
    const scenarios::Fault& fault = parts_.scenario.faults[number];
    if (const auto* slow = std::get_if<scenarios::HostTrouble>(&fault)) troubles.speed *= slow->factor;
    if (const auto* loss = std::get_if<scenarios::MessageLoss>(&fault)) {
      troubles.rules.push_back(
          {.fault = number, .kinds = loss->kinds, .probability = loss->probability, .burst = loss->burst, .loses = true});
    }
    if (const auto* delay = std::get_if<scenarios::MessageDelay>(&fault)) {
      troubles.rules.push_back({.fault = number,
                                .kinds = delay->kinds,
                                .probability = delay->probability,
                                .repeats = delay->repeats,
                                .delays = delays_of(*delay, mix64(own + number))});
    }
  }
  return troubles;
}

std::vector<Duration> RealFaults::delays_of(const scenarios::MessageDelay& fault, std::uint64_t stream) const {
  std::vector<Duration> delays(std::holds_alternative<scenarios::Deterministic>(fault.delay) ? 1 : kDelays);
  for (std::size_t i = 0; i < delays.size(); ++i) {
    const double drawn = scenarios::sample(fault.delay, parts_.seed, stream, i) / parts_.time_scale;
    delays[i] = std::max(Duration{0}, duration_of_seconds(drawn));
  }
  return delays;
}

std::optional<std::filesystem::path> RealFaults::troubles_socket() const {
  if (teller_ == nullptr) return std::nullopt;
  return teller_->socket();
}

runtime::WrapRedis RealFaults::wrap_messages(WorkerId worker, const WorkerAgentConfig& agent) {
  if (!any_trouble_) return {};
  const auto patience = runtime::chaos::FaultyMessages::patience_of(agent);
  return [this, worker, patience](runtime::RedisPort& port) {
    return std::make_unique<runtime::chaos::FaultyMessages>(parts_.loop, fates_[index(worker)], port, patience);
  };
}

// --- jobs that are poison ---

void RealFaults::dispatched(const scenarios::Hazards::Subject& attempt, WorkerId worker) {
  const auto mishap = hazards_.mishap(attempt);
  if (!origin_ || !mishap || !mishap->kills_worker) return;
  const auto real = [this](Duration time) { return duration_of_seconds(seconds(time) / parts_.time_scale); };
  late_.at(later(parts_.loop.now(), real(mishap->after)),
           [this, attempt = attempt.attempt, worker, restart = real(*mishap->kills_worker)] {
             if (!parts_.hosts.kill_worker(worker, attempt, restart)) return;
             count_strike([](const scenarios::Fault& fault) { return std::holds_alternative<scenarios::PoisonJob>(fault); });
           });
}

}  // namespace drydock::cli

#endif

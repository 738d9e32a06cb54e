#include "sim/world.hpp"

#include "policies/catalog.hpp"
#include "policies/core/assert.hpp"
#include "policies/core/worker_agent.hpp"
#include "sim/measured.hpp"
#include "sim/settling.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>
#include <variant>

namespace drydock::sim {
namespace {

constexpr std::uint64_t kInstantsBetweenReports = 256;
constexpr std::uint64_t kMostRoundsAtOneInstant = 1'000'000;
// Longer than the time between two resyncs, which may let jobs go on.
constexpr Duration kLongestPause = std::chrono::hours{1};
constexpr std::uint64_t kManyIdleWakeups = 1000;
constexpr std::uint64_t kMostIdleWakeups = 1'000'000;
constexpr std::size_t kMostViolations = 100;

std::uint64_t count_jobs(const scenarios::Scenario& scenario, const scenarios::Workload& workload) {
  return scenario.warmup.fraction > 0 || !scenario.duration ? workload.total() : 0;
}

reports::MetricsConfig config_of(const scenarios::Scenario& scenario, const Platform& platform, std::uint64_t jobs,
                                 const WorldOptions& options) {
  reports::MetricsConfig config =
      metrics_config(scenario, platform, options.warmup_jobs.value_or(warmup_jobs(scenario, jobs)));
  config.keep_waits = options.find_warmup;
  return config;
}

bool has_requests(const scenarios::Scenario& scenario) {
  return std::ranges::any_of(scenario.pools, [&](const scenarios::Pool& pool) { return makes_requests(scenario, pool); });
}

SchedulerConfig scheduler_config(const scenarios::Scenario& scenario, std::uint64_t seed) {
  SchedulerConfig config = scenario.scheduler;
  config.seed = seed;
  return config;
}

}  // namespace

World::World(const scenarios::Scenario& scenario, std::uint64_t seed, const WorldOptions& options, SimGridEngine& engine)
    : scenario_(scenario),
      seed_(seed),
      options_(options),
      engine_(engine),
      platform_(scenario),
      workload_(scenario, seed),
      periodic_(scenario, seed),
      jobs_in_all_(count_jobs(scenario, workload_)),
      common_(config_of(scenario, platform_, jobs_in_all_, options)),
      liveness_(make_liveness(scenario.liveness)),
      scheduler_(scheduler_config(scenario, seed), make_policies(scenario.scheduler)),
      store_faults_(scenario, seed),
      host_troubles_(scenario, seed),
      links_(scenario, seed),
      clocks_(scenario, platform_),
      mail_(scenario, platform_, seed, links_),
      overheads_(scenario, seed),
      thinking_(scenario.overheads),
      executor_(platform_, scenario.checkpoint, Hazards(scenario, seed), engine, common_),
      stores_(scenario, seed, options.store, store_faults_, executor_, common_),
      fleet_(platform_, Crashes(scenario, seed),
             BeatChannel(scenario, platform_, seed,
                         {.faults = &store_faults_, .hosts = &host_troubles_, .links = &links_, .clocks = &clocks_}),
             *liveness_,
             {.eager = options.eager,
              .is_read = scenario.scheduler.control_plane.registry.reading > Duration{0},
              .linger = WorkerAgentConfig::linger_for(scenario.scheduler.control_plane.registry.reading),
              .self_fencing = scenario.self_fencing,
              .safe_beat = scenario.safe_beat},
             links_, engine, executor_, common_),
      wakeup_(scheduler_.next_wakeup()) {
  if (mail_.any()) executor_.set_mail(mail_);
  if (overheads_.any()) executor_.set_overheads(overheads_);
  if (has_requests(scenario)) {
    shares_.emplace(scenario, platform_, seed, links_, options.interposer);
    executor_.set_clients(shares_->clients());
    fleet_.set_watcher(*this);
  }
  if (scenario.must_end_by) rest_.emplace(scenario);
  const ControlPlaneConfig& plane = scenario.scheduler.control_plane;
  if (scenario.schedulers == 1 && plane.lookahead > 0) {
    ledger_.emplace(executor_, common_, plane.lookahead);
    ledger_->hear({.process = 1});
    ledger_->hear({.process = 1, .epoch = ledger_->acquire(std::chrono::hours{1}).epoch});  // that it ends, refuses nothing
    stores_.set_ledger(*ledger_);
  }
  if (scenario.schedulers > 1) {
    const Replicas::Options of{.check = options.check || rest_, .journals = options.journals, .bugs = options.bugs};
    const Replicas::Parts with{executor_, fleet_, stores_, store_faults_, common_, *this};
    replicas_.emplace(scenario, seed, of, with);
  } else if (options.check || rest_) {
    checker_.emplace(
        Checker::Options{.limit = kMostViolations, .per_worker = !plane.aggregate, .holds_all = plane.lookahead == 0});
  }
  if (scenario.duration) horizon_ = later(kTimeZero, *scenario.duration);
  else if (rest_) horizon_ = rest_->latest();
}

reports::RunResult World::run() {
  more_arrivals_ = workload_.next(arrival_);
  engine_.run(*this);
  DRYDOCK_CHECK(finished_, "the simulation came to rest before its end");
  const bool all_ended =
      !more_arrivals_ && executor_.live_jobs() == 0 && periodic_.next() == kNever && is_at_rest() && stores_.pending() == 0;
  common_.metrics.periodic_missed(periodic_.missed(common_.now));
  fleet_.close_books();
  reports::RunResult result;
  result.seed = seed_;
  result.metrics = common_.metrics.result(common_.now);
  result.distributions = common_.metrics.distributions();
  if (options_.find_warmup) result.settling = find_settling(common_.metrics.waits());
  if (shares_) reports::put_figures(shares_->clients().figures(common_.now), result.metrics);
  const bool complete = all_ended && !error_;
  if (options_.journal != nullptr) options_.journal->close(complete ? JournalEnd::all_ended : JournalEnd::stopped);
  if (replicas_) replicas_->finish(complete);
  if (options_.check || rest_) judge(complete, result);
  result.journal_hash = replicas_ ? replicas_->journal_hash() : scheduler_.journal_hash();
  result.steps = steps_;
  result.partial = partial_;
  result.error = error_;
  return result;
}

void World::judge(bool complete, reports::RunResult& result) {
  if (checker_) checker_->finish(complete);
  if (const auto broken = shares_ ? shares_->broken_promise(common_.now) : std::nullopt) noticed_.push_back(*broken);
  const bool at_rest = complete && rest_ && stores_.asked() == 0 && rest_->reached(common_.now, stores_.changed_at());
  if (const auto untruth = at_rest && rest_->counter_is_due() ? stores_.untruth() : std::nullopt) {
    noticed_.push_back({.invariant = 5, .at = common_.now, .what = *untruth});
  }
  result.checked = true;
  result.violations = replicas_ ? replicas_->violations() : checker_->violations();
  result.violations.insert(result.violations.end(), noticed_.begin(), noticed_.end());
  result.violation_count = (replicas_ ? replicas_->violation_count() : checker_->violation_count()) + noticed_.size();
}

// --- time ---

std::int64_t World::next_instant() const {
  std::int64_t next = std::min(common_.queue.top_time(), nanos(thinking_.next(wakeup_, !common_.facts.empty())));
  if (more_arrivals_) next = std::min(next, nanos(arrival_.at));
  if (shares_) next = std::min(next, shares_->next());
  next = std::max(nanos(common_.now), std::min(next, nanos(periodic_.next())));
  if (instants_ == 0) next = 0;  // the workers register
  // One nanosecond behind the horizon, the run is found to be over.
  return std::min(next, nanos(horizon_) + 1);
}

void World::advance(std::int64_t limit) {
  while (!finished_ && !engine_.has_orders()) {
    const std::int64_t next = next_instant();
    if (next >= limit || overdue(time_at(next))) return;
    if (next > nanos(horizon_)) {
      reach_horizon();
      return;
    }
    run_instant(time_at(next));
  }
}

void World::run_instant(Time now) {
  DRYDOCK_CHECK(now >= common_.now, "time went back");
  common_.now = now;
  bool stepped = false;
  for (std::uint64_t round = 0;; ++round) {
    if (told_to_stop()) return;
    gather();
    if (replicas_) wakeup_ = replicas_->next_wakeup();  // what happened may have come to one of them already
    if (thinking_.is_busy(now)) break;
    if (thinking_.holds_orders()) {
      for (const Command& command : thinking_.take_orders()) carry_out(command);
      continue;
    }
    if (common_.facts.empty() && wakeup_ > now) {
      // It may lead to more at this instant: the next session, or what its host ran.
      if (fleet_.stop_idle() && (!common_.facts.empty() || common_.queue.top_time() == nanos(now))) continue;
      break;
    }
    if (round > kMostRoundsAtOneInstant) {
      fail(fmt::format("the policy did not come to rest at {:.12g} s: more than {} rounds at one instant", seconds(now),
                       kMostRoundsAtOneInstant));
      return;
    }
    step();
    stepped = true;
    if (finished_) return;
  }
  stores_.end_instant();
  if (stepped) end_if_over();
  if (++instants_ % kInstantsBetweenReports == 0) tell_progress();
}

void World::flow_arrived(FlowId /*flow*/, std::uint64_t cookie, std::int64_t now) { executor_.flow_arrived(cookie, now); }

// --- what happens ---

// Collects the facts of a round. The workers register in the very first one, before anything else.
void World::gather() {
  if (instants_ == 0 && steps_ == 0) {
    fleet_.start();
    (void)stores_.identity();
    plan_store_faults();
    for (const HostIndex host : host_troubles_.hosts()) change_speed(host);
    if (replicas_) replicas_->start();
    take_arrivals();
    return;
  }
  const std::int64_t now = nanos(common_.now);
  while (true) {
    while (common_.queue.top_time() == now) happen(common_.queue.pop());
    if (shares_ && run_shares()) continue;
    if (breaks_.empty()) break;
    break_and_repair();
  }
  if (common_.queue.void_heavy()) {
    common_.queue.purge([this](const Pending& p) { return executor_.is_void(p) || fleet_.is_void(p); });
  }
  take_arrivals();
}

void World::happen(const Pending& pending) {
  switch (pending.kind) {
    case Happening::attempt_end: executor_.attempt_end(pending.index, pending.generation); break;
    case Happening::child_ready: executor_.child_ready(pending.index, pending.generation); break;
    case Happening::report: executor_.report(pending.index, pending.generation); break;
    case Happening::report_again: executor_.report_again(pending.index); break;
    case Happening::linger_end: fleet_.linger_end(pending.index, pending.generation); break;
    case Happening::grace_end: fleet_.grace_end(pending.index, pending.generation); break;
    case Happening::host_end: executor_.host_end(pending.index, pending.generation); break;
    case Happening::flow_end: executor_.flow_end(pending.index, pending.generation); break;
    case Happening::answer: stores_.due(pending.index); break;
    case Happening::lease_end: fleet_.lease_end(pending.index, pending.generation); break;
    case Happening::beat: fleet_.beat(pending.index, pending.generation); break;
    case Happening::key_back: fleet_.key_back(pending.index, pending.generation); break;
    case Happening::reading: answer_reading(); break;
    case Happening::store_fault: harm_stores(); break;
    case Happening::host_speed: change_speed(pending.index); break;
    case Happening::late_stop: executor_.late_stop(pending.index, pending.generation); break;
    case Happening::replicas: replicas_->due(pending.index); break;
    case Happening::replica_fault: replicas_->fault(); break;
    case Happening::trouble:
    case Happening::crash:
    case Happening::session:
    case Happening::repair:
    case Happening::worker_start: breaks_.push_back(pending); break;
  }
}

void World::break_and_repair() {
  std::ranges::stable_sort(breaks_, {}, [](const Pending& p) { return p.kind; });
  for (const Pending& pending : breaks_) {
    if (pending.kind == Happening::crash) fleet_.crash(pending.index);
    if (pending.kind == Happening::session) fleet_.session(pending.index, pending.generation);
    if (pending.kind == Happening::repair) fleet_.repair(pending.index);
    if (pending.kind == Happening::worker_start) fleet_.worker_start(pending.index, pending.generation);
    if (pending.kind != Happening::trouble) continue;
    if (const auto killed = executor_.trouble(pending.index, pending.generation))
      fleet_.kill(killed->worker, killed->restart);
  }
  breaks_.clear();
}

// Returns whether attempts ended.
bool World::run_shares() {
  shares_->happen(common_.now);
  if (shares_->error()) fail(*shares_->error());
  const std::vector<RequestClients::Ended> ended = shares_->clients().take_ended();
  for (const RequestClients::Ended& group : ended) {
    if (group.succeeded) common_.at(common_.now, Happening::attempt_end, group.owner, group.generation);
    else executor_.fail(group.owner, group.generation);
  }
  return !ended.empty();
}

void World::process_started(WorkerId worker) { shares_->started(common_.now, worker.value); }
void World::process_stopped(WorkerId worker) { shares_->stopped(common_.now, worker.value); }

void World::take_arrivals() {
  while (more_arrivals_ && arrival_.at <= common_.now) {
    submit(arrival_);
    fleet_.jobs_arrived();
    more_arrivals_ = workload_.next(arrival_);
  }
  scenarios::Arrival fired;
  while (periodic_.fire(common_.now, JobId{submitted_}, fired)) submit(fired);
}

// Ids are given in the order in which jobs are submitted, whether they come by themselves or are fired.
void World::submit(scenarios::Arrival& arrival) {
  arrival.job.id = JobId{submitted_++};
  executor_.submit(arrival);
  if (replicas_) replicas_->submitted(arrival.job);
  if (ledger_) ledger_->submit(arrival.job);
  common_.facts.emplace_back(JobSubmitted{arrival.job});
}

void World::note_taken(JobId job, bool started) {
  const std::optional<Time> due = periodic_.taken(job);
  if (due && started) common_.metrics.periodic_started(job, common_.now + executor_.last_start_delay() - *due);
}

// --- what is decided ---

void World::step() {
  if (replicas_) return step_replicas();
  facts_.swap(common_.facts);
  common_.facts.clear();
  if (thinking_.takes_time()) Fleet::forget_what_is_over(facts_, scheduler_.cluster());
  order_canonically(facts_);
  const std::vector<WorkerRegistered> others = executor_.superseding(scheduler_.cluster(), facts_);
  const std::span<const Command> commands = options_.interposer != nullptr
                                                ? options_.interposer->step(scheduler_, common_.now, facts_)
                                                : scheduler_.step(common_.now, facts_);
  ++steps_;
  wakeup_ = scheduler_.next_wakeup();
  if (options_.journal != nullptr) options_.journal->step(common_.now, facts_, commands, scheduler_.journal_hash());
  if (checker_) checker_->step(common_.now, facts_, commands);
  if (rest_ && checker_ && checker_->violation_count() > 0) {
    finished_ = true;
    return;
  }
  executor_.supersede(others);
  if (thinking_.takes_time()) thinking_.begin(common_.now, facts_.size(), commands);
  else
    for (const Command& command : commands) carry_out(command);
  const bool idle = is_idle(commands);
  if (!idle || stores_.asked() == 0) count_idle(idle);  // an answer to come may change everything
}

void World::count_idle(bool idle) {
  if (!idle) idle_wakeups_ = 0;
  else if (idle_wakeups_++ == 0) idle_since_ = common_.now;
}

void World::step_replicas() {
  facts_.swap(common_.facts);
  common_.facts.clear();
  replicas_->step(facts_);
  ++steps_;
  count_idle(replicas_->was_idle() && executor_.live_attempts() == 0 && stores_.pending() == 0);
  wakeup_ = replicas_->next_wakeup();
}

bool World::is_at_rest() const { return replicas_ ? replicas_->at_rest() : scheduler_.idle(); }

// Whether the step brought no job on, and nothing is under way that could: readings of the registry and the traffic of the counter
// go on for ever.
bool World::is_idle(std::span<const Command> commands) const {
  if (executor_.live_attempts() > 0 || stores_.pending() > 0) return false;
  const bool facts = std::ranges::all_of(facts_, [](const Event& event) {
    return std::holds_alternative<RegistryRead>(event) || std::holds_alternative<CounterAnswered>(event) ||
           std::holds_alternative<AllocationsSummed>(event);
  });
  return facts && std::ranges::all_of(commands, [](const Command& command) {
           return std::holds_alternative<ReadRegistry>(command) || std::holds_alternative<AskCounter>(command) ||
                  std::holds_alternative<SumAllocations>(command) || std::holds_alternative<NoteStatistics>(command);
         });
}

void World::carry_out(const Command& command) {
  struct Visitor {
    World& world;
    void operator()(const Commit& order) const {
      // A ledger says when they are there.
      if (!world.ledger_) {
        for (const Release& release : order.releases) world.executor_.released(release);
      }
      world.stores_.commit(order);
    }
    void operator()(const ReadBatch& order) const { world.stores_.read(order); }
    void operator()(const AskCounter& order) const { world.stores_.ask(order); }
    void operator()(const SumAllocations& order) const { world.stores_.sum(order); }
    void operator()(const ReadRegistry& order) const { world.ask_registry(order.request); }
    void operator()(const DeclareDead& order) const { world.declare_dead(order); }
    void operator()(const Dispatch& order) const {
      const bool known =
          world.replicas_ || !world.fleet_.meant_for_others(order, world.scheduler_.cluster(), world.common_.facts);
      if (known && world.fleet_.declines(order)) return;
      const bool reachable = known && world.fleet_.reachable(order.placements);
      if (world.executor_.dispatch(order.attempt, order.placements, reachable)) {
        if (reachable) world.note_taken(order.attempt.job, true);
        return;
      }
      world.fail(fmt::format("attempt {} of job {} was dispatched, but the job has ended", order.attempt.number,
                             order.attempt.job.value));
    }
    void operator()(const StopAttempt& order) const { world.executor_.stop(order.attempt); }
    void operator()(const RejectJob& order) const {
      if (world.ledger_) DRYDOCK_CHECK(world.ledger_->reject(order.job), "the only scheduler is refused");
      world.note_taken(order.job, false);
      world.executor_.reject(order.job);
    }
    void operator()(const AskWaiting& order) const { world.stores_.load(order); }
    void operator()(const NoteStatistics& order) const { world.common_.metrics.statistics(order); }
    void operator()(const Halt& order) const { world.fail(std::string(order.why)); }
    // Those of several schedulers.
    void operator()(const AskLease&) const {}
    void operator()(const AskState&) const {}
    void operator()(const AskWorkers&) const {}
    void operator()(const StepDown&) const {}
  };
  std::visit(Visitor{*this}, command);
}

// --- the registry and the stores ---

void World::ask_registry(RequestId request) {
  reading_ = request;
  const Duration delay = stores_.registry_round_trip(fleet_.registry_keys());
  if (delay <= Duration{0}) answer_reading();
  else common_.at(later(common_.now, delay), Happening::reading, 0, 0);
}

void World::answer_reading() {
  if (reading_.value == 0) return;  // asked by a scheduler that is no more
  RegistryRead answer{.request = reading_};
  if (store_faults_.redis_is_down(common_.now)) {
    answer.answer = Answer::failed;
  } else {
    const Stores::Identity identity = stores_.identity();
    const Fleet::Reading reading = fleet_.read_registry();
    answer.server = identity.server;
    answer.sentinel = identity.sentinel;
    answer.entries = reading.entries;
    answer.gone = reading.gone;
  }
  reading_ = RequestId{};
  common_.facts.emplace_back(answer);
}

// Nothing runs twice where workers end what they run before they can be given up; a busy main loop cannot, nor can one that beats so that
// its key has no cpus any more.
void World::declare_dead(const DeclareDead& order) {
  const std::uint64_t before = executor_.disowned();
  fleet_.declared_dead(order.worker, order.incarnation);
  if (!checker_ || !scenario_.self_fencing || !scenario_.safe_beat || !scenario_.scheduler.control_plane.registry.guard)
    return;
  if (executor_.disowned() == before || platform_.workers()[index(order.worker)].beats_in_loop) return;
  noticed_.push_back(
      {.invariant = 3,
       .at = common_.now,
       .what = fmt::format("worker {} is declared dead while it runs {} attempt(s), which will run a second time",
                           order.worker.value, executor_.disowned() - before)});
  finished_ = finished_ || rest_.has_value();
}

void World::plan_store_faults() {
  const Time next = store_faults_.next_action();
  if (next < kEndOfTime) common_.at(next, Happening::store_fault, 0, 0);
}

void World::harm_stores() {
  using Kind = StoreFaults::Action::Kind;
  const StoreFaults::Action action = store_faults_.take_action();
  switch (action.kind) {
    case Kind::flush:
      stores_.flush();
      fleet_.lose_all_keys();
      if (shares_) shares_->lose_store();
      break;
    case Kind::snapshot: stores_.snapshot(); break;
    case Kind::restart:
      stores_.restart(!action.fault->snapshot_age);
      fleet_.lose_all_keys();
      if (shares_) shares_->lose_store();
      break;
    case Kind::failover:
      stores_.restart(false);
      fleet_.lose_keys_since(action.died - std::min(action.fault->lag, action.died - kTimeZero));
      if (shares_) shares_->lose_store();
      break;
    case Kind::evict_counter: stores_.evict_counter(); break;
    case Kind::evict_workers: fleet_.lose_keys(platform_.resolve(action.fault->target)); break;
  }
  plan_store_faults();
}

void World::change_speed(HostIndex host) {
  const Time now = common_.now;
  executor_.set_speed(host, host_troubles_.factor(host, now), host_troubles_.paused_until(host, now));
  const Time next = host_troubles_.next_change(host, now);
  if (next < kEndOfTime) common_.at(next, Happening::host_speed, host, 0);
}

// --- the end ---

void World::reach_horizon() {
  if (scenario_.duration) {
    common_.now = horizon_;
    finished_ = true;
    return;
  }
  if (rest_) {
    finished_ = true;
    return;
  }
  const std::optional<JobId> job = executor_.first_live_job();
  fail(
      fmt::format("{} later than {} years after the start, the longest time a run can have: shorten it or give the scenario "
                  "a \"duration\"",
                  job ? fmt::format("job {} would end", job->value) : "the run would end", kMostYears));
}

// Nothing happens before `next`: whether a job that lives now can only end too late.
bool World::overdue(Time next) {
  const std::optional<JobId> job = rest_ && rest_->jobs_are_late(next) ? executor_.first_live_job() : std::nullopt;
  if (!job) return false;
  fail(fmt::format("{} job{} not ended by {:.12g} s, as they must; the first is job {}", executor_.live_jobs(),
                   executor_.live_jobs() == 1 ? " has" : "s have", seconds(*scenario_.must_end_by), job->value));
  return true;
}

void World::end_if_over() {
  if (scenario_.duration || more_arrivals_ || stores_.pending() > 0) return;
  if (thinking_.holds_orders() || !common_.facts.empty()) return;
  if (executor_.live_jobs() == 0) {
    const bool at_rest = !rest_ || (stores_.asked() == 0 && rest_->reached(common_.now, stores_.changed_at()));
    finished_ = (is_at_rest() && at_rest) || wakeup_ == kNever;
    return;
  }
  if (!stuck()) return;
  const std::uint32_t down = fleet_.hosts_down();
  fail(
      fmt::format("{} job{} can never run: nothing runs, no job will arrive and no worker will come back at {:.12g} s{}; "
                  "the first is job {}",
                  executor_.live_jobs(), executor_.live_jobs() == 1 ? "" : "s", seconds(common_.now),
                  down > 0 ? fmt::format(" ({} host{} down for ever)", down, down == 1 ? " is" : "s are") : "",
                  executor_.first_live_job()->value));
}

bool World::stuck() const {
  if (executor_.live_attempts() > 0 || fleet_.will_change() || (replicas_ && replicas_->will_change())) return false;
  if (reading_.value != 0 || stores_.asked() > 0 || (replicas_ && replicas_->asked() > 0)) return false;  // answers come
  const bool long_idle = idle_wakeups_ > kManyIdleWakeups && common_.now - idle_since_ > kLongestPause;
  return wakeup_ == kNever || long_idle || idle_wakeups_ > kMostIdleWakeups;
}

void World::fail(std::string why) {
  if (!error_) error_ = std::move(why);
  finished_ = true;
}

bool World::told_to_stop() {
  if (options_.stop == nullptr || !options_.stop->load(std::memory_order_relaxed)) return false;
  partial_ = finished_ = true;
  return true;
}

void World::tell_progress() {
  if (options_.progress != nullptr) options_.progress->store(fraction_done(), std::memory_order_relaxed);
}

double World::fraction_done() const {
  if (scenario_.duration) return nanos(horizon_) == 0 ? 1.0 : seconds(common_.now) / seconds(horizon_);
  return jobs_in_all_ == 0 ? 1.0 : static_cast<double>(executor_.ended_jobs()) / static_cast<double>(jobs_in_all_);
}

}  // namespace drydock::sim

#include "sim/world.hpp"

#include "policies/catalog.hpp"
#include "policies/core/assert.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <utility>

namespace drydock::sim {
namespace {

constexpr std::uint64_t kInstantsBetweenReports = 256;
constexpr std::uint64_t kMostRoundsAtOneInstant = 1'000'000;
constexpr std::uint64_t kMostIdleWakeups = 1000;

std::uint64_t count_jobs(const scenarios::Scenario& scenario, const scenarios::Workload& workload) {
  const bool needed = scenario.warmup.fraction > 0 || !scenario.duration;
  return needed ? workload.total() : 0;
}

reports::MetricsConfig metrics_config(const scenarios::Scenario& scenario, const Platform& platform, std::uint64_t jobs) {
  reports::MetricsConfig config;
  for (const QueueConfig& queue : scenario.scheduler.queues) config.queues.push_back(queue.name);
  for (const PoolConfig& pool : scenario.scheduler.pools) config.pools.push_back(pool.name);
  config.overcommit = std::ranges::any_of(platform.hosts(), &HostFacts::overcommittable);
  config.periodic = !scenario.periodic.empty();
  config.warmup_jobs = static_cast<std::uint64_t>(std::floor(scenario.warmup.fraction * static_cast<double>(jobs) + 1e-9));
  return config;
}

// A scheduler that works in cycles reads the registry once in each.
std::optional<Duration> registry_reading(const ControlPlaneConfig& config) {
  return config.trigger == PassTrigger::cycle ? std::optional(config.period) : std::nullopt;
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
      common_(metrics_config(scenario, platform_, jobs_in_all_)),
      liveness_(make_liveness(scenario.liveness)),
      scheduler_(scheduler_config(scenario, seed), make_placement(scenario.scheduler),
                 make_isolation(scenario.scheduler.isolation)),
      store_(options.store),
      executor_(platform_, scenario.checkpoint, engine, common_),
      fleet_(platform_, Crashes(scenario, platform_, seed), BeatChannel(scenario, platform_, seed), *liveness_,
             {.eager = options.eager, .reading = registry_reading(scenario.scheduler.control_plane)}, engine, executor_,
             common_) {
  if (options.check) checker_.emplace();
  if (scenario.duration) horizon_ = later(kTimeZero, *scenario.duration);
}

reports::RunResult World::run() {
  more_arrivals_ = workload_.next(arrival_);
  engine_.run(*this);
  DRYDOCK_CHECK(finished_, "the simulation came to rest before its end");
  const bool all_ended = !more_arrivals_ && executor_.live_jobs() == 0 && periodic_.next() == kNever;
  common_.metrics.periodic_missed(periodic_.missed(common_.now));
  fleet_.close_books();
  reports::RunResult result;
  result.seed = seed_;
  result.metrics = common_.metrics.result(common_.now);
  const bool complete = all_ended && !error_;
  if (options_.journal != nullptr) options_.journal->close(complete ? JournalEnd::all_ended : JournalEnd::stopped);
  if (checker_) {
    checker_->finish(complete);
    result.checked = true;
    result.violations = checker_->violations();
    result.violation_count = checker_->violation_count();
  }
  result.journal_hash = scheduler_.journal_hash();
  result.steps = steps_;
  result.partial = partial_;
  result.error = error_;
  return result;
}

// --- time ---

std::int64_t World::next_instant() const {
  std::int64_t next = std::min(common_.queue.top_time(), nanos(wakeup_));
  if (more_arrivals_) next = std::min(next, nanos(arrival_.at));
  next = std::max(nanos(common_.now), std::min(next, nanos(periodic_.next())));
  if (instants_ == 0) next = 0;  // the workers register
  // One nanosecond behind the horizon, the run is found to be over.
  return std::min(next, nanos(horizon_) + 1);
}

void World::advance(std::int64_t limit) {
  while (!finished_ && !engine_.has_orders()) {
    const std::int64_t next = next_instant();
    if (next >= limit) return;
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
    if (common_.facts.empty() && wakeup_ > now) break;
    if (round > kMostRoundsAtOneInstant) {
      fail(fmt::format("the policy did not come to rest at {:.12g} s: more than {} rounds at one instant", seconds(now),
                       kMostRoundsAtOneInstant));
      return;
    }
    step();
    stepped = true;
    if (finished_) return;
  }
  if (stepped) end_if_over();
  if (++instants_ % kInstantsBetweenReports == 0) tell_progress();
}

void World::flow_arrived(FlowId /*flow*/, std::uint64_t cookie, std::int64_t now) { executor_.flow_arrived(cookie, now); }

// --- what happens ---

// Collects the facts of a round. The workers register in the very first one, before anything else.
void World::gather() {
  if (instants_ == 0 && steps_ == 0) {
    fleet_.start();
    take_arrivals();
    return;
  }
  const std::int64_t now = nanos(common_.now);
  while (common_.queue.top_time() == now) {
    while (common_.queue.top_time() == now) happen(common_.queue.pop());
    if (!breaks_.empty()) break_and_repair();
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
    case Happening::host_end: executor_.host_end(pending.index, pending.generation); break;
    case Happening::flow_end: executor_.flow_end(pending.index, pending.generation); break;
    case Happening::answer:
      common_.facts.push_back(answers_[pending.index]);
      free_answers_.push_back(pending.index);
      --pending_answers_;
      break;
    case Happening::lease_end: fleet_.lease_end(pending.index, pending.generation); break;
    case Happening::beat: fleet_.beat(pending.index, pending.generation); break;
    case Happening::reading: fleet_.read_registry(); break;
    case Happening::crash:
    case Happening::repair: breaks_.push_back(pending); break;
  }
}

void World::break_and_repair() {
  std::ranges::stable_sort(breaks_, {}, [](const Pending& p) { return p.kind; });
  for (const Pending& pending : breaks_) {
    if (pending.kind == Happening::crash) fleet_.crash(pending.index);
    else fleet_.repair(pending.index);
  }
  breaks_.clear();
}

void World::take_arrivals() {
  while (more_arrivals_ && arrival_.at <= common_.now) {
    submit(arrival_);
    more_arrivals_ = workload_.next(arrival_);
  }
  scenarios::Arrival fired;
  while (periodic_.fire(common_.now, JobId{submitted_}, fired)) submit(fired);
}

// Ids are given in the order in which jobs are submitted, whether they come by themselves or are fired.
void World::submit(scenarios::Arrival& arrival) {
  arrival.job.id = JobId{submitted_++};
  executor_.submit(arrival);
  common_.facts.emplace_back(JobSubmitted{arrival.job});
}

void World::note_taken(JobId job, bool started) {
  const std::optional<Time> due = periodic_.taken(job);
  if (due && started) common_.metrics.periodic_started(job, common_.now + executor_.last_start_delay() - *due);
}

// --- what is decided ---

void World::step() {
  facts_.swap(common_.facts);
  common_.facts.clear();
  order_canonically(facts_);
  const std::span<const Command> commands = scheduler_.step(common_.now, facts_);
  ++steps_;
  wakeup_ = scheduler_.next_wakeup();
  if (options_.journal != nullptr) options_.journal->step(common_.now, facts_, commands, scheduler_.journal_hash());
  if (checker_) checker_->step(common_.now, facts_, commands);
  for (const Command& command : commands) carry_out(command);
  const bool idle = facts_.empty() && commands.empty() && executor_.live_attempts() == 0 && pending_answers_ == 0;
  idle_wakeups_ = idle ? idle_wakeups_ + 1 : 0;
}

void World::carry_out(const Command& command) {
  struct Visitor {
    World& world;
    void operator()(const Commit& order) const { world.answer(world.store_.commit(order, world.common_.now)); }
    void operator()(const ReadBatch& order) const { world.answer(world.store_.read(order, world.common_.now)); }
    void operator()(const Dispatch& order) const {
      const bool reachable = world.fleet_.reachable(order.placements);
      if (world.executor_.dispatch(order.attempt, order.placements, reachable)) {
        if (reachable) world.note_taken(order.attempt.job, true);
        return;
      }
      world.fail(fmt::format("attempt {} of job {} was dispatched, but the job has ended", order.attempt.number,
                             order.attempt.job.value));
    }
    void operator()(const StopAttempt& order) const { world.executor_.stop(order.attempt); }
    void operator()(const RejectJob& order) const {
      world.note_taken(order.job, false);
      world.executor_.reject(order.job);
    }
    void operator()(const Halt& order) const { world.fail(std::string(order.why)); }
  };
  std::visit(Visitor{*this}, command);
}

void World::answer(const StoreModel::Reply& reply) {
  if (reply.delay <= Duration{0}) {
    common_.facts.push_back(reply.answer);
    return;
  }
  std::uint32_t place = 0;
  if (free_answers_.empty()) {
    place = static_cast<std::uint32_t>(answers_.size());
    answers_.push_back(reply.answer);
  } else {
    place = free_answers_.back();
    free_answers_.pop_back();
    answers_[place] = reply.answer;
  }
  ++pending_answers_;
  common_.at(later(common_.now, reply.delay), Happening::answer, place, 0);
}

// --- the end ---

void World::reach_horizon() {
  if (scenario_.duration) {
    common_.now = horizon_;
    finished_ = true;
    return;
  }
  const std::optional<JobId> job = executor_.first_live_job();
  fail(
      fmt::format("{} later than {} years after the start, the longest time a run can have: shorten it or give the scenario "
                  "a \"duration\"",
                  job ? fmt::format("job {} would end", job->value) : "the run would end", kMostYears));
}

void World::end_if_over() {
  if (scenario_.duration || more_arrivals_ || pending_answers_ > 0) return;
  if (executor_.live_jobs() == 0) {
    finished_ = scheduler_.idle() || wakeup_ == kNever;
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
  if (executor_.live_attempts() > 0 || fleet_.will_change()) return false;
  return wakeup_ == kNever || idle_wakeups_ > kMostIdleWakeups;
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

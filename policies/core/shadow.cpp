#include "policies/core/shadow.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>
#include <exception>
#include <fmt/format.h>
#include <utility>

namespace drydock {

namespace {

using Kind = PlanAct::Kind;

// Of real time: a shadow may think for a fifth of it, and has at most so much saved up.
constexpr int kShareOfTime = 5;
constexpr Duration kMostSaved = std::chrono::seconds{2};

// Logs that a takeover has filled are not kept.
constexpr std::size_t kLogKept = 10'000;

std::unique_ptr<IsolationPolicy> isolation_of(const SchedulerConfig& config, Policies& policies) {
  if (config.control_plane.aggregate) return std::make_unique<AggregateAdmission>();
  return std::move(policies.isolation);
}

std::vector<Placement> by_worker(std::span<const Placement> placements) {
  std::vector<Placement> sorted(placements.begin(), placements.end());
  std::ranges::sort(sorted, {}, &Placement::worker);
  return sorted;
}

}  // namespace

std::optional<std::string> why_no_shadow(const SchedulerConfig& real, const SchedulerConfig& shadow) {
  const auto differ = [](const auto& a, const auto& b) {
    return !std::ranges::equal(a, b, [](const auto& x, const auto& y) { return x.name == y.name; });
  };
  if (differ(real.queues, shadow.queues)) return "it has other queues";
  if (differ(real.pools, shadow.pools)) return "it has other pools";
  if (real.control_plane.aggregate != shadow.control_plane.aggregate)
    return "it has another admission (control_plane.admission)";
  return std::nullopt;
}

Shadow::Shadow(Scheduler& real, const SchedulerConfig& config, Policies policies, std::string name)
    : real_(real),
      placement_(std::move(policies.placement)),
      isolation_(isolation_of(config, policies)),
      binds_(placement_->traits().binds),
      cluster_(config.queues, config.pools, cluster_traits(*placement_, isolation_.get(), config.control_plane.aggregate)),
      allowance_(kMostSaved) {
  DRYDOCK_CHECK(!why_no_shadow(real.config(), config),
                "a shadow has the queues, the pools and the admission of its scheduler");
  report_.name = std::move(name);
  report_.placement = config.placement.type;
  report_.isolation = config.control_plane.aggregate ? "" : config.isolation.type;
  if (config.control_plane.aggregate) aggregate_ = static_cast<AggregateAdmission*>(isolation_.get());
  if (real.config().control_plane.lookahead > 0) cluster_.go_by_store();
  if (config.session_margin) cluster_.mind_sessions(*config.session_margin);
  planner_.emplace(*placement_, isolation_.get(), cluster_, Rng(real.config().seed, "placement"));
  planner_->record_acts();
  planner_->open_turns();
  real_.log_to(&log_);
}

Shadow::~Shadow() { real_.log_to(nullptr); }

void Shadow::catch_up() {
  cluster_.set_now(real_.cluster().now());
  try {
    for (const ClusterChange& change : log_) {
      if (!is_on()) break;
      std::visit([this](const auto& c) { apply(c); }, change);
    }
  } catch (const std::exception& error) {
    switch_off(fmt::format("it threw an exception: {}", error.what()));
  } catch (...) {
    switch_off("it threw something that is not a std::exception");
  }
  log_.clear();
  if (log_.capacity() > kLogKept) log_.shrink_to_fit();
}

void Shadow::spent(Time now, Duration took) {
  allowance_ = std::min(kMostSaved, allowance_ + (now - refilled_at_) / kShareOfTime) - took;
  refilled_at_ = now;
}

bool Shadow::has_time(Time now) {
  return allowance_ > Duration{0} || allowance_ + (now - refilled_at_) / kShareOfTime > Duration{0};
}

void Shadow::switch_off(std::string why) {
  report_.off = std::move(why);
  real_.log_to(nullptr);
  wishes_ = {};
}

// --- following the scheduler ---

void Shadow::apply(const change::OfJob& change) {
  using What = change::OfJob::What;
  switch (change.what) {
    case What::remove: return cluster_.remove_job(change.job);
    case What::rank: return cluster_.set_rank(change.job, placement_->rank(cluster_.job(change.job), cluster_));
    case What::enqueue: return cluster_.enqueue(change.job);
    case What::dequeue: return cluster_.dequeue(change.job);
    case What::give_back: return cluster_.give_back(change.job);
    case What::set_sent: return cluster_.set_sent(change.job);
    case What::cancel: return cluster_.cancel(change.job);
    case What::count_failure: return cluster_.count_failure(change.job);
    case What::count_loss: return cluster_.count_loss(change.job);
    case What::open_release: return cluster_.open_release(change.job);
    case What::close_release: return cluster_.close_release(change.job);
  }
}

// --- one moment ---

void Shadow::apply(const change::Decide& real) {
  cluster_.set_now(real.now);
  if (!has_time(real.now)) return skip(real);
  if (stale_) catch_up_with_skipped();
  if (aggregate_ != nullptr) aggregate_->set_budget(real.budget);
  if (planner_->turns_change()) before_ = isolation_->copy();
  planner_->wake(real.now);
  if (!planner_->pass(real.now)) return switch_off(planner_->error());
  const std::vector<Outcome> theirs = real_outcomes(real);
  const std::vector<Outcome> own = own_outcomes();
  if (theirs.empty() && own.empty()) {
    ++report_.idle;
    return;
  }
  if (compare(real.now, theirs, own)) {
    ++report_.equal;
    // What is bound to one worker is in the order in which it was.
    const auto is_bind = [](const Outcome& outcome) { return outcome.kind == Kind::bind; };
    if (std::ranges::none_of(own, is_bind)) return;
    const auto same = [](const change::Act& a, const PlanAct& b) { return a.act.kind == b.kind && a.act.job == b.job; };
    if (std::ranges::equal(real.acts, planner_->acts(), same)) return;
  } else {
    ++report_.different;
  }
  follow(real);
}

// The wishes stand: what it would do now nobody has asked.
void Shadow::skip(const change::Decide& real) {
  ++report_.skipped;
  stale_ = true;
  for (std::uint32_t p = 0; p < cluster_.pools().size(); ++p) cluster_.clear_changes(PoolId{p});
  obey(real);
}

void Shadow::catch_up_with_skipped() {
  stale_ = false;
  for (std::uint32_t p = 0; p < cluster_.pools().size(); ++p) {
    cluster_.unsettle(PoolId{p});
    for (const WorkerId worker : cluster_.pool(PoolId{p}).workers) {
      if (cluster_.worker(worker).serves(PoolId{p})) cluster_.offer(worker);
    }
  }
}

// A job that is bound and started at the same moment is started.
std::vector<Shadow::Outcome> Shadow::own_outcomes() const {
  std::vector<Outcome> outcomes;
  for (const PlanAct& act : planner_->acts()) {
    const Job& job = cluster_.job(act.job);
    if (act.kind == Kind::bind && job.state != JobState::bound) continue;
    const bool starts = act.kind == Kind::start;
    outcomes.push_back({.id = job.spec.id,
                        .job = act.job,
                        .kind = act.kind,
                        .attempt = job.attempt - (starts ? 1U : 0U),
                        .worker = act.kind == Kind::bind ? act.worker : WorkerId{},
                        .placements = starts ? by_worker(job.placements) : std::vector<Placement>{}});
  }
  std::ranges::sort(outcomes, {}, &Outcome::id);
  return outcomes;
}

std::vector<Shadow::Outcome> Shadow::real_outcomes(const change::Decide& real) const {
  std::vector<Outcome> outcomes;
  for (const change::Act& act : real.acts) {
    const Job& job = cluster_.job(act.act.job);
    const std::uint32_t own_start = job.state == JobState::committing ? 1 : 0;  // at this moment: it waited before
    outcomes.push_back({.id = job.spec.id,
                        .job = act.act.job,
                        .kind = act.act.kind,
                        .attempt = job.attempt - own_start,
                        .worker = act.act.kind == Kind::bind ? act.act.worker : WorkerId{},
                        .placements = by_worker(act.placements)});
  }
  // Of one job, its start comes before its being bound: the first is kept.
  const auto key = [](const Outcome& outcome) { return std::pair(outcome.id, outcome.kind); };
  std::ranges::sort(outcomes, {}, key);
  const auto repeated = std::ranges::unique(outcomes, {}, &Outcome::id);
  outcomes.erase(repeated.begin(), repeated.end());
  return outcomes;
}

// --- taking back, and following ---

void Shadow::follow(const change::Decide& real) {
  const std::vector<PlanAct> own(planner_->acts().begin(), planner_->acts().end());
  take_back(own);
  if (before_) {
    isolation_ = std::move(before_);
    planner_->replace(*isolation_);
    if (aggregate_ != nullptr) aggregate_ = static_cast<AggregateAdmission*>(isolation_.get());
  }
  for (const PlanAct& act : own) unsettle(act);
  obey(real);
}

// From the last to the first, so that everything is as it was: who is bound to a worker, too.
void Shadow::take_back(std::span<const PlanAct> acts) {
  for (auto act = acts.rbegin(); act != acts.rend(); ++act) {
    const Job& job = cluster_.job(act->job);
    switch (act->kind) {
      case Kind::start:
        cluster_.give_back(act->job);
        cluster_.set_history(act->job, {.attempt = job.attempt - 1, .failures = job.failures, .losses = job.losses});
        cluster_.enqueue(act->job);
        if (act->from) cluster_.bind(act->job, act->worker, *act->from);
        break;
      case Kind::bind:
        cluster_.dequeue(act->job);
        cluster_.enqueue(act->job);
        break;
      case Kind::stop: cluster_.set_state(act->job, JobState::running); break;
    }
  }
}

void Shadow::obey(const change::Decide& real) {
  opened_.assign(cluster_.pools().size(), false);
  for (const change::Act& decided : real.acts) {
    const PlanAct& act = decided.act;
    switch (act.kind) {
      case Kind::start: start(real.now, act, decided.placements); break;
      case Kind::bind:
        if (binds_) cluster_.bind(act.job, act.worker);
        break;
      case Kind::stop: cluster_.set_state(act.job, JobState::stopping); break;
    }
    unsettle(act);
  }
}

// An isolation policy that counts what it gave to whom counts what the scheduler started.
void Shadow::start(Time now, const PlanAct& act, std::span<const Placement> placements) {
  const QueueId queue = cluster_.job(act.job).spec.queue;
  const bool tells = planner_->turns_change() && cluster_.pool(act.pool).turn_of[index(queue)] != Pool::kNoTurn;
  const IsolationPass pass{now, act.pool, cluster_};
  if (tells && !opened_[index(act.pool)]) isolation_->open(pass, cluster_.turns(act.pool));
  cluster_.take(act.job, act.pool, placements, now);
  if (!tells) return;
  opened_[index(act.pool)] = true;
  isolation_->started(pass, act.job, cluster_.turns(act.pool));
}

// What the placement policy has in mind for the pool does not hold: something was decided there that it did not decide.
void Shadow::unsettle(const PlanAct& act) {
  cluster_.unsettle(act.pool);
  if (act.kind == Kind::bind || act.from) cluster_.offer(act.worker);
}

void Shadow::sanity_check() const {
  if (!is_on()) return;
  DRYDOCK_CHECK(log_.empty(), "a shadow is checked when it has caught up");
  cluster_.sanity_check();
  cluster_.check_alike(real_.cluster(), binds_);
}

}  // namespace drydock

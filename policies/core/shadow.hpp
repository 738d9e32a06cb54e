// A second policy that decides at the same moments on the same state as a scheduler's, without acting: what it would have done otherwise
// is counted (shadow_report.hpp).
//
// It has a cluster of its own, in its own order of the waiting jobs, which follows the scheduler's change by change (cluster_log.hpp). At
// each moment at which the scheduler has planned, the shadow plans on the state as it was before; both plans are compared; then what the
// shadow decided otherwise is taken back, as if the store had refused it, and what the scheduler decided takes its place. So it answers
// "what would it do now, here", moment by moment, and not "how would the day have gone": that is for a simulation.
//
// It cannot influence the scheduler, which only writes down what it does. It thinks in catch_up(), when the orders have left. Where it
// throws an exception or breaks a rule of Plan it is switched off.
#pragma once

#include "policies/core/cluster_log.hpp"
#include "policies/core/planner.hpp"
#include "policies/core/scheduler.hpp"
#include "policies/core/shadow_report.hpp"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace drydock {

// Why a scheduler of one configuration cannot have a shadow of another, for people; nothing: it can. They must have the same queues,
// pools and admission; what else they differ in (placement, isolation, sessions, weights and priorities of queues, what pools serve and
// prefetch) is the shadow's to decide by. The moments are the scheduler's.
[[nodiscard]] std::optional<std::string> why_no_shadow(const SchedulerConfig& real, const SchedulerConfig& shadow);

// A shadow that somebody wants. `name`: for people.
struct ShadowChoice {
  std::string name;
  SchedulerConfig config;
};

class Shadow {
 public:
  // `real` has not made a step, has no other shadow, and outlives this. Of the policies, placement and isolation are used. `name`: for
  // people. why_no_shadow() must have nothing to say.
  Shadow(Scheduler& real, const SchedulerConfig& config, Policies policies, std::string name);
  ~Shadow();
  Shadow(const Shadow&) = delete;
  Shadow& operator=(const Shadow&) = delete;

  // To be called after each step of the scheduler, when its orders have been carried out. Costs what the scheduler's step did, for its
  // own policies; where the two decide differently, policies that plan ahead plan anew.
  void catch_up();
  // What catch_up() took, by a real clock: where it takes more than a fifth of the time, moments are skipped. (One that is begun is
  // not interrupted.)
  void spent(Time now, Duration took);

  [[nodiscard]] const ShadowReport& report() const { return report_; }
  [[nodiscard]] bool is_on() const { return !report_.off; }

  // Stops the process unless its cluster is as the scheduler's. For tests, after catch_up().
  void sanity_check() const;

 private:
  // What becomes of a job at one moment.
  struct Outcome {
    JobId id;
    JobRef job;
    PlanAct::Kind kind = PlanAct::Kind::start;
    std::uint32_t attempt = 0;            // before
    WorkerId worker;                      // of a bind
    std::vector<Placement> placements{};  // of a start, by worker
  };
  // What only the shadow would have done with a job, since when.
  struct Wish {
    JobId id;
    std::uint32_t attempt = 0;
    std::array<Time, 3> since = {kNever, kNever, kNever};  // by kind; kNever: not that
    [[nodiscard]] bool is_of(const Outcome& outcome) const { return id == outcome.id && attempt == outcome.attempt; }
    [[nodiscard]] Time& of(PlanAct::Kind kind) { return since.at(static_cast<std::size_t>(kind)); }
  };

  void apply(const change::AddJob& change) { cluster_.add_job(change.spec, change.now); }
  void apply(const change::OfJob& change);
  void apply(const change::SetState& change) { cluster_.set_state(change.job, change.state); }
  void apply(const change::SetRunning& change) { cluster_.set_running(change.job, change.now); }
  void apply(const change::SetProgress& change) { cluster_.set_progress(change.job, change.progress); }
  void apply(const change::SetHistory& change) { cluster_.set_history(change.job, change.history); }
  void apply(const change::LosePart& change) { cluster_.lose_part(change.job, change.worker); }
  void apply(const change::Take& change) { cluster_.take(change.job, change.pool, change.placements, change.now); }
  void apply(const change::AddWorker& change) { cluster_.add_worker(change.worker, change.incarnation, change.spec); }
  void apply(const change::CloseWorker& change) { cluster_.close_worker(change.worker); }
  void apply(const change::RemoveWorker& change) { cluster_.remove_worker(change.worker); }
  void apply(const change::CallForPass& change) { cluster_.call_for_pass(change.pool); }
  void apply(const change::Decide& change);

  // One moment.
  [[nodiscard]] bool has_time(Time now);
  void skip(const change::Decide& real);
  void catch_up_with_skipped();
  [[nodiscard]] std::vector<Outcome> own_outcomes() const;
  [[nodiscard]] std::vector<Outcome> real_outcomes(const change::Decide& real) const;
  [[nodiscard]] bool compare(Time now, const std::vector<Outcome>& real, const std::vector<Outcome>& own);
  [[nodiscard]] bool count_pair(Time now, const Outcome& real, const Outcome& own);
  void count_real_only(Time now, const Outcome& real);
  void count_shadow_only(Time now, const Outcome& own);
  void count_later(Time now, const Outcome& real);
  void note(Time now, JobId job, std::string real, std::string shadow);
  [[nodiscard]] Wish& wish_of(JobRef ref);
  [[nodiscard]] ShadowTally& tally_of(PlanAct::Kind kind);

  // What it decided is taken back, and what the scheduler decided done.
  void follow(const change::Decide& real);
  void take_back(std::span<const PlanAct> acts);
  void obey(const change::Decide& real);
  void start(Time now, const PlanAct& act, std::span<const Placement> placements);
  void unsettle(const PlanAct& act);
  void switch_off(std::string why);

  Scheduler& real_;
  ClusterLog log_;
  std::unique_ptr<PlacementPolicy> placement_;
  std::unique_ptr<IsolationPolicy> isolation_;
  std::unique_ptr<IsolationPolicy> before_;  // as the isolation policy was before this moment
  AggregateAdmission* aggregate_ = nullptr;  // the isolation policy, where admission is by totals
  bool binds_ = false;                       // the placement policy
  Cluster cluster_;
  std::optional<Planner> planner_;
  ShadowReport report_;
  std::vector<Wish> wishes_;  // by job reference
  std::vector<bool> opened_;  // scratch, by pool
  bool stale_ = false;        // moments were skipped

  Duration allowance_;  // of real time
  Time refilled_at_{};
};

}  // namespace drydock

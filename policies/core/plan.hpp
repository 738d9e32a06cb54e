// What a policy decides in one pass. Every decision is checked against the rules and takes effect in the cluster at once;
// the first that breaks a rule is remembered and ends the pass.
#pragma once

#include "policies/core/cluster.hpp"
#include "policies/core/rng.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace drydock {

struct PassContext {
  Time now{};
  PoolId pool;
  const Cluster& cluster;
  Rng& rng;
};

// One attempt stopped for the sake of one job.
struct Displacement {
  JobRef victim;
  JobRef beneficiary;
};

// One decision, as it was taken.
struct PlanAct {
  enum class Kind : std::uint8_t { start, bind, stop };
  Kind kind = Kind::start;
  JobRef job;
  PoolId pool;
  WorkerId worker;                                   // of bind: which; of a start of a bound job: that it was bound to
  std::optional<std::uint32_t> from = std::nullopt;  // of such a start: its place in that worker's own queue
};

class IsolationPolicy;

class Plan {
 public:
  Plan(Cluster& cluster, PoolId pool, Time now) : cluster_(cluster), pool_(pool), now_(now) {}

  // All three return false, and change nothing, when the decision breaks a rule, or an earlier one of this pass did.

  // Runs a waiting or bound job on these workers of the pool: all its tasks, each worker named once, within what is free.
  bool start(JobRef job, std::span<const Placement> placements);
  // Stops an attempt that runs in the pool; its resources become free when the world has stopped it. The beneficiary, a job
  // that waits for this pool, counts as starting for the rest of the step: a full queue does not reject it.
  bool preempt(const Displacement& displacement);
  // Moves a waiting job to the end of the own queue of one of the pool's workers.
  bool bind(JobRef job, WorkerId worker);

  [[nodiscard]] const std::optional<std::string>& error() const { return error_; }
  [[nodiscard]] std::span<const JobRef> started() const { return started_; }
  [[nodiscard]] std::span<const Displacement> preempted() const { return preempted_; }

  // For the scheduler, which keeps one plan for all passes. `isolation`, if any, is told of each start.
  struct Round {
    PoolId pool;
    Time now{};
    IsolationPolicy* isolation = nullptr;
    bool lending = false;
  };
  void begin(const Round& round);
  // From now on every decision is appended there, too.
  void record(std::vector<PlanAct>* acts) { acts_ = acts; }

 private:
  bool known(JobRef job);
  void record_start(JobRef job);
  bool refuse(const char* decision, JobRef job, const std::string& why);
  [[nodiscard]] const std::string& pool_name() const;
  [[nodiscard]] std::string not_served(const Job& job) const;
  // Why the pool could not start it, whatever room there is.
  [[nodiscard]] std::optional<std::string> not_startable(const Job& job) const;
  [[nodiscard]] std::optional<std::string> problem_with(const Job& job, std::span<const Placement> placements);

  Cluster& cluster_;
  PoolId pool_;
  Time now_;
  IsolationPolicy* isolation_ = nullptr;
  bool lending_ = false;
  std::vector<JobRef> started_;
  std::vector<Displacement> preempted_;
  std::vector<PlanAct>* acts_ = nullptr;
  std::optional<std::string> error_;
  std::vector<std::uint64_t> named_in_;  // by worker: the last start() that named it
  std::uint64_t starts_ = 0;
};

}  // namespace drydock

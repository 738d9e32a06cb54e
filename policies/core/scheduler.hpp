// The deterministic core: facts and the time go in, orders and the next wakeup come out. No I/O, no clock, no thread.
#pragma once

#include "policies/core/accounting.hpp"
#include "policies/core/aggregate_admission.hpp"
#include "policies/core/arena.hpp"
#include "policies/core/cluster.hpp"
#include "policies/core/cluster_log.hpp"
#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"
#include "policies/core/isolation_policy.hpp"
#include "policies/core/leadership.hpp"
#include "policies/core/lookahead.hpp"
#include "policies/core/placement_policy.hpp"
#include "policies/core/plan.hpp"
#include "policies/core/planner.hpp"
#include "policies/core/policy_info.hpp"
#include "policies/core/registry_watch.hpp"
#include "policies/core/retry.hpp"
#include "policies/core/takeover.hpp"

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace drydock {

// When the scheduler decides.
enum class PassTrigger : std::uint8_t {
  ideal,  // at each instant at which something changed
  cycle,  // every `period`
  event,  // `period` after the first change since the last pass (debounce)
};

struct ControlPlaneConfig {
  PassTrigger trigger = PassTrigger::ideal;
  Duration period{};
  // In a cycle the registry is read first, and the pass waits for the answer.
  RegistryConfig registry{};
  LeadershipConfig leadership{};
  // In a cycle the total of what is allocated is asked for next, as the accounting policy knows it, and what is left of all workers'
  // cpus may be started; no worker's own cpus are a limit. Goes with static pools.
  bool aggregate = false;
  // Of the jobs that wait in a queue at most so many are held in memory; the others in the store alone. 0: all are. See lookahead.hpp.
  std::uint32_t lookahead = 0;
  Duration statistics{};  // between two NoteStatistics; 0: none are given
};

struct SchedulerConfig {
  std::vector<QueueConfig> queues;
  std::vector<PoolConfig> pools;
  PolicyConfig placement;
  PolicyConfig isolation = {"static-pools", {}};
  PolicyConfig accounting;  // its type is empty where there is none
  PolicyConfig retry;  // without a type: a failed attempt is the end of its job, a lost one is repeated at once, for ever
  std::optional<Duration> session_margin;  // left of a worker's session when a job started there ends; nothing: oblivious
  ControlPlaneConfig control_plane;
  std::uint32_t max_in_flight = 2;                 // commits awaiting their answer; more decisions are coalesced
  Duration store_retry = std::chrono::seconds{1};  // pause after a failed commit or read
  std::uint64_t seed = 1;                          // of the policy's random numbers
};

// What a scheduler decides with.
struct Policies {
  template <std::derived_from<PlacementPolicy> Placement>
  Policies(std::unique_ptr<Placement> p) : placement(std::move(p)) {}  // NOLINT(google-explicit-constructor)
  std::unique_ptr<PlacementPolicy> placement;
  std::unique_ptr<IsolationPolicy> isolation;    // nullptr: pools are static
  std::unique_ptr<RetryPolicy> retry;            // nullptr: as SchedulerConfig::retry without a type
  std::unique_ptr<AccountingPolicy> accounting;  // nullptr: no counter
};

class Scheduler {
 public:
  // The policies must be those that the configuration names (or a plugin's).
  Scheduler(SchedulerConfig config, Policies policies);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Takes facts in (ordered by order_canonically) and returns orders, which hold until the next step. `now` never falls.
  // Costs O((facts + decisions) log n), where n counts live jobs and workers.
  [[nodiscard]] std::span<const Command> step(Time now, std::span<const Event> events);

  // The latest time at which step() must be called again even if nothing happens; kNever if there is no need.
  [[nodiscard]] Time next_wakeup() const;

  // Chained hash of every step so far: times, facts and orders. Two runs decided the same iff it is equal.
  [[nodiscard]] std::uint64_t journal_hash() const { return hash_; }

  [[nodiscard]] const Cluster& cluster() const { return cluster_; }
  [[nodiscard]] const SchedulerConfig& config() const { return config_; }
  // Nothing waits, runs or is on its way to the store.
  [[nodiscard]] bool idle() const;

  // Whether it decides, or would if there were something to decide: always, where it is the only one.
  [[nodiscard]] bool leads() const { return !leadership_ || reign_ == Reign::leading; }
  // It has given its last order.
  [[nodiscard]] bool stepped_down() const { return reign_ == Reign::over; }
  // It has stopped because of a policy that threw an exception or broke a rule: its last order was Halt.
  [[nodiscard]] bool halted() const { return halted_; }
  // Of its lease. Every order of the last step that goes to a store, a script or a worker is to carry it. 0 where it is the only
  // scheduler, and before it held a lease.
  [[nodiscard]] std::int64_t epoch() const { return leadership_ ? leadership_->epoch() : 0; }

  // From now on what changes in its cluster is appended there, for a shadow: before the first step. nullptr: not any more. It decides
  // the same with and without.
  void log_to(ClusterLog* log);

 private:
  struct OpenRelease {
    Release row;
    std::int64_t cpus_milli = 0;  // that it gives back
  };
  // A commit that has not been answered for good, or waits to be cleared by the accounting.
  struct Batch {
    RequestId commit;      // 0: not sent yet
    RequestId read;        // of the ReadBatch on its way; 0: none
    bool unknown = false;  // its answer was lost: to be read
    bool cleared = false;  // by the accounting, which it waited for
    BatchChange change;
    std::vector<AttemptId> assignments;
    std::vector<OpenRelease> releases;
  };

  void on(const CommitAnswered& event);
  void on(const BatchRead& event);
  void on(const RegistryRead& event);
  void on(const CounterAnswered& event);
  void on(const AllocationsSummed& event);
  void on(const AttemptFinished& event);
  void on(const AttemptStopped& event);
  void on(const WorkerLeft& event);
  void on(const WorkerDraining& event);
  void on(const LeaseExpired& event);
  void on(const WorkerRegistered& event);
  void on(const JobCancelled& event);
  void on(const JobSubmitted& event);
  void on(const LeaseAnswered&) {}  // see keep_lease
  void on(const StateLoaded& event);
  void on(const JobLoaded& event);
  void on(const AllocationLoaded& event);
  void on(const WorkersAsked& event);
  void on(const WorkerReported& event);
  void on(const AttemptHeld& event);
  void on(const ShutdownRequested&) {}  // likewise
  void on(const WaitingLoaded& event);

  // --- one of several schedulers ---
  enum class Reign : std::uint8_t {
    standby,
    loading,  // it holds the lease, and has not the state yet
    asking,   // it has it, and waits until all workers refuse the leader before
    leading,
    over,
  };
  [[nodiscard]] bool keep_lease(std::span<const Event> events);
  void take_lease(const LeaseAnswered& event);
  void step_down(StepDownReason reason);
  void take_over();
  JobRef load_job(const JobLoaded& row);
  void line_up_loaded();
  void settle_loaded();
  [[nodiscard]] bool settle_adopted(JobRef ref, const Takeover::Open& open, bool& silent);
  [[nodiscard]] bool settle_open(JobRef ref, const Takeover::Open& open);
  [[nodiscard]] bool adopt(JobRef ref, const Takeover::Open& open);
  [[nodiscard]] bool repeat_open(JobRef ref, const Takeover::Open& open);
  void repeat_loaded(JobRef ref);
  [[nodiscard]] Time leader_wakeup() const;
  void take_in(std::span<const Event> events);

  // --- where not all that waits is held in memory ---
  [[nodiscard]] bool may_wait_here(const JobSpec& job);
  void drop_excess(QueueId queue);
  void drop_all_excess();
  void note_taken_over();
  void send_loads();
  [[nodiscard]] Lookahead::Here held_of(QueueId queue) const;
  [[nodiscard]] bool wants_load(QueueId queue) const;

  void note_statistics();
  // Thousandths of a cpu, by its own books.
  [[nodiscard]] std::int64_t cpus_allocated() const;
  void ask_total();

  void accept(const JobSpec& job);
  void forget(JobRef ref);
  // The live job whose current attempt this is, or nothing when the fact is stale.
  [[nodiscard]] std::optional<JobRef> current(AttemptId attempt) const;
  // The batch is in the store as of `version`, or is not; it is over with.
  void settle(std::size_t batch, std::optional<std::uint64_t> version);
  void settle_done(Batch& batch);
  void settle_failed(Batch& batch);
  void retire(std::size_t batch);
  void retract(JobRef ref);
  void take_clearance(const Clearance& clearance);
  void declare_dead(const LeaseExpired& event);
  void lose_worker(WorkerId worker);
  [[nodiscard]] bool has_drained(const LeaseExpired& event) const;
  // Whether a worker that the job is assigned to would not begin it.
  [[nodiscard]] bool is_declined(const Job& job) const;
  // All that is held by the worker or bound to it, by submission; holds until the next call.
  [[nodiscard]] std::span<const JobRef> jobs_at(WorkerId worker);
  [[nodiscard]] std::int64_t cpus_of(const Worker& worker) const;
  // What workers that drain still hold, in thousandths of a cpu.
  [[nodiscard]] std::int64_t cpus_draining() const;
  void lose_attempt(JobRef ref, WorkerId worker);
  void wait_again(JobRef ref);
  void forget_or_wait(JobRef ref);
  void finish(JobRef ref, const AttemptFinished& event);
  void stopped(JobRef ref, const AttemptStopped& event);
  void fail(JobRef ref);
  void release_delayed();
  void keep_progress(JobRef ref);
  void end(JobRef ref, ReleaseReason reason);
  void release_later(JobRef ref, ReleaseReason reason);

  // When the changes so far are to be looked at; kNever without changes.
  [[nodiscard]] Time next_pass() const;
  // Whether a pass is to be made now.
  [[nodiscard]] bool pass_is_due() const;
  // Whether the budget of this pass is known; else it is asked for.
  [[nodiscard]] bool knows_budget();
  void come_again();
  [[nodiscard]] bool is_due(Time at) const { return at != kNever && now_ >= at; }
  void note_changes();
  void keep_time();
  void decide();
  void pass();
  void log_decisions(std::int64_t budget);
  void halt(const std::string& why);
  [[nodiscard]] bool still_waits(JobRef ref) const;
  void sum_up_promises();
  [[nodiscard]] bool reject_overflow();
  [[nodiscard]] bool may_send() const;
  void send_cleared();
  void send_commit();
  void send_batch(bool with_assignments);
  void take_releases(Batch& batch);
  void take_assignments(Batch& batch);
  void send(Batch& batch);
  void send_reads();
  void send_dispatches();
  [[nodiscard]] RequestId next_request() { return RequestId{++last_request_}; }
  [[nodiscard]] Asker asker() { return {now_, commands_, last_request_}; }
  [[nodiscard]] std::int64_t cpus_in_use_limit() const;

  SchedulerConfig config_;
  std::unique_ptr<PlacementPolicy> placement_;
  std::unique_ptr<IsolationPolicy> isolation_;
  AggregateAdmission* aggregate_ = nullptr;       // the isolation policy, where admission is by totals
  bool counting_ = false;                         // the total for the next pass was asked for
  std::int64_t cpus_open_ = 0;                    // of all open workers, in thousandths
  std::unique_ptr<AccountingPolicy> accounting_;  // may be nullptr
  LoggedCluster cluster_;
  RegistryWatch registry_;
  bool cycle_open_ = false;               // the registry was read for it
  std::optional<Leadership> leadership_;  // nothing: it is the only scheduler
  Reign reign_ = Reign::standby;
  RequestId taking_over_;    // AskState or AskWorkers on its way; 0: none
  bool loaded_now_ = false;  // in this step
  std::vector<JobRef> loaded_;
  Takeover takeover_;
  Time orphans_until_{};                // until then workers that are in no registry may come back with what they run
  Time ask_again_at_ = kNever;          // the workers
  std::optional<Lookahead> lookahead_;  // nothing: all that waits is held in memory
  std::vector<JobLoaded> rows_;         // in this step, that belong to a WaitingLoaded
  Time statistics_at_ = kNever;         // the next
  std::int64_t booked_ = 0;             // cpus_allocated() when the total was asked for
  Retries retries_;
  std::optional<Planner> planner_;  // of both policies
  Time now_{};
  std::uint64_t hash_ = 0;
  std::uint64_t last_request_ = 0;
  std::uint64_t last_batch_ = 0;
  bool halted_ = false;
  std::string halt_reason_;

  Time changed_at_ = kNever;      // first change that no pass has seen yet
  Time store_ready_at_{};         // no commit or read before this, after one failed
  std::vector<Batch> in_flight_;  // at most max_in_flight, in order of their commits
  std::vector<Batch> spare_;      // their vectors, for reuse
  std::vector<AttemptId> to_assign_;
  std::vector<OpenRelease> to_release_;
  std::vector<AttemptId> to_dispatch_;
  std::vector<JobRef> submitted_;           // in this step, to queues of limited capacity
  std::vector<JobRef> promised_;            // jobs for which attempts were stopped in this step
  std::vector<std::uint64_t> promised_in_;  // by queue: how many of them still wait
  std::vector<JobRef> there_;
  std::vector<WorkerId> draining_;

  std::vector<Command> commands_;
  Arena<Placement> placements_;
  Arena<Assignment> assignments_;
  Arena<Release> releases_;
};

}  // namespace drydock

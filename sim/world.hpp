// One simulated run: drives the scheduler with what happens, and lets happen what it orders.
//
// Rules that every world follows, so that two worlds make the same journal from one scenario:
// - All facts that are true at one instant are gathered, put in order by order_canonically(), and handed to step() once.
// - What its orders bring about without delay (answers of an ideal store, AttemptStopped) goes into a next round at the same
//   instant; rounds repeat until nothing more happens. step() is also called, without facts, when next_wakeup() is due.
// - At one instant tasks end before they fail or kill their worker, that goes before hosts crash, and hosts crash before hosts
//   are repaired and killed workers start again.
// - An attempt that fails (Ending::failed) has a job that lives on until the scheduler releases it as failed or quarantined.
// - Without a duration in the scenario, a run that would go beyond kEndOfTime fails there.
// - The order of stopping an attempt that is dead, or to run one on a dead worker, is lost: nobody answers.
#pragma once

#include "policies/core/check.hpp"
#include "policies/core/journal.hpp"
#include "policies/core/scheduler.hpp"
#include "policies/liveness.hpp"
#include "reports/run_result.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/workload.hpp"
#include "sim/clocks.hpp"
#include "sim/common.hpp"
#include "sim/executor.hpp"
#include "sim/faults.hpp"
#include "sim/fleet.hpp"
#include "sim/interposer.hpp"
#include "sim/mail.hpp"
#include "sim/overheads.hpp"
#include "sim/periodic.hpp"
#include "sim/platform.hpp"
#include "sim/replicas.hpp"
#include "sim/rest.hpp"
#include "sim/shares.hpp"
#include "sim/simgrid_engine.hpp"
#include "sim/store_behaviour.hpp"
#include "sim/stores.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace drydock::sim {

struct WorldOptions {
  bool eager = false;
  bool check = false;
  JournalWriter* journal = nullptr;                         // written to if there is one, and one scheduler
  JournalShelf* journals = nullptr;                         // likewise, where there are several
  PlantedBugs bugs{};                                       // for tests
  StoreBehaviour* store = nullptr;                          // ideal if there is none
  Interposer* interposer = nullptr;                         // none: the scheduler as it is
  bool find_warmup = false;                                 // RunResult::settling is wanted
  std::optional<std::uint64_t> warmup_jobs = std::nullopt;  // not measured, instead of the scenario's warm-up
  std::atomic<double>* progress = nullptr;  // set now and then to the fraction done, by jobs ended or time passed
  const std::atomic<bool>* stop = nullptr;  // ends the run early once it is true
};

class World final : private EngineDriver, private ProcessWatcher, private Replicas::World {
 public:
  // The scenario and what the options point at must outlive the world. `engine` must be of the same machines and network,
  // and not have run.
  World(const scenarios::Scenario& scenario, std::uint64_t seed, const WorldOptions& options, SimGridEngine& engine);

  // Runs to the end; once. A run that cannot go on (the policy broke a rule, or nothing can happen while jobs wait) has
  // RunResult::error set. Does not fill variant, cpu_s and peak_rss_bytes.
  [[nodiscard]] reports::RunResult run();

 private:
  void advance(std::int64_t limit) override;
  [[nodiscard]] std::int64_t present_instant() const override { return nanos(common_.now); }
  [[nodiscard]] std::int64_t next_instant() const override;
  [[nodiscard]] bool finished() const override { return finished_; }
  void flow_arrived(FlowId flow, std::uint64_t cookie, std::int64_t now) override;

  void obey(const Command& command) override { carry_out(command); }
  void stop_run(std::string why) override { fail(std::move(why)); }

  void process_started(WorkerId worker) override;
  void process_stopped(WorkerId worker) override;

  void run_instant(Time now);
  void gather();
  void happen(const Pending& pending);
  void break_and_repair();
  [[nodiscard]] bool run_shares();
  void take_arrivals();
  void submit(scenarios::Arrival& arrival);
  void note_taken(JobId job, bool started);
  void step();
  void carry_out(const Command& command);
  void ask_registry(RequestId request);
  void answer_reading();
  void plan_store_faults();
  void harm_stores();
  void change_speed(HostIndex host);
  void step_replicas();
  void count_idle(bool idle);
  [[nodiscard]] bool is_at_rest() const;
  [[nodiscard]] bool is_idle(std::span<const Command> commands) const;
  void reach_horizon();
  void end_if_over();
  [[nodiscard]] bool overdue(Time next);
  void judge(bool complete, reports::RunResult& result);
  void declare_dead(const DeclareDead& order);
  [[nodiscard]] bool stuck() const;
  void fail(std::string why);
  [[nodiscard]] bool told_to_stop();
  void tell_progress();
  [[nodiscard]] double fraction_done() const;

  const scenarios::Scenario& scenario_;
  std::uint64_t seed_;
  WorldOptions options_;
  SimGridEngine& engine_;
  Platform platform_;
  scenarios::Workload workload_;
  Periodic periodic_;
  std::uint64_t jobs_in_all_;
  Common common_;
  std::unique_ptr<LivenessPolicy> liveness_;
  Scheduler scheduler_;
  StoreFaults store_faults_;
  HostTroubles host_troubles_;
  Links links_;
  Clocks clocks_;
  Mail mail_;
  Overheads overheads_;
  Thinking thinking_;  // where there is one scheduler
  Executor executor_;
  Stores stores_;
  Fleet fleet_;
  std::optional<Ledger> ledger_;      // where there is one scheduler, which does not hold all that waits in memory
  std::optional<Replicas> replicas_;  // where there are several schedulers: these, instead of scheduler_
  std::optional<Shares> shares_;      // where jobs make requests
  std::optional<Checker> checker_;
  std::optional<Rest> rest_;        // where the run is judged
  std::vector<Violation> noticed_;  // by the world, beside those of the checker

  Time horizon_ = kEndOfTime;   // or the end of the scenario's duration
  scenarios::Arrival arrival_;  // the next one
  bool more_arrivals_ = false;
  std::uint64_t submitted_ = 0;  // jobs so far
  Time wakeup_ = kNever;
  std::vector<Event> facts_;     // handed over in this round
  std::vector<Pending> breaks_;  // what goes wrong at this instant, and is mended
  RequestId reading_;            // of the registry, on its way

  std::uint64_t steps_ = 0;
  std::uint64_t instants_ = 0;
  std::uint64_t idle_wakeups_ = 0;  // in a row: steps that bring no job on, while nothing runs
  Time idle_since_{};               // the first of them
  bool finished_ = false;
  bool partial_ = false;
  std::optional<std::string> error_;
};

}  // namespace drydock::sim

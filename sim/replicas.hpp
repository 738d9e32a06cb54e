// Several schedulers in one world, each a process that can die, stand still or be cut off: one leads, the others stand by. All that
// is decided, they decide; here it is carried to and fro, and refused where its epoch is over.
//
// What is modelled. A fact about workers goes to the scheduler that asked them last (AskWorkers); a new job to all that loaded the
// state. What an attempt ended with is kept until its release is in the store, and told again to whoever asks the workers, or is
// reachable again. A process that stands still does so in the middle of a step: what it decided last is sent when it goes on.
#pragma once

#include "policies/core/check.hpp"
#include "policies/core/journal.hpp"
#include "policies/core/rng.hpp"
#include "policies/core/scheduler.hpp"
#include "scenarios/scenario.hpp"
#include "sim/common.hpp"
#include "sim/executor.hpp"
#include "sim/faults.hpp"
#include "sim/fleet.hpp"
#include "sim/ledger.hpp"
#include "sim/stores.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace drydock::sim {

// Requests of all processes go the same way: the process is in the bits above these.
inline constexpr unsigned kRequestBits = 40;

// Gives out a journal for each scheduler process.
class JournalShelf {
 public:
  virtual ~JournalShelf() = default;
  // Of the `start`-th process (from 1) of a scheduler (from 0). Lives as long as the shelf; closed by who writes it.
  [[nodiscard]] virtual JournalWriter& open(std::uint32_t scheduler, std::uint32_t start) = 0;
};

// What does not look at epochs: for tests of the tests.
struct PlantedBugs {
  bool store_ignores_epochs = false;
  bool workers_ignore_epochs = false;
};

class Replicas {
 public:
  // The world carries out what is left of an order: dispatches, stops, rejections, readings of the registry, declarations of
  // death, statistics.
  class World {
   public:
    virtual ~World() = default;
    virtual void obey(const Command& command) = 0;
    virtual void stop_run(std::string why) = 0;
  };
  struct Options {
    bool check = false;
    JournalShelf* journals = nullptr;
    PlantedBugs bugs{};
  };
  struct Parts {
    Executor& executor;
    Fleet& fleet;
    Stores& stores;
    const StoreFaults& store_faults;
    Common& common;
    World& world;
  };
  // All must outlive it.
  Replicas(const scenarios::Scenario& scenario, std::uint64_t seed, const Options& options, const Parts& parts);

  // Starts every scheduler, at the beginning of the run.
  void start();
  void submitted(const JobSpec& job);
  // Hands the facts of a round to those whom they concern, and lets them decide.
  void step(std::vector<Event>& facts);
  // When somebody must decide next, whether anything happens or not.
  [[nodiscard]] Time next_wakeup() const;

  // --- events from the queue ---
  void due(std::uint32_t task);
  void fault();

  // Whether the last step brought no job on.
  [[nodiscard]] bool was_idle() const { return idle_; }
  // Whether a process will start or go on without anything else happening.
  [[nodiscard]] bool will_change() const { return returning_ > 0; }
  [[nodiscard]] bool at_rest() const { return ledger_.at_rest(); }
  [[nodiscard]] std::size_t asked() const { return tasks_.size() - free_tasks_.size(); }

  // Closes journals and checkers. Once, at the end.
  void finish(bool all_ended);
  [[nodiscard]] std::uint64_t journal_hash() const { return hash_; }
  [[nodiscard]] const std::vector<Violation>& violations() const { return violations_; }
  [[nodiscard]] std::uint64_t violation_count() const { return violation_count_; }

 private:
  // An order to workers that could not be sent, to be sent when there is a way again.
  struct Unsent {
    AttemptId attempt;
    std::vector<Placement> placements;
    std::optional<ReleaseReason> stop;
  };
  struct Process {
    std::uint64_t number = 0;  // of all that were ever started, from 1
    std::unique_ptr<Scheduler> scheduler;
    std::unique_ptr<Checker> checker;
    JournalWriter* journal = nullptr;
    std::vector<Event> inbox;
    Time wakeup{};
    bool knows_jobs = false;      // it loaded the state: it is told of new jobs
    std::vector<Command> held;    // decided when it was stopped
    std::vector<Event> withheld;  // facts about workers while it is cut off from Redis
    std::vector<Unsent> unsent;
  };
  struct Host {
    std::unique_ptr<Process> process;
    std::uint32_t starts = 0;
    std::uint32_t down_by = 0;  // faults
    std::uint32_t paused_by = 0;
    Time paused_at{};
    bool frozen = false;  // paused, and its last step is done
    std::uint32_t cut_from_postgres_by = 0;
    std::uint32_t cut_from_redis_by = 0;
    std::uint64_t generation = 0;  // of its planned restart
  };
  // --- processes ---
  void start_process(std::uint32_t host);
  void end_process(Host& host);
  void plan_restart(std::uint32_t host);
  [[nodiscard]] bool may_step(const Host& host) const;
  void step_process(Host& host);
  [[nodiscard]] bool stops_now(const Host& host, std::span<const Command> commands) const;
  void resume(Host& host);
  [[nodiscard]] Host* host_of(std::uint64_t process);
  void observe();
  void breach(const std::string& what);

  // --- facts ---
  void deliver(const Event& fact);
  void deliver_about_workers(const Event& fact);
  template <class Answered>
  bool deliver_answer(const Event& fact);
  void keep_result(const Event& fact);
  void forget_written();
  void tell_results(std::vector<Event>& facts);

  // --- orders ---
  [[nodiscard]] bool meant_for_others(const Process& process, const Dispatch& order) const;
  void carry_out(Host& host, const Command& command);
  void later_or_now(Duration delay, std::function<void()> what);
  void ask_lease(const Host& host, const AskLease& order);
  void answer_lease(const Ledger::Sender& from, const AskLease& order);
  void answer_load(const Ledger::Sender& from, RequestId request);
  void answer_waiting(std::uint64_t process, const AskWaiting& order);
  void answer_workers(const Ledger::Sender& from, RequestId request);
  void post(std::uint64_t process, std::vector<Event> facts);
  [[nodiscard]] bool cut_from_postgres(std::uint64_t process);
  [[nodiscard]] bool cut_from_redis(std::uint64_t process);

  // --- faults ---
  [[nodiscard]] std::vector<std::uint32_t> victims_of(const SchedulerFaults::Turn& turn);
  void begin(const scenarios::SchedulerFault& fault, std::uint32_t host);
  void end(const scenarios::SchedulerFault& fault, std::uint32_t host);
  void reconnect(Host& host);
  void plan_fault();

  const scenarios::Scenario& scenario_;
  std::uint64_t seed_;
  Options options_;
  Parts parts_;
  Ledger ledger_;
  SchedulerFaults faults_;
  std::vector<std::vector<std::uint32_t>> struck_;  // by course of faults: hosts
  std::vector<Host> hosts_;
  std::uint64_t processes_ = 0;  // so far
  std::uint64_t in_charge_ = 0;  // process whose workers' facts are
  std::int64_t workers_epoch_ = 0;
  std::map<JobId, Event> results_;  // that no leader has written down, of the last attempt of each job
  std::vector<std::function<void()>> tasks_;
  std::vector<std::uint32_t> free_tasks_;
  std::uint32_t returning_ = 0;
  bool idle_ = true;

  std::uint64_t leader_ = 0;       // process; 0: none
  std::uint64_t last_leader_ = 0;  // likewise, that led last
  std::uint64_t hash_ = 0;
  std::vector<Violation> violations_;
  std::uint64_t violation_count_ = 0;
};

}  // namespace drydock::sim

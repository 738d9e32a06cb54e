// A small honest world for random histories: it keeps its own truth (what runs where, what the store holds), tells the
// scheduler facts about it, late, twice or stale if it likes, and judges every order by its own books.
#pragma once

#include "policies/core/check.hpp"
#include "policies/core/rng.hpp"
#include "policies/core/scheduler.hpp"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::properties {

[[nodiscard]] inline bool is_on(std::span<const Placement> placements, WorkerId worker) {
  return std::ranges::find(placements, worker, &Placement::worker) != placements.end();
}
[[nodiscard]] inline std::string text(AttemptId id) { return fmt::format("attempt {}.{}", id.job.value, id.number); }

// What may happen in a history.
struct Dangers {
  bool faults = false;        // workers die and come back; facts come late, twice, or about nothing
  bool store_faults = false;  // commits fail, or their answers are lost
  bool slow_store = false;    // answers take time and overtake each other; else they come at once
  bool cancels = false;
};

struct WorldConfig {
  SchedulerConfig scheduler;
  std::vector<WorkerSpec> workers;
  std::vector<JobSpec> jobs;        // by id: 0, 1, 2, ...
  std::vector<Time> submissions;    // by job
  std::vector<Duration> durations;  // by job: true work on a worker of speed 1
  Dangers dangers;
  Time healed_at{};  // no dangers from here on
  std::uint64_t seed = 1;
};

class HonestWorld {
 public:
  HonestWorld(WorldConfig config, std::unique_ptr<PlacementPolicy> policy);

  // Runs to the end; the first broken expectation, or nothing.
  [[nodiscard]] std::string run();

  // Called after each step, when the books have been checked; returns what is wrong, or nothing.
  std::function<std::string(const Scheduler&, Time now)> after_step;

  [[nodiscard]] const Scheduler& scheduler() const { return scheduler_; }
  [[nodiscard]] Scheduler& scheduler() { return scheduler_; }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }

 private:
  struct WorkerTruth {
    WorkerSpec spec;
    std::uint32_t incarnation = 1;
    bool changed = false;   // it came back with another spec than it should have
    bool alive = true;      // in truth
    bool draining = false;  // likewise: it begins nothing, and leaves when it has nothing
    bool known_draining = false;
    std::uint32_t told = 0;  // the highest incarnation that the scheduler was told of
    bool known = false;      // to the scheduler as alive, by the facts so far
    Resources running;       // held by running attempts, in truth
    Resources believed;      // held by what has been assigned and not released, by the scheduler's orders
  };
  enum class Phase : std::uint8_t { assigned, stored, running, over, released };
  struct AttemptTruth {
    Phase phase = Phase::assigned;
    std::vector<Placement> placements;
    Time began{};
    bool stop_asked = false;
    bool declined = false;                               // it has not begun, and a worker of it drains
    bool told_over = false;                              // the scheduler knows that it holds nothing any more
    bool releasing = false;                              // in a commit that has not failed
    std::optional<ReleaseReason> reason = std::nullopt;  // with which it is to be released, where only one is right
  };
  struct JobTruth {
    std::map<std::uint32_t, AttemptTruth> attempts;  // by number
    Duration done{};                                 // work that is not to be repeated
    bool accepted = false;
    bool assigned = false;  // ever
    bool cancelled = false;
    bool rejected = false;
    bool result_known = false;  // to the scheduler; or it was given up
    std::int64_t failures = 0;  // by the facts so far
    std::int64_t losses = 0;
    Time not_before{};  // an attempt may be assigned
    struct Row {        // as the store has it
      std::uint32_t attempts = 0;
      std::uint32_t failures = 0;
      std::uint32_t losses = 0;
      bool there = false;
      bool held = false;
      bool ended = false;
    };
    Row row{};
  };
  struct CommitTruth {
    std::vector<AttemptId> assigned;
    std::vector<AttemptId> released;
    bool in_store = false;
    bool answer_lost = false;
    bool reading = false;
    bool open = true;
  };

  // Something that happens at a time; facts are collected and handed over together.
  using Action = std::function<void()>;
  struct Due {
    Time at{};
    std::uint64_t sequence = 0;
    Action action;
    friend bool operator>(const Due& a, const Due& b) { return a.at != b.at ? a.at > b.at : a.sequence > b.sequence; }
  };

  void schedule_start();
  void schedule_dangers();
  void tell_stale_fact();
  void at(Time time, Action action) { due_.push({time, sequence_++, std::move(action)}); }
  void tell(const Event& event) { facts_.push_back(event); }
  void tell_later(const Event& event);
  [[nodiscard]] bool healed() const { return now_ >= config_.healed_at; }
  [[nodiscard]] bool chance(std::uint64_t one_in) { return rng_.below(one_in) == 0; }
  [[nodiscard]] Duration some_delay(std::int64_t most_ms);

  void crash(WorkerId worker);
  void kill(WorkerId worker);
  void heal(WorkerId worker);
  void come_back(WorkerId worker);
  void leave(WorkerId worker);
  void drain(WorkerId worker);
  void leave_drained(WorkerId worker, std::uint32_t incarnation);
  [[nodiscard]] bool is_declined(const Dispatch& c);
  void end_in_truth(AttemptId id);
  void finish(AttemptId id);
  void keep_progress(JobId job, const AttemptTruth& attempt);

  void note(const CommitAnswered&) {}
  void note(const BatchRead&) {}
  // This world has neither registry nor counter: nothing of them is told or asked.
  void note(const RegistryRead&) {}
  void note(const CounterAnswered&) {}
  void note(const AllocationsSummed&) {}
  void note(const AttemptFinished& e);
  void note(const AttemptStopped& e);
  void note(const WorkerLeft& e) { note(LeaseExpired{e.worker, e.incarnation}); }
  void note(const LeaseExpired& e);
  void note(const WorkerRegistered& e);
  void note(const JobCancelled& e);
  void note(const JobSubmitted& e);
  // There is one scheduler.
  void note(const LeaseAnswered&) {}
  void note(const StateLoaded&) {}
  void note(const JobLoaded&) {}
  void note(const AllocationLoaded&) {}
  void note(const WorkersAsked&) {}
  void note(const WorkerReported&) {}
  void note(const AttemptHeld&) {}
  void note(const ShutdownRequested&) {}
  void note(const WaitingLoaded&) {}
  void note(const WorkerDraining& e);
  void note_lost(WorkerId worker);
  void note_over(AttemptId id);
  void note_failure(AttemptId id);
  void note_loss(AttemptId id);
  [[nodiscard]] std::int64_t retry_setting(std::string_view name) const;

  void step();
  void obey(const Commit& c);
  void obey(const ReadBatch& c);
  void obey(const Dispatch& c);
  void obey(const StopAttempt& c);
  void obey(const RejectJob& c);
  void obey(const Halt& c);
  void obey(const ReadRegistry&) { complain("the registry is asked for"); }
  void obey(const AskCounter&) { complain("the counter is asked for"); }
  void obey(const SumAllocations&) { complain("the sum of allocations is asked for"); }
  void obey(const DeclareDead&) { complain("a worker is declared dead that was not suspected"); }
  void obey(const AskLease&) { complain("the lease is asked for"); }
  void obey(const AskState&) { complain("the state is asked for"); }
  void obey(const AskWorkers&) { complain("the workers are asked"); }
  void obey(const StepDown&) { complain("the only scheduler steps down"); }
  void obey(const AskWaiting& c);
  void obey(const NoteStatistics&) { complain("statistics are given"); }
  void write(const Commit& c);
  [[nodiscard]] std::vector<Event> read_waiting(const AskWaiting& c) const;
  void check_memory();
  void take_assignment(const Assignment& a, CommitTruth& commit);
  void check_placements(const Assignment& a);
  void take_release(const Release& r, CommitTruth& commit);
  void settle(CommitTruth& commit, bool in_store);
  void new_request(RequestId id);
  void believe(AttemptId id, std::int64_t sign);
  [[nodiscard]] AttemptTruth* find(AttemptId id);
  void check_wakeup();
  void check_cancelled(std::span<const Event> facts);
  void check_end();
  void complain(const std::string& what);

  WorldConfig config_;
  Scheduler scheduler_;
  Checker checker_;
  Rng rng_;
  Time now_{};
  Time wakeup_ = kNever;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::uint64_t sequence_ = 0;
  std::vector<Event> facts_;
  std::vector<WorkerTruth> workers_;
  std::vector<JobTruth> jobs_;
  std::map<std::uint64_t, CommitTruth> commits_;  // by request
  std::uint64_t last_request_ = 0;
  std::uint32_t open_commits_ = 0;
  std::set<QueueId> loading_;
  std::uint64_t steps_ = 0;
  std::uint64_t rounds_ = 0;  // at this instant
  std::string wrong_;
};

}  // namespace drydock::properties

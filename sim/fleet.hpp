// The truth about workers: which hosts are up, whose heartbeats arrive, and when the scheduler learns of a death.
#pragma once

#include "policies/core/cluster.hpp"
#include "policies/core/session.hpp"
#include "policies/liveness.hpp"
#include "sim/beats.hpp"
#include "sim/common.hpp"
#include "sim/executor.hpp"
#include "sim/faults.hpp"
#include "sim/platform.hpp"
#include "sim/simgrid_engine.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace drydock::sim {

// Whoever has a part of its own in each worker's process.
class ProcessWatcher {
 public:
  virtual ~ProcessWatcher() = default;
  virtual void process_started(WorkerId worker) = 0;
  virtual void process_stopped(WorkerId worker) = 0;  // what it ran is dead already
};

// A worker beats first when it registers, then every interval. Where nothing happens to its beats, and its policy needs only
// the last one, what the registry thinks of it is computed when it matters; eagerly, each beat is an event. Both give the same
// facts. A live worker that the registry stops trusting ends what it runs, unless it does not fence itself, and is back with the
// next beat that arrives. So is one whose key was lost, but that one has noticed nothing.
class Fleet : private LoopWatcher {
 public:
  struct Config {
    bool eager = false;
    bool is_read = false;      // the scheduler learns what the registry holds when it reads it; else at once
    Duration linger{};         // then: of WorkerAgentConfig
    bool self_fencing = true;  // see Scenario
    bool safe_beat = true;
  };
  // The links, which say who can talk to Redis, must outlive it, as must the others.
  Fleet(const Platform& platform, Crashes crashes, BeatChannel channel, const LivenessPolicy& liveness, Config config,
        const Links& links, SimGridEngine& engine, Executor& executor, Common& common);

  // Is told of processes from now on; must outlive the fleet.
  void set_watcher(ProcessWatcher& watcher) { watcher_ = &watcher; }

  // Registers every worker, at the start of the run.
  void start();

  // Whether all workers of these placements would get an order now.
  [[nodiscard]] bool reachable(std::span<const Placement> placements) const;
  // Whether a scheduler with this cluster, for which these facts wait, gave the order to what its workers are no more.
  [[nodiscard]] bool meant_for_others(const Dispatch& order, const Cluster& known, std::span<const Event> waiting) const;
  // Of facts that have come one after another while the scheduler with this cluster was busy: a worker that came and went unheard has gone as
  // what the scheduler knows. Put in order by kind, its coming would be the last that is heard of it.
  static void forget_what_is_over(std::vector<Event>& facts, const Cluster& known);
  // Whether they would, and some of them were asked to end: then these say so, and the attempt is declined.
  [[nodiscard]] bool declines(const Dispatch& order);

  // The process of a worker dies, with all that it runs, and is started again after this time; not if it is dead already.
  void kill(WorkerId worker, Duration restart);

  // Of the worker's main loop, where heartbeats come from it.
  void loop_changed(WorkerId worker, bool busy) override;

  // --- events from the queue ---
  void beat(std::uint32_t worker, std::uint32_t generation);
  void lease_end(std::uint32_t worker, std::uint32_t incarnation);
  void key_back(std::uint32_t worker, std::uint32_t process);
  // The scheduler reads the registry now; gives what its answer says, beside the facts.
  struct Reading {
    std::uint32_t entries = 0;
    std::uint32_t gone = 0;
  };
  Reading read_registry();
  // As of the last reading.
  [[nodiscard]] std::uint32_t registry_keys() const { return reading_.entries; }
  // Another scheduler reads it for the first time: appends WorkerRegistered for each worker that is there.
  void tell_all(std::vector<Event>& facts);
  // Whether a question that is asked through Redis now reaches the worker, and its answer comes back.
  [[nodiscard]] bool answers(WorkerId worker) const;
  // Appends WorkerReported for each worker that answers.
  void tell_reports(std::vector<Event>& facts) const;
  // The keys of the workers on these hosts are lost.
  void lose_keys(std::span<const HostIndex> hosts);
  void lose_all_keys();
  // Those of processes that registered later than this are lost.
  void lose_keys_since(Time written);
  // The scheduler takes it for dead.
  void declared_dead(WorkerId worker, std::uint32_t incarnation);
  void crash(std::uint32_t process);
  void repair(std::uint32_t process);
  void worker_start(std::uint32_t worker, std::uint32_t incarnation);
  void linger_end(std::uint32_t worker, std::uint32_t process);
  void grace_end(std::uint32_t worker, std::uint32_t process);
  void session(HostIndex host, std::uint32_t generation);
  [[nodiscard]] bool is_void(const Pending& pending) const;

  // Nothing more happens at this instant: ends the sessions of hosts that have nothing to do, and the processes of workers that are to
  // end and have nothing to do. True if there are such.
  [[nodiscard]] bool stop_idle();
  // Jobs have come: hosts that had nothing to do may begin sessions again.
  void jobs_arrived();

  // Workers that will register or be told dead without anything else happening.
  [[nodiscard]] bool will_change() const {
    return returning_ > 0 || pending_leases_ > 0 || !changed_.empty() || stopping_ > 0;
  }
  [[nodiscard]] std::uint32_t hosts_down() const { return hosts_down_; }

  // Adds the live time of workers and the cost of hosts up to now to the metrics. Once, at the end.
  void close_books();

 private:
  struct HostState {
    std::uint32_t down_by = 0;      // fault processes that keep it down
    std::uint32_t for_ever_by = 0;  // of them, those that never repair it
    bool away = false;              // it has sessions, and none is ready now
  };
  struct Sessions {
    HostIndex host = 0;
    SessionKeeper keeper;
    Time due = kNever;             // of the pending event that counts
    std::uint32_t generation = 0;  // of that event
  };
  // Of a process, as which incarnation.
  struct Death {
    Time at = kNever;
    std::uint32_t incarnation = 0;
  };
  static constexpr std::uint32_t kAnyIncarnation = 0;
  struct WorkerState {
    std::uint32_t incarnation = 0;
    std::uint32_t processes = 0;   // started so far
    std::uint32_t generation = 0;  // of the pending event about its beats
    bool running = false;          // its process
    bool trusted = false;          // its lease runs
    bool absent = false;           // its lease runs, but its key was lost
    bool hollow = false;           // its key has no cpus and never expires
    bool declared = false;         // the scheduler took this incarnation for dead
    bool restarting = false;       // it was killed, its host lives, and it will be started again
    bool planned = false;          // there is an event about its beats
    bool stopping = false;         // it was asked to end: it takes nothing new
    bool lingers = false;          // likewise, and it waits for the scheduler to know of it
    bool left = false;             // it deleted its key, and is no more
    bool announcing = false;       // it has fenced itself, and the registry does not know of the next incarnation
    bool changed = false;          // since the scheduler last read the registry
    bool told_live = false;        // what the scheduler knows:
    std::uint32_t told = 0;        // of this incarnation
    bool told_draining = false;    // likewise
    Time started{};
    Death awaited;                              // of the process that the scheduler takes for live
    Death unread;                               // of one that the scheduler has not heard of, as long as it may
    std::optional<Duration> down{};             // while stopping: from its end to its next start; nothing: none
    std::optional<std::uint32_t> stopped_by{};  // the fault process that asked it to end, until it is started again
    std::uint32_t announced = 0;                // of BeatTrack, as last seen
    Time back_at = kNever;                      // while absent: when its key is back
    Time lease_until = kNever;  // once it crashed: when the registry gives it up; kNever when nothing is pending
  };

  void start_process(std::uint32_t worker);
  void stop_process(std::uint32_t worker);
  void end_process(std::uint32_t worker);
  void ask_to_end(std::uint32_t worker, std::uint32_t process, std::optional<Duration> down);
  void stop_workers(std::uint32_t process);
  void plan_next_stop(std::uint32_t process);
  void leave(std::uint32_t worker);
  [[nodiscard]] bool gets_orders(const WorkerState& state, std::uint32_t worker) const;
  void tell_draining(std::uint32_t worker);
  void take_turn(std::uint32_t worker, BeatTrack::Turn turn);
  void learn(std::uint32_t worker);
  void set_announcing(WorkerState& state, bool announcing);
  void plan_beats(std::uint32_t worker);
  void plan_return(std::uint32_t worker);
  void distrust(std::uint32_t worker);
  void change(std::uint32_t worker);
  void tell(std::uint32_t worker);
  void lose_key(std::uint32_t worker);
  void note_death(WorkerState& state);
  // That this incarnation is dead is known now.
  void note_detected(WorkerState& state, std::uint32_t incarnation);
  // Whether it ends what it runs with its lease: one whose main loop is busy has no time for that.
  [[nodiscard]] bool fences(std::uint32_t worker) const {
    return config_.self_fencing && !platform_.workers()[worker].beats_in_loop;
  }
  [[nodiscard]] bool fences_apart(std::uint32_t worker) const { return beats_ && tracks_[worker].fences_apart(); }
  // Whether the registry holds a key of it.
  [[nodiscard]] static bool present(const WorkerState& state) { return (state.trusted && !state.absent) || state.hollow; }
  void take_down(HostIndex host);
  void return_host(HostIndex host);
  [[nodiscard]] Sessions* sessions_of(HostIndex host);
  void carry_out(Sessions& sessions, SessionKeeper::Turn turn);
  [[nodiscard]] double cost_of(HostIndex host) const;
  void note_capacity(HostIndex host, bool up);
  [[nodiscard]] bool returns(const HostState& host) const { return host.down_by > 0 && host.for_ever_by == 0; }

  const Platform& platform_;
  Crashes crashes_;
  BeatChannel channel_;
  const LivenessPolicy& liveness_;
  bool beats_;  // the policy has any
  Config config_;
  const Links& links_;
  SimGridEngine& engine_;
  Executor& executor_;
  Common& common_;
  ProcessWatcher* watcher_ = nullptr;

  std::vector<HostState> hosts_;
  std::vector<Sessions> sessions_;          // of hosts that have them, in order
  std::vector<std::size_t> stopping_idle_;  // of them, those that end their sessions when idle
  std::vector<WorkerState> workers_;
  std::vector<BeatTrack> tracks_;            // by worker, where there are beats
  std::vector<std::uint32_t> changed_;       // workers, until the registry is read
  std::vector<std::uint32_t> asked_to_end_;  // workers, until they have
  std::uint32_t hosts_down_ = 0;
  // Hosts down that every fault will repair, hosts with a session still to begin or to end, killed workers that will start, and
  // live ones that will be trusted again or whose key will be back.
  std::uint32_t returning_ = 0;
  std::uint32_t stopping_ = 0;  // workers that are to end, or that fenced themselves and will be known as another
  std::uint32_t pending_leases_ = 0;
  Reading reading_;  // so far
};

}  // namespace drydock::sim

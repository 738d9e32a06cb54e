// The truth about jobs: what they still have to do, where they run, and how far they are. Carries out dispatches and stops,
// moves their data, and tells how attempts end.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/id_map.hpp"
#include "policies/core/slab.hpp"
#include "scenarios/workload.hpp"
#include "sim/children.hpp"
#include "sim/common.hpp"
#include "sim/cpu.hpp"
#include "sim/faults.hpp"
#include "sim/gpus.hpp"
#include "sim/mail.hpp"
#include "sim/overheads.hpp"
#include "sim/platform.hpp"
#include "sim/request_clients.hpp"
#include "sim/simgrid_engine.hpp"
#include "sim/work_plan.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace drydock::sim {

// Whoever wants to know whether the main loop of a worker is busy with a job.
class LoopWatcher {
 public:
  virtual ~LoopWatcher() = default;
  virtual void loop_changed(WorkerId worker, bool busy) = 0;
};

class Executor {
 public:
  Executor(const Platform& platform, const scenarios::CheckpointConfig& checkpoint, Hazards hazards, SimGridEngine& engine,
           Common& common);

  // Where the tasks of jobs that make requests go; there must be one if there are such jobs. Must outlive the executor.
  void set_clients(RequestClients& clients) { clients_ = &clients; }

  // What happens to orders and reports on their way; without it, both arrive at once. Must outlive the executor.
  void set_mail(const Mail& mail) { mail_ = &mail; }

  // How long they are on their way where nothing is wrong; without it, no time. Must outlive the executor.
  void set_overheads(const Overheads& overheads) { overheads_ = &overheads; }

  // Is told of workers that send heartbeats from their main loop; must outlive the executor.
  void set_loop_watcher(LoopWatcher& watcher) { loop_watcher_ = &watcher; }

  // A job came into being. Its memory is given back when it ends or is rejected.
  void submit(const scenarios::Arrival& arrival);
  void reject(JobId job);
  // The scheduler releases an attempt for this reason. A job that it gives up ends here.
  void released(const Release& release);

  // The workers got the order to run the attempt. `reachable`: all of them live; else the order is lost. Returns false when
  // there is no such job.
  [[nodiscard]] bool dispatch(AttemptId attempt, std::span<const Placement> placements, bool reachable);
  // The workers got it and begin nothing: they answer that the attempt has stopped, with these facts.
  void decline(const Dispatch& order, std::vector<Event> facts);
  // How long the attempt that was dispatched last waits at its workers until it starts.
  [[nodiscard]] Duration last_start_delay() const { return last_start_delay_; }
  // Stops it if it is there and tells so (AttemptStopped); nobody answers for an attempt that is dead.
  void stop(AttemptId attempt);
  // Ends every attempt that has a task there, with its tasks elsewhere; nothing is told.
  void kill_on_host(HostIndex host);
  void kill_on_worker(WorkerId worker);
  // The worker, as this incarnation, ends what it runs, and begins nothing before listen(). What has ended there and is on its way to be
  // told still is, until its scheduler, which knew this incarnation, learns of a later one: then nobody waits for it.
  void fence(WorkerId worker, std::uint32_t incarnation);
  // Of these facts, before a scheduler with this cluster learns of them: workers that have come as another, where that matters.
  [[nodiscard]] std::vector<WorkerRegistered> superseding(const Cluster& known, std::span<const Event> facts) const;
  // The scheduler has learned of them.
  void supersede(std::span<const WorkerRegistered> workers);
  void listen(WorkerId worker);
  // The scheduler has given up every attempt that has a task there, but nobody has told the workers: they go on to their end, whose
  // result will be refused, while the jobs wait for other attempts.
  // Attempts that were given up while they ran, so far.
  [[nodiscard]] std::uint64_t disowned() const { return disowned_count_; }
  void disown_on_worker(WorkerId worker);

  // The processors of a host run at `factor` times their normal speed from now on; at 0 nothing happens there before `until`.
  void set_speed(HostIndex host, double factor, Time until);

  // --- events from the queue and the engine ---
  void late_stop(std::uint32_t slot, std::uint32_t generation);
  void child_ready(std::uint32_t slot, std::uint32_t generation);
  void report(std::uint32_t slot, std::uint32_t generation);
  void report_again(std::uint32_t number);
  void attempt_end(std::uint32_t slot, std::uint32_t generation);
  void host_end(HostIndex host, std::uint32_t generation);
  void flow_end(std::uint32_t slot, std::uint32_t generation);
  // A worker that dies now because of an attempt; the caller kills it.
  struct Killed {
    WorkerId worker;
    Duration restart{};
  };
  [[nodiscard]] std::optional<Killed> trouble(std::uint32_t slot, std::uint32_t generation);
  void flow_arrived(std::uint64_t cookie, std::int64_t at);
  // A task of the job failed: its attempt ends without success.
  void fail(std::uint32_t slot, std::uint32_t generation);
  [[nodiscard]] bool is_void(const Pending& pending) const;

  // Thousandths of a cpu that one task of a live job holds.
  [[nodiscard]] std::int64_t cpus_of(JobId job) const;
  [[nodiscard]] bool is_idle(HostIndex host) const { return cpu_.first_on(host) == kNoTask; }
  // When something can happen there: now, unless it is paused.
  [[nodiscard]] Time awake_at(HostIndex host) const { return std::max(common_.now, paused_until_[host]); }
  // Nothing runs there, and the end of all that ran was told.
  [[nodiscard]] bool is_idle(WorkerId worker) const;
  [[nodiscard]] std::size_t live_jobs() const { return by_id_.size(); }
  [[nodiscard]] std::uint64_t ended_jobs() const { return ended_; }
  [[nodiscard]] std::size_t live_attempts() const { return live_attempts_; }
  [[nodiscard]] Time last_end() const { return last_end_; }
  // Whether the job took this for its attempt's end; not where the attempt had been given up.
  [[nodiscard]] bool counts(const AttemptFinished& end) const;
  // Appends AttemptHeld for each attempt that runs and is waited for, once for each of its workers that answers.
  void tell_held(std::vector<Event>& facts, const std::function<bool(WorkerId)>& answers) const;
  // The live job with the least id.
  [[nodiscard]] std::optional<JobId> first_live_job() const;

 private:
  enum class Phase : std::uint8_t { none, child, input, compute, output, report };
  enum class Outcome : std::uint8_t { succeeded, failed, stopped };

  struct LiveJob {
    JobId id;
    QueueId queue;
    std::uint32_t tasks = 1;
    std::int64_t cpus_milli = 0;  // of one task
    std::int64_t gpus = 0;        // likewise
    std::int64_t input_bytes = 0;
    std::int64_t output_bytes = 0;
    OnInterrupt on_failure = OnInterrupt::restart;
    OnInterrupt on_preemption = OnInterrupt::resume;
    std::uint32_t source = 0;
    bool used = false;
    bool disowned = false;                 // an attempt that nobody waits for: the job lives on in another slot
    bool retry_due = false;                // the last attempt failed
    bool parked = false;                   // in phase child: until its workers listen
    Outcome outcome = Outcome::succeeded;  // in phase report
    bool pay_restart = false;              // the next attempt has to load a checkpoint first
    Phase phase = Phase::none;
    Duration work{};
    Duration done{};               // of it, where an attempt begins
    Duration saved{};              // of it, held by checkpoints
    long double done_core_ns = 0;  // core time that these took
    long double saved_core_ns = 0;
    scenarios::JobRequests requests{};   // instead of work, if there are any
    std::uint32_t requests_done = 0;     // of each task, where an attempt begins
    std::uint32_t requests_reached = 0;  // likewise, in phase report: where it ended
    Time submitted{};
    Time first_start = kNever;
    Time dispatched{};  // the last attempt
    Time last_failure{};
    WorkerId last_worker{};

    Time trouble_at = kNever;                 // what the attempt will not survive
    std::optional<Duration> trouble_kills{};  // with its worker, which is back after this time
    std::uint32_t troubles_pending = 0;       // events

    std::uint32_t attempt = 0;       // the last one dispatched
    std::uint32_t generation = 0;    // of the slot's events
    TaskIndex first_task = kNoTask;  // one per placement, chained
    std::uint32_t waiting_for = 0;   // flows, or ends of tasks on shared hosts and of all those on dedicated ones
  };

  [[nodiscard]] WorkPlan plan_of(const LiveJob& job, HostIndex host) const;
  [[nodiscard]] Duration place(std::uint32_t slot, std::span<const Placement> placements);
  void begin(std::uint32_t slot);
  // When every host of the attempt can do something; the present unless one of them is paused.
  [[nodiscard]] Time awake_at(const LiveJob& job) const;
  void stop_now(std::uint32_t slot);
  // When a message about the attempt, sent now, has reached or left all of its workers.
  [[nodiscard]] Time arrival(const LiveJob& job, Mail::Kind kind, bool by_a_timer = false) const;
  // The same of one of its workers; `sent` may be later than now.
  [[nodiscard]] Time arrival(const Mail::Message& message, std::uint32_t source, bool by_a_timer, Time sent) const;
  [[nodiscard]] bool mail_takes_time() const { return mail_ != nullptr || overheads_ != nullptr; }
  void conclude(std::uint32_t slot, Outcome outcome);
  void tell(std::uint32_t slot, Outcome outcome);
  void tell_later(Time at, Event fact);
  void give_fact(AttemptId attempt, WorkerId worker, Event fact);
  void give_fact(const LiveJob& job, Event fact) {
    give_fact({job.id, job.attempt}, WorkerId{cpu_.facts(job.first_task).tag}, std::move(fact));
  }
  [[nodiscard]] bool is_deaf(const LiveJob& job) const;
  // How long the worker takes to fetch what was assigned to it now.
  [[nodiscard]] Duration until_poll(WorkerId worker) const;
  void count_in_loop(WorkerId worker, int change);
  void start_flows(std::uint32_t slot, Phase phase);
  void start_compute(std::uint32_t slot);
  void part_computed(std::uint32_t slot);
  void all_computed(std::uint32_t slot);
  void start_requests(std::uint32_t slot);
  void finish(std::uint32_t slot);
  void finish_in_vain(std::uint32_t slot);
  void find_victims(WorkerId worker);
  void disown(std::uint32_t slot);
  [[nodiscard]] std::uint32_t take_slot();
  void tell_failure(std::uint32_t slot);
  void tell_stop(std::uint32_t slot);
  void expect_trouble(std::uint32_t slot, Time at, std::optional<Duration> kills);
  void draw_mishap(std::uint32_t slot);
  void lose(std::uint32_t slot);
  // Takes the tasks away from the service; returns the requests that all of them had finished.
  std::uint32_t leave_service(const LiveJob& job);
  [[nodiscard]] std::uint32_t requests_reached(const LiveJob& job);
  void interrupt_requests(LiveJob& job, OnInterrupt keep);
  void interrupt(std::uint32_t slot, OnInterrupt keep);
  [[nodiscard]] WorkDone done_by_attempt(const LiveJob& job, long double& core_ns) const;
  // What this work takes on the hosts of the attempt.
  [[nodiscard]] long double core_ns_of(const LiveJob& job, Duration work) const;
  void stop_task(TaskIndex task);
  void note_wasted(long double core_ns);
  void leave_hosts(std::uint32_t slot);
  void free_slot(std::uint32_t slot);
  void watch(HostIndex host);
  void note_usage(HostIndex host, std::int64_t before);

  const Platform& platform_;
  scenarios::CheckpointConfig checkpoint_;
  Hazards hazards_;
  SimGridEngine& engine_;
  Common& common_;
  Cpu cpu_;
  RequestClients* clients_ = nullptr;
  LoopWatcher* loop_watcher_ = nullptr;
  const Mail* mail_ = nullptr;
  const Overheads* overheads_ = nullptr;
  std::vector<bool> deaf_;                   // by worker, where one ever was: it begins nothing
  std::map<std::uint32_t, Event> repeated_;  // reports that will come again
  std::uint32_t repetitions_ = 0;
  std::vector<int> in_loop_;  // by worker: attempts that its main loop is busy with, where heartbeats wait for them
  Gpus gpus_;
  Children children_;
  std::vector<std::int64_t>
      excess_;  // by host: thousandths of cores asked for beyond those there are, where that is measured

  Slab<LiveJob> jobs_;
  std::vector<std::uint32_t> free_jobs_;
  IdMap<std::uint32_t> by_id_;

  struct Flow {
    FlowId id;
    bool live = false;
  };
  std::vector<Flow> flows_;  // by task; empty until one is needed

  struct Watch {
    Time at = kNever;  // when the pending host_end is due
    std::uint32_t generation = 0;
  };
  std::vector<Watch> watches_;      // by host
  std::vector<Time> paused_until_;  // by host

  std::vector<TaskIndex> ended_tasks_;  // scratch
  std::vector<Time> ends_;              // scratch
  // Of a worker that fenced itself while this was on its way to be told.
  struct Fenced {
    WorkerId worker;
    std::uint32_t incarnation = 0;
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
  };
  std::vector<Fenced> fenced_;
  std::vector<std::uint32_t> victims_;  // scratch
  std::uint64_t ended_ = 0;
  std::size_t live_attempts_ = 0;
  Time last_end_{};
  std::uint64_t disowned_count_ = 0;
  Duration last_start_delay_{};
};

}  // namespace drydock::sim

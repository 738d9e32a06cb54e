// Runs attempts on this machine: sleeps by timers, everything else by an executor; each when the machine has room, if that is asked for.
#pragma once

#include "policies/core/node_admission.hpp"
#include "policies/core/worker_messages.hpp"
#include "real-runtime/event_loop.hpp"
#include "real-runtime/executor.hpp"
#include "real-runtime/job_payload.hpp"
#include "real-runtime/request_run.hpp"
#include "real-runtime/resource_monitor.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace drydock::runtime {

struct JobRunnerOptions {
  WorkerId worker{};
  double speed = 1;
  std::int64_t gpus = 0;
  ExecutorOptions executor{};
  std::optional<NodeAdmissionConfig> admission{};  // none: what is ordered starts
};

class JobRunner {
 public:
  // `told` is called with RunEnded or RunKilled, exactly once for each attempt that was started; never from within start() or kill().
  // `outcome`, if given, is called before, with how it ended; sleeps have nothing to say.
  JobRunner(EventLoop& loop, JobRunnerOptions options, std::function<void(const WorkerFact&)> told,
            std::function<void(AttemptId, const AttemptOutcome&)> outcome = {});
  // Ends everything that runs; nobody is told.
  ~JobRunner() = default;
  JobRunner(const JobRunner&) = delete;
  JobRunner& operator=(const JobRunner&) = delete;

  // Not one that runs. What cannot be started has failed. Of a command, each task is a process.
  void start(const StartRun& order);
  // Of one that does not run any more, its end is told already.
  void kill(AttemptId attempt);

  // How attempts ask for their part of a limit: `open` gives the place of one that begins, as KeptAttempt::limiter; `close` is called
  // when nothing of it runs any more.
  struct Limiters {
    std::function<std::string(AttemptId)> open{};
    std::function<void(AttemptId)> close{};
    ShareDriver* shares = nullptr;  // for attempts that make requests here
  };
  void use_limiters(Limiters limiters) { limiters_ = std::move(limiters); }
  // From now on sleeps take as long as on a processor that runs at this part of its normal speed; > 0.
  void slow_down(double part);

  [[nodiscard]] std::size_t running() const { return runs_.size(); }
  // Of the machine, where admission looks at it.
  [[nodiscard]] const MachineUsage* usage() const { return monitor_ ? &monitor_->now() : nullptr; }
  [[nodiscard]] Executor& executor() { return executor_; }

 private:
  enum class State : std::uint8_t { waiting, sleeping, requesting, executing, ending };
  struct Run {
    State state = State::waiting;
    std::unique_ptr<EventLoop::Timer> timer;  // of a sleep, of the next look for room, or to tell of an end soon
    std::optional<JobPayload> payload{};      // until it executes
    std::unique_ptr<RequestRun> requests{};   // of one that makes them here
    Resources held{};
    std::uint32_t tasks = 1;
    bool killed = false;
    bool failed = false;
    bool keeps = false;
    Time came{};
    Time began{};
    Duration progress{};  // that it began with; of a sleep, that it has at `began` or when the speed last changed
  };

  // Many jobs say the same, one after another: that is read once.
  [[nodiscard]] const Result<JobPayload>& read(std::string_view payload);
  void timer_fired(AttemptId attempt);
  void admit(AttemptId attempt, Run& run);
  void begin(AttemptId attempt, Run& run);
  void make_requests(AttemptId attempt, Run& run);
  void fail(AttemptId attempt, Run& run, std::string reason);
  void ended(AttemptId attempt, const AttemptOutcome& outcome);
  void end(AttemptId attempt);
  // Of the work of a sleep, what is done by now.
  [[nodiscard]] Duration done(const Run& run) const;
  void sleep_on(Run& run, Duration work);
  [[nodiscard]] double speed() const { return options_.speed * part_; }
  [[nodiscard]] Resources held_by_running() const;

  EventLoop& loop_;
  JobRunnerOptions options_;
  double part_ = 1;  // of its speed, that it has
  std::function<void(const WorkerFact&)> told_;
  std::function<void(AttemptId, const AttemptOutcome&)> outcome_;
  Limiters limiters_;
  std::string last_text_;
  std::optional<Result<JobPayload>> last_payload_;
  std::map<AttemptId, Run> runs_;
  std::optional<ResourceMonitor> monitor_;
  Executor executor_;
};

}  // namespace drydock::runtime

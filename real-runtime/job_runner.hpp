// Runs attempts on this machine: sleeps, and processes in process groups of their own.
#pragma once

#include "policies/core/worker_messages.hpp"
#include "real-runtime/event_loop.hpp"
#include "real-runtime/job_payload.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace drydock::runtime {

class JobRunner {
 public:
  // `told` is called with RunEnded or RunKilled, exactly once for each attempt that was started; never from within start() or kill().
  JobRunner(EventLoop& loop, double speed, std::function<void(const WorkerFact&)> told);
  // Kills everything that runs; nobody is told.
  ~JobRunner() = default;
  JobRunner(const JobRunner&) = delete;
  JobRunner& operator=(const JobRunner&) = delete;

  // Not one that runs. What cannot be started has failed. Of a command, each task is a process.
  void start(const StartRun& order);
  // Of one that does not run any more, its end is told already.
  void kill(AttemptId attempt);

  [[nodiscard]] std::size_t running() const { return runs_.size(); }

 private:
  struct Run {
    std::unique_ptr<EventLoop::Timer> timer;  // of a sleep, or to tell of an end soon
    std::vector<std::unique_ptr<EventLoop::Child>> children{};
    std::size_t living = 0;  // of these
    bool killed = false;
    bool failed = false;
    bool keeps = false;
    Time began{};
    Duration progress{};  // that it began with
  };

  void begin(AttemptId attempt, Run& run, const SleepPayload& sleep);
  void begin(AttemptId attempt, Run& run, const CommandPayload& command, std::uint32_t tasks);
  void child_ended(AttemptId attempt, const EventLoop::Child::End& end);
  void end(AttemptId attempt);

  EventLoop& loop_;
  double speed_;
  std::function<void(const WorkerFact&)> told_;
  std::map<AttemptId, Run> runs_;
};

}  // namespace drydock::runtime

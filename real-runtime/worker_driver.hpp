// Drives a worker in real time: steps its agent, beats, fetches its mail, runs what it starts. Decides nothing.
#pragma once

#include "policies/core/worker_agent.hpp"
#include "policies/ports/worker_text.hpp"
#include "real-runtime/async_redis.hpp"
#include "real-runtime/event_loop.hpp"
#include "real-runtime/job_runner.hpp"
#include "real-runtime/kept_output.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace drydock::runtime {

struct WorkerDriverOptions {
  RedisClientOptions redis;
  WorkerAgentConfig agent;  // its capacity is that of `spec`
  WorkerSpec spec;
  std::string host;  // for people
  // Of this process alone: its key in the registry is its own then, and it ends when another process has it (redis::BeatWorker). Empty:
  // nobody asks, for tests that run several in one process.
  std::string life{};
  std::int64_t above = 0;  // the key of a process before, which is dead, has a lower incarnation
  ExecutorOptions executor{};
  KeepOutputOptions keep_output{};
  WrapRedis wrap{};                                // around each of its connections
  std::optional<NodeAdmissionConfig> admission{};  // by what is measured on the machine; none: what is ordered starts
};

// Beats go over a connection of their own that never waits for anything else.
class WorkerDriver {
 public:
  // Begins at once. `ended`: it has drained and left, or was ousted (WorkerAgent::ousted()).
  WorkerDriver(EventLoop& loop, WorkerDriverOptions options, std::function<void()> ended = {});
  WorkerDriver(const WorkerDriver&) = delete;
  WorkerDriver& operator=(const WorkerDriver&) = delete;

  // Takes no more attempts, and leaves when the last has ended.
  void drain();

  // Called when an attempt has its room and is begun.
  void on_start(std::function<void(AttemptId)> told) { on_start_ = std::move(told); }
  // Called when an attempt that was begun has ended here, by itself or because it was stopped.
  void on_end(std::function<void(AttemptId)> told) { on_end_ = std::move(told); }
  // Called with the end of each attempt that was more than a sleep.
  void on_outcome(std::function<void(AttemptId, const AttemptOutcome&)> told) { on_outcome_ = std::move(told); }
  [[nodiscard]] JobRunner& jobs() { return runner_; }

  [[nodiscard]] const WorkerAgent& agent() const { return agent_; }
  [[nodiscard]] std::size_t running() const { return runner_.running(); }
  [[nodiscard]] std::uint64_t started() const { return started_; }  // attempts so far

 private:
  // The connection, or what is around it.
  [[nodiscard]] static RedisPort& way(const std::unique_ptr<RedisPort>& wrapped, AsyncRedis& connection) {
    return wrapped != nullptr ? *wrapped : connection;
  }
  void push(WorkerFact fact);
  void ran(const WorkerFact& fact);
  void take_step();
  void carry_out(const WorkerOrder& order);
  void beat(const SendBeat& order);
  void fetch(RequestId request);
  // AttemptReport or HeldReport: those of a step go together.
  template <class Report>
  void report(RequestId request, const Report& report);
  void send_reports();
  void leave(RequestId request);
  void look_for_drain();
  void attempt_ended(AttemptId attempt, const AttemptOutcome& outcome);

  EventLoop& loop_;
  WorkerDriverOptions options_;
  std::function<void()> ended_;
  std::function<void(AttemptId)> on_start_;
  std::function<void(AttemptId)> on_end_;
  std::function<void(AttemptId, const AttemptOutcome&)> on_outcome_;
  const std::string machine_;
  const std::string process_;
  bool registered_ = false;  // at some time
  WorkerAgent agent_;
  std::uint64_t started_ = 0;
  std::vector<WorkerFact> facts_;
  std::vector<WorkerFact> step_facts_;
  Bundle reports_;                   // that wait for the end of the step
  std::vector<RequestId> reported_;  // likewise: what they answer
  EventLoop::Timer step_timer_;
  // Last: they end first.
  JobRunner runner_;
  AsyncRedis beats_;
  AsyncRedis redis_;
  AsyncRedis mail_;                       // its connection waits for mail
  std::unique_ptr<RedisPort> beats_way_;  // around these, if anything is
  std::unique_ptr<RedisPort> redis_way_;
  std::unique_ptr<RedisPort> mail_way_;
  OutputKeeper output_;
};

}  // namespace drydock::runtime

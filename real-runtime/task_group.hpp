// The tasks of an attempt, as their keeper watches them: reads their output, ends them in time or when it is told to, and ends all that
// they started. For the keeper's process only: every child of it belongs to the group.
#pragma once

#include "policies/core/result.hpp"
#include "policies/core/time.hpp"
#include "real-runtime/attempt_outcome.hpp"
#include "real-runtime/cgroup.hpp"
#include "real-runtime/output_log.hpp"
#include "real-runtime/task_process.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <sys/types.h>
#include <utility>
#include <vector>

struct pollfd;

namespace drydock::runtime {

class TaskGroup {
 public:
  using Clock = std::chrono::steady_clock;
  struct Options {
    int control = -1;       // a byte on it: stop; its end: the worker is gone
    int signals = -1;       // a signalfd of SIGCHLD, and of SIGTERM: the worker is gone
    Duration time_limit{};  // from the first start on; 0: none
    Duration grace{};       // then
    Duration stop_grace{};  // when it is to stop
  };
  struct Task {
    pid_t process = -1;
    bool ended = false;
    int status = 0;  // as of wait4(), once it has ended
  };

  explicit TaskGroup(Options options) : options_(options) {}
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // The logs must stay until run() has returned.
  [[nodiscard]] std::optional<Error> start(const TaskLaunch& launch, OutputLog& output, OutputLog& errors);
  // Until all tasks have ended. When one fails, the others are ended.
  void run();
  // Ends all that is left of them. Returns when nothing is, however long that takes: what cannot be killed still uses the machine, and
  // must not be taken for gone.
  void end_all(const AttemptCgroup* group);
  // How tasks are asked to end from now on, instead of by SIGTERM to all processes.
  void ask_to_end_by(std::function<void(Duration grace)> ask) { ask_to_end_ = std::move(ask); }
  // Forgets tasks that have ended.
  void clear() { tasks_.clear(); }

  // Why they were ended; nothing where they ended by themselves.
  [[nodiscard]] std::optional<AttemptOutcome::Kind> ended_for() const { return ended_for_; }
  [[nodiscard]] const std::vector<Task>& tasks() const { return tasks_; }
  [[nodiscard]] double cpu_s() const { return cpu_s_; }  // of all processes that have ended
  [[nodiscard]] std::int64_t max_rss_bytes() const { return max_rss_bytes_; }

 private:
  struct Stream {
    int descriptor = -1;
    OutputLog* log = nullptr;
  };

  [[nodiscard]] bool all_ended() const;
  void wait_for_something();
  void look_at_control(const pollfd& control);
  void look_at_signals();
  void look_at_clock();
  void begin_to_end(AttemptOutcome::Kind why, Duration grace);
  void kill_now();
  bool reap();
  void read_output();
  static bool read_stream(Stream& stream);
  [[nodiscard]] int wait_ms() const;

  Options options_;
  std::function<void(Duration grace)> ask_to_end_;
  std::vector<Task> tasks_;
  std::vector<Stream> streams_;
  std::optional<Clock::time_point> limit_at_;
  std::optional<Clock::time_point> kill_at_;
  std::optional<AttemptOutcome::Kind> ended_for_;
  double cpu_s_ = 0;
  std::int64_t max_rss_bytes_ = 0;
};

}  // namespace drydock::runtime

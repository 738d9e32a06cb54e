// An attempt that makes requests, without a service: each is granted by the worker's limiter, if it has one, and takes its time.
#pragma once

#include "real-runtime/event_loop.hpp"
#include "real-runtime/job_payload.hpp"
#include "real-runtime/share_driver.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace drydock::runtime {

class RequestRun {
 public:
  // Begins behind everything that happens now. `shares`, if there are any, outlive it. `progress`: work of earlier attempts, of which whole
  // requests are not made again. `ended` is called once, later, when the last task has ended; it may destroy this.
  RequestRun(EventLoop& loop, ShareDriver* shares, RequestsPayload payload, std::uint32_t tasks, Duration progress,
             std::function<void()> ended);
  // Gives back what it holds.
  ~RequestRun();
  RequestRun(const RequestRun&) = delete;
  RequestRun& operator=(const RequestRun&) = delete;

  // Of the slowest task: the time that the requests which it has finished take.
  [[nodiscard]] Duration progress() const;
  // Why it can never end: a request that is larger than all workers together may make at once.
  [[nodiscard]] bool impossible() const { return impossible_; }

 private:
  enum class State : std::uint8_t { pausing, waiting, running, ended };
  struct Task {
    State state = State::pausing;
    std::size_t next = 0;  // request
    PermitId permit{};
    std::unique_ptr<EventLoop::Timer> timer{};
  };
  void go_on(Task& task);
  void ask(Task& task);
  void begin(Task& task);
  void answered(Task& task);
  void end(Task& task);
  [[nodiscard]] Duration work_of(std::size_t requests) const;

  EventLoop& loop_;
  ShareDriver* shares_;
  HolderId holder_{};
  RequestsPayload payload_;
  std::function<void()> ended_;
  std::vector<Task> tasks_;
  std::size_t open_ = 0;  // tasks
  bool impossible_ = false;
};

}  // namespace drydock::runtime

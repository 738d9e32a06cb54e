// The one event loop of a process: timers, sockets, signals, children. Everything that runs on it runs in its thread; nothing that
// runs on it may block.
#pragma once

#include "policies/core/result.hpp"
#include "policies/core/time.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

struct uv_loop_s;

namespace drydock::runtime {

class EventLoop {
 public:
  // SIGPIPE is ignored in this process from now on: connections that are gone are errors of write().
  EventLoop();
  // Nothing may be left on it.
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Time since the loop was made, by a clock that never goes back.
  [[nodiscard]] Time now() const;

  // Runs until stop(), or until nothing is left to wait for.
  void run();
  void stop();

  // A callback may destroy the object that it belongs to.
  class Timer {
   public:
    Timer(EventLoop& loop, std::function<void()> callback);
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    // Once, at or up to two milliseconds after `at`; replaces what was started before. kNever stops it.
    void start(Time at);
    // Once, behind everything that happens now.
    void start_soon() { start(Time{}); }
    void stop();

   private:
    struct Impl;
    EventLoop& loop_;
    Impl* impl_;
  };

  class Socket {
   public:
    struct Ready {
      bool to_read = false;  // or broken
      bool to_write = false;
    };
    // The descriptor must stay open until this is destroyed.
    Socket(EventLoop& loop, int descriptor, std::function<void(Ready)> callback);
    ~Socket();
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    // What to wait for; always also for its end.
    void wait_for(Ready what);

   private:
    struct Impl;
    Impl* impl_;
  };

  class Signal {
   public:
    Signal(EventLoop& loop, int number, std::function<void()> callback);
    ~Signal();
    Signal(const Signal&) = delete;
    Signal& operator=(const Signal&) = delete;

   private:
    struct Impl;
    Impl* impl_;
  };

  // A process of its own session and process group.
  class Child {
   public:
    struct End {
      std::int64_t status = 0;
      int signal = 0;  // that ended it; 0: none
    };
    // `words`: the program (looked for in PATH) and its arguments. Its standard input is empty, its output is this process's.
    static Result<std::unique_ptr<Child>> start(EventLoop& loop, const std::vector<std::string>& words,
                                                std::function<void(End)> callback);
    // Kills its process group, if it runs; then nobody is told of its end.
    ~Child();
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    // To its process group.
    void kill(int signal);
    [[nodiscard]] pid_t pid() const;

   private:
    struct Impl;
    explicit Child(Impl* impl) : impl_(impl) {}
    Impl* impl_;
  };

 private:
  std::chrono::steady_clock::time_point origin_;
  std::unique_ptr<uv_loop_s> loop_;
};

}  // namespace drydock::runtime

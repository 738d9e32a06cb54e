#include "real-runtime/event_loop.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <fmt/format.h>
#include <utility>
#include <uv.h>

namespace drydock::runtime {

namespace {

// A handle of libuv lives until the loop has closed it, which is later than its owner's end.
template <class Impl>
void close(Impl* impl) {
  impl->handle.data = impl;
  uv_close(reinterpret_cast<uv_handle_t*>(&impl->handle),
           [](uv_handle_t* handle) { delete static_cast<Impl*>(handle->data); });
}

void require(int result, const char* what) {
  if (result < 0) DRYDOCK_CHECK(false, fmt::format("the event loop cannot {}: {}", what, uv_strerror(result)).c_str());
}

}  // namespace

// --- loop ---

EventLoop::EventLoop() : origin_(std::chrono::steady_clock::now()), loop_(std::make_unique<uv_loop_s>()) {
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): it cannot fail
  require(uv_loop_init(loop_.get()), "begin");
}

EventLoop::~EventLoop() {
  while (uv_run(loop_.get(), UV_RUN_NOWAIT) != 0) {}
  require(uv_loop_close(loop_.get()), "end while something is left on it");
}

Time EventLoop::now() const {
  return Time{std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - origin_)};
}

void EventLoop::run() { uv_run(loop_.get(), UV_RUN_DEFAULT); }
void EventLoop::stop() { uv_stop(loop_.get()); }

// --- timer ---

struct EventLoop::Timer::Impl {
  uv_timer_t handle{};
  std::function<void()> callback;
  bool soon = false;  // it was started for Time{}, and has not fired
};

EventLoop::Timer::Timer(EventLoop& loop, std::function<void()> callback) : loop_(loop), impl_(new Impl) {
  impl_->callback = std::move(callback);
  require(uv_timer_init(loop.loop_.get(), &impl_->handle), "make a timer");
  impl_->handle.data = impl_;
}

EventLoop::Timer::~Timer() { close(impl_); }

void EventLoop::Timer::start(Time at) {
  if (at == kNever) return stop();
  if (at == Time{} && impl_->soon) return;  // as each of many facts of one moment asks for
  impl_->soon = at == Time{};
  const Duration wait = std::max(Duration{0}, at - loop_.now());
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
  uv_update_time(impl_->handle.loop);
  require(uv_timer_start(
              &impl_->handle,
              [](uv_timer_t* handle) {
                auto* impl = static_cast<Impl*>(handle->data);
                impl->soon = false;
                impl->callback();
              },
              static_cast<std::uint64_t>(ms), 0),
          "start a timer");
}

void EventLoop::Timer::stop() {
  impl_->soon = false;
  uv_timer_stop(&impl_->handle);
}

// --- socket ---

struct EventLoop::Socket::Impl {
  uv_poll_t handle{};
  int events = 0;  // that are waited for
  std::function<void(Ready)> callback;
};

EventLoop::Socket::Socket(EventLoop& loop, int descriptor, std::function<void(Ready)> callback) : impl_(new Impl) {
  impl_->callback = std::move(callback);
  require(uv_poll_init(loop.loop_.get(), &impl_->handle, descriptor), "watch a socket");
  impl_->handle.data = impl_;
}

EventLoop::Socket::~Socket() { close(impl_); }

void EventLoop::Socket::wait_for(Ready what) {
  const int events = UV_DISCONNECT | (what.to_read ? UV_READABLE : 0) | (what.to_write ? UV_WRITABLE : 0);
  if (events == impl_->events) return;  // to say it again costs two system calls
  impl_->events = events;
  require(uv_poll_start(&impl_->handle, events,
                        [](uv_poll_t* handle, int status, int ready) {
                          // What is broken is found out by reading.
                          const bool broken = status < 0 || (ready & UV_DISCONNECT) != 0;
                          auto* impl = static_cast<Impl*>(handle->data);
                          if (status < 0) impl->events = 0;  // it has been stopped
                          impl->callback(
                              {.to_read = broken || (ready & UV_READABLE) != 0, .to_write = (ready & UV_WRITABLE) != 0});
                        }),
          "wait for a socket");
}

// --- signal ---

struct EventLoop::Signal::Impl {
  uv_signal_t handle{};
  std::function<void()> callback;
};

EventLoop::Signal::Signal(EventLoop& loop, int number, std::function<void()> callback) : impl_(new Impl) {
  impl_->callback = std::move(callback);
  require(uv_signal_init(loop.loop_.get(), &impl_->handle), "watch a signal");
  impl_->handle.data = impl_;
  require(
      uv_signal_start(
          &impl_->handle, [](uv_signal_t* handle, int /*number*/) { static_cast<Impl*>(handle->data)->callback(); }, number),
      "watch a signal");
}

EventLoop::Signal::~Signal() { close(impl_); }

// --- child ---

struct EventLoop::Child::Impl {
  uv_process_t handle{};
  std::function<void(End)> callback;
  bool running = false;
  bool owned = true;
};

Result<std::unique_ptr<EventLoop::Child>> EventLoop::Child::start(EventLoop& loop, const std::vector<std::string>& words,
                                                                  std::function<void(End)> callback) {
  DRYDOCK_CHECK(!words.empty(), "a process has a program");
  std::vector<std::string> copies = words;
  std::vector<char*> arguments;
  for (std::string& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::array<uv_stdio_container_t, 3> streams{};
  streams[0].flags = UV_IGNORE;
  for (int i : {1, 2}) {
    streams[static_cast<std::size_t>(i)].flags = UV_INHERIT_FD;
    streams[static_cast<std::size_t>(i)].data.fd = i;
  }
  uv_process_options_t options{};
  options.file = arguments.front();
  options.args = arguments.data();
  options.flags = UV_PROCESS_DETACHED;
  options.stdio_count = static_cast<int>(streams.size());
  options.stdio = streams.data();
  options.exit_cb = [](uv_process_t* handle, std::int64_t status, int signal) {
    auto* impl = static_cast<Impl*>(handle->data);
    impl->running = false;
    if (impl->owned) impl->callback({.status = status, .signal = signal});
    else close(impl);
  };
  auto* impl = new Impl;
  impl->callback = std::move(callback);
  impl->handle.data = impl;
  const int result = uv_spawn(loop.loop_.get(), &impl->handle, &options);
  if (result < 0) {
    close(impl);  // uv_spawn has made the handle all the same
    return Error{fmt::format("cannot start {}: {}", words.front(), uv_strerror(result))};
  }
  impl->running = true;
  return std::unique_ptr<Child>(new Child(impl));
}

EventLoop::Child::~Child() {
  impl_->owned = false;
  if (impl_->running) kill(SIGKILL);  // the loop closes it when it has ended
  else close(impl_);
}

void EventLoop::Child::kill(int signal) {
  if (impl_->running) (void)::kill(-impl_->handle.pid, signal);
}

pid_t EventLoop::Child::pid() const { return impl_->handle.pid; }

}  // namespace drydock::runtime

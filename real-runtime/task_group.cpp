#include "real-runtime/task_group.hpp"

#include "real-runtime/process_tree.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <string_view>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace drydock::runtime {

namespace {

double seconds_of(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; }

bool succeeded(int status) { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }

}  // namespace

TaskGroup::~TaskGroup() {
  for (const Stream& stream : streams_) {
    if (stream.descriptor >= 0) ::close(stream.descriptor);
  }
}

std::optional<Error> TaskGroup::start(const TaskLaunch& launch, OutputLog& output, OutputLog& errors) {
  const auto started = start_task(launch);
  if (!started) return started.error();
  tasks_.push_back({.process = started.value().process});
  streams_.push_back({started.value().output, &output});
  streams_.push_back({started.value().errors, &errors});
  if (!limit_at_ && options_.time_limit > Duration{0}) limit_at_ = Clock::now() + options_.time_limit;
  return std::nullopt;
}

void TaskGroup::run() {
  while (reap(), !all_ended()) wait_for_something();
}

bool TaskGroup::all_ended() const { return std::ranges::all_of(tasks_, &Task::ended); }

void TaskGroup::wait_for_something() {
  std::vector<pollfd> wanted{{.fd = options_.control, .events = POLLIN, .revents = 0},
                             {.fd = options_.signals, .events = POLLIN, .revents = 0}};
  for (const Stream& stream : streams_) wanted.push_back({.fd = stream.descriptor, .events = POLLIN, .revents = 0});
  if (::poll(wanted.data(), wanted.size(), wait_ms()) < 0 && errno != EINTR)
    return begin_to_end(AttemptOutcome::Kind::lost, {});
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    if (wanted[i + 2].revents != 0) (void)read_stream(streams_[i]);
  }
  std::erase_if(streams_, [](const Stream& stream) { return stream.descriptor < 0; });
  if (wanted[1].revents != 0) look_at_signals();
  if (wanted[0].revents != 0) look_at_control(wanted[0]);
  look_at_clock();
}

int TaskGroup::wait_ms() const {
  constexpr std::chrono::milliseconds kLongest{60'000};
  std::optional<Clock::time_point> at = kill_at_;
  if (!ended_for_ && limit_at_) at = limit_at_;
  if (!at) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*at - Clock::now());
  return static_cast<int>(std::clamp(left, std::chrono::milliseconds{0}, kLongest).count());
}

void TaskGroup::look_at_signals() {
  signalfd_siginfo signal{};
  while (::read(options_.signals, &signal, sizeof signal) == sizeof signal) {
    if (signal.ssi_signo == SIGTERM) begin_to_end(AttemptOutcome::Kind::lost, Duration{0});
  }
}

void TaskGroup::look_at_control(const pollfd& control) {
  char byte = 0;
  const ssize_t got = ::recv(control.fd, &byte, 1, MSG_DONTWAIT);
  if (got > 0) return begin_to_end(AttemptOutcome::Kind::stopped, options_.stop_grace);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  options_.control = -1;
  begin_to_end(AttemptOutcome::Kind::lost, Duration{0});
}

void TaskGroup::look_at_clock() {
  const auto now = Clock::now();
  if (!ended_for_ && limit_at_ && now >= *limit_at_) begin_to_end(AttemptOutcome::Kind::timed_out, options_.grace);
  if (kill_at_ && now >= *kill_at_) kill_now();
}

// The first reason counts; the shortest time does.
void TaskGroup::begin_to_end(AttemptOutcome::Kind why, Duration grace) {
  const auto at = Clock::now() + grace;
  const bool is_first = !std::exchange(ended_for_, ended_for_.value_or(why));
  if (!kill_at_ || at < *kill_at_) kill_at_ = at;
  if (grace <= Duration{0}) return kill_now();
  if (!is_first) return;
  if (ask_to_end_) return ask_to_end_(grace);
  for (const pid_t process : descendants_of(::getpid())) ::kill(process, SIGTERM);
}

// Only their groups: what else they started is ended when they have.
void TaskGroup::kill_now() {
  kill_at_.reset();
  for (const Task& task : tasks_) {
    if (!task.ended) ::kill(-task.process, SIGKILL);
  }
}

// False: there is no child any more.
bool TaskGroup::reap() {
  while (true) {
    int status = 0;
    rusage usage{};
    const pid_t process = ::wait4(-1, &status, WNOHANG, &usage);
    if (process < 0 && errno == EINTR) continue;
    if (process <= 0) return process == 0;
    cpu_s_ += seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
    max_rss_bytes_ = std::max<std::int64_t>(max_rss_bytes_, std::int64_t{usage.ru_maxrss} * 1024);
    const auto task = std::ranges::find(tasks_, process, &Task::process);
    if (task == tasks_.end() || task->ended) continue;
    task->ended = true;
    task->status = status;
    if (!succeeded(status) && !ended_for_) kill_now();
  }
}

void TaskGroup::end_all(const AttemptCgroup* group) {
  constexpr std::chrono::milliseconds kPause{2};
  constexpr std::chrono::milliseconds kLongestPause{200};
  if (reap() && group != nullptr && group->can_kill()) group->kill();
  for (auto pause = kPause; reap(); pause = std::min(pause * 2, kLongestPause)) {
    for (const pid_t process : descendants_of(::getpid())) ::kill(process, SIGKILL);
    pollfd wanted{.fd = options_.signals, .events = POLLIN, .revents = 0};
    ::poll(&wanted, 1, static_cast<int>(pause.count()));
    look_at_signals();
  }
  read_output();
}

// What is left in the pipes, whose other ends are closed by now.
void TaskGroup::read_output() {
  for (Stream& stream : streams_) {
    while (read_stream(stream)) {}
    if (stream.descriptor >= 0) ::close(std::exchange(stream.descriptor, -1));
  }
  streams_.clear();
}

// False: there is nothing to read now. At its end it is closed.
bool TaskGroup::read_stream(Stream& stream) {
  if (stream.descriptor < 0) return false;
  std::array<char, 1U << 16U> buffer;
  const ssize_t got = ::read(stream.descriptor, buffer.data(), buffer.size());
  if (got > 0) stream.log->write({buffer.data(), static_cast<std::size_t>(got)});
  if (got > 0 || (got < 0 && errno == EINTR)) return true;
  if (got == 0 || errno != EAGAIN) ::close(std::exchange(stream.descriptor, -1));
  return false;
}

}  // namespace drydock::runtime

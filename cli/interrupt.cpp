#include "cli/interrupt.hpp"

#include <csignal>
#include <cstdint>
#include <ctime>
#include <unistd.h>

namespace drydock::cli {
namespace {

// A signal handler can reach nothing but globals.
std::atomic<bool> stop_requested{false};
std::atomic<std::int64_t> requested_ms{0};  // on the steady clock
std::atomic<pid_t> main_process{0};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<std::int64_t>::is_always_lock_free &&
              std::atomic<pid_t>::is_always_lock_free);

std::int64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

extern "C" void on_interrupt(int signal) {
  // timeout(1) tells its child, and then all of its group: who asks twice so soon does not insist.
  constexpr std::int64_t kOneRequestMs = 300;
  if (stop_requested.load()) {
    if (now_ms() - requested_ms.load() < kOneRequestMs) return;
    std::signal(signal, SIG_DFL);
    std::raise(signal);
    return;
  }
  requested_ms = now_ms();
  stop_requested = true;
  if (getpid() != main_process) return;
  constexpr char kMessage[] = "\ndrydock: stopping; what there is so far follows (again to end at once)\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
}

}  // namespace

const std::atomic<bool>& stop_on_interrupt() {
  main_process = getpid();
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGHUP, &action, nullptr);
  return stop_requested;
}

}  // namespace drydock::cli

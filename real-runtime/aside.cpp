#include "real-runtime/aside.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace drydock::runtime {

namespace {

constexpr int kSocket = 3;
constexpr int kSignals = 4;

// All signals are blocked.
[[noreturn]] void go_on(const char* name, const std::function<void(const Aside&)>& function, int socket, pid_t parent) {
  constexpr int kCannot = 126;
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);  // NOLINT(cert-err33-c): some cannot be changed
  ::setsid();
  if (::dup2(socket, kSocket) < 0 || ::fcntl(kSocket, F_SETFD, FD_CLOEXEC) != 0) ::_exit(kCannot);
  ::close_range(kSocket + 1, ~0U, 0);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, standard);
  if (null > STDERR_FILENO) ::close(null);
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGCHLD);
  sigaddset(&wanted, SIGTERM);
  ::sigprocmask(SIG_SETMASK, &wanted, nullptr);
  if (::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK) != kSignals) ::_exit(kCannot);
  ::prctl(PR_SET_NAME, name);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(kCannot);  // it died before it could be told
  function({.socket = kSocket, .signals = kSignals, .parent = parent});
  ::_exit(0);
}

}  // namespace

Result<StartedAside> start_aside(const char* name, const std::function<void(const Aside&)>& function) {
  std::array<int, 2> sockets{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) != 0) {
    return Error{fmt::format("cannot start {}: {}", name, std::system_category().message(errno))};
  }
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &before);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) go_on(name, function, sockets[1], parent);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(sockets[1]);
  if (child > 0) return StartedAside{.process = child, .socket = sockets[0]};
  ::close(sockets[0]);
  return Error{fmt::format("cannot start {}: {}", name, std::system_category().message(error))};
}

}  // namespace drydock::runtime

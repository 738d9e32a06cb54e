#include "sim/isolated.hpp"

#include "sim/processes.hpp"
#include "sim/result_wire.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <exception>
#include <fmt/format.h>
#include <new>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/mman.h>
#include <system_error>
#include <unistd.h>

namespace drydock::sim {
namespace {

reports::RunResult failed(std::string why) {
  reports::RunResult result;
  result.error = std::move(why);
  return result;
}

[[noreturn]] void work_in_child(const std::function<reports::RunResult()>& work, int socket) {
  reports::RunResult result;
  try {
    result = work();
  } catch (const std::bad_alloc&) {
    result = failed("the run needs more memory than there is");
  } catch (const std::exception& error) {
    result = failed(fmt::format("the run was broken off: {}", error.what()));
  }
  _exit(send_message(socket, encode_result(result)) ? 0 : 1);  // without destructors: SimGrid's take long
}

// The last line that is not empty of what was written to the file.
std::string last_words(int file) {
  std::array<char, 4096> buffer{};
  const off_t size = lseek(file, 0, SEEK_END);
  const off_t from = std::max<off_t>(0, size - static_cast<off_t>(buffer.size()));
  const ssize_t got = pread(file, buffer.data(), buffer.size(), from);
  std::string text(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(0, got)));
  while (text.ends_with('\n')) text.pop_back();
  const std::size_t line = text.rfind('\n');
  return line == std::string::npos ? text : text.substr(line + 1);
}

// False when it is told to stop before the other end has closed.
bool read_all(MessageReader& reader, int socket, const std::atomic<bool>& stop) {
  constexpr int kLookMs = 100;
  while (true) {
    pollfd watched{.fd = socket, .events = POLLIN, .revents = 0};
    if (stop.load(std::memory_order_relaxed)) return false;
    if (poll(&watched, 1, kLookMs) > 0 && !reader.fill(socket)) return true;
  }
}

}  // namespace

reports::RunResult run_isolated(const std::function<reports::RunResult()>& work, const std::atomic<bool>& stop) {
  const Descriptor words(memfd_create("stderr", MFD_CLOEXEC));
  if (!words.valid()) throw std::system_error(errno, std::generic_category(), "memfd_create");
  auto [mine, its] = connected_pair();
  const pid_t self = getpid();
  const pid_t pid = fork_child();
  if (pid == 0) {
    become_helper(self);
    dup2(words.get(), STDERR_FILENO);
    mine.reset();
    work_in_child(work, its.get());
  }
  its.reset();
  MessageReader reader;
  const bool stopped = !read_all(reader, mine.get(), stop);
  if (stopped) kill(pid, SIGKILL);
  const std::string end = wait_for_end(pid);
  if (stopped) {
    reports::RunResult result = failed("not finished: interrupted");
    result.partial = true;
    return result;
  }
  const std::optional<std::string> message = reader.next();
  auto result = message ? decode_result(*message) : std::nullopt;
  if (result) return std::move(*result);
  const std::string said = last_words(words.get());
  return failed(fmt::format("the process of this run {}{}{}", end.empty() ? "ended without a result" : end,
                            said.empty() ? "" : ": ", said));
}

}  // namespace drydock::sim

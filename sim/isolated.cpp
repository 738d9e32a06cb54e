#include "sim/isolated.hpp"

#include "sim/processes.hpp"
#include "sim/result_wire.hpp"

#include <algorithm>
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

std::string result_of(const std::function<reports::RunResult()>& work) {
  try {
    return encode_result(work());
  } catch (const std::bad_alloc&) {
    return encode_result(failed("the run needs more memory than there is"));
  } catch (const std::exception& error) {
    return encode_result(failed(fmt::format("the run was broken off: {}", error.what())));
  }
}

// The end of what was written to the file.
std::string last_words(int file) {
  constexpr off_t kMost = 1 << 16;
  const off_t size = lseek(file, 0, SEEK_END);
  std::string text(static_cast<std::size_t>(std::clamp<off_t>(size, 0, kMost)), '\0');
  const ssize_t got = pread(file, text.data(), text.size(), std::max<off_t>(0, size - kMost));
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, got)));
  while (text.ends_with('\n')) text.pop_back();
  return text;
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

Returned call_isolated(const std::function<std::string()>& work, const std::atomic<bool>& stop) {
  const Descriptor words(memfd_create("stderr", MFD_CLOEXEC));
  if (!words.valid()) throw std::system_error(errno, std::generic_category(), "memfd_create");
  auto [mine, its] = connected_pair();
  const pid_t self = getpid();
  const pid_t pid = fork_child();
  if (pid == 0) {
    become_helper(self);
    dup2(words.get(), STDERR_FILENO);
    mine.reset();
    _exit(send_message(its.get(), work()) ? 0 : 1);  // without destructors: SimGrid's take long
  }
  its.reset();
  MessageReader reader;
  Returned returned;
  returned.stopped = !read_all(reader, mine.get(), stop);
  if (returned.stopped) kill(pid, SIGKILL);
  returned.end = wait_for_end(pid);
  returned.said = last_words(words.get());
  if (!returned.stopped) returned.message = reader.next();
  return returned;
}

reports::RunResult run_isolated(const std::function<reports::RunResult()>& work, const std::atomic<bool>& stop) {
  const Returned returned = call_isolated([&] { return result_of(work); }, stop);
  if (returned.stopped) {
    reports::RunResult result = failed("not finished: interrupted");
    result.partial = true;
    return result;
  }
  auto result = returned.message ? decode_result(*returned.message) : std::nullopt;
  if (result) return std::move(*result);
  const std::string said = returned.said.substr(returned.said.rfind('\n') + 1);  // the last line
  return failed(fmt::format("the process of this run {}{}{}", returned.end.empty() ? "ended without a result" : returned.end,
                            said.empty() ? "" : ": ", said));
}

}  // namespace drydock::sim

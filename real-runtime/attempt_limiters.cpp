#include "real-runtime/attempt_limiters.hpp"

#include "real-runtime/job_folder.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <sys/stat.h>

namespace drydock::runtime {

std::optional<Error> AttemptLimiters::prepare() {
  // Room for the largest numbers.
  if (auto wrong = folder_.make({.prefix = "drydock-limiter-", .socket = "18446744073709551615-4294967295"})) return wrong;
  // Others may pass through, and see nothing.
  if (::chmod(folder_.path().c_str(), 0711) == 0) return std::nullopt;
  return Error{fmt::format("cannot let jobs into {}: {}", folder_.path().string(), std::strerror(errno))};
}

std::string AttemptLimiters::open(AttemptId attempt) {
  const HolderId holder = shares_.new_holder();
  const auto socket = folder_.path() / attempt_folder_name(attempt);
  if (const auto wrong = server_.listen({.unix_socket = socket, .owner = user_}, holder)) {
    fmt::print(stderr, "attempt {} has no limiter: {}\n", attempt_folder_name(attempt), wrong->message);
    return {};
  }
  holders_[attempt] = holder;
  return socket.string();
}

void AttemptLimiters::close(AttemptId attempt) {
  const auto at = holders_.find(attempt);
  if (at == holders_.end()) return;
  server_.close(at->second);
  holders_.erase(at);
}

}  // namespace drydock::runtime

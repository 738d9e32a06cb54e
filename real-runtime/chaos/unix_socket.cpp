#include "real-runtime/chaos/unix_socket.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace drydock::runtime::chaos {
namespace {

constexpr int kMostPending = 128;

sockaddr_un unix_address(const std::filesystem::path& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket.string().copy(static_cast<char*>(address.sun_path), sizeof(address.sun_path) - 1);
  return address;
}

void never_wait(int descriptor) { (void)::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK); }

Error failed(const char* what, const std::filesystem::path& socket, int descriptor) {
  Error error{fmt::format("{} {}: {}", what, socket.string(), std::strerror(errno))};
  if (descriptor >= 0) ::close(descriptor);
  return error;
}

}  // namespace

Result<int> listen_on(const std::filesystem::path& socket) {
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = unix_address(socket);
  const bool listens = descriptor >= 0 &&
                       ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
                       ::listen(descriptor, kMostPending) == 0;
  if (!listens) return failed("cannot listen on", socket, descriptor);
  never_wait(descriptor);
  return descriptor;
}

Result<int> connect_to(const std::filesystem::path& socket) {
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = unix_address(socket);
  if (descriptor < 0 || ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return failed("cannot connect to", socket, descriptor);
  }
  never_wait(descriptor);
  return descriptor;
}

}  // namespace drydock::runtime::chaos

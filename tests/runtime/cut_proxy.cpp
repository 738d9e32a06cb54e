#include "tests/runtime/cut_proxy.hpp"

#include <array>
#include <cstdlib>
#include <gtest/gtest.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace drydock::runtime {
namespace {

// Who does not read for so long (stands still, say) is cut off.
constexpr timeval kPatience{.tv_sec = 2, .tv_usec = 0};

sockaddr_un address_of(const std::filesystem::path& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket.string().copy(static_cast<char*>(address.sun_path), sizeof(address.sun_path) - 1);
  return address;
}

bool send_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

CutProxy::CutProxy(EventLoop& loop, std::filesystem::path upstream) : loop_(loop), upstream_(std::move(upstream)) {
  std::string name = (std::filesystem::temp_directory_path() / "drydock-proxy-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "no temporary folder";
  folder_ = name;
  listener_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
  const sockaddr_un address = address_of(socket());
  const bool listens =
      ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 && ::listen(listener_, 16) == 0;
  if (!listens) ADD_FAILURE() << "the proxy cannot listen in " << folder_;
  listening_ = std::make_unique<EventLoop::Socket>(loop_, listener_, [this](EventLoop::Socket::Ready) { accept(); });
  listening_->wait_for({.to_read = true, .to_write = false});
}

CutProxy::~CutProxy() {
  for (Link& link : links_) close(link);
  listening_.reset();
  ::close(listener_);
  std::filesystem::remove_all(folder_);
}

void CutProxy::accept() {
  Link& link = links_.emplace_back();
  link.client = ::accept(listener_, nullptr, nullptr);
  link.server = ::socket(AF_UNIX, SOCK_STREAM, 0);
  const sockaddr_un address = address_of(upstream_);
  for (const int descriptor : {link.client, link.server}) {
    (void)::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
  }
  if (::connect(link.server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return close(link);
  link.from_client = std::make_unique<EventLoop::Socket>(loop_, link.client,
                                                         [this, &link](EventLoop::Socket::Ready) { forward(link, true); });
  link.from_server = std::make_unique<EventLoop::Socket>(loop_, link.server,
                                                         [this, &link](EventLoop::Socket::Ready) { forward(link, false); });
  link.from_client->wait_for({.to_read = true, .to_write = false});
  link.from_server->wait_for({.to_read = true, .to_write = false});
}

void CutProxy::mend() {
  cut_.reset();
  for (Link& link : links_) close(link);
}

void CutProxy::forward(Link& link, bool to_server) {
  std::array<char, 65536> buffer{};
  const ssize_t length = ::recv(to_server ? link.client : link.server, buffer.data(), buffer.size(), 0);
  if (length <= 0) return close(link);
  if (cut_ && *cut_ != (to_server ? Way::to_client : Way::to_server)) return;
  const std::string_view bytes(buffer.data(), static_cast<std::size_t>(length));
  if (to_server && marked_ && bytes.find(*marked_) != std::string_view::npos) {
    marked_.reset();
    link.doomed = true;
  }
  if (!to_server && link.doomed) {
    ++lost_;
    return close(link);
  }
  if (!send_all(to_server ? link.server : link.client, bytes)) close(link);
}

// The list keeps it: callbacks may still name it.
void CutProxy::close(Link& link) {
  link.from_client.reset();
  link.from_server.reset();
  for (int* descriptor : {&link.client, &link.server}) {
    if (*descriptor >= 0) ::close(*descriptor);
    *descriptor = -1;
  }
}

}  // namespace drydock::runtime

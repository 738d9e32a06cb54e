#include "real-runtime/chaos/proxy.hpp"

#include "real-runtime/chaos/unix_socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace drydock::runtime::chaos {
namespace {

// Of one direction of one connection: whoever sends more waits.
constexpr std::size_t kMostWaiting = std::size_t{4} << 20U;

}  // namespace

Result<std::unique_ptr<Proxy>> Proxy::start(EventLoop& loop, std::filesystem::path upstream) {
  std::unique_ptr<Proxy> proxy(new Proxy(loop, std::move(upstream)));
  if (const auto wrong =
          proxy->folder_.make({.prefix = "drydock-proxy-", .parent = {}, .socket = proxy->upstream_.filename().string()})) {
    return *wrong;
  }
  const auto listens = listen_on(proxy->socket());
  if (!listens) return listens.error();
  proxy->listener_ = listens.value();
  proxy->listening_ = std::make_unique<EventLoop::Socket>(loop, proxy->listener_,
                                                          [at = proxy.get()](EventLoop::Socket::Ready) { at->accept(); });
  proxy->listening_->wait_for({.to_read = true, .to_write = false});
  return proxy;
}

Proxy::~Proxy() {
  for (Link& link : links_) close(link);
  listening_.reset();
  if (listener_ >= 0) ::close(listener_);
}

void Proxy::accept() {
  links_.remove_if([](const Link& link) { return link.closed(); });
  const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (client < 0) return;
  const auto server = shut_ ? Result<int>(Error{"nobody gets through"}) : connect_to(upstream_);
  if (!server) {
    ::close(client);
    return;
  }
  Link& link = links_.emplace_back();
  link.client.descriptor = client;
  link.server.descriptor = server.value();
  link.client.socket = std::make_unique<EventLoop::Socket>(
      loop_, client, [this, &link](EventLoop::Socket::Ready what) { ready(link, true, what); });
  link.server.socket = std::make_unique<EventLoop::Socket>(
      loop_, server.value(), [this, &link](EventLoop::Socket::Ready what) { ready(link, false, what); });
  link.to_server.timer = std::make_unique<EventLoop::Timer>(loop_, [this, &link] { pass_on(link, true, false); });
  link.to_client.timer = std::make_unique<EventLoop::Timer>(loop_, [this, &link] { pass_on(link, false, false); });
  watch(link);
}

void Proxy::ready(Link& link, bool of_client, EventLoop::Socket::Ready what) {
  if (what.to_write) {
    (of_client ? link.client : link.server).full = false;
    pass_on(link, !of_client, false);
  }
  if (what.to_read && !link.closed()) receive(link, of_client);
  if (!link.closed()) watch(link);
}

void Proxy::receive(Link& link, bool to_server) {
  std::array<char, 65536> buffer{};
  const int from = to_server ? link.client.descriptor : link.server.descriptor;
  const ssize_t length = ::recv(from, buffer.data(), buffer.size(), 0);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (length <= 0) {  // what it had said arrives
    pass_on(link, to_server, true);
    return close(link);
  }
  Stream& stream = to_server ? link.to_server : link.to_client;
  if (is_cut(to_server)) {
    stream.lossy = true;
    return;
  }
  const std::string_view bytes(buffer.data(), static_cast<std::size_t>(length));
  if (to_server && marked_ && bytes.find(*marked_) != std::string_view::npos) {
    marked_.reset();
    link.doomed = true;
  }
  if (!to_server && link.doomed) {
    ++lost_;
    return close(link);
  }
  const auto& slow = to_server ? slow_to_server_ : slow_to_client_;
  Time at = slow ? later(loop_.now(), slow()) : Time{};
  if (!stream.chunks.empty()) at = std::max(at, stream.chunks.back().at);
  stream.chunks.push_back({at, std::string(bytes)});
  stream.bytes += bytes.size();
  pass_on(link, to_server, false);
}

void Proxy::pass_on(Link& link, bool to_server, bool at_once) {
  if (link.closed()) return;
  Stream& stream = to_server ? link.to_server : link.to_client;
  End& to = to_server ? link.server : link.client;
  while (!stream.chunks.empty() && !to.full) {
    Chunk& chunk = stream.chunks.front();
    if (!at_once && chunk.at > loop_.now()) return stream.timer->start(chunk.at);
    const ssize_t sent = ::send(to.descriptor, chunk.bytes.data(), chunk.bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
      to.full = true;
      break;
    }
    if (sent < 0) return close(link);
    stream.bytes -= static_cast<std::size_t>(sent);
    chunk.bytes.erase(0, static_cast<std::size_t>(sent));
    if (chunk.bytes.empty()) stream.chunks.pop_front();
  }
  watch(link);
}

void Proxy::watch(Link& link) {
  link.client.socket->wait_for({.to_read = link.to_server.bytes < kMostWaiting, .to_write = link.client.full});
  link.server.socket->wait_for({.to_read = link.to_client.bytes < kMostWaiting, .to_write = link.server.full});
}

// The list keeps it: callbacks may still name it.
void Proxy::close(Link& link) {
  link.client.socket.reset();
  link.server.socket.reset();
  link.to_server.timer.reset();
  link.to_client.timer.reset();
  for (End* end : {&link.client, &link.server}) {
    if (end->descriptor >= 0) ::close(end->descriptor);
    end->descriptor = -1;
  }
}

// --- what is done to it ---

void Proxy::cut(Way way) {
  cut_ = way;
  for (Link& link : links_) {
    const bool torn = (link.to_server.lossy && !is_cut(true)) || (link.to_client.lossy && !is_cut(false));
    if (torn) close(link);
  }
}

void Proxy::mend() {
  cut_.reset();
  for (Link& link : links_) close(link);
}

void Proxy::shut() {
  shut_ = true;
  for (Link& link : links_) close(link);
}

void Proxy::slow(Way way, std::function<Duration()> by) {
  if (way != Way::to_client) slow_to_server_ = by;
  if (way != Way::to_server) slow_to_client_ = std::move(by);
}

}  // namespace drydock::runtime::chaos

#include "real-runtime/limiter_server.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace drydock::runtime {

namespace {

constexpr int kLimiterBacklog = 128;
constexpr std::size_t kMostUnreadHere = 100'000;  // bytes of a connection: a head, a body, and something behind
constexpr int kAcceptedAtOnce = 32;

Error listen_error(const std::string& place, std::string_view what) {
  return Error{fmt::format("the limiter cannot {} {}: {}", what, place, std::strerror(errno))};
}

// Nobody listens there any more.
bool is_left_over(const sockaddr_un& address) {
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return false;
  const int connected = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const bool refused = connected != 0 && errno == ECONNREFUSED;
  ::close(probe);
  return refused;
}

Result<int> open_unix(const LimiterServer::Place& place) {
  const std::string path = place.unix_socket.string();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error{fmt::format("the limiter cannot listen on {}: the path of a socket has at most {} bytes", path,
                             sizeof address.sun_path - 1)};
  }
  std::ranges::copy(path, static_cast<char*>(address.sun_path));
  struct stat found {};
  if (::lstat(path.c_str(), &found) == 0) {
    if (!S_ISSOCK(found.st_mode)) return Error{fmt::format("the limiter cannot listen on {}: another file is there", path)};
    if (!is_left_over(address)) {
      return Error{
          fmt::format("the limiter cannot listen on {}: another process does; end it, or choose another place", path)};
    }
    (void)::unlink(path.c_str());
  }
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return listen_error(path, "make a socket for");
  const bool bound = ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  // Before it listens nobody can connect.
  const bool done = bound && ::chmod(path.c_str(), place.mode) == 0 &&
                    (!place.owner || ::chown(path.c_str(), place.owner->uid, place.owner->gid) == 0) &&
                    ::listen(descriptor, kLimiterBacklog) == 0;
  if (done) return descriptor;
  const Error error = listen_error(path, "listen on");
  ::close(descriptor);
  if (bound) (void)::unlink(path.c_str());
  return error;
}

Result<int> open_tcp(const LimiterServer::Place& place, int& port) {
  const std::string where = fmt::format("{}:{}", place.host, place.port);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(place.port));
  if (::inet_pton(AF_INET, place.host.c_str(), &address.sin_addr) != 1 || (ntohl(address.sin_addr.s_addr) >> 24U) != 127) {
    return Error{
        fmt::format("the limiter cannot listen on {}: it asks nobody who they are, so it listens on 127.0.0.1, or on "
                    "a Unix socket, alone",
                    where)};
  }
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return listen_error(where, "make a socket for");
  const int on = 1;
  (void)::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  socklen_t size = sizeof address;
  const bool done = ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                    ::listen(descriptor, kLimiterBacklog) == 0 &&
                    ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  if (done) {
    port = ntohs(address.sin_port);
    return descriptor;
  }
  const Error error = listen_error(where, "listen on");
  ::close(descriptor);
  return error;
}

}  // namespace

LimiterServer::LimiterServer(EventLoop& loop, ShareDriver& shares, LimiterServerOptions options)
    : loop_(loop), shares_(shares), options_(options) {}

LimiterServer::~LimiterServer() {
  while (!connections_.empty()) drop(connections_.begin()->first);
  while (!listeners_.empty()) remove_listener(listeners_.begin()->first);
}

std::optional<Error> LimiterServer::listen(const Place& place, HolderId holder) {
  const auto opened = place.unix_socket.empty() ? open_tcp(place, port_) : open_unix(place);
  if (!opened) return opened.error();
  const int descriptor = opened.value();
  Listener& listener = listeners_[descriptor];
  listener.path = place.unix_socket;
  listener.holder = holder;
  listener.socket = std::make_unique<EventLoop::Socket>(
      loop_, descriptor, [this, descriptor](EventLoop::Socket::Ready) { accept(descriptor); });
  listener.socket->wait_for({.to_read = true});
  return std::nullopt;
}

void LimiterServer::remove_listener(int descriptor) {
  const auto at = listeners_.find(descriptor);
  at->second.socket.reset();
  ::close(descriptor);
  if (!at->second.path.empty()) (void)::unlink(at->second.path.c_str());
  listeners_.erase(at);
}

void LimiterServer::close(HolderId holder) {
  std::vector<int> gone;
  for (const auto& [descriptor, connection] : connections_) {
    if (connection.owner == holder) gone.push_back(descriptor);
  }
  for (const int descriptor : gone) drop(descriptor);
  const auto listener = std::ranges::find_if(listeners_, [&](const auto& l) { return l.second.holder == holder; });
  if (listener != listeners_.end()) remove_listener(listener->first);
  shares_.release_all(holder);
}

// --- connections ---

void LimiterServer::accept(int listener) {
  for (int i = 0; i < kAcceptedAtOnce; ++i) {
    const int descriptor = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor < 0) return;
    const int on = 1;
    (void)::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // of no meaning to a Unix socket
    Listener& from = listeners_.at(listener);
    if (connections_.size() >= options_.connections || from.connections >= options_.connections_per_listener) {
      const HttpRequest nothing{.method = "GET", .path = "/", .id = request_id("")};
      const std::string text = http_text(nothing, later_response(nothing, 503, "too many connections", 1), true);
      (void)::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL);
      ::close(descriptor);
      continue;
    }
    ++from.connections;
    Connection connection{.listener = listener,
                          .holder = shares_.new_holder(),
                          .owner = from.holder,
                          .framing = HttpFraming(options_.body_bytes_max, "local")};
    connection.socket = std::make_unique<EventLoop::Socket>(
        loop_, descriptor, [this, descriptor](EventLoop::Socket::Ready r) { ready(descriptor, r); });
    connection.timer = std::make_unique<EventLoop::Timer>(loop_, [this, descriptor] { time_over(descriptor); });
    connection.timer->start(later(loop_.now(), options_.request_time));
    connection.socket->wait_for({.to_read = true});
    connections_.emplace(descriptor, std::move(connection));
  }
}

// What it holds by itself, and what it waits for, is given back.
void LimiterServer::drop(int descriptor) {
  const auto at = connections_.find(descriptor);
  if (at == connections_.end()) return;
  Connection& connection = at->second;
  if (connection.phase == Phase::waiting) shares_.release(connection.waits);
  shares_.release_all(connection.holder);
  const auto listener = listeners_.find(connection.listener);
  if (listener != listeners_.end()) --listener->second.connections;
  connection.socket.reset();
  ::close(descriptor);
  connections_.erase(at);
}

void LimiterServer::ready(int descriptor, EventLoop::Socket::Ready ready) {
  Connection& connection = connections_.at(descriptor);
  if (ready.to_write && !connection.out.empty() && !write(descriptor, connection)) return;
  if (ready.to_read && !read(descriptor, connection)) return;
  if (connection.phase == Phase::reading && connection.out.empty()) look(descriptor);
}

bool LimiterServer::read(int descriptor, Connection& connection) {
  std::array<char, 16384> part{};
  while (true) {
    const ssize_t count = ::recv(descriptor, part.data(), part.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    if (count > 0) connection.in.append(part.data(), static_cast<std::size_t>(count));
    if (count > 0 && connection.in.size() <= kMostUnreadHere) continue;
    drop(descriptor);
    return false;
  }
}

// All whole requests, one after the other.
void LimiterServer::look(int descriptor) {
  while (true) {
    const auto at = connections_.find(descriptor);
    if (at == connections_.end()) return;
    Connection& connection = at->second;
    if (connection.phase != Phase::reading || !connection.out.empty() || connection.in.empty()) return;
    const HttpFraming::State state = connection.framing.look(connection.in);
    if (state == HttpFraming::State::head) return;
    if (state == HttpFraming::State::body) {
      if (!connection.framing.expects() || std::exchange(connection.continued, true)) return;
      connection.out = "HTTP/1.1 100 Continue\r\n\r\n";
      (void)write(descriptor, connection);
      return;
    }
    HttpRequest request = connection.framing.head();
    if (state == HttpFraming::State::wrong) {
      const HttpResponse wrong = error_response(request, connection.framing.status(), connection.framing.problem());
      return respond(descriptor, connection, wrong, true);
    }
    if (request.headers.contains("transfer-encoding")) {
      return respond(descriptor, connection, error_response(request, 411, "say how long the body is: Content-Length"), true);
    }
    const std::size_t end = connection.framing.bytes();
    const std::size_t length = connection.framing.body_bytes();
    request.body = connection.in.substr(end - length, length);
    connection.timer->start(later(loop_.now(), options_.request_time));
    serve(descriptor, connection, request);
  }
}

void LimiterServer::next_request(Connection& connection) {
  connection.in.erase(0, connection.framing.bytes());
  connection.framing = HttpFraming(options_.body_bytes_max, "local");
  connection.continued = false;
  connection.phase = Phase::reading;
  connection.timer->start(later(loop_.now(), connection.in.empty() ? options_.idle_time : options_.request_time));
}

void LimiterServer::respond(int descriptor, Connection& connection, const HttpResponse& response, bool closes) {
  const HttpRequest request = connection.framing.head();
  const bool last = closes || connection.framing.closes();
  connection.out += http_text(request, response, last);
  if (last) {
    connection.phase = Phase::leaving;
    connection.timer->start(later(loop_.now(), options_.request_time));
  } else {
    next_request(connection);
  }
  (void)write(descriptor, connection);
}

bool LimiterServer::write(int descriptor, Connection& connection) {
  while (!connection.out.empty()) {
    const ssize_t count = ::send(descriptor, connection.out.data(), connection.out.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      connection.socket->wait_for({.to_read = true, .to_write = true});
      return true;
    }
    if (count < 0) {
      drop(descriptor);
      return false;
    }
    connection.out.erase(0, static_cast<std::size_t>(count));
  }
  connection.socket->wait_for({.to_read = true});
  if (connection.phase == Phase::leaving) {
    drop(descriptor);
    return false;
  }
  return true;
}

void LimiterServer::time_over(int descriptor) {
  const auto at = connections_.find(descriptor);
  if (at == connections_.end()) return;
  Connection& connection = at->second;
  if (connection.phase != Phase::waiting) return drop(descriptor);
  const ShareLimiter::Reply reply = shares_.look(connection.waits);
  shares_.release(connection.waits);
  const HttpRequest request = connection.framing.head();
  respond(descriptor, connection, refused_response(request, reply, machine_time(), shares_.limiter().config()));
  look(descriptor);
}

// --- requests ---

void LimiterServer::serve(int descriptor, Connection& connection, const HttpRequest& request) {
  const bool is_post = request.path == "/acquire" || request.path == "/release" || request.path == "/throttled";
  const bool is_get = request.path == "/scaling_status";
  // A page in a browser of this machine is not a job.
  if (request.headers.contains("origin")) {
    return respond(descriptor, connection, error_response(request, 403, "pages in browsers are not answered"));
  }
  if (!is_post && !is_get) {
    return respond(
        descriptor, connection,
        error_response(request, 404, "there are: POST /acquire, POST /release, POST /throttled and GET /scaling_status"));
  }
  if (request.method != (is_get ? "GET" : "POST")) {
    HttpResponse wrong = error_response(request, 405, fmt::format("{} is for {}", request.path, is_get ? "GET" : "POST"));
    wrong.headers["Allow"] = is_get ? "GET" : "POST";
    return respond(descriptor, connection, wrong);
  }
  if (is_get) return respond(descriptor, connection, {.status = 200, .body = shares_.status_json() + "\n"});
  if (request.path == "/acquire") return acquire(descriptor, connection, request);
  if (request.path == "/release") return respond(descriptor, connection, release(connection, request));
  shares_.throttled();
  respond(descriptor, connection, {.status = 200, .body = "{\"noted\":true}\n"});
}

void LimiterServer::acquire(int descriptor, Connection& connection, const HttpRequest& request) {
  LimiterHold hold = options_.hold;
  if (connection.owner != HolderId{}) hold.usual = Duration::max();
  auto order = read_acquire(request.body, hold);
  if (!order) return respond(descriptor, connection, error_response(request, 400, order.error().message));
  PermitRequest& permit = order.value().permit;
  permit.holder = order.value().until_close ? connection.holder : connection.owner;
  const bool waits = order.value().wait > Duration{0};
  const ShareLimiter::Reply reply =
      waits ? shares_.acquire(permit, [this, descriptor] { granted(descriptor); }) : shares_.acquire(permit);
  const Time now = machine_time();
  if (reply.verdict == ShareLimiter::Verdict::granted) {
    return respond(descriptor, connection, granted_response(reply.permit, permit, now, shares_.limiter().valid_until()));
  }
  if (reply.verdict != ShareLimiter::Verdict::not_now || !waits) {
    return respond(descriptor, connection, refused_response(request, reply, now, shares_.limiter().config()));
  }
  connection.phase = Phase::waiting;
  connection.asked = permit;
  connection.waits = reply.permit;
  connection.timer->start(later(loop_.now(), order.value().wait));
}

void LimiterServer::granted(int descriptor) {
  Connection& connection = connections_.at(descriptor);
  const HttpResponse response =
      granted_response(connection.waits, connection.asked, machine_time(), shares_.limiter().valid_until());
  connection.phase = Phase::reading;
  respond(descriptor, connection, response);
  look(descriptor);
}

// An attempt gives back what is its own.
HttpResponse LimiterServer::release(const Connection& connection, const HttpRequest& request) {
  const auto order = read_release(request.body);
  if (!order) return error_response(request, 400, order.error().message);
  if (order.value().throttled) shares_.throttled();
  const auto holder = shares_.limiter().holder_of(order.value().permit);
  const bool is_own = connection.owner == HolderId{} || holder == connection.owner || holder == connection.holder;
  if (holder && is_own && shares_.release(order.value().permit)) return {.status = 200, .body = "{\"released\":true}\n"};
  return error_response(request, 404,
                        fmt::format("nobody holds the permit {} any more: it was given back, or its time was over",
                                    order.value().permit.value));
}

}  // namespace drydock::runtime

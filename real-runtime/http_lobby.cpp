#include "real-runtime/http_lobby.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <iterator>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace drydock::runtime {

namespace {

constexpr std::size_t kPiece = 65'536;
constexpr int kPiecesAtOnce = 8;                          // then the others have their turn
constexpr std::size_t kMostUnread = 200'000'000;          // of what a client goes on to say when it was refused
constexpr Duration kLeaveTime = std::chrono::seconds{2};  // likewise

std::string client_of(int socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
  if (address.ss_family == AF_INET) {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text.data(), text.size());
  } else if (address.ss_family == AF_INET6) {
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text.data(), text.size());
  }
  return text.data();
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    default: return "Refused";
  }
}

std::string to_bytes(const HttpRequest& request, const HttpResponse& response, bool closes, bool without_body) {
  std::string text = fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_phrase(response.status));
  for (const auto& [name, value] : headers_of(request, response)) text += fmt::format("{}: {}\r\n", name, value);
  text += fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n{}\r\n", response.content_type, response.body.size(),
                      closes ? "Connection: close\r\n" : "");
  return without_body ? text : text + response.body;
}

bool send_now(int socket, std::string_view bytes) {
  return ::send(socket, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

// Waits for the reader, whose whole time this is.
bool send_in(int socket, std::string_view bytes, Duration time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (!bytes.empty()) {
    const ssize_t some = ::send(socket, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (some > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(some));
      continue;
    }
    if (some < 0 && errno == EINTR) continue;
    if (some < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return false;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    pollfd entry{.fd = socket, .events = POLLOUT, .revents = 0};
    if (left <= 0 || ::poll(&entry, 1, static_cast<int>(std::min<std::int64_t>(left, 1000))) < 0) return false;
  }
  return true;
}

Duration time_for(Duration least, std::size_t bytes, std::int64_t bytes_per_second) {
  return least + std::chrono::seconds{static_cast<std::int64_t>(bytes) / bytes_per_second};
}

}  // namespace

HttpLobby::HttpLobby(HttpLobbyOptions options, HttpHandler& handler, std::function<void(HttpArrival)> hand_on)
    : options_(options),
      handler_(handler),
      hand_on_(std::move(hand_on)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { run(); }) {}

HttpLobby::~HttpLobby() {
  stop();
  for (const auto& [socket, connection] : connections_) ::close(socket);
  ::close(wake_);
}

void HttpLobby::admit(int socket) { tell({.socket = socket, .is_new = true, .closes = false}); }

void HttpLobby::answer(int socket, std::string_view bytes, bool closes) {
  const bool sent = send_in(socket, bytes, time_for(options_.body_time, bytes.size(), options_.bytes_per_second));
  tell({.socket = socket, .is_new = false, .closes = closes || !sent});
}

void HttpLobby::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ::eventfd_write(wake_, 1);
  if (thread_.joinable()) thread_.join();
  const std::lock_guard lock(mutex_);
  std::ranges::for_each(std::exchange(news_, {}), end);
}

void HttpLobby::tell(News news) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return end(news);
    news_.push_back(news);
  }
  ::eventfd_write(wake_, 1);
}

void HttpLobby::end(const News& news) {
  if (news.is_new) ::close(news.socket);
  else ::shutdown(news.socket, SHUT_RDWR);
}

// --- the thread ---

void HttpLobby::run() {
  std::vector<pollfd> entries;
  while (take_news()) {
    expire();
    entries.assign(1, {.fd = wake_, .events = POLLIN, .revents = 0});
    for (const auto& [socket, connection] : connections_) {
      if (connection.phase != Phase::served) entries.push_back({.fd = socket, .events = POLLIN, .revents = 0});
    }
    if (::poll(entries.data(), entries.size(), wait_ms()) <= 0) continue;
    eventfd_t count = 0;
    ::eventfd_read(wake_, &count);
    for (std::size_t i = 1; i < entries.size(); ++i) {
      if (entries[i].revents == 0) continue;
      if (const auto at = connections_.find(entries[i].fd); at != connections_.end()) hear(at);
    }
  }
  for (auto at = connections_.begin(); at != connections_.end();) {
    const auto next = std::next(at);
    if (at->second.phase != Phase::served) drop(at);
    at = next;
  }
}

// False: it is to end.
bool HttpLobby::take_news() {
  std::vector<News> all;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
    all.swap(news_);
  }
  for (const News& news : all) {
    if (news.is_new) {
      come_in(news.socket);
      continue;
    }
    const auto at = connections_.find(news.socket);
    bodies_bytes_ -= at->second.framing.body_bytes();
    next_request(at->second, 0);
    if (news.closes) leave(at);
    else look(at);
  }
  return true;
}

void HttpLobby::come_in(int socket) {
  const std::string client = client_of(socket);
  const auto known = clients_.find(client);
  const bool too_many_of_it = known != clients_.end() && known->second >= options_.connections_per_client;
  const bool room =
      (!too_many_of_it || make_room(&client)) && (connections_.size() < options_.connections || make_room(nullptr));
  if (!room) {
    const HttpRequest nothing{.method = "", .path = "", .id = request_id("")};
    const HttpResponse response = later_response(nothing, 503, "too many connections: come back later", 1);
    (void)send_now(socket, to_bytes(nothing, response, true, false));
    handler_.answered(nothing, response.status, {});
    ::close(socket);
    return;
  }
  ++clients_[client];
  connections_.emplace(socket,
                       Connection{.client = client, .since = Clock::now(), .framing = {options_.body_bytes_max, client}});
}

bool HttpLobby::make_room(const std::string* client) {
  auto longest = connections_.end();
  for (auto at = connections_.begin(); at != connections_.end(); ++at) {
    const Connection& each = at->second;
    if (each.phase == Phase::served || (client != nullptr && each.client != *client)) continue;
    const auto rank = [](const Connection& c) { return std::pair(c.phase, c.since); };
    if (longest == connections_.end() || rank(each) < rank(longest->second)) longest = at;
  }
  if (longest == connections_.end()) return false;
  drop(longest);
  return true;
}

void HttpLobby::hear(Connections::iterator at) {
  Connection& connection = at->second;
  std::array<char, kPiece> piece;
  for (int pieces = 0; pieces < kPiecesAtOnce; ++pieces) {
    const ssize_t got = ::recv(at->first, piece.data(), piece.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (got < 0) return drop(at);
    if (got == 0) {
      connection.ended = true;
      break;
    }
    if (connection.phase != Phase::leaving) connection.bytes.append(piece.data(), static_cast<std::size_t>(got));
    else connection.unread += static_cast<std::size_t>(got);
    if (static_cast<std::size_t>(got) < piece.size()) break;
  }
  if (connection.phase != Phase::leaving) return look(at);
  if (connection.ended || connection.unread > kMostUnread) drop(at);
}

void HttpLobby::look(Connections::iterator at) {
  Connection& connection = at->second;
  while (true) {
    if (!connection.decided) {
      // Together: they may be many.
      std::size_t blank = 0;
      while (connection.bytes.compare(blank, 2, "\r\n") == 0) blank += 2;
      connection.bytes.erase(0, blank);
    }
    if (!connection.bytes.empty() && connection.phase == Phase::idle) begin(connection, Phase::head);
    const HttpFraming::State state = connection.framing.look(connection.bytes);
    if (state == HttpFraming::State::wrong) {
      const HttpRequest& head = connection.framing.head();
      (void)refuse(at, error_response(head, connection.framing.status(), connection.framing.problem()));
      return;
    }
    if (state != HttpFraming::State::head && !connection.decided) {
      if (!decide(at)) return;
      if (!connection.decided) continue;  // it was answered, and the next one follows
    }
    if (state != HttpFraming::State::whole) break;
    const std::size_t bytes = connection.framing.bytes();
    std::string next = connection.bytes.substr(bytes);
    connection.bytes.resize(bytes);
    HttpArrival arrival{.socket = at->first,
                        .head = connection.framing.head(),
                        .bytes = std::exchange(connection.bytes, std::move(next)),
                        .closes = connection.framing.closes() || connection.ended};
    begin(connection, Phase::served);
    return hand_on_(std::move(arrival));
  }
  if (!connection.ended) return;
  if (connection.bytes.empty()) return drop(at);
  (void)refuse(at, error_response(connection.framing.head(), 400, "the request ended early"));
}

bool HttpLobby::decide(Connections::iterator at) {
  Connection& connection = at->second;
  const HttpRequest& head = connection.framing.head();
  const std::size_t body = connection.framing.body_bytes();
  if (const auto refused = handler_.refusal(head)) return refuse(at, *refused);
  if (head.header("content-type").starts_with("multipart/")) {
    return refuse(at, error_response(head, 415, "the body is not JSON but a form"));
  }
  if (bodies_bytes_ > 0 && bodies_bytes_ + body > options_.all_bodies_bytes) {
    return refuse(at, later_response(head, 503, "too many long requests at the same time: come back later", 1));
  }
  bodies_bytes_ += body;
  connection.decided = true;
  begin(connection, Phase::body);
  if (connection.framing.expects() && connection.framing.look(connection.bytes) == HttpFraming::State::body &&
      !send_now(at->first, "HTTP/1.1 100 Continue\r\n\r\n")) {
    drop(at);
    return false;
  }
  return true;
}

bool HttpLobby::refuse(Connections::iterator at, const HttpResponse& response) {
  Connection& connection = at->second;
  const HttpFraming& framing = connection.framing;
  const bool whole = connection.framing.look(connection.bytes) == HttpFraming::State::whole;
  const bool closes = !whole || framing.closes() || connection.ended;
  const bool sent = send_now(at->first, to_bytes(framing.head(), response, closes, framing.is_head()));
  handler_.answered(framing.head(), response.status, {});
  if (!sent) {
    drop(at);
    return false;
  }
  if (connection.decided) bodies_bytes_ -= framing.body_bytes();
  next_request(connection, whole ? framing.bytes() : 0);
  if (!closes) return true;
  leave(at);
  return false;
}

void HttpLobby::begin(Connection& connection, Phase phase) {
  connection.phase = phase;
  connection.since = Clock::now();
}

void HttpLobby::next_request(Connection& connection, std::size_t bytes) {
  connection.bytes.erase(0, bytes);
  connection.framing = HttpFraming(options_.body_bytes_max, connection.client);
  connection.decided = false;
  begin(connection, Phase::idle);
}

// A connection that is closed while its client still speaks is reset, and what was answered is lost: it is heard for a moment.
void HttpLobby::leave(Connections::iterator at) {
  ::shutdown(at->first, SHUT_WR);
  if (at->second.ended) return drop(at);
  at->second.bytes = {};
  begin(at->second, Phase::leaving);
}

void HttpLobby::drop(Connections::iterator at) {
  const Connection& connection = at->second;
  if (connection.decided) bodies_bytes_ -= connection.framing.body_bytes();
  if (const auto client = clients_.find(connection.client); --client->second == 0) clients_.erase(client);
  ::close(at->first);
  connections_.erase(at);
}

std::optional<HttpLobby::Clock::time_point> HttpLobby::deadline(const Connection& connection) const {
  switch (connection.phase) {
    case Phase::leaving: return connection.since + kLeaveTime;
    case Phase::idle: return connection.since + options_.idle_time;
    case Phase::head: return connection.since + options_.head_time;
    case Phase::body:
      return connection.since + time_for(options_.body_time, connection.bytes.size(), options_.bytes_per_second);
    case Phase::served: return std::nullopt;
  }
  return std::nullopt;
}

void HttpLobby::expire() {
  const auto now = Clock::now();
  for (auto at = connections_.begin(); at != connections_.end();) {
    const auto each = at++;
    const auto end = deadline(each->second);
    if (!end || *end > now) continue;
    const bool silent = each->second.phase < Phase::head || each->second.bytes.empty();
    if (silent) drop(each);
    else (void)refuse(each, error_response(each->second.framing.head(), 408, "the request came too slowly"));
  }
}

int HttpLobby::wait_ms() const {
  constexpr std::int64_t kMost = 60'000;
  std::int64_t wait = kMost;
  const auto now = Clock::now();
  for (const auto& [socket, connection] : connections_) {
    const auto end = deadline(connection);
    if (end) wait = std::min(wait, std::chrono::ceil<std::chrono::milliseconds>(*end - now).count());
  }
  return static_cast<int>(std::max<std::int64_t>(wait, 0));
}

}  // namespace drydock::runtime

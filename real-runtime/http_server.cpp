// The only file that knows cpp-httplib, of which it uses what listens, takes requests apart, decodes bodies and writes responses. What
// the library leaves open, where a request ends and for how long a client may keep a thread, is settled before, in http_lobby.hpp: it
// gets whole requests from memory.
#include "real-runtime/http_server.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fmt/format.h>
#include <functional>
#include <httplib.h>
#include <limits>
#include <optional>
#include <string_view>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace drydock::runtime {

namespace {

constexpr std::size_t kLongestPath = 1024;
constexpr int kBacklog = 512;
constexpr std::size_t kProbeThreads = 2;
constexpr std::size_t kInstantThreads = 1;
constexpr std::size_t kKeepAliveRequests = 1'000'000;  // no limit, but the library names one

// A whole request, and room for its response.
class RequestInMemory final : public httplib::Stream {
 public:
  explicit RequestInMemory(const HttpArrival& arrival) : rest_(arrival.bytes), client_(arrival.head.client) {}
  [[nodiscard]] const std::string& response() const { return response_; }

  [[nodiscard]] bool is_readable() const override { return true; }
  [[nodiscard]] bool is_writable() const override { return true; }
  ssize_t read(char* to, size_t size) override {
    const std::size_t some = rest_.copy(to, size);
    rest_.remove_prefix(some);
    return static_cast<ssize_t>(some);
  }
  ssize_t write(const char* from, size_t size) override {
    response_.append(from, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ip = client_;
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  [[nodiscard]] socket_t socket() const override { return -1; }

 private:
  std::string_view rest_;
  std::string client_;
  std::string response_;
};

// Hands on what it accepts at once.
class Doorman final : public httplib::Server {
 public:
  explicit Doorman(std::function<void(int)> admit) : admit_(std::move(admit)) {
    new_task_queue = [] { return new AtOnce; };
  }
  using httplib::Server::process_request;

  // The library lets five connections wait to be accepted: a burst of more would wait for a second each.
  void widen() const { ::listen(svr_sock_, kBacklog); }

 private:
  class AtOnce final : public httplib::TaskQueue {
   public:
    void enqueue(std::function<void()> task) override { task(); }
    void shutdown() override {}
  };
  bool process_and_close_socket(socket_t socket) override {
    admit_(socket);
    return true;
  }

  std::function<void(int)> admit_;
};

HttpRequest request_of(const httplib::Request& request) {
  HttpRequest result{.method = request.method == "HEAD" ? "GET" : request.method, .path = request.path};
  for (const auto& [name, value] : request.params) result.query.emplace(name, value);
  for (const auto& [name, value] : request.headers) result.headers.emplace(name, value);
  result.client = request.remote_addr;
  result.id = result.header("x-request-id");
  return result;
}

// The library takes header values for parts of URLs, and leaves out empty ones.
void set_headers(httplib::Request& request, const HttpRequest& head) {
  request.headers.clear();
  for (const auto& [name, value] : head.headers) {
    if (name != "expect" && name != "range") request.headers.emplace(name, value);  // seen to, and not done here
  }
  request.set_header("x-request-id", head.id);
  request.ranges.clear();
}

bool is_sane(const std::string& path) {
  return path.size() <= kLongestPath && path.starts_with('/') &&
         std::ranges::all_of(path, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

// Each parameter of the query is there once.
bool has_plain_query(const httplib::Request& request, const HttpRequest& mine) {
  const std::size_t mark = request.target.find('?');
  if (mark == std::string::npos) return true;
  std::size_t count = 0;
  std::string_view rest = std::string_view(request.target).substr(mark + 1);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    if (end > 0) ++count;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return count == mine.query.size();
}

// Some server listens there.
bool is_alive(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool alive = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(probe);
  return alive;
}

// One that was left behind goes.
std::optional<Error> make_room(const std::string& path) {
  struct stat found {};
  if (path.size() >= sizeof sockaddr_un{}.sun_path) return Error{fmt::format("the path of a socket is too long: {}", path)};
  if (::lstat(path.c_str(), &found) != 0) return std::nullopt;
  if (!S_ISSOCK(found.st_mode)) return Error{fmt::format("{} is there, and is no socket", path)};
  if (is_alive(path)) return Error{fmt::format("another server listens at {}", path)};
  ::unlink(path.c_str());
  return std::nullopt;
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(HttpServerOptions options, HttpHandler& handler)
      : options_(std::move(options)),
        handler_(handler),
        ordinary_(options_.threads),
        probe_(kProbeThreads),
        instant_(kInstantThreads),
        lobby_(options_.lobby, handler, [this](HttpArrival arrival) { hand_on(std::move(arrival)); }),
        server_([this](int socket) { lobby_.admit(socket); }) {
    server_.set_keep_alive_timeout(std::chrono::ceil<std::chrono::seconds>(options_.lobby.idle_time).count());
    server_.set_keep_alive_max_count(kKeepAliveRequests);
    server_.set_payload_max_length(std::numeric_limits<std::size_t>::max());
    server_.set_tcp_nodelay(true);
    // Not SO_REUSEPORT, with which another process could take a part of the requests.
    server_.set_socket_options([](int socket) {
      const int yes = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server_.set_pre_routing_handler([this](const auto& request, auto& response) { return begin(request, response); });
    const auto with_body = [this](const httplib::Request& request, httplib::Response& response,
                                  const httplib::ContentReader& reader) { serve_with_body(request, response, reader); };
    server_.Post(R"([\s\S]*)", with_body);
    server_.Delete(R"([\s\S]*)", with_body);
    server_.set_exception_handler([](const auto& request, auto& response, const std::exception_ptr& /*what*/) {
      const HttpRequest mine = request_of(request);
      respond(mine, error_response(mine, 500, "this request met a mistake in the API"), response);
    });
    server_.set_error_handler(httplib::Server::HandlerWithResponse([](const auto& request, auto& response) {
      if (response.body.empty()) {
        const HttpRequest mine = request_of(request);
        respond(mine, error_response(mine, response.status, "this is not HTTP/1.1 as it should be"), response);
      }
      return httplib::Server::HandlerResponse::Handled;  // else it would forget to say how long the content is
    }));
  }

  ~Impl() {
    if (thread_.joinable()) {
      while (!server_.is_running() && !ended_) std::this_thread::sleep_for(std::chrono::milliseconds{1});
      server_.stop();
      thread_.join();
      if (!options_.unix_socket.empty()) ::unlink(options_.unix_socket.c_str());
    }
    lobby_.stop();
    for (httplib::ThreadPool* pool : {&ordinary_, &probe_, &instant_}) pool->shutdown();
  }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  std::optional<Error> listen(const std::function<std::optional<Error>()>& first) {
    if (auto problem = options_.unix_socket.empty() ? bind_port() : bind_socket()) return problem;
    if (auto problem = first ? first() : std::nullopt) return problem;
    server_.widen();
    thread_ = std::thread([this] {
      server_.listen_after_bind();
      ended_ = true;
    });
    return std::nullopt;
  }

  [[nodiscard]] std::string address() const {
    if (!options_.unix_socket.empty()) return "unix://" + options_.unix_socket;
    const bool six = options_.host.find(':') != std::string::npos;
    return fmt::format("http://{}{}{}:{}", six ? "[" : "", options_.host, six ? "]" : "", port_);
  }
  [[nodiscard]] int port() const { return port_; }

 private:
  using Clock = std::chrono::steady_clock;

  std::optional<Error> bind_port() {
    port_ = options_.port;
    if (port_ == 0) port_ = server_.bind_to_any_port(options_.host);
    else if (!server_.bind_to_port(options_.host, port_)) port_ = -1;
    if (port_ > 0) return std::nullopt;
    return Error{fmt::format("cannot listen at {}:{}: {}", options_.host, options_.port, std::strerror(errno))};
  }

  std::optional<Error> bind_socket() {
    if (auto problem = make_room(options_.unix_socket)) return problem;
    server_.set_address_family(AF_UNIX);
    const mode_t before = ::umask(0177);
    const bool bound = server_.bind_to_port(options_.unix_socket, 80);
    const int error = errno;
    ::umask(before);
    if (bound) return std::nullopt;
    return Error{fmt::format("cannot listen at {}: {}", options_.unix_socket, std::strerror(error))};
  }

  // --- serving ---

  void hand_on(HttpArrival arrival) {
    httplib::ThreadPool& pool = pool_of(handler_.lane(arrival.head));
    pool.enqueue([this, shared = std::make_shared<const HttpArrival>(std::move(arrival))] { serve(*shared); });
  }

  httplib::ThreadPool& pool_of(HttpLane lane) {
    switch (lane) {
      case HttpLane::ordinary: return ordinary_;
      case HttpLane::probe: return probe_;
      case HttpLane::instant: return instant_;
    }
    return ordinary_;
  }

  void serve(const HttpArrival& arrival) {
    RequestInMemory stream(arrival);
    bool closes = false;
    server_.process_request(stream, arrival.closes, closes,
                            [&](httplib::Request& request) { set_headers(request, arrival.head); });
    lobby_.answer(arrival.socket, stream.response(), arrival.closes);
  }

  // All but requests that may have a body.
  httplib::Server::HandlerResponse begin(const httplib::Request& request, httplib::Response& response) {
    const auto start = Clock::now();
    const HttpRequest mine = request_of(request);
    const auto refuse = [&](int status, std::string_view why) {
      finish(mine, error_response(mine, status, why), response, start);
      return httplib::Server::HandlerResponse::Handled;
    };
    if (!is_sane(request.path))
      return refuse(400, fmt::format("a path is printable and has at most {} bytes", kLongestPath));
    if (!has_plain_query(request, mine)) return refuse(400, "a parameter of the query is there twice");
    if (request.method == "POST" || request.method == "DELETE") return httplib::Server::HandlerResponse::Unhandled;
    if (request.method != "GET" && request.method != "HEAD") {
      auto answer = error_response(mine, 405, "this API knows GET, HEAD, POST and DELETE");
      answer.headers["Allow"] = "GET, HEAD, POST, DELETE";
      finish(mine, answer, response, start);
      return httplib::Server::HandlerResponse::Handled;
    }
    finish(mine, handler_.answer(mine), response, start);
    return httplib::Server::HandlerResponse::Handled;
  }

  void serve_with_body(const httplib::Request& request, httplib::Response& response, const httplib::ContentReader& reader) {
    const auto start = Clock::now();
    HttpRequest mine = request_of(request);
    std::optional<HttpResponse> refused;
    if (request.has_header("transfer-encoding") || request.has_header("content-length")) {
      refused = read_body(reader, mine);
    }
    finish(mine, refused ? *refused : handler_.answer(mine), response, start);
  }

  // What is said of a body that cannot be read, or is too long once it is unpacked.
  std::optional<HttpResponse> read_body(const httplib::ContentReader& reader, HttpRequest& mine) {
    const std::size_t most = options_.lobby.body_bytes_max;
    const bool whole = reader([&](const char* data, std::size_t length) {
      mine.body.append(data, length);
      return mine.body.size() <= most;
    });
    if (mine.body.size() > most) {
      return error_response(mine, 413, fmt::format("the body has more than {} bytes, the limit of this API", most));
    }
    if (!whole) return error_response(mine, 400, "the body is not encoded as its headers say");
    return std::nullopt;
  }

  void finish(const HttpRequest& request, const HttpResponse& answer, httplib::Response& response, Clock::time_point start) {
    respond(request, answer, response);
    handler_.answered(request, answer.status, std::chrono::duration_cast<Duration>(Clock::now() - start));
  }

  static void respond(const HttpRequest& request, const HttpResponse& answer, httplib::Response& response) {
    response.status = answer.status;
    for (const auto& [name, value] : headers_of(request, answer)) response.set_header(name, value);
    response.set_content(answer.body, answer.content_type);
  }

  HttpServerOptions options_;
  HttpHandler& handler_;
  httplib::ThreadPool ordinary_;
  httplib::ThreadPool probe_;
  httplib::ThreadPool instant_;
  HttpLobby lobby_;
  Doorman server_;
  int port_ = 0;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options, HttpHandler& handler,
                                                      const std::function<std::optional<Error>()>& first) {
  auto impl = std::make_unique<Impl>(std::move(options), handler);
  if (const auto problem = impl->listen(first)) return *problem;
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

std::string HttpServer::address() const { return impl_->address(); }
int HttpServer::port() const { return impl_->port(); }

}  // namespace drydock::runtime

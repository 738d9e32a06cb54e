// The only file that knows cpp-httplib. What it does not do by itself is done here: limits on bodies that are compressed or sent in
// chunks, and an end of the connection where a body was not read, since its rest would be taken for the next request.
#include "real-runtime/http_server.hpp"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fmt/format.h>
#include <httplib.h>
#include <limits>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace drydock::runtime {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLongestPath = 1024;
constexpr std::chrono::seconds kBodyTime{30};  // for a whole body
constexpr std::chrono::seconds kSilence{5};    // between two pieces of one
constexpr std::size_t kKeepAliveSeconds = 2;   // an idle connection holds a thread
constexpr std::size_t kKeepAliveRequests = 10'000;

HttpRequest request_of(const httplib::Request& request) {
  HttpRequest result{.method = request.method == "HEAD" ? "GET" : request.method, .path = request.path};
  for (const auto& [name, value] : request.params) result.query.emplace(name, value);
  for (const auto& [name, value] : request.headers) {
    std::string lower = name;
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    result.headers.emplace(std::move(lower), value);
  }
  result.client = request.remote_addr;
  result.id = request_id(result.header("x-request-id"));
  return result;
}

bool is_sane(const std::string& path) {
  return path.size() <= kLongestPath && path.starts_with('/') &&
         std::ranges::all_of(path, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
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
  Impl(HttpServerOptions options, HttpHandler& handler) : options_(std::move(options)), handler_(handler) {
    server_.new_task_queue = [threads = options_.threads] { return new httplib::ThreadPool(threads); };
    server_.set_keep_alive_timeout(kKeepAliveSeconds);
    server_.set_keep_alive_max_count(kKeepAliveRequests);
    server_.set_read_timeout(kSilence);
    server_.set_write_timeout(kSilence);
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
    server_.set_expect_100_continue_handler(
        [this](const auto& request, auto& response) { return expected(request, response); });
    server_.set_exception_handler([](const auto& request, auto& response, const std::exception_ptr& /*what*/) {
      const HttpRequest mine = request_of(request);
      respond(mine, error_response(mine, 500, "this request met a mistake in the API"), response, true);
    });
    server_.set_error_handler(httplib::Server::HandlerWithResponse([](const auto& request, auto& response) {
      if (response.body.empty() && response.content_length_ == 0) {
        const HttpRequest mine = request_of(request);
        respond(mine, error_response(mine, response.status, "this is not HTTP/1.1 as it should be, or too long"), response,
                true);
      }
      return httplib::Server::HandlerResponse::Handled;  // else it would forget to say how long the content is
    }));
  }

  ~Impl() {
    if (!thread_.joinable()) return;
    while (!server_.is_running() && !ended_) std::this_thread::sleep_for(std::chrono::milliseconds{1});
    server_.stop();
    thread_.join();
    if (!options_.unix_socket.empty()) ::unlink(options_.unix_socket.c_str());
  }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  std::optional<Error> listen() {
    if (const auto problem = options_.unix_socket.empty() ? bind_port() : bind_socket()) return problem;
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

  // All but requests that may have a body.
  httplib::Server::HandlerResponse begin(const httplib::Request& request, httplib::Response& response) {
    const_cast<httplib::Request&>(request).ranges.clear();  // nothing here is served in parts
    const auto start = Clock::now();
    const HttpRequest mine = request_of(request);
    const auto refuse = [&](int status, std::string_view why) {
      finish(mine, error_response(mine, status, why), response, start, true);
      return httplib::Server::HandlerResponse::Handled;
    };
    if (!is_sane(request.path))
      return refuse(400, fmt::format("a path is printable and has at most {} bytes", kLongestPath));
    if (request.method == "POST" || request.method == "DELETE") return httplib::Server::HandlerResponse::Unhandled;
    if (request.method != "GET" && request.method != "HEAD") {
      auto answer = error_response(mine, 405, "this API knows GET, HEAD, POST and DELETE");
      answer.headers["Allow"] = "GET, HEAD, POST, DELETE";
      finish(mine, std::move(answer), response, start, true);
      return httplib::Server::HandlerResponse::Handled;
    }
    if (request.has_header("Transfer-Encoding") || request.get_header_value<std::uint64_t>("Content-Length") > 0) {
      return refuse(400, "a GET request has no body");
    }
    auto refused = handler_.refusal(mine);
    finish(mine, refused ? std::move(*refused) : handler_.answer(mine), response, start, false);
    return httplib::Server::HandlerResponse::Handled;
  }

  // A client that asks before it sends is told at once; the size is all that counts here.
  int expected(const httplib::Request& request, httplib::Response& response) {
    if (request.get_header_value<std::uint64_t>("Content-Length") <= options_.body_bytes_max) return 100;
    const HttpRequest mine = request_of(request);
    finish(mine, too_long(mine), response, Clock::now(), true);
    return response.status;
  }

  void serve_with_body(const httplib::Request& request, httplib::Response& response, const httplib::ContentReader& reader) {
    const auto start = Clock::now();
    HttpRequest mine = request_of(request);
    std::optional<HttpResponse> refused = handler_.refusal(mine);
    bool whole = true;
    if (request.has_header("Transfer-Encoding") || request.has_header("Content-Length")) {
      whole = read_body(request, reader, mine, refused);
    }
    HttpResponse answer = refused ? std::move(*refused) : handler_.answer(mine);
    finish(mine, std::move(answer), response, start, !whole);
  }

  // False: there may be more of it. A body that is refused is read all the same, up to a limit: a client hears only when it has spoken.
  bool read_body(const httplib::Request& request, const httplib::ContentReader& reader, HttpRequest& mine,
                 std::optional<HttpResponse>& refused) {
    if (request.is_multipart_form_data()) {
      if (!refused) refused = error_response(mine, 415, "the body is not JSON but a form");
      return false;
    }
    const std::size_t most = options_.body_bytes_max;
    const auto deadline = Clock::now() + kBodyTime;
    std::size_t seen = 0;
    const bool whole = reader([&](const char* data, std::size_t length) {
      seen += length;
      if (seen <= most && !refused) mine.body.append(data, length);
      return seen <= 2 * most && Clock::now() < deadline;
    });
    if (refused) return whole;
    if (seen > most) refused = too_long(mine);
    else if (!whole)
      refused = error_response(mine, 400, "the body of the request ended early, or is not encoded as its headers say");
    return whole;
  }

  [[nodiscard]] HttpResponse too_long(const HttpRequest& request) const {
    return error_response(request, 413,
                          fmt::format("the body has more than {} bytes, the limit of this API", options_.body_bytes_max));
  }

  void finish(const HttpRequest& request, HttpResponse answer, httplib::Response& response, Clock::time_point start,
              bool close) {
    const int status = answer.status;
    respond(request, std::move(answer), response, close);
    handler_.answered(request, status, std::chrono::duration_cast<Duration>(Clock::now() - start));
  }

  static void respond(const HttpRequest& request, HttpResponse answer, httplib::Response& response, bool close) {
    response.status = answer.status;
    for (const auto& [name, value] : answer.headers) response.set_header(name, value);
    response.set_header("X-Request-Id", request.id);
    response.set_header("Cache-Control", "no-store");
    response.set_header("X-Content-Type-Options", "nosniff");
    if (!close) return response.set_content(answer.body, answer.content_type);
    response.set_header("Connection", "close");
    // A provider that fails after its last byte makes the library close the connection.
    const std::size_t length = answer.body.size();
    response.set_content_provider(
        length, answer.content_type,
        [body = std::move(answer.body)](std::size_t offset, std::size_t some, httplib::DataSink& sink) {
          sink.write(body.data() + offset, some);
          return false;
        });
  }

  HttpServerOptions options_;
  HttpHandler& handler_;
  httplib::Server server_;
  int port_ = 0;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options, HttpHandler& handler) {
  auto impl = std::make_unique<Impl>(std::move(options), handler);
  if (const auto problem = impl->listen()) return *problem;
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

std::string HttpServer::address() const { return impl_->address(); }
int HttpServer::port() const { return impl_->port(); }

}  // namespace drydock::runtime

// drydock api
#include "cli/real_scenario.hpp"
#include "cli/runtime_commands.hpp"
#include "cli/stores.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>

#ifdef DRYDOCK_WITH_HTTP
#include "real-runtime/api.hpp"
#include "real-runtime/http_server.hpp"
#include "real-runtime/random_text.hpp"
#include "scenarios/line_reader.hpp"
#include "scenarios/units.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#endif

namespace drydock::cli {
namespace {

struct ApiArguments {
  RealScenarioOptions choice;
  StoreArguments stores;
  std::string listen = "127.0.0.1:8080";
  std::string token_file;
  std::string write_token;
  bool no_auth = false;
  bool insecure = false;
  std::string rate = "1000/s";
  std::string body_max = "10MB";
  std::uint32_t threads = 16;
  std::uint32_t connections = 4;
};

#ifdef DRYDOCK_WITH_HTTP

constexpr std::size_t kLeastToken = 16;
constexpr std::size_t kMostToken = 4096;
constexpr std::size_t kTokenBytes = 24;

bool is_loopback(const std::string& host) {
  in_addr four{};
  in6_addr six{};
  if (::inet_pton(AF_INET, host.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24U) == 127;
  if (::inet_pton(AF_INET6, host.c_str(), &six) == 1) return IN6_IS_ADDR_LOOPBACK(&six);
  return host == "localhost";
}

// "127.0.0.1:8080", "[::1]:8080", "unix:/run/drydock.sock" or "/run/drydock.sock".
Result<runtime::HttpServerOptions> place_of(const std::string& listen) {
  runtime::HttpServerOptions options;
  const Error wrong{"--listen: expected HOST:PORT, [ADDRESS]:PORT or unix:/PATH"};
  std::string_view text = listen;
  if (text.starts_with("unix://")) text.remove_prefix(7);
  else if (text.starts_with("unix:")) text.remove_prefix(5);
  if (text.starts_with('/')) {
    options.unix_socket = text;
    return options;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return wrong;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos) return wrong;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), options.port);
  if (error != std::errc{} || end != port.data() + port.size() || port.empty() || options.port < 0 || options.port > 65535) {
    return wrong;
  }
  options.host = host;
  return options;
}

// Readable and writable by this user alone, whatever was there before.
std::optional<Error> write_secret(const std::string& path, const std::string& secret) {
  const auto problem = [&] { return Error{fmt::format("--write-token {}: {}", path, std::strerror(errno))}; };
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return problem();
  const std::string line = secret + "\n";
  const bool done = ::fchmod(file, 0600) == 0 && ::ftruncate(file, 0) == 0 &&
                    ::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  const auto failed = problem();
  ::close(file);
  if (done) return std::nullopt;
  return failed;
}

// From a file or the environment, or a new one, which is told once. Empty: none is wanted.
Result<std::string> token_of(const ApiArguments& arguments) {
  if (arguments.no_auth) return std::string();
  std::string token;
  const char* given = std::getenv("DRYDOCK_API_TOKEN");
  if (!arguments.token_file.empty()) {
    const auto text = scenarios::read_file(arguments.token_file, kMostToken);
    if (!text) return Error{"--token-file: " + text.error().message};
    token = text.value();
    while (!token.empty() && (token.back() == '\n' || token.back() == '\r' || token.back() == ' ')) token.pop_back();
    struct stat found {};
    if (::stat(arguments.token_file.c_str(), &found) == 0 && (found.st_mode & 077U) != 0) {
      fmt::print(stderr, "note: others may read {}: chmod 600 keeps the token to you\n", arguments.token_file);
    }
  } else if (given != nullptr) {
    token = given;
  } else {
    token = runtime::random_text(kTokenBytes);
    if (arguments.write_token.empty()) fmt::print(stderr, "token: {}\n", token);
  }
  const bool plain = std::ranges::all_of(token, [](char c) { return c > 0x20 && c < 0x7f; });
  if (token.size() < kLeastToken || token.size() > kMostToken || !plain) {
    return Error{fmt::format("a token has {} to {} printable ASCII characters without blanks", kLeastToken, kMostToken)};
  }
  return token;
}

std::optional<Error> apply_limits(const ApiArguments& arguments, runtime::HttpServerOptions& server,
                                  runtime::ApiOptions& api) {
  const auto size = scenarios::parse_size(arguments.body_max);
  if (!size) return Error{"--body-max: " + size.error().message};
  if (size.value() < 1000 || size.value() > 1'000'000'000) return Error{"--body-max: expected 1kB to 1GB"};
  server.lobby.body_bytes_max = static_cast<std::size_t>(size.value());
  server.threads = arguments.threads;
  api.stores.connections = arguments.connections;
  if (arguments.rate == "0") return std::nullopt;
  const auto rate = scenarios::parse_rate(arguments.rate);
  if (!rate) return Error{"--rate: " + rate.error().message};
  constexpr double kPeriod = 1000;  // seconds: fractions of a request a second count
  if (!(rate.value() * kPeriod >= 1) || rate.value() > 1e6) return Error{"--rate: expected 0, or 0.001/s to 1000000/s"};
  api.guard.rate = {.amount = std::llround(rate.value() * kPeriod), .per = duration_of_seconds(kPeriod)};
  api.guard.burst = std::max<std::int64_t>(10, std::llround(rate.value()));
  return std::nullopt;
}

// What the first connections say; none: both stores are there. A schema that is not there yet is waited for while it serves.
std::optional<std::string> first_problem(runtime::ApiStores& stores) {
  const auto postgres = stores.with_postgres([](runtime::PostgresClient&) -> Result<bool> { return true; });
  if (!postgres && postgres.error().message.find(runtime::kStartAScheduler) == std::string::npos) {
    return postgres.error().message;
  }
  if (!postgres) fmt::print(stderr, "note: {}; until then requests get 503\n", postgres.error().message);
  const auto redis = stores.with_redis([](runtime::RedisClient&) -> Result<bool> { return true; });
  if (!redis) return redis.error().message;
  return std::nullopt;
}

// Serves until it is told to end; at the second time it ends at once. The file with the token is written when the place is this
// process's alone: another API that runs there keeps its clients.
int serve_until_told(const runtime::HttpServerOptions& place, runtime::Api& api, const std::string& file,
                     const std::string& token) {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);  // also in the server's threads
  std::optional<Error> unwritten;
  auto server = runtime::HttpServer::start(place, api, [&] {
    if (!file.empty()) unwritten = write_secret(file, token);
    return unwritten;
  });
  if (!server) return bad_input(unwritten ? unwritten->message : "--listen: " + server.error().message);
  fmt::print(stderr, "listening at {}\n", server.value()->address());
  int signal = 0;
  sigwait(&ends, &signal);
  pthread_sigmask(SIG_UNBLOCK, &ends, nullptr);
  fmt::print(stderr, "ending: requests that are being answered go on\n");
  return kDone;
}

int run_api(const ApiArguments& arguments) {
  auto place = place_of(arguments.listen);
  if (!place) return bad_input(place.error().message);
  const bool local = !place.value().unix_socket.empty() || is_loopback(place.value().host);
  if (arguments.no_auth && (!arguments.token_file.empty() || !arguments.write_token.empty())) {
    return bad_input("--no-auth asks for no token: leave out --token-file and --write-token, or --no-auth");
  }
  if (arguments.no_auth && !local && !arguments.insecure) {
    return bad_input(
        "--no-auth lets everybody run programs on your workers: listen on a loopback address, or say --insecure");
  }
  runtime::ApiOptions options;
  auto pools = pool_names(arguments.choice);
  if (!pools) return bad_input(pools.error().message);
  options.pools = std::move(pools).value();
  if (const auto wrong = apply_limits(arguments, place.value(), options)) return bad_input(wrong->message);
  const auto redis = redis_options(arguments.stores);
  if (!redis) return bad_input(redis.error().message);
  const auto postgres = postgres_options(arguments.stores);
  if (!postgres) return bad_input(postgres.error().message);
  options.stores.redis = redis.value();
  options.stores.postgres = postgres.value();
  const auto token = token_of(arguments);
  if (!token) return bad_input(token.error().message);
  options.guard.token = token.value();
  options.guard.only_local_names = arguments.no_auth && !arguments.insecure && place.value().unix_socket.empty();
  if (!local) fmt::print(stderr, "note: HTTP without TLS: put a proxy with TLS before it, unless the network is trusted\n");

  runtime::Api api(std::move(options));
  if (const auto problem = first_problem(api.stores())) return no_store(*problem);
  return serve_until_told(place.value(), api, arguments.write_token, token.value());
}

#else

int run_api(const ApiArguments& /*arguments*/) {
#ifdef DRYDOCK_WITH_RUNTIME
  return bad_input("this drydock was built without its HTTP API: it needs cpp-httplib");
#else
  return bad_input(kNoRuntime);
#endif
}

#endif

class ApiCommand final : public Command {
 public:
  void declare(CLI::App& app) override {
    declare_redis(app, arguments_.stores);
    declare_postgres(app, arguments_.stores);
    declare_pool_names(app, arguments_.choice);
    app.add_option("--listen", arguments_.listen,
                   "HOST:PORT (default 127.0.0.1:8080; port 0: any that is free), or unix:/PATH, for this user alone")
        ->type_name("ADDRESS");
    app.add_option(
           "--token-file", arguments_.token_file,
           "Its content is the token that clients send (or DRYDOCK_API_TOKEN; default: a new one, printed at the start)")
        ->type_name("FILE");
    app.add_option("--write-token", arguments_.write_token,
                   "Write the token there, for this user alone, and do not print it")
        ->type_name("FILE");
    app.add_flag("--no-auth", arguments_.no_auth, "Ask nobody for a token; only where it listens on this machine alone");
    app.add_flag("--insecure", arguments_.insecure, "With --no-auth: listen anywhere, for everybody");
    app.add_option("--rate", arguments_.rate,
                   "Requests that a client may send (default 1000/s; at once as many, but not fewer than 10; 0: any)")
        ->type_name("RATE");
    app.add_option("--body-max", arguments_.body_max, "Longest body of a request (default 10MB)")->type_name("SIZE");
    app.add_option("--threads", arguments_.threads,
                   "Requests served at the same time (default 16), beside those for health and metrics")
        ->check(CLI::Range(1, 256));
    app.add_option("--connections", arguments_.connections, "To each store (default 4)")->check(CLI::Range(1, 64));
    app.footer(
        std::string("Takes jobs and tells of jobs, workers, queues and the whole over HTTP; /openapi.json describes it:\n"
                    "  curl -H \"Authorization: Bearer $TOKEN\" -d '{\"script\": \"sleep 60\", \"cpus\": 4}' "
                    "localhost:8080/api/v1/jobs/submit\n"
                    "Several may run on the same stores. SIGTERM or Ctrl-C: it takes no more requests, and ends when those "
                    "that are\n"
                    "being answered have been; a second one ends it at once.\n") +
        std::string(kPasswords) +
        "\nExit code 3: a store could not be reached at the start; later, or until a scheduler has made the schema, "
        "requests "
        "get 503.");
  }

  int run(const Terminal& /*terminal*/) override { return run_api(arguments_); }

 private:
  ApiArguments arguments_;
};

}  // namespace

std::unique_ptr<Command> make_api() { return std::make_unique<ApiCommand>(); }

}  // namespace drydock::cli

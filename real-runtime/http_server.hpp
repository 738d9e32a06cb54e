// Takes HTTP/1.1 requests on a port or a Unix socket and answers them, a few at a time. No TLS: that is for a proxy before it.
#pragma once

#include "policies/core/result.hpp"
#include "policies/core/time.hpp"
#include "real-runtime/http_message.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace drydock::runtime {

// What the requests are for. Called by several threads at once.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  // Before the body is read: the response to what must not go on.
  [[nodiscard]] virtual std::optional<HttpResponse> refusal(const HttpRequest& request) = 0;
  [[nodiscard]] virtual HttpResponse answer(const HttpRequest& request) = 0;
  // It was answered so, after this time.
  virtual void answered(const HttpRequest& request, int status, Duration took) = 0;
};

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  int port = 8080;            // 0: any
  std::string unix_socket{};  // path, instead of host and port; only this user may connect
  std::size_t threads = 16;   // each serves a connection at a time
  std::size_t body_bytes_max = 10'000'000;
};

class HttpServer {
 public:
  // It listens when this returns. The handler outlives it.
  static Result<std::unique_ptr<HttpServer>> start(HttpServerOptions options, HttpHandler& handler);
  // Takes no more connections, and waits for the requests that are being answered.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // "http://127.0.0.1:8080", or "unix:///run/api.sock".
  [[nodiscard]] std::string address() const;
  [[nodiscard]] int port() const;

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace drydock::runtime

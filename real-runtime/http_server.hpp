// Takes HTTP/1.1 requests on a port or a Unix socket and answers them, a few at a time; however many clients are slow. No TLS: that is
// for a proxy before it.
#pragma once

#include "policies/core/result.hpp"
#include "real-runtime/http_handler.hpp"
#include "real-runtime/http_lobby.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace drydock::runtime {

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  int port = 8080;            // 0: any
  std::string unix_socket{};  // path, instead of host and port; only this user may connect
  std::size_t threads = 16;   // of HttpLane::ordinary; the other lanes have one or two of their own
  HttpLobbyOptions lobby{};
};

class HttpServer {
 public:
  // It listens when this returns. The handler outlives it. `first` is called when the place is this server's, before any request is
  // answered; its error ends the server.
  static Result<std::unique_ptr<HttpServer>> start(HttpServerOptions options, HttpHandler& handler,
                                                   const std::function<std::optional<Error>()>& first = {});
  // Takes no more requests, and waits for those that are being answered.
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

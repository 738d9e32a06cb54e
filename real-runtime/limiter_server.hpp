// Where jobs ask for their part of a worker's share: HTTP/1.1 on Unix sockets, or on a port of this machine, within the event loop. What is
// asked and answered is in limiter_http.hpp.
#pragma once

#include "policies/core/result.hpp"
#include "real-runtime/event_loop.hpp"
#include "real-runtime/http_framing.hpp"
#include "real-runtime/limiter_http.hpp"
#include "real-runtime/private_server.hpp"
#include "real-runtime/share_driver.hpp"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>

namespace drydock::runtime {

struct LimiterServerOptions {
  LimiterHold hold{};
  std::size_t connections = 1000;                    // of all listeners; one more gets 503
  std::size_t connections_per_listener = 250;        // likewise
  std::size_t body_bytes_max = 4096;                 //
  Duration request_time = std::chrono::seconds{10};  // for a request to arrive, or a response to be read
  Duration idle_time = std::chrono::minutes{2};      // between two requests
};

class LimiterServer {
 public:
  // The driver outlives it.
  LimiterServer(EventLoop& loop, ShareDriver& shares, LimiterServerOptions options = {});
  // Gives back what is held by connections; removes its sockets.
  ~LimiterServer();
  LimiterServer(const LimiterServer&) = delete;
  LimiterServer& operator=(const LimiterServer&) = delete;

  struct Place {
    std::filesystem::path unix_socket{};  // a socket there that nobody listens on any more is replaced; empty: TCP
    mode_t mode = 0600;
    std::optional<User> owner{};     // of the socket
    std::string host = "127.0.0.1";  // of this machine alone, as a number
    int port = 0;                    // 0: any that is free
  };
  // With a holder: what is asked there is held by it until it is given back, or close(). Without: for LimiterHold::usual.
  std::optional<Error> listen(const Place& place, HolderId holder = {});
  // Ends what was listened on for this holder, with its connections, and gives back all that it has.
  void close(HolderId holder);

  [[nodiscard]] int port() const { return port_; }  // of the last place that is one
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }

 private:
  struct Listener {
    std::filesystem::path path;
    HolderId holder;
    std::unique_ptr<EventLoop::Socket> socket;
    std::size_t connections = 0;
  };
  enum class Phase : std::uint8_t { reading, waiting, leaving };
  struct Connection {
    int listener = -1;
    HolderId holder;  // its own
    HolderId owner;   // of what it asks for; 0: nobody
    Phase phase = Phase::reading;
    HttpFraming framing;
    bool continued = false;  // it was told to send the body
    std::string in{};
    std::string out{};
    PermitRequest asked{};  // while it waits,
    PermitId waits{};       // likewise
    std::unique_ptr<EventLoop::Socket> socket{};
    std::unique_ptr<EventLoop::Timer> timer{};
  };

  void accept(int listener);
  void ready(int descriptor, EventLoop::Socket::Ready ready);
  // False: it has gone.
  bool read(int descriptor, Connection& connection);
  void look(int descriptor);
  void serve(int descriptor, Connection& connection, const HttpRequest& request);
  void acquire(int descriptor, Connection& connection, const HttpRequest& request);
  [[nodiscard]] HttpResponse release(const Connection& connection, const HttpRequest& request);
  void granted(int descriptor);
  void time_over(int descriptor);
  void respond(int descriptor, Connection& connection, const HttpResponse& response, bool closes = false);
  // False: it has gone.
  bool write(int descriptor, Connection& connection);
  void next_request(Connection& connection);
  void drop(int descriptor);
  void remove_listener(int descriptor);

  EventLoop& loop_;
  ShareDriver& shares_;
  LimiterServerOptions options_;
  int port_ = 0;
  std::map<int, Listener> listeners_;      // by descriptor
  std::map<int, Connection> connections_;  // likewise
};

}  // namespace drydock::runtime

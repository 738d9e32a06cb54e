// Where connections wait while their requests arrive: one thread listens to all of them, so that a client that is slow, silent or
// malicious holds a little memory for a limited time, and no thread that serves. It hands on whole requests, answers itself what is no
// request or must not go on, and reads no more of that.
#pragma once

#include "policies/core/time.hpp"
#include "real-runtime/http_framing.hpp"
#include "real-runtime/http_handler.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace drydock::runtime {

struct HttpLobbyOptions {
  std::size_t body_bytes_max = 10'000'000;
  // Where one more comes, the one that has waited longest for its request makes room; where all are being served, it gets 503.
  std::size_t connections = 512;
  std::size_t connections_per_client = 256;    // by address
  std::size_t all_bodies_bytes = 256'000'000;  // of requests that arrive and are served at the same time, at least one
  Duration head_time = std::chrono::seconds{10};
  Duration body_time = std::chrono::seconds{10};  // and a second for each bytes_per_second of what has come
  std::int64_t bytes_per_second = 50'000;
  Duration idle_time = std::chrono::seconds{60};  // between two requests
};

// A whole request. Its connection is lent until HttpLobby::answer().
struct HttpArrival {
  int socket = -1;
  HttpRequest head{};
  std::string bytes{};  // of it alone: head and body as they were sent
  bool closes = false;  // the last one of its connection
};

class HttpLobby {
 public:
  // `hand_on` is called by the lobby's thread and must not wait. The handler outlives it.
  HttpLobby(HttpLobbyOptions options, HttpHandler& handler, std::function<void(HttpArrival)> hand_on);
  // After stop(), and when all that was lent is answered.
  ~HttpLobby();
  HttpLobby(const HttpLobby&) = delete;
  HttpLobby& operator=(const HttpLobby&) = delete;

  // Takes a connection over, for any thread.
  void admit(int socket);
  // Sends these bytes, and takes the connection back or closes it. By the thread that served the request; waits for slow readers as
  // long as for slow writers.
  void answer(int socket, std::string_view bytes, bool closes);
  // Hands on nothing any more, and closes what waits.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;
  enum class Phase : std::uint8_t { leaving, idle, head, body, served };  // in the order in which they make room
  struct Connection {
    std::string client;
    Phase phase = Phase::head;
    Clock::time_point since{};  // of the phase
    HttpFraming framing;
    std::string bytes{};
    bool decided = false;  // that this request may go on
    bool ended = false;    // the client says nothing any more
    std::size_t unread = 0;
  };
  using Connections = std::map<int, Connection>;
  struct News {
    int socket;
    bool is_new;
    bool closes;
  };

  void run();
  bool take_news();
  void tell(News news);
  // Of a connection that nobody listens to any more.
  static void end(const News& news);
  void come_in(int socket);
  // Whether there is room, perhaps since another one of this client, or of all, had to go.
  bool make_room(const std::string* client);
  void hear(Connections::iterator at);
  void look(Connections::iterator at);
  // Of a request whose head is there: whether it may go on. If not, it was answered.
  bool decide(Connections::iterator at);
  // False: the connection is gone or leaves.
  bool refuse(Connections::iterator at, const HttpResponse& response);
  void begin(Connection& connection, Phase phase);
  void next_request(Connection& connection, std::size_t bytes);
  void leave(Connections::iterator at);
  void drop(Connections::iterator at);
  [[nodiscard]] std::optional<Clock::time_point> deadline(const Connection& connection) const;
  void expire();
  [[nodiscard]] int wait_ms() const;

  const HttpLobbyOptions options_;
  HttpHandler& handler_;
  const std::function<void(HttpArrival)> hand_on_;
  Connections connections_;  // by socket; of the thread alone, likewise below
  std::map<std::string, std::size_t> clients_;
  std::size_t bodies_bytes_ = 0;

  std::mutex mutex_;
  std::vector<News> news_;
  bool stopping_ = false;
  int wake_;
  std::thread thread_;  // last: it ends first
};

}  // namespace drydock::runtime

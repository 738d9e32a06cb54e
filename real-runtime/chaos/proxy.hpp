// Between the clients of a store and its server, on Unix sockets: passes on what they say, or as much of it as a bad network would.
#pragma once

#include "policies/core/result.hpp"
#include "policies/core/time.hpp"
#include "real-runtime/event_loop.hpp"
#include "real-runtime/private_server.hpp"

#include <cstddef>
#include <deque>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

namespace drydock::runtime::chaos {

class Proxy {
 public:
  enum class Way : std::uint8_t { both, to_server, to_client };

  // Connects its clients to this socket; listens on one of the same name in a folder of its own. Errors: no folder, or no socket.
  static Result<std::unique_ptr<Proxy>> start(EventLoop& loop, std::filesystem::path upstream);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  // For clients of PostgreSQL: "host=<folder> ...".
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }
  // For others.
  [[nodiscard]] std::filesystem::path socket() const { return folder() / upstream_.filename(); }

  // From now on nothing passes this way, and nobody is told: what was connected hangs, and what connects does, too. Replaces another cut:
  // connections break that lost something on a way that is open again.
  void cut(Way way = Way::both);
  // What hung breaks; new connections pass.
  void mend();
  // From now on every connection breaks at once, until it is opened.
  void shut();
  void open() { shut_ = false; }
  // Whatever passes this way from now on takes so much longer, in order; empty: no more.
  void slow(Way way, std::function<Duration()> by);
  // The answer to the next request that holds this text never arrives: the connection breaks when the server has given it.
  void lose_answer_to(std::string text) { marked_ = std::move(text); }
  [[nodiscard]] int lost() const { return lost_; }

 private:
  struct End {
    int descriptor = -1;
    std::unique_ptr<EventLoop::Socket> socket;
    bool full = false;  // it takes nothing more for now
  };
  struct Chunk {
    Time at{};  // not to be passed on before
    std::string bytes;
  };
  struct Stream {
    std::deque<Chunk> chunks;
    std::size_t bytes = 0;
    bool lossy = false;  // something was lost on it
    std::unique_ptr<EventLoop::Timer> timer;
  };
  struct Link {
    End client;
    End server;
    Stream to_server;
    Stream to_client;
    bool doomed = false;
    [[nodiscard]] bool closed() const { return client.descriptor < 0; }
  };
  Proxy(EventLoop& loop, std::filesystem::path upstream) : loop_(loop), upstream_(std::move(upstream)) {}

  [[nodiscard]] bool is_cut(bool to_server) const { return cut_ && *cut_ != (to_server ? Way::to_client : Way::to_server); }
  void accept();
  void ready(Link& link, bool of_client, EventLoop::Socket::Ready what);
  void receive(Link& link, bool to_server);
  void pass_on(Link& link, bool to_server, bool at_once);
  static void watch(Link& link);
  static void close(Link& link);

  EventLoop& loop_;
  std::filesystem::path upstream_;
  TemporaryFolder folder_;
  int listener_ = -1;
  std::unique_ptr<EventLoop::Socket> listening_;
  std::list<Link> links_;
  std::optional<std::string> marked_;
  int lost_ = 0;
  std::optional<Way> cut_;
  bool shut_ = false;
  std::function<Duration()> slow_to_server_;
  std::function<Duration()> slow_to_client_;
};

}  // namespace drydock::runtime::chaos

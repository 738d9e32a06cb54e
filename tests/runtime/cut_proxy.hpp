// Between a client of a store and its server, on Unix sockets: loses an answer on demand, or lets nothing through, as a network does.
#pragma once

#include "real-runtime/event_loop.hpp"

#include <filesystem>
#include <list>
#include <memory>
#include <optional>
#include <string>

namespace drydock::runtime {

class CutProxy {
 public:
  // Which way nothing passes.
  enum class Way { both, to_server, to_client };

  // Connects its clients to this socket; listens on one of the same name in a folder of its own.
  CutProxy(EventLoop& loop, std::filesystem::path upstream);
  ~CutProxy();
  CutProxy(const CutProxy&) = delete;
  CutProxy& operator=(const CutProxy&) = delete;

  // For clients of PostgreSQL: "host=<folder> ...".
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  // For others.
  [[nodiscard]] std::filesystem::path socket() const { return folder_ / upstream_.filename(); }
  // The answer to the next request that holds this text never arrives: the connection breaks when the server has given it.
  void lose_answer_to(std::string text) { marked_ = std::move(text); }
  [[nodiscard]] int lost() const { return lost_; }
  // From now on nothing passes this way, and nobody is told: what was connected hangs, and what connects does, too.
  void cut(Way way = Way::both) { cut_ = way; }
  // What hung breaks; new connections pass.
  void mend();

 private:
  struct Link {
    int client = -1;
    int server = -1;
    bool doomed = false;
    std::unique_ptr<EventLoop::Socket> from_client;
    std::unique_ptr<EventLoop::Socket> from_server;
  };
  void accept();
  void forward(Link& link, bool to_server);
  void close(Link& link);

  EventLoop& loop_;
  std::filesystem::path upstream_;
  std::filesystem::path folder_;
  int listener_ = -1;
  std::unique_ptr<EventLoop::Socket> listening_;
  std::list<Link> links_;
  std::optional<std::string> marked_;
  int lost_ = 0;
  std::optional<Way> cut_;
};

}  // namespace drydock::runtime

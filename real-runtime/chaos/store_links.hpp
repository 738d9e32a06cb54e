// All ways to one store: a proxy for each client or group of clients that a fault may concern apart from the others.
#pragma once

#include "real-runtime/chaos/proxy.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace drydock::runtime::chaos {

class StoreLinks {
 public:
  // `upstream`: the socket of the server.
  StoreLinks(EventLoop& loop, std::filesystem::path upstream) : loop_(loop), upstream_(std::move(upstream)) {}

  // The way of the clients with this name; made when it is first asked for. Errors as from Proxy::start().
  [[nodiscard]] Result<Proxy*> way_of(const std::string& clients);
  // Where they connect to, once it is made.
  [[nodiscard]] std::filesystem::path socket_of(const std::string& clients) const {
    return links_.at(clients).proxy->socket();
  }

  // Nobody reaches the server between these two; they nest.
  void shut();
  void open();
  [[nodiscard]] bool is_shut() const { return shut_by_ > 0; }

  // Nothing passes on the way of these clients in the directions that are named, until it is mended; they nest, each direction for itself.
  struct Directions {
    bool to_server = true;
    bool to_client = true;
  };
  void cut(const std::string& clients, Directions directions);
  void mend(const std::string& clients, Directions directions);

  // What passes is delayed by a random time, drawn anew for each piece; `name` tells several that hold at once apart, of which the delays
  // add up.
  using Delay = std::function<Duration()>;
  void slow(std::size_t name, Delay to_server, Delay to_client);
  void not_slow(std::size_t name);

 private:
  struct Link {
    std::unique_ptr<Proxy> proxy;
    int cut_to_server = 0;
    int cut_to_client = 0;
  };
  void apply_cuts(Link& link);
  void apply_delays(Proxy& proxy);

  EventLoop& loop_;
  std::filesystem::path upstream_;
  std::map<std::string, Link> links_;
  int shut_by_ = 0;
  std::map<std::size_t, std::pair<Delay, Delay>> delays_;
};

}  // namespace drydock::runtime::chaos

#include "real-runtime/chaos/store_links.hpp"

#include "policies/core/assert.hpp"

namespace drydock::runtime::chaos {

Result<Proxy*> StoreLinks::way_of(const std::string& clients) {
  Link& link = links_[clients];
  if (link.proxy != nullptr) return link.proxy.get();
  auto started = Proxy::start(loop_, upstream_);
  if (!started) return started.error();
  link.proxy = std::move(started).value();
  if (is_shut()) link.proxy->shut();
  apply_delays(*link.proxy);
  return link.proxy.get();
}

void StoreLinks::shut() {
  if (shut_by_++ > 0) return;
  for (auto& [clients, link] : links_) link.proxy->shut();
}

void StoreLinks::open() {
  DRYDOCK_CHECK(shut_by_ > 0, "what is not shut cannot be opened");
  if (--shut_by_ > 0) return;
  for (auto& [clients, link] : links_) link.proxy->open();
}

void StoreLinks::cut(const std::string& clients, Directions directions) {
  Link& link = links_.at(clients);
  link.cut_to_server += directions.to_server ? 1 : 0;
  link.cut_to_client += directions.to_client ? 1 : 0;
  apply_cuts(link);
}

void StoreLinks::mend(const std::string& clients, Directions directions) {
  Link& link = links_.at(clients);
  link.cut_to_server -= directions.to_server ? 1 : 0;
  link.cut_to_client -= directions.to_client ? 1 : 0;
  DRYDOCK_CHECK(link.cut_to_server >= 0 && link.cut_to_client >= 0, "what is not cut cannot be mended");
  apply_cuts(link);
}

void StoreLinks::apply_cuts(Link& link) {
  const bool to_server = link.cut_to_server > 0;
  const bool to_client = link.cut_to_client > 0;
  if (!to_server && !to_client) return link.proxy->mend();
  link.proxy->cut(to_server && to_client ? Proxy::Way::both : to_server ? Proxy::Way::to_server : Proxy::Way::to_client);
}

void StoreLinks::slow(std::size_t name, Delay to_server, Delay to_client) {
  delays_[name] = {std::move(to_server), std::move(to_client)};
  for (auto& [clients, link] : links_) apply_delays(*link.proxy);
}

void StoreLinks::not_slow(std::size_t name) {
  delays_.erase(name);
  for (auto& [clients, link] : links_) apply_delays(*link.proxy);
}

void StoreLinks::apply_delays(Proxy& proxy) {
  const auto sum = [this](bool to_server) -> Delay {
    std::vector<Delay> all;
    for (const auto& [name, delay] : delays_) {
      const Delay& one = to_server ? delay.first : delay.second;
      if (one) all.push_back(one);
    }
    if (all.empty()) return {};
    return [all] {
      Duration late{};
      for (const Delay& one : all) late += one();
      return late;
    };
  };
  proxy.slow(Proxy::Way::to_server, sum(true));
  proxy.slow(Proxy::Way::to_client, sum(false));
}

}  // namespace drydock::runtime::chaos

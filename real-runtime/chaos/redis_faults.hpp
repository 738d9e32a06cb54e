// What can be done to a private Redis: it is out of reach, loses keys, dies and comes back with what it had at some time.
#pragma once

#include "policies/core/ids.hpp"
#include "policies/core/result.hpp"
#include "real-runtime/chaos/store_links.hpp"
#include "real-runtime/private_redis.hpp"

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>

namespace drydock::runtime::chaos {

// Errors say why something could not be done; the run goes on.
class RedisFaults {
 public:
  // `links`: all ways to it.
  RedisFaults(PrivateRedis& server, StoreLinks& links) : server_(server), links_(links) {}

  void flush();
  void evict_counter();
  void evict_workers(std::span<const WorkerId> workers);

  // What it has now is what come_back() under this name brings back.
  void snapshot(std::size_t name);
  // It is killed, and out of reach until come_back(), of which there is one for each die().
  void die();
  // With the snapshot of this name, or with nothing. Without the keys of workers where they are not kept.
  struct Return {
    std::size_t name = 0;
    bool with_snapshot = false;
    bool with_workers = false;
  };
  void come_back(const Return& how);

  // Why the last thing that was asked could not be done; empty: it was.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  [[nodiscard]] std::unique_ptr<RedisClient> client();
  void execute(RedisClient& client, const redis::AdminOp& op);
  [[nodiscard]] std::filesystem::path kept(std::size_t name) const;

  PrivateRedis& server_;
  StoreLinks& links_;
  int dead_by_ = 0;
  std::string problem_;
};

}  // namespace drydock::runtime::chaos

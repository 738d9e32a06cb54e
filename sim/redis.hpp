// A simulated Redis: the operations of policies/ports/redis.hpp with the effects of the real server, in virtual time.
#pragma once

#include "policies/core/time.hpp"
#include "policies/ports/redis.hpp"
#include "sim/redis_keyspace.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace drydock::sim {

struct SimRedisOptions {
  std::uint64_t seed = 1;  // of its run ids
  // expire_until() also names the keys that operations found lapsed. Then it must be called now and then: they are kept until it is.
  bool notify_expired = false;
};

// Each operation takes O(log n) for n keys, but: ReadWorkers O(workers), Ack O(place of the payload), Requeue O(moved), those on
// reservations O(those that lapsed since), Snapshot and Restart O(n). Time may go back, as the clock of a server may.
class SimRedis {
 public:
  explicit SimRedis(const SimRedisOptions& options = {});

  // What Redis answers at `now`. Never fails but by overflow: latency, loss and outages are the matter of who calls.
  [[nodiscard]] redis::Reply apply(Time now, const redis::Op& op);
  void apply(Time now, const redis::AdminOp& op);

  // Active expiry: removes all keys that have lapsed by `now` and returns them in order of time.
  std::vector<std::string> expire_until(Time now);
  // When the next key will have lapsed; kNever if none has a TTL.
  [[nodiscard]] Time next_expiry() const;

  [[nodiscard]] const std::string& run_id() const { return run_id_; }
  // An estimate; see RedisKeyspace.
  [[nodiscard]] std::int64_t used_bytes() const { return keys_.used_bytes(); }
  // By LimitMemory, so far.
  [[nodiscard]] std::uint64_t evicted_keys() const { return evicted_keys_; }

 private:
  struct Handler;
  struct AdminHandler;

  void at(Time now);
  void enforce_memory_limit();
  void new_run_id();

  RedisKeyspace keys_;
  RedisKeyspace::Image snapshot_;
  std::int64_t memory_limit_ = 0;
  std::uint64_t evicted_keys_ = 0;
  std::uint64_t seed_;
  std::uint64_t starts_ = 0;
  std::string run_id_;
};

}  // namespace drydock::sim

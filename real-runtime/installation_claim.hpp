// Whose keys those under a prefix of a Redis are. Two installations with the same keys would have each other's orders refused:
// each has leaders of its own, whose epochs rise against each other. So the schedulers of an installation hold a claim, which
// ends by itself when they are gone; whoever finds that of another one that lives does not begin, or ends.
#pragma once

#include "policies/core/result.hpp"
#include "policies/core/time.hpp"
#include "real-runtime/async_redis.hpp"
#include "real-runtime/event_loop.hpp"
#include "real-runtime/postgres_client.hpp"
#include "real-runtime/redis_client.hpp"

#include <functional>
#include <optional>
#include <string>

namespace drydock::runtime {

// All schedulers that share a lease are one installation: the same schema of the same database of the same PostgreSQL. A copy
// of a database is another one, a standby that was promoted the same.
struct Installation {
  std::string id;
  std::string place;      // for people: which schema, of which database
  std::string scheduler;  // for people: the name of the process
};
[[nodiscard]] Result<Installation> read_installation(PostgresClient& store, const std::string& schema,
                                                     std::string scheduler);

// Such a claim; `scheduler` was the last to prolong it.
struct KeysClaim {
  Installation of;
  Duration left{};
};
// Claims the keys, or prolongs the claim. Nothing: they belong to `own` now; else, nothing was changed and they are another's.
[[nodiscard]] Result<std::optional<KeysClaim>> claim_keys(RedisClient& redis, const Installation& own, Duration ttl);
// As it is. Nothing: nobody has one.
[[nodiscard]] Result<std::optional<KeysClaim>> read_claim(RedisClient& redis);
// Whether it was prolonged between two looks. One that was not may be of an installation that is gone: then it ends.
[[nodiscard]] bool is_prolonged(const KeysClaim& now, const std::optional<KeysClaim>& before);

// Of the leader's lease: long enough that a Redis that is away for a while changes nothing.
[[nodiscard]] inline Duration claim_ttl(Duration lease) { return 3 * lease; }

// "the keys of Redis at 10.0.0.7:6379 without a prefix belong to ...", and what to do.
[[nodiscard]] std::string in_words(const KeysClaim& claim, const RedisClientOptions& redis);

// Prolongs a claim on an event loop, for as long as it lives.
class InstallationClaim {
 public:
  // `refused` is called once, with the reason, when another installation is alive under the same keys.
  InstallationClaim(EventLoop& loop, const RedisClientOptions& redis, Installation own, Duration ttl,
                    std::function<void(std::string)> refused);

 private:
  void prolong();
  void answered(const Result<std::vector<std::string>>& texts);

  EventLoop& loop_;
  RedisClientOptions options_;
  Installation own_;
  Duration ttl_;
  std::function<void(std::string)> refused_;
  std::optional<KeysClaim> other_;  // at the last look
  bool asked_ = false;
  EventLoop::Timer timer_;
  AsyncRedis redis_;  // last: it ends first
};

}  // namespace drydock::runtime

// What the API asks of Redis and PostgreSQL, for several threads.
#pragma once

#include "policies/core/resources.hpp"
#include "real-runtime/client_pool.hpp"
#include "real-runtime/postgres_client.hpp"
#include "real-runtime/redis_client.hpp"
#include "real-runtime/store_queries.hpp"

#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace drydock::runtime {

struct ApiStoresOptions {
  RedisClientOptions redis;
  PostgresClientOptions postgres;
  std::size_t connections = 4;  // to each
};

// Errors of the stores are such that it may be tried again later.
class ApiStores {
 public:
  explicit ApiStores(const ApiStoresOptions& options);

  // `use` gets a client and gives a Result; it may be called twice, but by with_postgres_once().
  template <class Use>
  auto with_postgres(const Use& use) {
    return postgres_.with(use);
  }
  template <class Use>
  auto with_postgres_once(const Use& use) {
    return postgres_.with_once(use);
  }
  template <class Use>
  auto with_redis(const Use& use) {
    return redis_.with(use);
  }
  [[nodiscard]] const std::string& schema() const { return schema_; }

  // Known for a second, or read anew. Without any it is an error: no scheduler has led yet.
  [[nodiscard]] Result<std::vector<NamedQueue>> queues(bool anew = false);
  // Of the newest kMostCounted live jobs, known for a second.
  [[nodiscard]] Result<JobTally> tally();

  // What each registered worker has, known for a second: who waits for a job asks again and again.
  [[nodiscard]] Result<std::vector<Resources>> capacities();

  static constexpr std::uint32_t kMostCounted = 100'000;

  // For each answer of PostgreSQL; where much is sent to it, a second more for each kBytesPerSecond.
  static constexpr std::chrono::seconds kReplyTimeout{5};
  static constexpr std::int64_t kBytesPerSecond = 500'000;

 private:
  using Clock = std::chrono::steady_clock;
  template <class T>
  struct Known {
    std::optional<T> value;
    Clock::time_point until{};
  };

  const std::string schema_;
  ClientPool<RedisClient, RedisClientOptions> redis_;
  ClientPool<PostgresClient, PostgresClientOptions> postgres_;
  std::mutex mutex_;
  Known<std::vector<NamedQueue>> queues_;
  Known<JobTally> tally_;
  Known<std::vector<Resources>> capacities_;
};

// The reply that is expected, or what came instead as an error.
template <class Expected, class Reply>
Result<Expected> expected(const Reply& reply) {
  if (const auto* wanted = std::get_if<Expected>(&reply)) return *wanted;
  return Error{to_text(reply)};
}

}  // namespace drydock::runtime

// Whoever carries out operations of a store without waiting: a connection, or what is put around one. What is put around it decides
// what arrives; faults of single messages are made so.
#pragma once

#include "policies/core/time.hpp"
#include "policies/ports/postgres.hpp"
#include "policies/ports/redis.hpp"

#include <functional>
#include <memory>

namespace drydock::runtime {

// Promises as of AsyncRedis.
class RedisPort {
 public:
  using Callback = std::function<void(const redis::Reply&)>;
  virtual ~RedisPort() = default;
  virtual void submit(redis::Op op, Callback callback) = 0;
  virtual void pop(const redis::Pop& op, Duration longest, Callback callback) = 0;
};

// Promises as of AsyncPostgres.
class PostgresPort {
 public:
  using Callback = std::function<void(const postgres::Reply&)>;
  virtual ~PostgresPort() = default;
  virtual void submit(postgres::Op op, Callback callback) = 0;
};

// Puts something around a connection, which outlives it; empty: nothing.
using WrapRedis = std::function<std::unique_ptr<RedisPort>(RedisPort&)>;
using WrapPostgres = std::function<std::unique_ptr<PostgresPort>(PostgresPort&)>;

}  // namespace drydock::runtime

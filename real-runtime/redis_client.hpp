// Carries out the operations of policies/ports/redis.hpp on a real Redis (7 or later), in batches that wait for their answers.
// Not for several threads at once.
#pragma once

#include "policies/core/result.hpp"
#include "policies/core/time.hpp"
#include "policies/ports/redis.hpp"
#include "real-runtime/redis_encode.hpp"
#include "real-runtime/redis_scripts.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct redisContext;
struct redisReply;

namespace drydock::runtime {

struct RedisAddress {
  std::string unix_socket{};  // path; empty: TCP
  std::string host = "127.0.0.1";
  int port = 6379;
  std::string user{};      // of Redis' access lists; empty: the default one
  std::string password{};  // empty: none is given
  int database = 0;
};

// "Redis at 10.0.0.7:6379": no password, for people.
[[nodiscard]] std::string in_words(const RedisAddress& address);

// What a connection says first, before anything else: who it is, and which database it means.
[[nodiscard]] std::vector<std::vector<std::string>> greetings(const RedisAddress& address);

struct RedisClientOptions {
  RedisAddress address{};
  std::string key_prefix{};                            // before every key: several installations in one Redis
  Duration connect_timeout = std::chrono::seconds{5};  // also of loading the scripts
  Duration reply_timeout = std::chrono::seconds{10};   // for each answer; then the connection is closed
};

class RedisClient {
 public:
  // No batch is larger: a limit on what may be in doubt at once.
  static constexpr std::size_t kMostInBatch = 10'000;

  // Connects and loads the scripts.
  static Result<std::unique_ptr<RedisClient>> connect(RedisClientOptions options);
  ~RedisClient();
  RedisClient(const RedisClient&) = delete;
  RedisClient& operator=(const RedisClient&) = delete;

  // Adds an operation to the batch; at most kMostInBatch.
  void submit(const redis::Op& op);
  // Sends the batch and waits for all answers, one for each operation in order. When the connection breaks, what was not answered
  // is Failed(unknown), and all later operations are Failed(unreachable) until reconnect(). When the server has forgotten the
  // scripts (SCRIPT FLUSH), those of the batch run again behind the rest of it.
  [[nodiscard]] std::vector<redis::Reply> collect();

  // submit() and collect().
  [[nodiscard]] redis::Reply execute(const redis::Op& op);

  // Does a fault to the server. Restart is for whoever owns the process (PrivateRedis::restart()): here it is an error.
  Result<redis::Done> execute(const redis::AdminOp& op);

  // Carries out a command that is no operation, for administration: its words, of which keys have the prefix already (key()). The texts of
  // the answer in order: none for nil, several for an array.
  Result<std::vector<std::string>> run(const std::vector<std::string>& words);
  // As it is called in Redis.
  [[nodiscard]] std::string key(std::string_view name) const { return options_.key_prefix + std::string(name); }

  [[nodiscard]] bool connected() const { return context_ != nullptr; }
  // Likewise, after a look whether the server has ended the connection meanwhile.
  [[nodiscard]] bool still_connected();
  // The last connection was given up because an answer did not come in time.
  [[nodiscard]] bool timed_out() const { return timed_out_; }
  // Connects again, and loads the scripts again. The batch must be empty.
  Result<redis::Done> reconnect();

 private:
  struct FreeContext {
    void operator()(redisContext* context) const;
  };
  struct FreeReply {
    void operator()(redisReply* reply) const;
  };
  using ReplyPointer = std::unique_ptr<redisReply, FreeReply>;

  explicit RedisClient(RedisClientOptions options);

  Result<redis::Done> greet();
  Result<redis::Done> load_scripts();
  void append(const RedisCommand& command);
  // The next answer; none when the connection broke, which closes it and sets broken_because_.
  [[nodiscard]] ReplyPointer next_reply();
  [[nodiscard]] std::string where() const;

  RedisClientOptions options_;
  std::unique_ptr<redisContext, FreeContext> context_;
  std::string broken_because_;
  bool timed_out_ = false;
  std::array<std::string, kRedisScripts> shas_;
  std::vector<redis::Op> batch_;
};

}  // namespace drydock::runtime

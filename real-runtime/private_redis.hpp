// A redis-server of one's own, on a Unix socket in a temporary folder: for tests and for rehearsals. It ends with its owner, also
// when the owner is killed; what a killed owner left in the temporary folder is removed by the next one that starts.
#pragma once

#include "policies/core/result.hpp"
#include "policies/core/time.hpp"
#include "policies/ports/redis.hpp"
#include "real-runtime/private_server.hpp"
#include "real-runtime/redis_client.hpp"

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

namespace drydock::runtime {

struct PrivateRedisOptions {
  std::string program = "redis-server";  // looked for in PATH unless it has a '/'
  std::filesystem::path parent{};        // of its folder; empty: the system's temporary folder
  // When to write a snapshot by itself, as "save" in redis.conf ("900 1"); empty: never, only when told.
  std::string save{};
  std::vector<std::string> more_arguments{};          // of redis-server
  Duration start_timeout = std::chrono::seconds{30};  // until it answers
};

// Linux: the server dies with the thread that started it.
class PrivateRedis {
 public:
  // Starts it and waits until it answers.
  static Result<std::unique_ptr<PrivateRedis>> start(PrivateRedisOptions options = {});
  // Kills it and removes its folder.
  ~PrivateRedis() { kill(); }
  PrivateRedis(const PrivateRedis&) = delete;
  PrivateRedis& operator=(const PrivateRedis&) = delete;

  // Kills it and starts it anew: it comes back with its last snapshot, or empty. Connections break.
  Result<redis::Done> restart();
  // Kills it; restart() brings it back.
  void kill();

  [[nodiscard]] RedisAddress address() const;
  [[nodiscard]] pid_t pid() const { return process_.pid(); }  // -1: it does not run
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  explicit PrivateRedis(PrivateRedisOptions options) : options_(std::move(options)) {}

  Result<redis::Done> launch();
  Result<redis::Done> wait_until_it_answers();

  PrivateRedisOptions options_;
  std::string program_;  // where it was found
  TemporaryFolder folder_;
  ChildProcess process_;  // ends before its folder does
};

}  // namespace drydock::runtime

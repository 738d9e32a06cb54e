#include "real-runtime/private_redis.hpp"

#include <csignal>
#include <fmt/format.h>
#include <hiredis/hiredis.h>
#include <system_error>
#include <thread>
#include <utility>

namespace drydock::runtime {

namespace {

using redis::Done;

constexpr const char* kSocketName = "redis.sock";
constexpr const char* kLogName = "redis.log";

bool answers(const std::string& socket) {
  redisContext* context = redisConnectUnixWithTimeout(socket.c_str(), {.tv_sec = 1, .tv_usec = 0});
  bool pong = false;
  if (context != nullptr && context->err == 0) {
    redisSetTimeout(context, {.tv_sec = 1, .tv_usec = 0});
    auto* reply = static_cast<redisReply*>(redisCommand(context, "PING"));
    pong = reply != nullptr && reply->type == REDIS_REPLY_STATUS;  // else it loads its snapshot
    if (reply != nullptr) freeReplyObject(reply);
  }
  if (context != nullptr) redisFree(context);
  return pong;
}

}  // namespace

Result<std::unique_ptr<PrivateRedis>> PrivateRedis::start(PrivateRedisOptions options) {
  std::unique_ptr<PrivateRedis> server(new PrivateRedis(std::move(options)));
  server->program_ = find_program(server->options_.program);
  if (server->program_.empty()) {
    return Error{
        fmt::format("{} was not found: install Redis 7 (on Debian: apt-get install redis-server), or add its folder to PATH",
                    server->options_.program)};
  }
  const auto failed =
      server->folder_.make({.prefix = "drydock-redis-", .parent = server->options_.parent, .socket = kSocketName});
  if (failed) return *failed;
  if (auto launched = server->launch(); !launched.ok()) return launched.error();
  return server;
}

Result<Done> PrivateRedis::launch() {
  std::vector<std::string> words{program_, "--port", "0",           "--unixsocket", (folder() / kSocketName).string(),
                                 "--dir",  folder(), "--daemonize", "no",           "--appendonly",
                                 "no",     "--save", options_.save, "--dbfilename", "dump.rdb"};
  words.insert(words.end(), options_.more_arguments.begin(), options_.more_arguments.end());
  const auto failed = process_.start({.words = std::move(words), .folder = folder(), .log = folder() / kLogName});
  if (failed) return *failed;
  auto answered = wait_until_it_answers();
  if (!answered.ok()) kill();
  return answered;
}

Result<Done> PrivateRedis::wait_until_it_answers() {
  constexpr std::chrono::milliseconds kPause{2};
  const auto deadline = std::chrono::steady_clock::now() + options_.start_timeout;
  const std::string socket = folder() / kSocketName;
  while (!answers(socket)) {
    if (process_.ended()) {
      return Error{fmt::format("{} ended at once; its last words: {}", program_, folder_.end_of(kLogName))};
    }
    if (std::chrono::steady_clock::now() > deadline) {
      return Error{fmt::format("{} did not answer within {:g} s; its last words: {}", program_,
                               seconds(options_.start_timeout), folder_.end_of(kLogName))};
    }
    std::this_thread::sleep_for(kPause);
  }
  return Done{};
}

Result<Done> PrivateRedis::restart() {
  kill();
  return launch();
}

void PrivateRedis::kill() {
  process_.end(SIGKILL);
  std::error_code ignored;
  std::filesystem::remove(folder() / kSocketName, ignored);
}

RedisAddress PrivateRedis::address() const { return {.unix_socket = folder() / kSocketName, .host = {}, .port = 0}; }

}  // namespace drydock::runtime

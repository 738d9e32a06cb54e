// Carries out the operations of policies/ports/redis.hpp on a real Redis (7 or later) without ever waiting: pipelined, on the event
// loop. Connects by itself, again and again.
#pragma once

#include "policies/ports/redis.hpp"
#include "real-runtime/backoff.hpp"
#include "real-runtime/event_loop.hpp"
#include "real-runtime/redis_client.hpp"
#include "real-runtime/store_port.hpp"

#include <array>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct redisContext;
struct redisReply;

namespace drydock::runtime {

class AsyncRedis final : public RedisPort {
 public:
  using TextsCallback = std::function<void(const Result<std::vector<std::string>>&)>;

  // Begins to connect at once. `connected` is called each time that it has.
  AsyncRedis(EventLoop& loop, RedisClientOptions options, std::function<void()> connected = {});
  ~AsyncRedis() override;
  AsyncRedis(const AsyncRedis&) = delete;
  AsyncRedis& operator=(const AsyncRedis&) = delete;

  // The callback is called exactly once, later: with the answer; or Failed(unreachable) where there is no connection; or
  // Failed(unknown) when the connection broke, or nothing came within the time-out, which breaks it. Not when this object ends before.
  // Operations are carried out in order, unless the server had forgotten the script of one.
  void submit(redis::Op op, Callback callback) override;
  // redis::Pop that waits up to `longest` for something to come (BLMOVE). The server does nothing else for this connection meanwhile.
  void pop(const redis::Pop& op, Duration longest, Callback callback) override;

  // A command that is no operation, with the same promise: its words, of which keys have the prefix already. The texts of the answer, as
  // from RedisClient::run(). Without a callback nobody wants to know.
  void run(const std::vector<std::string>& words, TextsCallback callback);

  [[nodiscard]] bool connected() const { return state_ == State::ready; }
  // Why there is no connection; empty if there is.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] std::size_t unanswered() const { return sent_.size(); }

 private:
  enum class State : std::uint8_t { disconnected, loading, ready };
  struct FreeContext {
    void operator()(redisContext* context) const;
  };
  struct Sent {
    std::optional<redis::Op> op;  // none: a script is being loaded, or it says who it is, or it is no operation
    bool greeting = false;
    bool other = false;  // a command that is no operation
    std::size_t script = 0;
    Callback callback{};
    TextsCallback texts{};
    Time deadline{};
    std::optional<Duration> wait{};  // of pop()
  };

  void connect();
  void greet();
  void load_scripts();
  void send(Sent sent);
  void append(const RedisCommand& command);
  void ready(EventLoop::Socket::Ready ready);
  void write();
  void read();
  void answer(Sent sent, const redisReply& reply);
  void greeted(const redisReply& reply);
  void script_loaded(std::size_t script, const redisReply& reply);
  void breaks(std::string why);
  void fail_later(Callback callback);
  void watch_time();
  [[nodiscard]] std::string where() const;

  EventLoop& loop_;
  RedisClientOptions options_;
  std::function<void()> connected_;
  State state_ = State::disconnected;
  std::unique_ptr<redisContext, FreeContext> context_;
  std::unique_ptr<EventLoop::Socket> socket_;  // goes before its context
  EventLoop::Timer reconnect_;
  EventLoop::Timer deadline_;
  EventLoop::Timer failing_;
  Backoff backoff_;
  std::string problem_;
  std::array<std::string, kRedisScripts> shas_;
  std::size_t loaded_ = 0;
  std::deque<Sent> sent_;         // without an answer, in order
  std::vector<Callback> failed_;  // to be told that there is no connection
};

}  // namespace drydock::runtime

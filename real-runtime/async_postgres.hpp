// Carries out the operations of policies/ports/postgres.hpp on a real PostgreSQL (14 or later) without ever waiting: pipelined, on the
// event loop. Connects by itself, again and again. The schema must be there (PostgresClient::connect() makes it).
#pragma once

#include "policies/ports/postgres.hpp"
#include "real-runtime/backoff.hpp"
#include "real-runtime/event_loop.hpp"
#include "real-runtime/postgres_client.hpp"
#include "real-runtime/postgres_encode.hpp"
#include "real-runtime/store_port.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct pg_conn;
struct pg_result;

namespace drydock::runtime {

class AsyncPostgres final : public PostgresPort {
 public:
  using RowCallback = std::function<void(const Result<std::vector<std::string>>&)>;

  // Begins to connect at once. `connected` is called each time that it has; `notified` when a channel that is listened to was notified,
  // once for several.
  AsyncPostgres(EventLoop& loop, PostgresClientOptions options, std::function<void()> connected = {},
                std::function<void()> notified = {});
  ~AsyncPostgres() override;
  AsyncPostgres(const AsyncPostgres&) = delete;
  AsyncPostgres& operator=(const AsyncPostgres&) = delete;

  // As AsyncRedis::submit(). TakeHints is for the blocking client. Listen is forgotten with the connection. A LoadState that fails breaks
  // the connection.
  void submit(postgres::Op op, Callback callback) override;
  // A statement that is no operation, likewise: the first row of its answer, as from PostgresClient::call().
  void call(const PostgresCall& call, RowCallback callback);

  [[nodiscard]] bool connected() const { return state_ == State::ready; }
  // Why there is no connection; empty if there is.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] std::size_t unanswered() const { return sent_.size(); }
  // The process of the server that serves this connection; 0: none.
  [[nodiscard]] int server_pid() const;

 private:
  enum class State : std::uint8_t { disconnected, connecting, setting, preparing, ready };
  struct CloseConnection {
    void operator()(pg_conn* connection) const;
  };
  struct ClearResult {
    void operator()(pg_result* result) const;
  };
  using ResultPointer = std::unique_ptr<pg_result, ClearResult>;
  struct Sent {
    std::optional<postgres::Op> op;  // none: a statement that is no operation
    Callback callback{};
    RowCallback row{};
    Time deadline{};
  };

  void connect();
  void go_on_connecting();
  void set_up();
  void prepare();
  void become_ready();
  void ready(EventLoop::Socket::Ready ready);
  void flush();
  void read();
  // The answer to a step of setting up, or of an operation, is there.
  void take(ResultPointer result);
  void send(const std::vector<PostgresCall>& calls, Sent sent);
  void finish_operation();
  static void tell(const Sent& sent, const postgres::Failed& failed);
  void breaks(std::string why);
  void fail_later(Callback callback);
  void watch_time();
  [[nodiscard]] std::string last_words() const;
  [[nodiscard]] bool waits_for_results() const { return state_ != State::ready || !sent_.empty(); }

  EventLoop& loop_;
  PostgresClientOptions options_;
  std::function<void()> connected_;
  std::function<void()> notified_;
  State state_ = State::disconnected;
  std::unique_ptr<pg_conn, CloseConnection> connection_;
  std::unique_ptr<EventLoop::Socket> socket_;  // goes before its connection
  int descriptor_ = -1;
  EventLoop::Timer reconnect_;
  EventLoop::Timer deadline_;
  EventLoop::Timer failing_;
  Backoff backoff_;
  std::string problem_;
  std::string refusal_;  // the first, while setting up
  std::deque<Sent> sent_;
  std::vector<ResultPointer> results_;  // so far, of the first of these
  std::vector<Callback> failed_;
};

}  // namespace drydock::runtime

// Carries out the operations of policies/ports/postgres.hpp on a real PostgreSQL (14 or later), pipelined in batches that wait for
// their answers; each operation is a transaction of its own. Not for several threads at once.
#pragma once

#include "policies/core/result.hpp"
#include "policies/core/time.hpp"
#include "policies/ports/postgres.hpp"
#include "real-runtime/postgres_encode.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct pg_conn;
struct pg_result;

namespace drydock::runtime {

// What errors about a schema say that a scheduler will make, or bring up to date.
inline constexpr std::string_view kStartAScheduler = "start a scheduler";

struct PostgresClientOptions {
  std::string connection{};        // as libpq takes it: "host=... dbname=..." or "postgresql://..."; empty: PGHOST, ...
  std::string schema = "drydock";  // several installations in one database
  // Make the schema if it is not there, and bring an older one up to date. Without, those are errors.
  bool may_install = true;
  Duration connect_timeout = std::chrono::seconds{5};
  // For each answer; then the connection is closed. The server is told to give up at the same time.
  Duration reply_timeout = std::chrono::seconds{30};
};

class PostgresClient {
 public:
  // No batch is larger: a limit on what may be in doubt at once.
  static constexpr std::size_t kMostInBatch = 10'000;

  // Connects, sees to the schema, and prepares the statements. A schema of a newer program is an error.
  static Result<std::unique_ptr<PostgresClient>> connect(PostgresClientOptions options);
  ~PostgresClient();
  PostgresClient(const PostgresClient&) = delete;
  PostgresClient& operator=(const PostgresClient&) = delete;

  // Adds an operation to the batch; at most kMostInBatch.
  void submit(const postgres::Op& op);
  // Sends the batch and waits for all answers, one for each operation in order. An operation that fails does not hinder those behind
  // it. When the connection breaks, what was not answered is Failed(unknown), and all later operations are Failed(unreachable) until
  // reconnect().
  [[nodiscard]] std::vector<postgres::Reply> collect();

  // submit() and collect().
  [[nodiscard]] postgres::Reply execute(const postgres::Op& op);

  // Carries out a statement that is no operation, in a transaction of its own. The first row; empty if there is none. When the connection
  // breaks, it may have been carried out.
  Result<std::vector<std::string>> call(const PostgresCall& call);

  // Carries out SQL that is no operation, for administration and tests. The first value of the last result; empty if there is none.
  Result<std::string> run(const std::string& sql);

  [[nodiscard]] bool connected() const { return connection_ != nullptr; }
  // Likewise, after a look whether the server has ended the connection meanwhile. For one that listens to nothing: what the server says
  // unasked are its last words, which come before the end.
  [[nodiscard]] bool still_connected();
  // The last connection was given up because an answer did not come in time.
  [[nodiscard]] bool timed_out() const { return timed_out_; }
  // From now on, instead of that of the options.
  Result<postgres::Done> set_reply_timeout(Duration timeout);
  // Connects again; what was listened to is forgotten. The batch must be empty.
  Result<postgres::Done> reconnect();
  // The process of the server that serves this connection; 0: none.
  [[nodiscard]] int server_pid() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct CloseConnection {
    void operator()(pg_conn* connection) const;
  };
  struct ClearResult {
    void operator()(pg_result* result) const;
  };
  using ResultPointer = std::unique_ptr<pg_result, ClearResult>;

  explicit PostgresClient(PostgresClientOptions options);

  Result<postgres::Done> open();
  Result<postgres::Done> ensure_schema();
  Result<postgres::Done> make_schema();
  Result<postgres::Done> bring_up_to_date();
  [[nodiscard]] Error wrong_version(int version) const;
  Result<postgres::Done> prepare();
  // The version of the schema, 0 if it is not there.
  Result<int> read_version();

  // The operations of a pipeline, whose answers are appended.
  void collect_some(std::span<const postgres::Op> ops, std::vector<postgres::Reply>& replies);
  [[nodiscard]] bool send(const postgres::Op& op);
  [[nodiscard]] postgres::Reply receive(const postgres::Op& op);
  // What the server says to all that was sent until the last sync. False: the connection broke.
  [[nodiscard]] bool receive(std::vector<ResultPointer>& results);
  [[nodiscard]] postgres::Reply take_hints(const postgres::TakeHints& op);
  void roll_back();

  // Waits until the next result is there. Null: the end of a statement, or the connection broke (then it is closed).
  [[nodiscard]] ResultPointer next_result(Clock::time_point deadline);
  [[nodiscard]] bool wait_for_socket(Clock::time_point deadline);
  // Carries out simple SQL; the last result.
  Result<ResultPointer> query(const std::string& sql);
  void note_notifications();
  [[nodiscard]] std::string timeouts() const;
  void close(std::string why);
  [[nodiscard]] std::string where() const;
  [[nodiscard]] std::string last_words() const;

  PostgresClientOptions options_;
  std::unique_ptr<pg_conn, CloseConnection> connection_;
  std::string broken_because_;
  bool timed_out_ = false;
  std::vector<postgres::Op> batch_;
  std::map<std::string, std::int64_t> hints_;  // by the server's name of the channel
};

}  // namespace drydock::runtime

#include "real-runtime/async_postgres.hpp"

#include "policies/core/assert.hpp"
#include "real-runtime/postgres_decode.hpp"
#include "real-runtime/postgres_send.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <utility>
#include <variant>

namespace drydock::runtime {

namespace {

using namespace postgres;

std::string trimmed(const char* message) {
  std::string text = message == nullptr ? "" : message;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

Result<std::vector<std::string>> first_row(const std::vector<const PGresult*>& results) {
  std::vector<std::string> row;
  for (const PGresult* result : results) {
    if (PQresultStatus(result) != PGRES_TUPLES_OK) return Error{trimmed(PQresultErrorMessage(result))};
    const int fields = row.empty() && PQntuples(result) > 0 ? PQnfields(result) : 0;
    for (int i = 0; i < fields; ++i) row.emplace_back(PQgetvalue(result, 0, i));
  }
  return row;
}

}  // namespace

void AsyncPostgres::CloseConnection::operator()(PGconn* connection) const { PQfinish(connection); }
void AsyncPostgres::ClearResult::operator()(PGresult* result) const { PQclear(result); }

AsyncPostgres::AsyncPostgres(EventLoop& loop, PostgresClientOptions options, std::function<void()> connected,
                             std::function<void()> notified)
    : loop_(loop),
      options_(std::move(options)),
      connected_(std::move(connected)),
      notified_(std::move(notified)),
      reconnect_(loop, [this] { connect(); }),
      deadline_(loop, [this] { watch_time(); }),
      failing_(loop,
               [this] {
                 for (const Callback& callback : std::exchange(failed_, {})) {
                   callback(Failed{Failed::Reason::unreachable, problem_});
                 }
               }),
      problem_("PostgreSQL is not connected yet") {
  reconnect_.start_soon();
}

AsyncPostgres::~AsyncPostgres() { socket_.reset(); }

std::string AsyncPostgres::last_words() const { return trimmed(PQerrorMessage(connection_.get())); }
int AsyncPostgres::server_pid() const { return connection_ != nullptr ? PQbackendPID(connection_.get()) : 0; }

// --- connecting ---

void AsyncPostgres::connect() {
  connection_.reset(PQconnectStart(options_.connection.c_str()));
  DRYDOCK_CHECK(connection_ != nullptr, "no memory for a connection to PostgreSQL");
  PQsetNoticeProcessor(
      connection_.get(), [](void* /*nobody*/, const char* /*notice*/) {}, nullptr);
  if (PQstatus(connection_.get()) == CONNECTION_BAD) return breaks("PostgreSQL cannot be reached: " + last_words());
  state_ = State::connecting;
  refusal_.clear();
  deadline_.start(later(loop_.now(), options_.connect_timeout));
  descriptor_ = -1;
  go_on_connecting();
}

// libpq may change its socket on the way.
void AsyncPostgres::go_on_connecting() {
  const PostgresPollingStatusType status = descriptor_ < 0 ? PGRES_POLLING_WRITING : PQconnectPoll(connection_.get());
  if (status == PGRES_POLLING_FAILED) return breaks("PostgreSQL cannot be reached: " + last_words());
  const int descriptor = PQsocket(connection_.get());
  if (descriptor != descriptor_) {
    descriptor_ = descriptor;
    socket_ = std::make_unique<EventLoop::Socket>(loop_, descriptor, [this](EventLoop::Socket::Ready r) { ready(r); });
  }
  if (status == PGRES_POLLING_OK) return set_up();
  const bool reads = status == PGRES_POLLING_READING;
  socket_->wait_for({.to_read = reads, .to_write = !reads});
}

// Several statements at once go only outside of pipelines.
void AsyncPostgres::set_up() {
  if (PQsetnonblocking(connection_.get(), 1) != 0) return breaks(last_words());
  const auto give_up = std::chrono::ceil<std::chrono::milliseconds>(options_.reply_timeout).count();
  const std::string settings = fmt::format("{} set statement_timeout = {}; set idle_in_transaction_session_timeout = {};",
                                           kSessionSettings, give_up, give_up);
  if (PQsendQuery(connection_.get(), settings.c_str()) != 1) return breaks(last_words());
  state_ = State::setting;
  flush();
}

void AsyncPostgres::prepare() {
  if (PQenterPipelineMode(connection_.get()) != 1) return breaks(last_words());
  for (std::size_t i = 0; i < kPostgresStatements; ++i) {
    const auto statement = static_cast<PostgresStatement>(i);
    const std::string text = text_of(statement, options_.schema);
    if (PQsendPrepare(connection_.get(), name_of(statement), text.c_str(), 0, nullptr) != 1) return breaks(last_words());
  }
  if (PQpipelineSync(connection_.get()) != 1) return breaks(last_words());
  state_ = State::preparing;
  flush();
}

void AsyncPostgres::become_ready() {
  deadline_.stop();
  state_ = State::ready;
  problem_.clear();
  backoff_.succeeded();
  if (connected_) connected_();
}

void AsyncPostgres::breaks(std::string why) {
  problem_ = std::move(why);
  state_ = State::disconnected;
  results_.clear();
  socket_.reset();
  connection_.reset();
  deadline_.stop();
  reconnect_.start(later(loop_.now(), backoff_.after_failure()));
  const std::deque<Sent> lost = std::exchange(sent_, {});
  for (const Sent& sent : lost) tell(sent, {Failed::Reason::unknown, problem_});
}

void AsyncPostgres::tell(const Sent& sent, const Failed& failed) {
  if (sent.op) sent.callback(failed);
  else sent.row(Error{failed.message});
}

// --- sending ---

void AsyncPostgres::fail_later(Callback callback) {
  failed_.push_back(std::move(callback));
  failing_.start_soon();
}

void AsyncPostgres::submit(Op op, Callback callback) {
  DRYDOCK_CHECK(!std::holds_alternative<TakeHints>(op), "this is for the blocking client");
  if (state_ != State::ready) return fail_later(std::move(callback));
  const std::vector<PostgresCall> calls = encode(op, options_.schema);
  send(calls, {.op = std::move(op), .callback = std::move(callback)});
}

void AsyncPostgres::call(const PostgresCall& call, RowCallback callback) {
  if (state_ == State::ready) return send({call}, {.op = std::nullopt, .row = std::move(callback)});
  fail_later([this, callback = std::move(callback)](const Reply&) { callback(Error{problem_}); });
}

void AsyncPostgres::send(const std::vector<PostgresCall>& calls, Sent asked) {
  bool sent = true;
  for (const PostgresCall& call : calls) sent = sent && send_call(connection_.get(), call);
  sent = sent && PQpipelineSync(connection_.get()) == 1;
  asked.deadline = later(loop_.now(), options_.reply_timeout);
  sent_.push_back(std::move(asked));
  if (sent_.size() == 1) deadline_.start(sent_.front().deadline);
  // At once: to wait until it can be sent costs more. A broken connection is told later, as every answer is.
  const int unsent = sent ? PQflush(connection_.get()) : -1;
  if (unsent < 0) deadline_.start_soon();
  else socket_->wait_for({.to_read = true, .to_write = unsent == 1});
}

// --- the socket ---

void AsyncPostgres::ready(EventLoop::Socket::Ready ready) {
  if (state_ == State::connecting) return go_on_connecting();
  if (ready.to_read) read();
  if (ready.to_write && connection_ != nullptr) flush();
}

void AsyncPostgres::flush() {
  const int unsent = PQflush(connection_.get());
  if (unsent < 0) return breaks("PostgreSQL: the connection broke: " + last_words());
  socket_->wait_for({.to_read = true, .to_write = unsent == 1});
}

void AsyncPostgres::read() {
  if (PQconsumeInput(connection_.get()) != 1) return breaks("PostgreSQL: the connection broke: " + last_words());
  for (int ends = 0; connection_ != nullptr && waits_for_results() && PQisBusy(connection_.get()) == 0;) {
    ResultPointer result(PQgetResult(connection_.get()));
    ends = result == nullptr ? ends + 1 : 0;
    DRYDOCK_CHECK(ends < 100, "libpq has an answer for each operation that was sent");
    take(std::move(result));
  }
  if (connection_ == nullptr) return;
  bool heard = false;
  while (PGnotify* notification = PQnotifies(connection_.get())) {
    PQfreemem(notification);
    heard = true;
  }
  if (PQstatus(connection_.get()) == CONNECTION_BAD) return breaks("PostgreSQL: the connection broke: " + last_words());
  if (heard && notified_) notified_();
}

void AsyncPostgres::take(ResultPointer result) {
  if (PQstatus(connection_.get()) == CONNECTION_BAD) return breaks("PostgreSQL: the connection broke: " + last_words());
  const ExecStatusType status = result == nullptr ? PGRES_COMMAND_OK : PQresultStatus(result.get());
  if (state_ == State::ready) {
    if (status == PGRES_PIPELINE_SYNC) return finish_operation();
    // Behind an error that we have, or the end of a statement.
    if (result != nullptr && status != PGRES_PIPELINE_ABORTED) results_.push_back(std::move(result));
    return;
  }
  const bool is_over = state_ == State::setting ? result == nullptr : status == PGRES_PIPELINE_SYNC;
  if (!is_over) {
    const bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_PIPELINE_ABORTED;
    if (!good && refusal_.empty()) refusal_ = trimmed(PQresultErrorMessage(result.get()));
    return;
  }
  if (!refusal_.empty())
    return breaks(fmt::format("PostgreSQL: schema {} is not as it should be: {}", options_.schema, refusal_));
  if (state_ == State::setting) prepare();
  else become_ready();
}

void AsyncPostgres::finish_operation() {
  std::vector<const PGresult*> views;
  for (const ResultPointer& result : results_) views.push_back(result.get());
  const Sent sent = std::move(sent_.front());
  sent_.pop_front();
  const auto row = sent.op ? Result<std::vector<std::string>>(Error{}) : first_row(views);
  const Reply reply = sent.op ? decode(*sent.op, views) : Reply{};
  results_.clear();
  if (sent_.empty()) deadline_.stop();
  else deadline_.start(sent_.front().deadline);
  if (!sent.op) return sent.row(row);
  const auto* failed = std::get_if<Failed>(&reply);
  sent.callback(reply);
  // Its transaction is still open, and has failed.
  if (failed != nullptr && is_explicit_transaction(*sent.op)) breaks(failed->message);
}

void AsyncPostgres::watch_time() {
  if (state_ != State::ready) return breaks("PostgreSQL did not answer in time");
  if (PQstatus(connection_.get()) == CONNECTION_BAD) return breaks("PostgreSQL: the connection broke: " + last_words());
  if (sent_.empty()) return;
  if (sent_.front().deadline > loop_.now()) return deadline_.start(sent_.front().deadline);
  breaks("PostgreSQL did not answer in time");
}

}  // namespace drydock::runtime

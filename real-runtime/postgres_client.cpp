#include "real-runtime/postgres_client.hpp"

#include "policies/core/assert.hpp"
#include "real-runtime/postgres_decode.hpp"
#include "real-runtime/postgres_send.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>
#include <string_view>
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

// Waits for a socket; false at the deadline.
bool wait_for(int socket, short events, std::chrono::steady_clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) return false;
    pollfd entry{.fd = socket, .events = events, .revents = 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

}  // namespace

void PostgresClient::CloseConnection::operator()(PGconn* connection) const { PQfinish(connection); }
void PostgresClient::ClearResult::operator()(PGresult* result) const { PQclear(result); }

PostgresClient::PostgresClient(PostgresClientOptions options) : options_(std::move(options)) {}
PostgresClient::~PostgresClient() = default;

Result<std::unique_ptr<PostgresClient>> PostgresClient::connect(PostgresClientOptions options) {
  if (!is_schema_name(options.schema)) {
    return Error{
        fmt::format("'{}' cannot be the name of a schema: use at most 20 of a-z, 0-9 and '_', beginning with a letter "
                    "and not with pg_",
                    options.schema)};
  }
  std::unique_ptr<PostgresClient> client(new PostgresClient(std::move(options)));
  const auto connected = client->reconnect();
  if (!connected.ok()) return connected.error();
  return client;
}

// --- connecting ---

Result<Done> PostgresClient::reconnect() {
  DRYDOCK_CHECK(batch_.empty(), "collect() the batch before reconnecting");
  connection_.reset();
  timed_out_ = false;
  hints_.clear();
  auto opened = open();
  if (opened.ok()) opened = ensure_schema();
  if (opened.ok()) opened = prepare();
  if (!opened.ok()) {
    broken_because_ = opened.error().message;
    connection_.reset();
  }
  return opened;
}

Result<Done> PostgresClient::open() {
  connection_.reset(PQconnectStart(options_.connection.c_str()));
  if (connection_ == nullptr) return Error{"no memory for a connection to PostgreSQL"};
  PQsetNoticeProcessor(
      connection_.get(), [](void* /*nobody*/, const char* /*notice*/) {}, nullptr);
  const auto deadline = Clock::now() + options_.connect_timeout;
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  if (PQstatus(connection_.get()) == CONNECTION_BAD) state = PGRES_POLLING_FAILED;
  while (state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
    const short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (!wait_for(PQsocket(connection_.get()), events, deadline)) {
      return Error{fmt::format("{} did not answer within {:g} s", where(), seconds(options_.connect_timeout))};
    }
    state = PQconnectPoll(connection_.get());
  }
  if (state == PGRES_POLLING_FAILED) {
    return Error{fmt::format("{} cannot be reached: {}{}", where(), trimmed(PQerrorMessage(connection_.get())),
                             PQconnectionNeedsPassword(connection_.get()) == 1 ? " (it wants a password)" : "")};
  }
  if (PQserverVersion(connection_.get()) < 140000) {
    return Error{fmt::format("{} has version {}: Drydock needs PostgreSQL 14 or later", where(),
                             PQserverVersion(connection_.get()) / 10000)};
  }
  if (PQsetnonblocking(connection_.get(), 1) != 0) return Error{fmt::format("{}: {}", where(), last_words())};
  auto set = query(fmt::format("{} {}", kSessionSettings, timeouts()));
  if (!set.ok()) return set.error();
  return Done{};
}

std::string PostgresClient::timeouts() const {
  return fmt::format("set statement_timeout = {0}; set idle_in_transaction_session_timeout = {0};",
                     std::chrono::ceil<std::chrono::milliseconds>(options_.reply_timeout).count());
}

Result<Done> PostgresClient::set_reply_timeout(Duration timeout) {
  options_.reply_timeout = timeout;
  const auto set = run(timeouts());
  if (!set) return set.error();
  return Done{};
}

bool PostgresClient::still_connected() {
  if (!connected()) return false;
  pollfd entry{.fd = PQsocket(connection_.get()), .events = POLLIN, .revents = 0};
  if (::poll(&entry, 1, 0) <= 0) return true;
  close(fmt::format("{}: the server ended the connection", where()));
  return false;
}

Result<int> PostgresClient::read_version() {
  auto there = query(fmt::format("select to_regclass('{}.meta') is not null", options_.schema));
  if (!there.ok()) return there.error();
  if (std::string_view(PQgetvalue(there.value().get(), 0, 0)) == "f") return 0;
  auto version = query(fmt::format("select max(version) from {}.meta", options_.schema));
  if (!version.ok()) return version.error();
  return static_cast<int>(std::strtol(PQgetvalue(version.value().get(), 0, 0), nullptr, 10));
}

Result<Done> PostgresClient::ensure_schema() {
  const auto version = read_version();
  if (!version.ok()) return version.error();
  if (version.value() == kSchemaVersion) return Done{};
  if (!options_.may_install) return wrong_version(version.value());
  return version.value() == 0 ? make_schema() : bring_up_to_date();
}

Result<Done> PostgresClient::make_schema() {
  const auto made = query(fmt::format("begin; {} commit;", install_schema(options_.schema)));
  if (made.ok()) return Done{};
  roll_back();
  // Somebody else may have made it at the same time.
  const auto version = read_version();
  if (version.ok() && version.value() == kSchemaVersion) return Done{};
  return made.error();
}

// One does it, the others wait, and find it done.
Result<Done> PostgresClient::bring_up_to_date() {
  auto locked = query(fmt::format("begin; lock table {}.meta in access exclusive mode;", options_.schema));
  if (!locked.ok()) return locked.error();
  const auto version = read_version();
  if (!version.ok()) return version.error();
  if (version.value() < kOldestSchema || version.value() > kSchemaVersion) {
    roll_back();
    return wrong_version(version.value());
  }
  auto done = query(fmt::format(
      "{} commit;", version.value() < kSchemaVersion ? upgrade_schema(options_.schema, version.value()) : std::string()));
  if (done.ok()) return Done{};
  roll_back();
  return done.error();
}

Error PostgresClient::wrong_version(int version) const {
  if (version == 0) {
    return {fmt::format("{}: there is no schema {}: {} there first, which makes it", where(), options_.schema,
                        kStartAScheduler)};
  }
  if (version > kSchemaVersion) {
    return {fmt::format("{}: schema {} has version {}, this program knows up to {}: use a newer drydock", where(),
                        options_.schema, version, kSchemaVersion)};
  }
  return {fmt::format(
      "{}: schema {} has version {}, this program needs version {}: {}", where(), options_.schema, version, kSchemaVersion,
      version < kOldestSchema ? std::string("it is too old to be brought up to date")
                              : fmt::format("{} of this version, which brings it up to date", kStartAScheduler))};
}

Result<Done> PostgresClient::prepare() {
  if (PQenterPipelineMode(connection_.get()) != 1) return Error{fmt::format("{}: {}", where(), last_words())};
  for (std::size_t i = 0; i < kPostgresStatements; ++i) {
    const auto statement = static_cast<PostgresStatement>(i);
    const std::string text = text_of(statement, options_.schema);
    if (PQsendPrepare(connection_.get(), name_of(statement), text.c_str(), 0, nullptr) != 1) return Error{last_words()};
  }
  if (PQpipelineSync(connection_.get()) != 1) return Error{last_words()};
  const auto deadline = Clock::now() + options_.connect_timeout;
  std::string refusal;
  while (true) {
    const ResultPointer result = next_result(deadline);
    if (!connected()) return Error{broken_because_};
    const ExecStatusType status = result == nullptr ? PGRES_COMMAND_OK : PQresultStatus(result.get());
    if (status == PGRES_PIPELINE_SYNC) break;
    if (status != PGRES_COMMAND_OK && refusal.empty()) refusal = trimmed(PQresultErrorMessage(result.get()));
  }
  if (refusal.empty()) return Done{};
  return Error{fmt::format("{}: schema {} is not as it should be: {}", where(), options_.schema, refusal)};
}

std::string PostgresClient::where() const {
  const PGconn* connection = connection_.get();
  const auto text = [](const char* value) { return value == nullptr ? "" : value; };
  return fmt::format("PostgreSQL at {}:{} ({})", text(PQhost(connection)), text(PQport(connection)), text(PQdb(connection)));
}

std::string PostgresClient::last_words() const { return trimmed(PQerrorMessage(connection_.get())); }

int PostgresClient::server_pid() const { return connected() ? PQbackendPID(connection_.get()) : 0; }

// --- waiting ---

void PostgresClient::close(std::string why) {
  broken_because_ = std::move(why);
  connection_.reset();
}

bool PostgresClient::wait_for_socket(Clock::time_point deadline) {
  const int unsent = PQflush(connection_.get());
  // What the server said before it broke the connection is still to be read.
  const short events = unsent == 1 ? POLLIN | POLLOUT : POLLIN;
  if (!wait_for(PQsocket(connection_.get()), events, deadline)) {
    close(fmt::format("{} did not answer within {:g} s", where(), seconds(options_.reply_timeout)));
    timed_out_ = true;
    return false;
  }
  if (PQconsumeInput(connection_.get()) == 1) return true;
  close(fmt::format("{}: the connection broke: {}", where(), last_words()));
  return false;
}

PostgresClient::ResultPointer PostgresClient::next_result(Clock::time_point deadline) {
  if (PQflush(connection_.get()) < 0 && PQstatus(connection_.get()) == CONNECTION_BAD) {
    close(fmt::format("{}: the connection broke: {}", where(), last_words()));
    return nullptr;
  }
  while (PQisBusy(connection_.get()) == 1) {
    if (!wait_for_socket(deadline)) return nullptr;
  }
  ResultPointer result(PQgetResult(connection_.get()));
  if (PQstatus(connection_.get()) == CONNECTION_BAD) {
    close(fmt::format("{}: the connection broke: {}", where(), last_words()));
    return nullptr;
  }
  return result;
}

Result<PostgresClient::ResultPointer> PostgresClient::query(const std::string& sql) {
  if (!connected()) return Error{broken_because_};
  if (PQsendQuery(connection_.get(), sql.c_str()) != 1) return Error{fmt::format("{}: {}", where(), last_words())};
  const auto deadline = Clock::now() + options_.reply_timeout;
  ResultPointer last;
  std::string refusal;
  while (true) {
    ResultPointer result = next_result(deadline);
    if (!connected()) return Error{broken_because_};
    if (result == nullptr) break;
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && refusal.empty()) {
      refusal = trimmed(PQresultErrorMessage(result.get()));
    }
    last = std::move(result);
  }
  if (refusal.empty()) return last;
  return Error{fmt::format("{}: {}", where(), refusal)};
}

// --- operations ---

void PostgresClient::submit(const Op& op) {
  DRYDOCK_CHECK(batch_.size() < kMostInBatch, "a batch for PostgreSQL has at most kMostInBatch operations");
  check_op(op);
  batch_.push_back(op);
}

std::vector<Reply> PostgresClient::collect() {
  const std::vector<Op> batch = std::exchange(batch_, {});
  std::vector<Reply> replies;
  replies.reserve(batch.size());
  // Hints are looked at when all before is answered; an explicit transaction may leave a connection to be rolled back.
  const auto stands_alone = [](const Op& op) {
    return std::holds_alternative<TakeHints>(op) || is_explicit_transaction(op);
  };
  std::span<const Op> rest(batch);
  while (!rest.empty()) {
    const auto end = std::find_if(rest.begin(), rest.end(), stands_alone);
    const auto length = static_cast<std::size_t>(end - rest.begin());
    const auto some = rest.first(std::max<std::size_t>(length, 1));
    rest = rest.subspan(some.size());
    const auto* hints = std::get_if<TakeHints>(&some.front());
    if (!connected()) {
      replies.insert(replies.end(), some.size(), Failed{Failed::Reason::unreachable, broken_because_});
    } else if (hints != nullptr) {
      replies.push_back(take_hints(*hints));
    } else {
      collect_some(some, replies);
    }
  }
  return replies;
}

void PostgresClient::collect_some(std::span<const Op> ops, std::vector<Reply>& replies) {
  std::size_t sent = 0;
  while (sent < ops.size() && send(ops[sent])) ++sent;
  if (sent < ops.size() && PQstatus(connection_.get()) != CONNECTION_BAD) {
    close(fmt::format("{}: cannot send: {}", where(), last_words()));
  }
  for (std::size_t i = 0; i < ops.size(); ++i) {
    // Of an operation that was begun to be sent, a part may have arrived; of those behind it, nothing.
    if (connected() && i < sent) {
      replies.push_back(receive(ops[i]));
    } else {
      const auto reason = i <= sent ? Failed::Reason::unknown : Failed::Reason::unreachable;
      replies.emplace_back(Failed{reason, broken_because_});
    }
  }
  if (connected() && is_explicit_transaction(ops.back())) roll_back();
}

bool PostgresClient::send(const Op& op) {
  for (const PostgresCall& call : encode(op, options_.schema)) {
    if (!send_call(connection_.get(), call)) return false;
  }
  return PQpipelineSync(connection_.get()) == 1;
}

Reply PostgresClient::receive(const Op& op) {
  std::vector<ResultPointer> results;
  if (!receive(results)) return Failed{Failed::Reason::unknown, broken_because_};
  std::vector<const PGresult*> views;
  for (const ResultPointer& result : results) views.push_back(result.get());
  note_notifications();
  return decode(op, views);
}

bool PostgresClient::receive(std::vector<ResultPointer>& results) {
  const auto deadline = Clock::now() + options_.reply_timeout;
  for (int ends = 0; true;) {
    ResultPointer result = next_result(deadline);
    if (!connected()) return false;
    if (result == nullptr) {  // the end of one statement
      DRYDOCK_CHECK(++ends < 100, "libpq has an answer for each operation that was sent");
      continue;
    }
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_PIPELINE_SYNC) return true;
    if (status == PGRES_PIPELINE_ABORTED) continue;  // behind an error that we have
    results.push_back(std::move(result));
  }
}

Result<std::vector<std::string>> PostgresClient::call(const PostgresCall& call) {
  DRYDOCK_CHECK(batch_.empty(), "collect() the batch before another statement");
  if (!connected()) return Error{broken_because_};
  std::vector<ResultPointer> results;
  if (!send_call(connection_.get(), call) || PQpipelineSync(connection_.get()) != 1) {
    close(fmt::format("{}: cannot send: {}", where(), last_words()));
    return Error{broken_because_};
  }
  if (!receive(results)) return Error{broken_because_};
  note_notifications();
  std::vector<std::string> row;
  for (const ResultPointer& result : results) {
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) {
      return Error{fmt::format("{}: {}", where(), trimmed(PQresultErrorMessage(result.get())))};
    }
    const int fields = row.empty() && PQntuples(result.get()) > 0 ? PQnfields(result.get()) : 0;
    for (int i = 0; i < fields; ++i) row.emplace_back(PQgetvalue(result.get(), 0, i));
  }
  return row;
}

Reply PostgresClient::execute(const Op& op) {
  DRYDOCK_CHECK(batch_.empty(), "collect() the batch before a single operation");
  submit(op);
  return collect().front();
}

Result<std::string> PostgresClient::run(const std::string& sql) {
  DRYDOCK_CHECK(batch_.empty(), "collect() the batch before other SQL");
  if (!connected()) return Error{broken_because_};
  if (PQexitPipelineMode(connection_.get()) != 1) return Error{last_words()};
  auto result = query(sql);
  if (!result.ok()) {
    if (connected()) PQenterPipelineMode(connection_.get());
    return result.error();
  }
  note_notifications();
  if (PQenterPipelineMode(connection_.get()) != 1) return Error{last_words()};
  const PGresult* last = result.value().get();
  if (last == nullptr || PQntuples(last) == 0 || PQnfields(last) == 0) return std::string();
  return std::string(PQgetvalue(last, 0, 0));
}

void PostgresClient::roll_back() {
  if (!connected() || PQtransactionStatus(connection_.get()) == PQTRANS_IDLE) return;
  const bool pipelined = PQpipelineStatus(connection_.get()) != PQ_PIPELINE_OFF;
  if (pipelined) {
    (void)run("rollback");
  } else {
    (void)query("rollback");
  }
}

// --- hints ---

void PostgresClient::note_notifications() {
  while (PGnotify* heard = PQnotifies(connection_.get())) {
    ++hints_[heard->relname];
    PQfreemem(heard);
  }
}

Reply PostgresClient::take_hints(const TakeHints& op) {
  if (PQconsumeInput(connection_.get()) != 1) {
    close(fmt::format("{}: the connection broke: {}", where(), last_words()));
    return Failed{Failed::Reason::unreachable, broken_because_};
  }
  note_notifications();
  const auto at = hints_.find(channel_name(options_.schema, op.channel));
  return Count{at == hints_.end() ? 0 : std::exchange(at->second, 0)};
}

}  // namespace drydock::runtime

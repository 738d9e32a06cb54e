#include "real-runtime/postgres_decode.hpp"

#include "policies/core/assert.hpp"

#include <charconv>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace drydock::runtime {

namespace {

using namespace postgres;

// Reads one row from the left. Notes when a value is not what it should be.
class Row {
 public:
  Row(const PGresult& result, int row) : result_(result), row_(row) {}

  [[nodiscard]] bool good() const { return good_; }
  bool null() { return PQgetisnull(&result_, row_, column_) == 1; }
  void skip() { ++column_; }
  std::string_view text() {
    if (column_ >= PQnfields(&result_) || null()) {
      good_ = false;
      return {};
    }
    const auto length = static_cast<std::size_t>(PQgetlength(&result_, row_, column_));
    return {PQgetvalue(&result_, row_, column_++), length};
  }
  template <class Number = std::int64_t>
  Number number() {
    const std::string_view digits = text();
    Number value{};
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size()) good_ = false;
    return value;
  }
  template <class Enumeration>
  Enumeration enumeration() {
    return static_cast<Enumeration>(number<std::uint8_t>());
  }
  bool boolean() { return text() == "t"; }
  // "\x00ff"
  std::string bytes() {
    const std::string_view hex = text();
    if (!hex.starts_with("\\x") || hex.size() % 2 != 0) {
      good_ = false;
      return {};
    }
    std::string result;
    result.reserve(hex.size() / 2 - 1);
    for (std::size_t i = 2; i < hex.size(); i += 2) {
      const int high = digit(hex[i]);
      const int low = digit(hex[i + 1]);
      if (high < 0 || low < 0) good_ = false;
      result += static_cast<char>(high * 16 + low);
    }
    return result;
  }

 private:
  static int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  }

  const PGresult& result_;
  int row_;
  int column_ = 0;
  bool good_ = true;
};

Resources read_resources(Row& row) {
  ResourceAmounts amounts;
  amounts.cpus_milli = row.number();
  amounts.memory_bytes = row.number();
  amounts.gpus = row.number();
  amounts.slots = row.number();
  return make_resources(amounts);
}

JobView read_view(Row& row) {
  JobView view;
  view.found = true;
  view.state = row.enumeration<JobState>();
  view.attempts = row.number<std::uint32_t>();
  view.failures = row.number<std::uint32_t>();
  view.losses = row.number<std::uint32_t>();
  view.progress = Duration{row.number()};
  if (!row.null()) view.last_reason = row.enumeration<ReleaseReason>();
  return view;
}

LoadedJob read_job(Row& row) {
  LoadedJob loaded;
  JobSpec& spec = loaded.job.spec;
  spec.id = JobId{row.number<std::uint64_t>()};
  loaded.arrival = row.number();
  spec.queue = QueueId{row.number<std::uint32_t>()};
  spec.priority = row.number<std::int32_t>();
  spec.tasks = row.number<std::uint32_t>();
  spec.per_task = read_resources(row);
  spec.estimate = Duration{row.number()};
  spec.input_bytes = row.number();
  spec.output_bytes = row.number();
  spec.on_failure = row.enumeration<OnInterrupt>();
  spec.on_preemption = row.enumeration<OnInterrupt>();
  loaded.job.payload = row.bytes();
  loaded.view = read_view(row);
  if (row.null()) row.skip();  // no reason
  loaded.age = std::chrono::microseconds{row.number()};
  return loaded;
}

Allocation read_allocation(Row& row) {
  Allocation allocation;
  allocation.attempt.job = JobId{row.number<std::uint64_t>()};
  allocation.attempt.number = row.number<std::uint32_t>();
  allocation.share.worker = WorkerId{row.number<std::uint32_t>()};
  allocation.share.tasks = row.number<std::uint32_t>();
  allocation.share.held = read_resources(row);
  allocation.attempt_ended = row.boolean();
  return allocation;
}

Failed misshapen(std::string_view what) {
  return {Failed::Reason::unknown, fmt::format("the answer to {} has another shape than this program expects", what)};
}

Failed failure(const PGresult& error) {
  const char* severity = PQresultErrorField(&error, PG_DIAG_SEVERITY_NONLOCALIZED);
  const char* state = PQresultErrorField(&error, PG_DIAG_SQLSTATE);
  std::string message = PQresultErrorMessage(&error);
  while (!message.empty() && message.back() == '\n') message.pop_back();
  // Not from the server, or its last words: whether it had committed is not known.
  if (severity == nullptr || state == nullptr || std::string_view(severity) != "ERROR") {
    return {Failed::Reason::unknown, std::move(message)};
  }
  const std::string_view code = state;
  const bool again = code.starts_with("40") || code == "55P03" || code == "57014";
  return {again ? Failed::Reason::aborted : Failed::Reason::refused, std::move(message)};
}

struct Decoder {
  std::span<const PGresult* const> results;

  // What `read` makes of the only row of the last result.
  template <class Read>
  Reply one(Read read) const {
    const PGresult& result = *results.back();
    if (PQntuples(&result) != 1) return misshapen("an operation with one row");
    Row row(result, 0);
    Reply reply = read(row);
    return row.good() ? reply : Reply(misshapen("an operation with one row"));
  }
  // Appends what `read` makes of each row; false if one is misshapen.
  template <class Read, class Value>
  static bool each(const PGresult& result, Read read, std::vector<Value>& out) {
    bool good = true;
    out.reserve(out.size() + static_cast<std::size_t>(PQntuples(&result)));
    for (int i = 0; i < PQntuples(&result); ++i) {
      Row row(result, i);
      out.push_back(read(row));
      good = good && row.good();
    }
    return good;
  }

  [[nodiscard]] Reply verdict() const {
    return one([](Row& row) {
      Verdict verdict;
      verdict.outcome = row.enumeration<Verdict::Outcome>();
      verdict.detail = row.number();
      verdict.version = row.number();
      verdict.cpus = row.number();
      return verdict;
    });
  }
  [[nodiscard]] Reply totals() const {
    return one([](Row& row) {
      Totals totals;
      totals.cpus = row.number();
      totals.allocations = row.number();
      totals.version = row.number();
      return totals;
    });
  }
  [[nodiscard]] Reply jobs() const {
    Jobs reply;
    if (!each(*results.back(), read_job, reply.jobs)) return misshapen("an operation that loads jobs");
    return reply;
  }
  [[nodiscard]] Reply lease() const {
    return one([](Row& row) {
      Lease lease;
      lease.holder = row.text();
      lease.epoch = row.number();
      lease.left = std::chrono::microseconds{row.number()};
      return lease;
    });
  }

  Reply operator()(const SubmitJobs& /*op*/) const {
    return one([](Row& row) {
      Submitted submitted;
      submitted.added = row.number();
      submitted.last_arrival = row.number();
      return submitted;
    });
  }
  Reply operator()(const ReadJob& /*op*/) const {
    if (PQntuples(results.back()) == 0) return JobView{};
    return one(read_view);
  }
  Reply operator()(const ReserveIds& /*op*/) const {
    return one([](Row& row) { return Count{row.number()}; });
  }
  Reply operator()(const RequestCancel& /*op*/) const { return verdict(); }
  Reply operator()(const CommitBatch& /*op*/) const { return verdict(); }
  Reply operator()(const SettleBatch& /*op*/) const { return verdict(); }
  Reply operator()(const FinishAttempt& /*op*/) const { return verdict(); }
  Reply operator()(const ReleaseEnded& /*op*/) const { return verdict(); }
  Reply operator()(const ReadTotals& /*op*/) const { return totals(); }
  Reply operator()(const RecountTotals& /*op*/) const { return totals(); }
  Reply operator()(const ReadAllocations& /*op*/) const {
    Allocations reply;
    if (!each(*results.back(), read_allocation, reply.rows)) return misshapen("ReadAllocations");
    return reply;
  }
  Reply operator()(const RaiseMark& /*op*/) const { return verdict(); }

  Reply operator()(const LoadState& op) const {
    if (PQntuples(results[1]) != 1) return misshapen("LoadState");
    Row header(*results[1], 0);
    const std::int64_t epoch = header.number();
    State state;
    state.totals.cpus = header.number();
    state.totals.allocations = header.number();
    state.totals.version = header.number();
    state.last_arrival = header.number();
    if (header.good() && epoch != op.fence.epoch) return Verdict{Verdict::Outcome::wrong_epoch, epoch};
    const bool good = each(*results[2], read_job, state.waiting) && each(*results[3], read_job, state.held) &&
                      each(*results[4], read_allocation, state.allocations);
    if (!good || !header.good()) return misshapen("LoadState");
    return state;
  }
  Reply operator()(const LoadWaiting& /*op*/) const { return jobs(); }
  Reply operator()(const LoadArrived& /*op*/) const { return jobs(); }
  Reply operator()(const LoadCancels& /*op*/) const {
    const auto read = [](Row& row) {
      CancelRequest request;
      request.number = row.number();
      request.job = JobId{row.number<std::uint64_t>()};
      return request;
    };
    Cancels reply;
    if (!each(*results.back(), read, reply.requests)) return misshapen("LoadCancels");
    return reply;
  }

  Reply operator()(const AcquireLease& /*op*/) const { return lease(); }
  Reply operator()(const ReleaseLease& /*op*/) const {
    return one([](Row& row) { return Found{row.boolean()}; });
  }
  Reply operator()(const ReadLease& /*op*/) const { return lease(); }

  Reply operator()(const FireDue& /*op*/) const { return verdict(); }
  Reply operator()(const ReadLastDue& /*op*/) const {
    return one([](Row& row) { return row.null() ? LastDue{} : LastDue{time_at(row.number())}; });
  }
  Reply operator()(const Listen& /*op*/) const { return Done{}; }
  Reply operator()(const Notify& /*op*/) const { return Done{}; }
  Reply operator()(const TakeHints& /*op*/) const { return Count{}; }
};

}  // namespace

Reply decode(const Op& op, std::span<const PGresult* const> results) {
  DRYDOCK_CHECK(!results.empty(), "an operation that was sent has an answer");
  for (const PGresult* result : results) {
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) return failure(*result);
  }
  return std::visit(Decoder{results}, op);
}

}  // namespace drydock::runtime

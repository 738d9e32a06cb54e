#include "real-runtime/postgres_encode.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <iterator>
#include <span>
#include <type_traits>
#include <utility>

namespace drydock::runtime {

namespace {

using namespace postgres;
using Parameters = std::vector<std::optional<std::string>>;

template <class Number>
std::string text(Number number) {
  if constexpr (std::is_enum_v<Number>) {
    return std::to_string(static_cast<int>(number));
  } else if constexpr (std::is_same_v<Number, bool>) {
    return number ? "t" : "f";
  } else {
    return std::to_string(number);
  }
}

template <class Number>
void append(std::string& out, Number number) {
  if constexpr (std::is_enum_v<Number>) {
    append(out, static_cast<int>(number));
  } else if constexpr (std::is_same_v<Number, bool>) {
    out.push_back(number ? 't' : 'f');
  } else {
    char digits[24];
    const auto [end, error] = std::to_chars(std::begin(digits), std::end(digits), number);
    out.append(std::begin(digits), end);
  }
}

// An array of what `value` makes of each row.
template <class Rows, class Value>
std::string array(const Rows& rows, Value value) {
  std::string out = "{";
  out.reserve(2 + 8 * rows.size());
  for (const auto& row : rows) {
    if (out.size() > 1) out.push_back(',');
    append(out, value(row));
  }
  out.push_back('}');
  return out;
}

// The same; where it is the same of all rows, it is said once.
template <class Rows, class Value>
std::string array_or_one(const Rows& rows, Value value) {
  const auto is_first = [&](const auto& row) { return value(row) == value(rows.front()); };
  if (rows.size() > 1 && std::ranges::all_of(rows, is_first)) return array(std::span(rows).first(1), value);
  return array(rows, value);
}

// In the order of the parameters of submit_once(), from the queues to the payloads.
void add_specs(Parameters& out, std::span<const Job> jobs) {
  const auto add = [&](auto value) { out.emplace_back(array(jobs, [&](const Job& job) { return value(job.spec); })); };
  add([](const JobSpec& s) { return s.queue.value; });
  add([](const JobSpec& s) { return s.priority; });
  add([](const JobSpec& s) { return s.tasks; });
  add([](const JobSpec& s) { return s.per_task.cpus(); });
  add([](const JobSpec& s) { return s.per_task.memory(); });
  add([](const JobSpec& s) { return s.per_task.gpus(); });
  add([](const JobSpec& s) { return s.per_task.slots(); });
  add([](const JobSpec& s) { return nanos(s.estimate); });
  add([](const JobSpec& s) { return s.input_bytes; });
  add([](const JobSpec& s) { return s.output_bytes; });
  add([](const JobSpec& s) { return s.on_failure; });
  add([](const JobSpec& s) { return s.on_preemption; });
}

// A bytea[] in binary form: half as long as in text form, and nothing is to be read in it.
std::string payloads(std::span<const Job> jobs) {
  constexpr std::uint32_t kBytea = 17;
  std::string result;
  std::size_t length = 20;
  for (const Job& job : jobs) length += 4 + job.payload.size();
  result.reserve(length);
  const auto add = [&](std::size_t number) {
    for (const unsigned shift : {24U, 16U, 8U, 0U}) result += static_cast<char>((number >> shift) & 0xffU);
  };
  for (const std::size_t number : {std::size_t{1}, std::size_t{0}, std::size_t{kBytea}, jobs.size(), std::size_t{1}})
    add(number);
  for (const Job& job : jobs) {
    add(job.payload.size());
    result += job.payload;
  }
  return result;
}

// But for their ids.
bool are_alike(const JobSpec& a, const JobSpec& b) {
  const Job first{.spec = a, .payload = {}};
  Job second{.spec = b, .payload = {}};
  second.spec.id = a.id;
  return first == second;
}

// In the order of the parameters of submit_jobs(): what is the same of all jobs is said once.
void add_jobs(PostgresCall& call, std::span<const Job> jobs) {
  call.parameters.emplace_back(array(jobs, [](const Job& job) { return job.spec.id.value; }));
  const bool alike = std::ranges::all_of(jobs, [&](const Job& job) { return are_alike(job.spec, jobs.front().spec); });
  add_specs(call.parameters, alike ? jobs.first(1) : jobs);
  call.parameters.emplace_back(payloads(jobs));
  call.last_is_binary = true;
}

void add_releases(Parameters& out, const std::vector<ReleasedAttempt>& rows) {
  out.emplace_back(array(rows, [](const ReleasedAttempt& r) { return r.attempt.job.value; }));
  out.emplace_back(array_or_one(rows, [](const ReleasedAttempt& r) { return r.attempt.number; }));
  out.emplace_back(array_or_one(rows, [](const ReleasedAttempt& r) { return r.reason; }));
  out.emplace_back(array_or_one(rows, [](const ReleasedAttempt& r) { return r.job_ends; }));
  out.emplace_back(array_or_one(rows, [](const ReleasedAttempt& r) { return nanos(r.progress); }));
}

void add_assignments(Parameters& out, const std::vector<AssignedAttempt>& rows) {
  struct Part {
    AttemptId attempt;
    std::size_t part;
    const Share* share;
  };
  std::vector<Part> parts;
  for (const AssignedAttempt& row : rows) {
    for (std::size_t i = 0; i < row.shares.size(); ++i) parts.push_back({row.attempt, i, &row.shares[i]});
  }
  out.emplace_back(array(parts, [](const Part& p) { return p.attempt.job.value; }));
  const auto add = [&](auto value) { out.emplace_back(array_or_one(parts, value)); };
  add([](const Part& p) { return p.attempt.number; });
  add([](const Part& p) { return p.part; });
  add([](const Part& p) { return p.share->worker.value; });
  add([](const Part& p) { return p.share->tasks; });
  add([](const Part& p) { return p.share->held.cpus(); });
  add([](const Part& p) { return p.share->held.memory(); });
  add([](const Part& p) { return p.share->held.gpus(); });
  add([](const Part& p) { return p.share->held.slots(); });
}

struct Encoder {
  using Calls = std::vector<PostgresCall>;
  using Statement = PostgresStatement;
  std::string_view schema;

  static Calls call(Statement statement, Parameters parameters = {}) { return {{statement, {}, std::move(parameters)}}; }
  static Parameters fenced(const Fence& fence) { return {fence.lease, text(fence.epoch)}; }

  Calls operator()(const SubmitJobs& op) const {
    PostgresCall submission{Statement::submit_jobs, {}, {}};
    add_jobs(submission, op.jobs);
    return {std::move(submission)};
  }
  Calls operator()(const ReadJob& op) const { return call(Statement::read_job, {text(op.job.value)}); }
  Calls operator()(const ReserveIds& op) const { return call(Statement::reserve_ids, {text(op.count)}); }
  Calls operator()(const RequestCancel& op) const { return call(Statement::request_cancel, {text(op.job.value)}); }
  Calls operator()(const CommitBatch& op) const {
    Parameters parameters = fenced(op.fence);
    parameters.emplace_back(text(op.request.value));
    parameters.emplace_back(text(op.settled_below.value));
    add_releases(parameters, op.releases);
    parameters.emplace_back(array(op.endings, [](const EndedJob& row) { return row.job.value; }));
    parameters.emplace_back(array(op.endings, [](const EndedJob& row) { return row.reason; }));
    add_assignments(parameters, op.assignments);
    return call(Statement::commit_batch, std::move(parameters));
  }
  Calls operator()(const SettleBatch& op) const {
    return call(Statement::settle_batch, {op.fence.lease, text(op.fence.epoch), text(op.request.value)});
  }
  Calls operator()(const FinishAttempt& op) const {
    return call(Statement::finish_attempt, {text(op.attempt.job.value), text(op.attempt.number), text(op.reason),
                                            text(op.job_ends), text(nanos(op.progress)), text(op.release)});
  }
  Calls operator()(const ReleaseEnded& op) const {
    return call(Statement::release_ended, {op.fence.lease, text(op.fence.epoch), text(op.limit)});
  }
  Calls operator()(const ReadTotals& /*op*/) const { return call(Statement::read_totals); }
  Calls operator()(const RecountTotals& /*op*/) const { return call(Statement::recount_totals); }
  Calls operator()(const ReadAllocations& op) const {
    return call(Statement::read_allocations, {op.worker ? std::optional(text(op.worker->value)) : std::nullopt});
  }
  Calls operator()(const RaiseMark& op) const { return call(Statement::raise_mark, fenced(op.fence)); }

  Calls operator()(const LoadState& op) const {
    return {{Statement::begin_snapshot, {}, {}},
            {Statement::load_header, {}, {op.fence.lease}},
            {Statement::load_all_waiting, {}, {text(op.limit_per_queue)}},
            {Statement::load_held, {}, {}},
            {Statement::read_allocations, {}, {std::nullopt}},
            {Statement::end_snapshot, {}, {}}};
  }
  Calls operator()(const LoadWaiting& op) const {
    Parameters parameters{text(op.queue.value), std::nullopt, std::nullopt, text(op.limit)};
    if (op.after) {
      parameters[1] = text(op.after->priority);
      parameters[2] = text(op.after->job.value);
    }
    return call(Statement::load_waiting, std::move(parameters));
  }
  Calls operator()(const LoadArrived& op) const { return call(Statement::load_arrived, {text(op.after), text(op.limit)}); }

  Calls operator()(const LoadCancels& op) const { return call(Statement::load_cancels, {text(op.after), text(op.limit)}); }

  Calls operator()(const AcquireLease& op) const {
    return call(Statement::acquire_lease, {op.lease, op.holder, text(ttl_us(op.ttl)), text(op.epoch_min)});
  }
  Calls operator()(const ReleaseLease& op) const {
    return call(Statement::release_lease, {op.lease, op.holder, text(op.epoch)});
  }
  Calls operator()(const ReadLease& op) const { return call(Statement::read_lease, {op.lease}); }

  Calls operator()(const FireDue& op) const {
    PostgresCall firing{Statement::fire_due, {}, fenced(op.fence)};
    firing.parameters.emplace_back(op.name);
    firing.parameters.emplace_back(text(nanos(op.due)));
    add_jobs(firing, {&op.job, 1});
    return {std::move(firing)};
  }
  Calls operator()(const ReadLastDue& op) const { return call(Statement::read_last_due, {op.name}); }

  Calls operator()(const Listen& op) const {
    return {{std::nullopt, fmt::format("listen \"{}\"", channel_name(schema, op.channel)), {}}};
  }
  Calls operator()(const Notify& op) const { return call(Statement::notify, {channel_name(schema, op.channel)}); }
  Calls operator()(const TakeHints& /*op*/) const { return {}; }
};

}  // namespace

std::string text_array(const std::vector<std::string>& rows) {
  std::string result = "{";
  for (const std::string& row : rows) {
    result += result.size() > 1 ? ",\"" : "\"";
    for (const char c : row) {
      if (c == '"' || c == '\\') result += '\\';
      result += c;
    }
    result += '"';
  }
  return result + "}";
}

std::vector<PostgresCall> encode(const Op& op, std::string_view schema) {
  check_op(op);
  return std::visit(Encoder{schema}, op);
}

PostgresCall encode_submission(const std::string& key, const std::string& digest, const std::vector<Job>& jobs) {
  PostgresCall call{PostgresStatement::submit_once, {}, {key, digest}};
  add_specs(call.parameters, jobs);
  call.parameters.emplace_back(payloads(jobs));
  call.last_is_binary = true;
  return call;
}

PostgresCall encode_queues(const std::vector<std::string>& names) {
  return {PostgresStatement::name_queues, {}, {text_array(names)}};
}

PostgresCall encode_queues(const Fence& fence, const std::vector<std::string>& names) {
  return {PostgresStatement::lead_queues, {}, {fence.lease, text(fence.epoch), text_array(names)}};
}

std::optional<std::vector<std::uint32_t>> queue_numbers_in(const std::vector<std::string>& row) {
  if (row.size() != 1 || row.front().size() < 2) return std::nullopt;
  std::vector<std::uint32_t> numbers;
  const char* at = row.front().data() + 1;  // behind '{'
  const char* const end = row.front().data() + row.front().size() - 1;
  while (at < end) {
    const auto [next, error] = std::from_chars(at, end, numbers.emplace_back());
    if (error != std::errc{} || (next != end && *next != ',')) return std::nullopt;
    at = next + 1;
  }
  return numbers;
}

bool is_explicit_transaction(const Op& op) { return std::holds_alternative<LoadState>(op); }

}  // namespace drydock::runtime

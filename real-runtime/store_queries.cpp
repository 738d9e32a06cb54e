#include "real-runtime/store_queries.hpp"

#include "real-runtime/scheduler_driver.hpp"

#include <array>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <utility>

namespace drydock::runtime {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 6> kStatuses{"waiting", "running", "succeeded", "failed", "cancelled", "quarantined"};

constexpr std::string_view kOtherShape = "PostgreSQL answered in another shape than this program expects";

// A job that ended with the release of an attempt for another reason was cancelled meanwhile.
constexpr std::string_view kStatus =
    "case state when 0 then 0 when 1 then 1 else case last_reason when 0 then 2 when 1 then 3 when 6 then 5 else 4 end end";

std::string condition(JobFilter::State state) {
  switch (state) {
    case JobFilter::State::any: return "true";
    case JobFilter::State::waiting: return "state = 0";
    case JobFilter::State::running: return "state = 1";
    case JobFilter::State::ended: return "state = 2";
    case JobFilter::State::succeeded: return "state = 2 and last_reason = 0";
    case JobFilter::State::failed: return "state = 2 and last_reason = 1";
    case JobFilter::State::quarantined: return "state = 2 and last_reason = 6";
    case JobFilter::State::cancelled: return "state = 2 and last_reason not in (0, 1, 6)";
  }
  return "true";
}

std::string utc(std::string_view column) {
  return fmt::format("to_char({} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')", column);
}

// What lives lies behind the mark.
std::string select_jobs(const std::string& schema, const std::string& where, bool payloads = true) {
  return fmt::format(
      "select coalesce(json_agg(r order by arrival desc), '[]') from (select j.id, j.arrival, "
      "coalesce((select name from {0}.queues q where q.number = j.queue), j.queue::text) as queue, "
      "state = 0 and not exists (select from {0}.queues q where q.number = j.queue and q.place is not null) as gone, "
      "{1} as status, "
      "exists (select from {0}.cancels c where c.job = j.id) as cancel_requested, priority, tasks, cpus, memory, gpus, "
      "slots, "
      "attempts, "
      "failures, losses, {2} as submitted_at, {3} as payload from {0}.job_states j where {4}) r",
      schema, kStatus, utc("j.submitted_at"), payloads ? "encode(payload, 'hex')" : "''", where);
}

Result<json> ask(PostgresClient& store, const std::string& sql) {
  const auto text = store.run(sql);
  if (!text.ok()) return text.error();
  json rows = json::parse(text.value(), nullptr, false);
  if (!rows.is_array()) return Error{std::string(kOtherShape)};
  return rows;
}

std::string from_hex(const std::string& hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  }
  return bytes;
}

JobRow job_of(const json& row) {
  return {.id = JobId{row.at("id").get<std::uint64_t>()},
          .arrival = row.at("arrival").get<std::int64_t>(),
          .queue = row.at("queue").get<std::string>(),
          .queue_is_gone = row.at("gone").get<bool>(),
          .status = static_cast<JobStatus>(row.at("status").get<int>()),
          .cancel_requested = row.at("cancel_requested").get<bool>(),
          .priority = row.at("priority").get<std::int32_t>(),
          .tasks = row.at("tasks").get<std::uint32_t>(),
          .cpus_milli = row.at("cpus").get<std::int64_t>(),
          .memory_bytes = row.at("memory").get<std::int64_t>(),
          .gpus = row.at("gpus").get<std::int64_t>(),
          .slots = row.at("slots").get<std::int64_t>(),
          .attempts = row.at("attempts").get<std::uint32_t>(),
          .failures = row.at("failures").get<std::uint32_t>(),
          .losses = row.at("losses").get<std::uint32_t>(),
          .submitted_at = row.at("submitted_at").get<std::string>(),
          .payload = from_hex(row.at("payload").get<std::string>())};
}

}  // namespace

std::string_view to_string(JobStatus status) { return kStatuses[static_cast<std::size_t>(status)]; }

Result<std::vector<JobRow>> list_jobs(PostgresClient& store, const std::string& schema, const JobFilter& filter) {
  std::string where = condition(filter.state);
  const bool live = filter.state == JobFilter::State::waiting || filter.state == JobFilter::State::running;
  if (live) where += fmt::format(" and arrival >= (select mark from {}.intake)", schema);
  if (filter.queue) where += fmt::format(" and queue = {}", *filter.queue);
  if (filter.before) where += fmt::format(" and arrival < {}", *filter.before);
  const auto rows = ask(
      store, select_jobs(schema, fmt::format("{} order by arrival desc limit {}", where, filter.limit), filter.payloads));
  if (!rows.ok()) return rows.error();
  std::vector<JobRow> jobs;
  for (const json& row : rows.value()) jobs.push_back(job_of(row));
  return jobs;
}

Result<std::optional<JobStory>> find_job(PostgresClient& store, const std::string& schema, JobId job) {
  const std::string attempts = fmt::format(
      "select coalesce(json_agg(r), '[]') from (select attempt, worker, tasks, {1} as assigned_at, {2} as ended_at, "
      "(array['succeeded', 'failed', 'preempted', 'worker lost', 'cancelled', 'retried', 'quarantined', "
      "'drained'])[outcome + 1] as outcome from {0}.allocations where job = {3} order by attempt, part) r",
      schema, utc("created_at"), utc("ended_at"), job.value);
  // One statement: one snapshot. The payload, which may be long, is no part of the JSON.
  const auto row =
      store.call({std::nullopt,
                  fmt::format("select ({}), ({}), (select encode(payload, 'hex') from {}.jobs where id = {})",
                              select_jobs(schema, fmt::format("id = {}", job.value), false), attempts, schema, job.value),
                  {}});
  if (!row.ok()) return row.error();
  if (row.value().size() != 3) return Error{std::string(kOtherShape)};
  const json jobs = json::parse(row.value()[0], nullptr, false);
  const json rows = json::parse(row.value()[1], nullptr, false);
  if (!jobs.is_array() || !rows.is_array()) return Error{std::string(kOtherShape)};
  if (jobs.empty()) return std::optional<JobStory>{};
  JobStory story{.job = job_of(jobs.front()), .attempts = {}};
  story.job.payload = from_hex(row.value()[2]);
  const auto text = [](const json& value) { return value.is_string() ? value.get<std::string>() : std::string(); };
  for (const json& each : rows) {
    story.attempts.push_back({.number = each.at("attempt").get<std::uint32_t>(),
                              .worker = each.at("worker").get<std::uint32_t>(),
                              .tasks = each.at("tasks").get<std::uint32_t>(),
                              .assigned_at = text(each.at("assigned_at")),
                              .ended_at = text(each.at("ended_at")),
                              .outcome = text(each.at("outcome"))});
  }
  return std::optional(std::move(story));
}

Result<postgres::Done> set_queues(PostgresClient& store, const std::vector<std::string>& names) {
  const auto numbers = store.call(encode_queues(names));
  if (!numbers.ok()) return numbers.error();
  return postgres::Done{};
}

Result<std::vector<NamedQueue>> read_queues(PostgresClient& store, const std::string& schema) {
  const auto rows = ask(
      store, fmt::format("select coalesce(json_agg(q order by place nulls last, number), '[]') from {}.queues q", schema));
  if (!rows.ok()) return rows.error();
  std::vector<NamedQueue> queues;
  for (const json& row : rows.value()) {
    queues.push_back({.number = row.at("number").get<std::uint32_t>(),
                      .name = row.at("name").get<std::string>(),
                      .is_served = !row.at("place").is_null()});
  }
  return queues;
}

Result<SubmittedOnce> submit_once(PostgresClient& store, const std::string& key, const std::string& digest,
                                  const std::vector<postgres::Job>& jobs) {
  const auto row = store.call(encode_submission(key, digest, jobs));
  if (!row.ok()) return row.error();
  if (row.value().size() != 3 || row.value()[0].empty()) return Error{std::string(kOtherShape)};
  return SubmittedOnce{
      .first = std::stoull(row.value()[0]), .repeated = row.value()[1] == "f", .same = row.value()[2] == digest};
}

Result<JobTally> count_jobs(PostgresClient& store, const std::string& schema, std::uint32_t limit) {
  const auto rows = ask(
      store, fmt::format(
                 "select coalesce(json_agg(r order by place nulls last, number), '[]') from (select "
                 "coalesce(name, queue::text) as name, place, coalesce(number, queue) as number, "
                 "coalesce(waiting, 0) as waiting, coalesce(running, 0) as running, coalesce(seen, 0) as seen from (select "
                 "queue, count(*) filter (where state = 0) as waiting, count(*) filter (where state = 1) as running, "
                 "count(*) as seen from (select queue, state from {0}.job_states where arrival >= (select mark from "
                 "{0}.intake) order by arrival desc limit {1}) j group by queue) c full join {0}.queues q on number = queue "
                 "where place is not null or seen > 0) r",
                 schema, limit));
  if (!rows.ok()) return rows.error();
  JobTally tally;
  std::int64_t seen = 0;
  for (const json& row : rows.value()) {
    seen += row.at("seen").get<std::int64_t>();
    const bool is_served = !row.at("place").is_null();
    if (!is_served && row.at("waiting") == 0 && row.at("running") == 0) continue;
    tally.queues.push_back({.name = row.at("name").get<std::string>(),
                            .is_served = is_served,
                            .waiting = row.at("waiting").get<std::int64_t>(),
                            .running = row.at("running").get<std::int64_t>()});
  }
  tally.complete = seen < limit;
  return tally;
}

Result<std::vector<HeldByWorker>> held_by_workers(PostgresClient& store, const std::string& schema) {
  const auto rows = ask(
      store, fmt::format(
                 "select coalesce(json_agg(r), '[]') from (select worker, sum(cpus)::bigint as cpus, sum(memory)::bigint as "
                 "memory, sum(gpus)::bigint as gpus, count(*) as allocations from {0}.allocations where job >= (select "
                 "low_job from {0}.intake) and not released group by worker order by worker) r",
                 schema));
  if (!rows.ok()) return rows.error();
  std::vector<HeldByWorker> held;
  for (const json& row : rows.value()) {
    held.push_back({.worker = row.at("worker").get<std::uint32_t>(),
                    .cpus_milli = row.at("cpus").get<std::int64_t>(),
                    .memory_bytes = row.at("memory").get<std::int64_t>(),
                    .gpus = row.at("gpus").get<std::int64_t>(),
                    .allocations = row.at("allocations").get<std::int64_t>()});
  }
  return held;
}

Result<postgres::Lease> read_leader(PostgresClient& store) {
  const auto reply = store.execute(postgres::ReadLease{std::string(SchedulerDriver::kLease)});
  if (const auto* lease = std::get_if<postgres::Lease>(&reply)) return *lease;
  return Error{to_text(reply)};
}

Result<int> schema_version(PostgresClient& store, const std::string& schema) {
  const auto rows = ask(store, fmt::format("select coalesce(json_agg(version), '[]') from {}.meta", schema));
  if (!rows.ok()) return rows.error();
  return rows.value().empty() ? 0 : rows.value().at(0).get<int>();
}

}  // namespace drydock::runtime

// What people and tools ask of the store beside the operations of policies/ports/postgres.hpp: lists of jobs, and names. Never on the
// path of a job.
#pragma once

#include "policies/core/ids.hpp"
#include "policies/core/result.hpp"
#include "real-runtime/postgres_client.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace drydock::runtime {

// What became of a job, in one word.
enum class JobStatus : std::uint8_t { waiting, running, succeeded, failed, cancelled, quarantined };
[[nodiscard]] std::string_view to_string(JobStatus status);

struct JobRow {
  JobId id;
  std::int64_t arrival = 0;
  std::string queue;  // its name, or its number where that has none
  JobStatus status = JobStatus::waiting;
  bool cancel_requested = false;
  std::int32_t priority = 0;
  std::uint32_t tasks = 1;
  std::int64_t cpus_milli = 0;  // of one task, likewise below
  std::int64_t memory_bytes = 0;
  std::int64_t gpus = 0;
  std::uint32_t attempts = 0;
  std::uint32_t failures = 0;
  std::uint32_t losses = 0;
  std::string submitted_at;  // ISO 8601, UTC; likewise below
  std::string payload;
};

struct AttemptRow {
  std::uint32_t number = 0;
  std::uint32_t worker = 0;
  std::uint32_t tasks = 1;
  std::string assigned_at;
  std::string ended_at;  // empty: it has not ended
  std::string outcome;   // likewise
};

struct JobFilter {
  enum class State : std::uint8_t { any, waiting, running, ended, succeeded, failed, cancelled, quarantined };
  State state = State::any;
  std::optional<std::uint32_t> queue{};
  std::optional<std::int64_t> before{};  // jobs that arrived before this one
  std::uint32_t limit = 50;              // > 0
};

// The newest first. Errors are the server's.
[[nodiscard]] Result<std::vector<JobRow>> list_jobs(PostgresClient& store, const std::string& schema,
                                                    const JobFilter& filter);
[[nodiscard]] Result<std::optional<JobRow>> find_job(PostgresClient& store, const std::string& schema, JobId job);
[[nodiscard]] Result<std::vector<AttemptRow>> list_attempts(PostgresClient& store, const std::string& schema, JobId job);

// The names of queues, by number: a scheduler says them when it starts.
[[nodiscard]] Result<postgres::Done> set_queues(PostgresClient& store, const std::string& schema,
                                                const std::vector<std::string>& names);
[[nodiscard]] Result<std::vector<std::string>> read_queues(PostgresClient& store, const std::string& schema);

}  // namespace drydock::runtime

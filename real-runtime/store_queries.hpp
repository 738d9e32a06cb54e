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
  std::string queue;           // its name, or its number where that has none
  bool queue_is_gone = false;  // it waits, and the scheduler that led last has no queue of this name
  JobStatus status = JobStatus::waiting;
  bool cancel_requested = false;
  std::int32_t priority = 0;
  std::uint32_t tasks = 1;
  std::int64_t cpus_milli = 0;  // of one task, likewise below
  std::int64_t memory_bytes = 0;
  std::int64_t gpus = 0;
  std::int64_t slots = 1;
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
  bool payloads = true;                  // else they are left empty
};

// The newest first. Errors are the server's.
[[nodiscard]] Result<std::vector<JobRow>> list_jobs(PostgresClient& store, const std::string& schema,
                                                    const JobFilter& filter);

// A job and its attempts at one moment.
struct JobStory {
  JobRow job;
  std::vector<AttemptRow> attempts;
};
[[nodiscard]] Result<std::optional<JobStory>> find_job(PostgresClient& store, const std::string& schema, JobId job);

// A queue that some scheduler had. Its number means its name for good.
struct NamedQueue {
  std::uint32_t number = 0;
  std::string name;
  bool is_served = true;  // by the scheduler that led last
};
// Says which queues there are, in the scenario's order. A scheduler that leads does it by itself.
[[nodiscard]] Result<postgres::Done> set_queues(PostgresClient& store, const std::vector<std::string>& names);
// First those that are served, in the scenario's order.
[[nodiscard]] Result<std::vector<NamedQueue>> read_queues(PostgresClient& store, const std::string& schema);

inline constexpr std::string_view kQueueIsGone = "no scheduler has its queue";

struct SubmittedOnce {
  std::uint64_t first = 0;  // id of the first; the others follow
  bool repeated = false;    // the key was there before
  bool same = true;         // for the same digest; else nothing was submitted
};
// Jobs, whose ids are not looked at, in one transaction. With a key (printable ASCII, likewise the digest; empty: none) a repetition
// gets the ids of the first time, and adds nothing. Keys are kept for a day.
[[nodiscard]] Result<SubmittedOnce> submit_once(PostgresClient& store, const std::string& key, const std::string& digest,
                                                const std::vector<postgres::Job>& jobs);

// Waiting and running jobs of a queue.
struct QueueCount {
  std::string name;       // or its number where that has none
  bool is_served = true;  // by the scheduler that led last
  std::int64_t waiting = 0;
  std::int64_t running = 0;
};
struct JobTally {
  std::vector<QueueCount> queues;  // those that are served, in the scenario's order; then others that have any
  bool complete = true;            // else these are the newest `limit` jobs behind the mark alone
};
[[nodiscard]] Result<JobTally> count_jobs(PostgresClient& store, const std::string& schema, std::uint32_t limit);

// What is allocated on a worker and not released.
struct HeldByWorker {
  std::uint32_t worker = 0;
  std::int64_t cpus_milli = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t gpus = 0;
  std::int64_t allocations = 0;
};
[[nodiscard]] Result<std::vector<HeldByWorker>> held_by_workers(PostgresClient& store, const std::string& schema);

// Of the schema, as the store has it now.
[[nodiscard]] Result<int> schema_version(PostgresClient& store, const std::string& schema);
// The schedulers' lease; `left` is 0 where none leads.
[[nodiscard]] Result<postgres::Lease> read_leader(PostgresClient& store);

}  // namespace drydock::runtime

// What clients hand in, as JSON: a job as `drydock submit` and the HTTP API describe it.
//
// {"script": "sleep 60", "cpus": 4}: a payload (job_payload.hpp) and any of
//   "queue": "default"   the name of its queue (default: the first)
//   "cpus": 1            cores for each task, to a thousandth
//   "memory": "4GiB"     of each task, or bytes (default 0)
//   "gpus": 0            of each task
//   "tasks": 1           processes that start together or not at all
//   "priority": 0        higher goes first within its queue, under placement policies that heed it
//   "estimate": "10m"    how long it will run at most (default: what it sleeps, else 1m)
// Several at once: {"jobs": [{...}, ...]}. Beside them, or in the one job: "unique_key": "...".
#pragma once

#include "policies/core/result.hpp"
#include "policies/ports/postgres.hpp"
#include "real-runtime/store_queries.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::runtime {

inline constexpr std::size_t kMostJobsAtOnce = 10'000;
inline constexpr std::size_t kMostKeyBytes = 255;

struct JobRequest {
  postgres::Job job;  // without id and queue
  std::string queue;  // empty: the first
};

struct JobRequests {
  std::vector<JobRequest> jobs;  // at least one
  bool listed = false;           // under "jobs"
  std::string unique_key;        // empty: none
  std::string digest;            // the same for whatever describes the same jobs
};

// Errors begin with the place: "/jobs/3/cpus: it is not a number between 0 and 1000000".
[[nodiscard]] Result<JobRequests> read_job_requests(std::string_view text);

// One job alone, without a unique key: "/cpus: ...".
[[nodiscard]] Result<JobRequest> read_job_request(std::string_view text);

// The same for whatever describes the same jobs.
[[nodiscard]] std::string digest_of(const JobRequests& requests);

// What is wrong with a unique key; none: nothing.
[[nodiscard]] std::optional<std::string> problem_with_key(std::string_view key);

// The job with the number of its queue, which is served: "/queue: ...".
[[nodiscard]] Result<postgres::Job> in_queue(const JobRequest& request, const std::vector<NamedQueue>& queues);
// The same of several.
[[nodiscard]] Result<std::vector<postgres::Job>> in_queues(const JobRequests& requests,
                                                           const std::vector<NamedQueue>& queues);

}  // namespace drydock::runtime

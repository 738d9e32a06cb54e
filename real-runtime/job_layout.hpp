// What a job is told of itself: its environment and its task.json; and how the end of it is written down.
#pragma once

#include "real-runtime/attempt_outcome.hpp"
#include "real-runtime/job_folder.hpp"
#include "real-runtime/job_keeper.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace drydock::runtime {

// {"version":1,"job":7,"attempt":2,"tasks":1,"worker":"0","resources":{"cpus_milli":1000,"memory_bytes":0,"gpus":0,"gpu_devices":[]},
//  "progress_s":0,"results":"results","parameters":{...}}
[[nodiscard]] std::string task_json(const KeptAttempt& attempt, const KeeperSettings& settings);

// Of one task; `work`: the folder that it begins in, as it sees it.
[[nodiscard]] std::map<std::string, std::string> task_environment(const KeptAttempt& attempt, const KeeperSettings& settings,
                                                                  std::uint32_t task, const std::string& work);

struct TaskRecord {
  std::optional<int> exit_status{};
  std::optional<int> signal{};
  std::uint64_t output_bytes = 0;
  std::uint64_t output_cut = 0;
  std::uint64_t error_bytes = 0;
  std::uint64_t error_cut = 0;
};
struct AttemptRecord {
  AttemptOutcome outcome;
  std::vector<TaskRecord> tasks;
  std::int64_t started_at_unix_s = 0;
  double wall_s = 0;
  double cpu_s = 0;
  std::int64_t max_rss_bytes = 0;  // of the largest process
  Collected collected;
  std::vector<std::string> left_behind;  // what could not be ended or removed
};
// The version is 1. "limits" say how each was enforced, or that it was not.
[[nodiscard]] std::string result_json(const KeptAttempt& attempt, const KeeperSettings& settings,
                                      const AttemptRecord& record);

}  // namespace drydock::runtime

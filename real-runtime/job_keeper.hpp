// The keeper of an attempt: a process between the worker and the job's processes, of one attempt at a time, that lays out the folder, starts
// the tasks, reads their output, ends them in time, and sees to it that nothing of the attempt is left, also when the worker is killed.
// When nothing is, it can be given another: to make a process that is a copy of the worker costs more than all else of a short attempt. Not
// where jobs run as the worker's own user: they could have meddled with it.
//
// It is forked from the worker and never runs another program. All that the job starts has it as an ancestor, whatever it does: orphans
// become its children (PR_SET_CHILD_SUBREAPER). When the worker goes, the keeper is told by the end of their socket, and by a signal; when
// the keeper goes, its tasks are killed by the kernel, and the worker looks for the rest.
#pragma once

#include "policies/core/ids.hpp"
#include "policies/core/resources.hpp"
#include "policies/core/time.hpp"
#include "real-runtime/aside.hpp"
#include "real-runtime/attempt_outcome.hpp"
#include "real-runtime/cgroup.hpp"
#include "real-runtime/container_engine.hpp"
#include "real-runtime/job_folder.hpp"
#include "real-runtime/job_limits.hpp"
#include "real-runtime/job_payload.hpp"
#include "real-runtime/output_log.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace drydock::runtime {

struct KeptAttempt {
  AttemptId attempt;
  std::uint32_t tasks = 1;  // of it, here
  Resources held;           // by all of these
  Duration progress{};
  JobPayload payload;  // no sleep
  std::vector<int> gpus{};
  std::vector<int> cores{};         // to be bound to; empty: any
  std::filesystem::path folder{};   // its own
  std::filesystem::path results{};  // where its results go
  std::string limiter{};            // socket where it asks for its part of a limit; empty: none
};

// What holds for all attempts of a worker.
struct KeeperSettings {
  std::string worker;   // its number
  std::string process;  // this process of it, as no other is called
  std::optional<User> user{};
  std::vector<std::string> environment{};  // "NAME=value", that jobs have of the worker
  CgroupBase cgroups{};
  LimitSupport limits{};
  std::optional<ContainerEngine> engine{};
  OutputBounds output{};
  CollectBounds collect{};
  Duration time_limit{};  // 0: none
  Duration grace{};       // between SIGTERM and SIGKILL at the time limit
  Duration stop_grace{};  // likewise where the worker ends it
  std::int64_t most_pids = 0;
  bool keep_work = false;
};

// The variable whose value, the attempt's folder, is in the environment of all that it starts, unless they take it out.
inline constexpr const char* kFolderVariable = "DRYDOCK_ATTEMPT_FOLDER";

// A message comes from its socket for each attempt: its end (keeper_messages.hpp), when nothing of it runs any more; then, unless the
// keeper takes another, the end of the socket, when the keeper has gone. A byte that is written to it stops the attempt; one that comes
// too late stops no other. When a keeper's socket is shut down for writing it goes.
[[nodiscard]] Result<StartedAside> start_keeper(const KeptAttempt& attempt, const KeeperSettings& settings);
// To one that takes another; its settings are those that it was started with. False: it has not got it, and goes.
[[nodiscard]] bool give_to_keeper(int socket, const KeptAttempt& attempt);

}  // namespace drydock::runtime

// A process of a job: how it is started, with which rights, limits and files.
#pragma once

#include "policies/core/result.hpp"
#include "real-runtime/private_server.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace drydock::runtime {

struct TaskLaunch {
  std::vector<std::string> words;        // a program, looked for in the PATH of the environment, and its arguments
  std::vector<std::string> environment;  // all of it: "NAME=value"
  std::string folder;                    // where it begins
  std::optional<User> user{};            // none: that of this process
  std::vector<std::string> groups{};     // control groups, by the files to join them
  std::vector<int> cores{};              // it is bound to; empty: all
  std::uint64_t address_space = 0;       // bytes; 0: no limit
};
// Its output, to be read and closed by whoever started it; reading does not wait.
struct StartedTask {
  pid_t process = -1;
  int output = -1;
  int errors = -1;
};

// A process in a session of its own that is killed when the calling thread ends. It cannot gain rights, its input is empty, it leaves no
// core dumps, and all signals are as in a fresh process. Returns when the program runs, or says why it does not.
[[nodiscard]] Result<StartedTask> start_task(const TaskLaunch& launch);

// Signals as a program expects them at its start: none ignored, none blocked, none handled.
void reset_signals();

}  // namespace drydock::runtime

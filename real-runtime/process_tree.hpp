// Processes and what they started, as /proc tells it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace drydock::runtime {

// The field of /proc/PID/stat: with the number it names a process for good, since numbers are used again. Nothing: there is none.
[[nodiscard]] std::optional<std::uint64_t> start_time_of(pid_t process);

// Whether it was stopped by a signal.
[[nodiscard]] bool is_stopped(pid_t process);

// Numbers of processes mean something within one namespace of them alone; this is that of this process. Empty: unknown.
[[nodiscard]] std::string process_namespace();

// All that `ancestor` started, and these again. One that is born meanwhile may be missing: ask again until there is none.
[[nodiscard]] std::vector<pid_t> descendants_of(pid_t ancestor);

// Processes that were started with this entry, "NAME=value", in their environment. Of other users only root can tell.
[[nodiscard]] std::vector<pid_t> processes_marked(std::string_view entry);

// Kills them again and again until there is none. False: some are still there after about a second.
bool end_processes_marked(std::string_view entry);

}  // namespace drydock::runtime

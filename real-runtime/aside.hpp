// A process beside this one that goes on with a function of this program, and knows when this one is gone.
#pragma once

#include "policies/core/result.hpp"

#include <functional>
#include <sys/types.h>

namespace drydock::runtime {

// In the new process.
struct Aside {
  int socket = -1;   // to the one that it came from; its end: that is gone
  int signals = -1;  // a signalfd of SIGCHLD, and of SIGTERM, which is sent when that is gone
  pid_t parent = -1;
};
// In the old one.
struct StartedAside {
  pid_t process = -1;
  int socket = -1;  // SOCK_SEQPACKET; ends when the process does. Whoever has it closes it.
};

// Forks; the new process calls the function and ends. It has none of this one's descriptors or signal handlers, its standard streams are
// empty, it has a session of its own, and must not use what has threads or descriptors behind it.
[[nodiscard]] Result<StartedAside> start_aside(const char* name, const std::function<void(const Aside&)>& function);

}  // namespace drydock::runtime

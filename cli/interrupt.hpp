// Ctrl-C: the first asks for an orderly end, the second ends the program at once.
#pragma once

#include <atomic>

namespace drydock::cli {

// Handles SIGINT and SIGTERM from now on; the flag becomes true at the first. Forked children inherit the handler, and each
// has a flag of its own.
[[nodiscard]] const std::atomic<bool>& stop_on_interrupt();

}  // namespace drydock::cli

// drydock submit --jobs FILE
#pragma once

#include "cli/terminal.hpp"

#include <string>

#ifdef DRYDOCK_WITH_RUNTIME
#include "real-runtime/postgres_client.hpp"
#include "real-runtime/store_queries.hpp"

#include <vector>
#endif

namespace drydock::cli {

struct JobFileArguments {
  std::string path;  // "-": standard input
  std::string key;   // empty: a random one
  std::string format = "table";
};

#ifdef DRYDOCK_WITH_RUNTIME
// Returns an ExitCode; has told the user why when it is not kDone.
[[nodiscard]] int submit_file(const JobFileArguments& arguments, runtime::PostgresClient& store,
                              const std::vector<runtime::NamedQueue>& queues, const Terminal& terminal);
#endif

}  // namespace drydock::cli

// Where a worker is, as it says in the registry with each beat: beside what the scheduler reads there, for people, and for whoever wants to
// be the same worker.
#pragma once

#include "policies/core/time.hpp"
#include "policies/ports/redis.hpp"

#include <optional>
#include <string>

namespace drydock::runtime {

struct WorkerPlace {
  std::optional<Duration> lease{};  // for how long a beat holds; none: it does not say
  std::string machine{};            // this_machine() there; empty: likewise
  std::string life{};               // of the process: no other ever has the same; empty: likewise
  std::string process{};            // this_process() there; empty: likewise
  std::string jobs_folder{};        // where it keeps what its jobs leave; empty: likewise, or it has none yet
};
[[nodiscard]] redis::Fields place_fields(const WorkerPlace& place);
[[nodiscard]] WorkerPlace read_place(const redis::Fields& fields);

// Its name and the id of its present boot: the same for all processes that have their files in common, but for containers that share the
// name too.
[[nodiscard]] std::string this_machine();

// "NUMBER/START/NAMESPACE", of which the last says whose numbers these are: no other process of this boot is called the same, in no
// container either. Empty: /proc does not tell.
[[nodiscard]] std::string this_process();

// Whether the process that is there is still there. Nothing: it cannot be seen from here.
[[nodiscard]] std::optional<bool> is_alive(const WorkerPlace& place);

}  // namespace drydock::runtime

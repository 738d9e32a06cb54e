// Where a worker is, as it says in the registry with each beat: beside what the scheduler reads there, for people.
#pragma once

#include "policies/core/time.hpp"
#include "policies/ports/redis.hpp"

#include <optional>
#include <string>

namespace drydock::runtime {

struct WorkerPlace {
  std::optional<Duration> lease{};  // for how long a beat holds; none: it does not say
  std::string machine{};            // this_machine() there; empty: likewise
  std::string jobs_folder{};        // where it keeps what its jobs leave; empty: likewise, or it has none yet
};
[[nodiscard]] redis::Fields place_fields(const WorkerPlace& place);
[[nodiscard]] WorkerPlace read_place(const redis::Fields& fields);

// Its name and the id of its present boot: the same for all processes that have their files in common, but for containers that share the
// name too.
[[nodiscard]] std::string this_machine();

}  // namespace drydock::runtime

// min-min, max-min and sufferage by brute force: at each event the whole table of jobs and workers, and every question about the
// future adds up all that runs and is mapped.
#pragma once

#include "tests/properties/node_reference.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace drydock::properties {

// Times in ns. Estimates and runs are by the clock of a worker of speed 1, and all tasks go to one worker.
struct MappedJob {
  std::int64_t submit = 0;
  std::int64_t run = 1;
  std::int64_t estimate = 1;
  std::int64_t tasks = 1;
  Needs per_task{};
  bool urgent = false;  // of the queue that goes first
};
struct MappedWorker {
  Needs capacity{};
  std::int64_t quarters = 4;  // of speed 1
};

enum class MappingRule : std::uint8_t { min_min, max_min, sufferage };

struct MappedStart {
  std::int64_t at = -1;  // never
  std::size_t worker = 0;
  friend bool operator==(const MappedStart&, const MappedStart&) = default;
};

[[nodiscard]] std::vector<MappedStart> mapped_starts(const std::vector<MappedJob>& jobs,
                                                     const std::vector<MappedWorker>& workers, MappingRule rule,
                                                     std::size_t window);

}  // namespace drydock::properties

// Policies over workers that differ in several resources, by brute force: every choice looks at every worker, every question
// about the future adds up all that runs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace drydock::properties {

using Needs = std::array<std::int64_t, 4>;  // of cpus, memory, gpus, slots

struct NodeJob {
  std::int64_t submit = 0;
  std::int64_t run = 1;
  std::int64_t estimate = 1;
  std::int64_t tasks = 1;
  Needs per_task{};
};

enum class NodeFit : std::uint8_t { first, best, worst, dot };

// Tasks by worker.
using NodePlacement = std::vector<std::int64_t>;

struct NodeSchedule {
  std::vector<std::int64_t> starts;
  std::vector<NodePlacement> placements;
  std::vector<std::int64_t> promised;  // the first shadow time of each job that was at the head; kNoPromise if none
};
inline constexpr std::int64_t kNoPromise = INT64_MAX;

// First come first served; with `backfill` as EASY does.
[[nodiscard]] NodeSchedule node_schedule(const std::vector<NodeJob>& jobs, const std::vector<Needs>& workers, NodeFit fit,
                                         bool backfill);

}  // namespace drydock::properties

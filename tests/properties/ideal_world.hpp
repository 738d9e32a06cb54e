// The smallest world: the store answers at once, workers never fail, attempts take as long as they take. For comparisons of
// policies with references, start by start.
#pragma once

#include "policies/core/scheduler.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace drydock::properties {

struct IdealJob {
  JobSpec spec;
  Time submitted{};
  Duration duration{};  // true work on a worker of speed 1
};

struct IdealRun {
  std::vector<Time> starts;  // by job, of its last attempt; kNever if it never started
  std::vector<Time> ends;
  std::vector<std::vector<Placement>> placements;  // of the last attempt
  std::uint64_t steps = 0;
  std::uint64_t preemptions = 0;
  std::string halted;  // why, if so
};

// Jobs must have ids 0, 1, 2, ...; `watch` is called after each step.
[[nodiscard]] IdealRun run_ideally(const SchedulerConfig& config, std::unique_ptr<PlacementPolicy> policy,
                                   const std::vector<WorkerSpec>& workers, const std::vector<IdealJob>& jobs,
                                   const std::function<void(const Scheduler&, Time now)>& watch = {});

// With a policy of the catalog, one queue and one pool.
[[nodiscard]] SchedulerConfig one_pool(PolicyConfig placement);
[[nodiscard]] IdealRun run_ideally(const PolicyConfig& placement, const std::vector<WorkerSpec>& workers,
                                   const std::vector<IdealJob>& jobs,
                                   const std::function<void(const Scheduler&, Time now)>& watch = {});

// The policy of that type, with defaults but for these.
[[nodiscard]] PolicyConfig policy(std::string_view type,
                                  const std::map<std::string, ParameterValue, std::less<>>& parameters = {});

}  // namespace drydock::properties

// Strong ids: two ids of different kinds never mix, and none converts to a number by accident.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace drydock {

template <class Tag, class Rep>
struct Id {
  Rep value{};
  friend constexpr auto operator<=>(Id, Id) = default;
};

using JobId = Id<struct JobTag, std::uint64_t>;          // given by whoever accepts jobs, in order of submission
using WorkerId = Id<struct WorkerTag, std::uint32_t>;    // dense: 0, 1, 2, ...
using QueueId = Id<struct QueueTag, std::uint32_t>;      // index into SchedulerConfig::queues
using PoolId = Id<struct PoolTag, std::uint32_t>;        // index into SchedulerConfig::pools
using RequestId = Id<struct RequestTag, std::uint64_t>;  // given by the core, rising from 1

// Each try to run a job has a rising number, from 1: the fencing token. A fact about another number than the current one
// is stale and is ignored.
struct AttemptId {
  JobId job;
  std::uint32_t number = 0;
  friend constexpr auto operator<=>(AttemptId, AttemptId) = default;
};

[[nodiscard]] constexpr std::size_t index(WorkerId id) { return id.value; }
[[nodiscard]] constexpr std::size_t index(QueueId id) { return id.value; }
[[nodiscard]] constexpr std::size_t index(PoolId id) { return id.value; }

}  // namespace drydock

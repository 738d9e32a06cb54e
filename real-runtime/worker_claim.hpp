// Whether a process may be worker N: two that live never share a number. Asked before it registers; what keeps the promise afterwards is
// the life that each beat names (redis::BeatWorker).
#pragma once

#include "policies/core/ids.hpp"
#include "policies/core/result.hpp"
#include "real-runtime/redis_client.hpp"
#include "real-runtime/worker_place.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace drydock::runtime {

// A worker's key in the registry.
struct WorkerKey {
  WorkerPlace place;
  std::int64_t incarnation = 0;
  std::optional<Duration> left{};  // until it expires; none: it never does, as what is left of a key of the source systems
};
[[nodiscard]] Result<std::optional<WorkerKey>> look_at_worker(RedisClient& redis, WorkerId worker);

enum class KeyOwner : std::uint8_t {
  nobody,
  dead,     // for certain: a process of this machine that is there no more
  alive,    // it is there, or its key was prolonged between two looks
  unknown,  // somewhere else, or it does not say: look again, until the key has expired or it is clear
};
// Of what was seen just now; `before`: at the look before this one.
[[nodiscard]] KeyOwner owner_of(const std::optional<WorkerKey>& key, const std::optional<WorkerKey>& before);

// "on machine a (process 17, jobs in /var/lib/jobs)", for people.
[[nodiscard]] std::string in_words(const WorkerPlace& place);

}  // namespace drydock::runtime

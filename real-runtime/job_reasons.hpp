// Why a job waits, and why its attempts did not succeed, for people: by what workers are there, and what they left in Redis.
#pragma once

#include "policies/core/ids.hpp"
#include "policies/core/resources.hpp"
#include "policies/core/result.hpp"
#include "real-runtime/attempt_outcome.hpp"
#include "real-runtime/redis_client.hpp"
#include "real-runtime/store_queries.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace drydock::runtime {

// What each worker has that the registry knows, whatever is allocated of it.
[[nodiscard]] Result<std::vector<Resources>> read_capacities(RedisClient& redis);

// Why a job that waits cannot run on any of them. Nothing: it does not wait, or as far as this shows it can. (Which pools
// serve its queue no store knows.)
[[nodiscard]] std::optional<std::string> why_it_waits(const JobRow& job, const std::vector<Resources>& workers, bool is_led);

// How the parts of attempts that did not succeed ended, by place in the list, as far as Redis has it; the last ones where
// there are many.
[[nodiscard]] std::map<std::size_t, AttemptOutcome> outcomes_in_redis(RedisClient& redis, JobId job,
                                                                      const std::vector<AttemptRow>& attempts);
// Whether there is anything to look for.
[[nodiscard]] bool did_not_succeed(const AttemptRow& attempt);

}  // namespace drydock::runtime

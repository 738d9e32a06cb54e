// How people ask a worker to end, as by SIGTERM, from anywhere: a key in Redis that names the incarnation that is meant and expires by
// itself. The worker looks at it with each of its beats, and at once when it finds a notice in its mail. A notice that is lost costs the
// time to the next beat; a request that comes too late meets nobody, since the next process of that worker is another incarnation.
#pragma once

#include "policies/core/ids.hpp"
#include "policies/core/result.hpp"
#include "policies/core/time.hpp"
#include "real-runtime/redis_client.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace drydock::runtime {

inline constexpr Duration kDrainRequestLasts = std::chrono::hours{1};
// Mail that tells a worker to look. It says nothing itself: what a worker of an older version cannot read, it throws away.
inline constexpr std::string_view kDrainNotice = R"({"look_for":"drain"})";

// Its value is the number of the incarnation.
[[nodiscard]] std::string drain_key(WorkerId worker);

// Harmless when repeated. Errors are the server's: it may have been asked all the same.
[[nodiscard]] Result<redis::Done> ask_to_drain(RedisClient& redis, WorkerId worker, std::uint32_t incarnation);

// Whether the request to this incarnation still stands: it is withdrawn by a worker that leaves, and not by one that is killed.
[[nodiscard]] Result<bool> drain_request_stands(RedisClient& redis, WorkerId worker, std::uint32_t incarnation);

}  // namespace drydock::runtime

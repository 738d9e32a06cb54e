// Where the leader leaves what its shadow policy would have decided otherwise, for `drydock status` and the API: one key in Redis, of a few
// kilobytes, that expires by itself when nobody leads, or nobody has a shadow any more.
#pragma once

#include "policies/core/result.hpp"
#include "policies/core/shadow_report.hpp"
#include "policies/core/time.hpp"
#include "real-runtime/redis_client.hpp"

#include <chrono>
#include <optional>
#include <string_view>

namespace drydock::runtime {

// Its value is as to_json(ShadowReport) has it.
inline constexpr std::string_view kShadowKey = "shadow:report";
inline constexpr Duration kPostShadow = std::chrono::seconds{1};  // from one to the next
inline constexpr Duration kShadowStands = std::chrono::seconds{15};

// Nothing: no leader has a shadow. An error: Redis does not answer, or another version wrote it.
[[nodiscard]] Result<std::optional<ShadowReport>> read_shadow(RedisClient& redis);

}  // namespace drydock::runtime

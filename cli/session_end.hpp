// When the machine of a worker goes, as people say it.
#pragma once

#include "policies/core/result.hpp"
#include "policies/core/time.hpp"

#include <chrono>
#include <string_view>

namespace drydock::cli {

// From `now` until "9h" (from now on) or "2026-01-31T17:00:00Z"; more than 0.
[[nodiscard]] Result<Duration> time_until(std::string_view text, std::chrono::system_clock::time_point now);

}  // namespace drydock::cli

// A job as JSON, the same from `drydock jobs --format json` and from the HTTP API.
#pragma once

#include "real-runtime/store_queries.hpp"

#include <nlohmann/json_fwd.hpp>
#include <vector>

namespace drydock::runtime {

[[nodiscard]] nlohmann::json to_json(const JobRow& job);
[[nodiscard]] nlohmann::json to_json(const std::vector<AttemptRow>& attempts);

}  // namespace drydock::runtime

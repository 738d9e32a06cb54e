// Jobs and queues as JSON, the same from commands with `--format json` and from the HTTP API.
#pragma once

#include "real-runtime/store_queries.hpp"

#include <nlohmann/json_fwd.hpp>
#include <vector>

namespace drydock::runtime {

[[nodiscard]] nlohmann::json to_json(const JobRow& job);
[[nodiscard]] nlohmann::json to_json(const std::vector<AttemptRow>& attempts);
[[nodiscard]] nlohmann::json to_json(const QueueCount& queue);

}  // namespace drydock::runtime

// Workers as JSON, the same from `drydock workers --format json` and from the HTTP API.
#pragma once

#include "real-runtime/cluster_view.hpp"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace drydock::runtime {

// Null: as much as anybody wants.
[[nodiscard]] nlohmann::json amount_json(std::int64_t value);
[[nodiscard]] nlohmann::json cores_json(std::int64_t milli);

// The name of a pool, as far as `pools` has it, or its number.
[[nodiscard]] std::string pool_name(PoolId pool, const std::vector<std::string>& pools);

[[nodiscard]] nlohmann::json to_json(const SeenWorker& worker, const std::vector<std::string>& pools);

}  // namespace drydock::runtime

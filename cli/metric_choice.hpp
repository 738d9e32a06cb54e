// Which metrics to show: --metrics.
#pragma once

#include "policies/core/result.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::cli {

// `wanted`: names, beginnings of names up to a dot ("wait_s"), or patterns ("*.p95", "per_queue.*.wait_s.mean"), separated
// by commas. Gives the matching `names`, in the order wanted, each once. Refuses what matches none.
[[nodiscard]] Result<std::vector<std::string>> choose_metrics(std::string_view wanted, std::span<const std::string> names);

}  // namespace drydock::cli

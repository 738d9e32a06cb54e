// Which metrics to show: --metrics.
#pragma once

#include "policies/core/result.hpp"

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::cli {

struct MetricChoice {
  std::vector<std::string> names;
  std::set<std::string> by_pattern;  // of `names`: not named in full, so that they are of interest only where measured
};
// `wanted`: names, beginnings of names up to a dot ("wait_s"), or patterns ("*.p95", "per_queue.*.wait_s.mean"), separated
// by commas. Gives the matching `names`, in the order wanted, each once. Refuses what matches none, in the name of `option`.
// `of` is what could have them, for the message: "this scenario can have".
[[nodiscard]] Result<MetricChoice> choose_metrics(std::string_view wanted, std::span<const std::string> names,
                                                  std::string_view option = "--metrics",
                                                  std::string_view of = "this scenario can have");

// Those of `names` that a pattern fits, in which '*' stands for anything.
[[nodiscard]] std::vector<std::string> metrics_like(std::string_view pattern, std::span<const std::string> names);

// `--metrics list`: each name with its unit (in result.json) and its meaning, one per line.
[[nodiscard]] std::string list_metrics(std::span<const std::string> names);

}  // namespace drydock::cli

// The result of a sweep as JSON, schema "drydock.sweep/1": README.md describes it, sweep.schema.json defines it. The same plan and runs
// give the same text, byte for byte, in whatever order and on however many machines the runs were made.
#pragma once

#include "reports/sweep.hpp"

#include <string>
#include <string_view>

namespace drydock::reports {

inline constexpr std::string_view kSweepSchema = "drydock.sweep/1";

// Ends with a newline.
[[nodiscard]] std::string sweep_json(const SweepResult& result);

}  // namespace drydock::reports

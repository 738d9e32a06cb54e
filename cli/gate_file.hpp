// Rules of a gate from a file: JSON with comments, as reports/gate.schema.json defines it.
#pragma once

#include "policies/core/result.hpp"
#include "reports/gate.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::cli {

// Errors name the file, the line and the place in it, and what is allowed. Metrics are as they stand there, patterns too.
[[nodiscard]] Result<std::vector<reports::GateRule>> read_gate(const std::string& path);
// The same from text; `label` stands for the file.
[[nodiscard]] Result<std::vector<reports::GateRule>> read_gate_text(std::string_view text, std::string_view label);

// One rule for each of `metrics` that a rule's pattern fits. Refuses metrics and variants that there are not, and a bound to the base on a
// metric of which neither direction is better.
[[nodiscard]] Result<std::vector<reports::GateRule>> resolve_gate(std::span<const reports::GateRule> rules,
                                                                  std::span<const std::string> metrics,
                                                                  std::span<const std::string> variants);

// The schema of such files, as part of this program.
[[nodiscard]] std::string_view gate_schema_text();

}  // namespace drydock::cli

// Differences between recorded runs as JSON, schema "drydock.compare/1": compare.schema.json defines it.
#pragma once

#include "reports/difference_table.hpp"

#include <string>
#include <string_view>

namespace drydock::reports {

inline constexpr std::string_view kCompareSchema = "drydock.compare/1";

// `version`: of this program. Ends with a newline; the same input gives the same text.
[[nodiscard]] std::string render_difference_json(const DifferenceTableInput& input, std::string_view version);

}  // namespace drydock::reports

// Rows of words below each other.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace drydock::cli {

// Each column as wide as its widest word, two blanks apart, without blanks at the ends of lines. `sides` has 'l' or 'r' for each column:
// where words stand in it. All rows have that many words.
[[nodiscard]] std::string in_columns(const std::vector<std::vector<std::string>>& rows, std::string_view sides);

}  // namespace drydock::cli

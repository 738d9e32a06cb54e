// Text in columns and paragraphs. Widths are of UTF-8 text without colours.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace drydock::reports {

// Characters, each of which takes a column.
[[nodiscard]] std::size_t columns_of(std::string_view text);
// With blanks up to `width` columns, before (`right`) or behind it.
[[nodiscard]] std::string padded(const std::string& text, std::size_t width, bool right);
// A paragraph broken at spaces into lines of at most `width` columns, but not between a number and its unit; lines after the first are
// indented. Ends with a newline.
[[nodiscard]] std::string wrapped(const std::string& paragraph, std::size_t width, std::size_t indent = 2);

}  // namespace drydock::reports

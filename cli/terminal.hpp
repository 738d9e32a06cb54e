// What is known about where output goes, and text fitted to it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace drydock::cli {

struct Terminal {
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool colour = false;      // on stdout: a terminal, and NO_COLOR is not set
  bool unicode = true;      // unless the locale says otherwise
  std::size_t width = 120;  // of stdout, in columns; COLUMNS decides where it is set
};
[[nodiscard]] Terminal find_terminal();

// The width that the environment variable COLUMNS asks for: a whole number from 40 to 1000. Nothing else is heeded.
[[nodiscard]] std::optional<std::size_t> wanted_width(std::string_view columns);

// Breaks `text` at spaces into lines of at most `width` columns, each after `indent` spaces, each ended by a newline.
[[nodiscard]] std::string paragraph(std::string_view text, std::size_t width, std::size_t indent = 0);

// ANSI bold, or the text itself.
[[nodiscard]] std::string bold(const Terminal& terminal, std::string_view text);

}  // namespace drydock::cli

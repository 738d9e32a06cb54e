// The JSON files of this folder and of reference/ (built-in scenarios and the schema), compiled into the program by
// cmake/embed.cmake.
#pragma once

#include <span>
#include <string_view>

namespace drydock::scenarios {

struct EmbeddedFile {
  std::string_view name;  // path in this folder, without ".json": "mm1", "reference/a1-mm1"
  std::string_view text;
};

// In order of name.
[[nodiscard]] std::span<const EmbeddedFile> embedded_files();

}  // namespace drydock::scenarios

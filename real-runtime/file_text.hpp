// Files that the kernel makes up, and such: small ones, read whole.
#pragma once

#include <filesystem>
#include <string>

namespace drydock::runtime {

// What is in it, as far as it can be read: a file of a process that goes meanwhile ends in an error, which streams throw.
[[nodiscard]] std::string file_text(const std::filesystem::path& file);

}  // namespace drydock::runtime

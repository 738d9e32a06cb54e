// Reads SimGrid platform files for scenarios.
#pragma once

#include "scenarios/platform_file.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace drydock::sim {

// For scenarios::LoadOptions: a PlatformReader. SimGrid reads the file in a child process, whatever becomes of it there; blocks.
[[nodiscard]] Result<std::vector<scenarios::PlatformHost>> read_platform(const std::filesystem::path& file,
                                                                         const std::string& site);

}  // namespace drydock::sim

// Unix sockets by path.
#pragma once

#include "policies/core/result.hpp"

#include <filesystem>

namespace drydock::runtime::chaos {

// A descriptor that nobody has yet, non-blocking. Errors name the path.
[[nodiscard]] Result<int> listen_on(const std::filesystem::path& socket);
// Likewise. Waits only where very many wait to be accepted there.
[[nodiscard]] Result<int> connect_to(const std::filesystem::path& socket);

}  // namespace drydock::runtime::chaos

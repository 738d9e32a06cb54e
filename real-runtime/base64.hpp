// Base64 of RFC 4648, strictly: padded, nothing between.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace drydock::runtime {

[[nodiscard]] std::string to_base64(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace drydock::runtime

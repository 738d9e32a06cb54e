// JSON that strangers wrote: read with a limit on its depth, since what takes it apart calls itself for each level.
#pragma once

#include "policies/core/result.hpp"

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace drydock::runtime {

inline constexpr std::size_t kMostNested = 100;

// Whether lists and objects lie in each other deeper than kMostNested. Of text that is no JSON: perhaps.
[[nodiscard]] bool is_nested_too_deep(std::string_view text);

// Errors say where: "it is not valid JSON: line 3, column 7: ...". An object that has a key twice is one, since it would depend on the
// reader which one counts.
[[nodiscard]] Result<nlohmann::json> parse_json(std::string_view text);

// In one line; bytes that are no UTF-8 become U+FFFD.
[[nodiscard]] std::string to_line(const nlohmann::json& value);

}  // namespace drydock::runtime

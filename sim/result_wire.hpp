// A RunResult as bytes, to be carried from the process that made it. Both ends are the same program: no versions.
#pragma once

#include "reports/run_result.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace drydock::sim {

[[nodiscard]] std::string encode_result(const reports::RunResult& result);
// Nothing when the bytes are not one whole result.
[[nodiscard]] std::optional<reports::RunResult> decode_result(std::string_view bytes);

}  // namespace drydock::sim

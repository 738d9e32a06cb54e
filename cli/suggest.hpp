// "did you mean" for commands, options and names.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace drydock::cli {

// `; did you mean "x"?` where a word is like what was typed, else nothing.
[[nodiscard]] std::string did_you_mean(std::string_view typed, std::span<const std::string_view> words);

}  // namespace drydock::cli

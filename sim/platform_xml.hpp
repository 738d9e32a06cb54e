// What a SimGrid platform file must not have, told from its text: things that SimGrid would do without a word.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace drydock::sim {

// What is wrong, with its line; nothing: SimGrid may read it, and says itself whether it is well-formed.
[[nodiscard]] std::optional<std::string> refused_in_platform(std::string_view xml);

}  // namespace drydock::sim

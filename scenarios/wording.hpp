// Parts of messages to people.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::scenarios {

// `text` fit for a terminal: control characters and broken UTF-8 escaped, cut after `limit` bytes.
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = 80);

// "a, b, c"
[[nodiscard]] std::string listed(std::span<const std::string_view> words);

// The words so like `typed` that they may have been meant, best first, at most `most`.
[[nodiscard]] std::vector<std::string_view> close_to(std::string_view typed, std::span<const std::string_view> words,
                                                     std::size_t most = 1);

// How a message about an unknown word goes on: `; did you mean "x"? There are: x, y`, with `lead` for "There are".
[[nodiscard]] std::string suggestion(std::string_view typed, std::span<const std::string_view> words,
                                     std::string_view lead = "There are");

}  // namespace drydock::scenarios

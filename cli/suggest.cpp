#include "cli/suggest.hpp"

#include "scenarios/wording.hpp"

#include <fmt/format.h>

namespace drydock::cli {

std::string did_you_mean(std::string_view typed, std::span<const std::string_view> words) {
  const auto found = scenarios::close_to(typed, words);
  return found.empty() ? "" : fmt::format("; did you mean \"{}\"?", found.front());
}

}  // namespace drydock::cli

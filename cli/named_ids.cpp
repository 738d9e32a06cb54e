#include "cli/named_ids.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace drydock::cli {
namespace {

// The number that follows `word` and a blank at `at`.
std::optional<std::uint64_t> number_after(std::string_view text, std::size_t at, std::string_view word) {
  if (!text.substr(at).starts_with(word)) return std::nullopt;
  const std::string_view rest = text.substr(at + word.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc{} || end == rest.data()) return std::nullopt;
  return number;
}

template <class Ids>
void add(Ids& ids, std::optional<std::uint64_t> number) {
  using Value = typename Ids::value_type;
  if (!number || *number > std::numeric_limits<Value>::max()) return;
  const auto value = static_cast<Value>(*number);
  if (std::ranges::find(ids, value) == ids.end()) ids.push_back(value);
}

}  // namespace

NamedIds ids_named_in(std::string_view text) {
  NamedIds ids;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (at > 0 && text[at - 1] != ' ') continue;
    add(ids.jobs, number_after(text, at, "job "));
    add(ids.jobs, number_after(text, at, "attempt "));
    add(ids.workers, number_after(text, at, "worker "));
  }
  return ids;
}

}  // namespace drydock::cli

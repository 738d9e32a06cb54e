#include "scenarios/wording.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>

namespace drydock::scenarios {
namespace {

unsigned char byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

// Length of the well-formed UTF-8 sequence of two bytes or more that starts at `at`; 0 if there is none.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const unsigned char first = byte_at(text, at);
  const std::size_t length = first >= 0xf0 && first <= 0xf4 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (first > 0xf4 || length == 0 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte_at(text, at + i) & 0xc0U) != 0x80) return 0;
  }
  const unsigned char second = byte_at(text, at + 1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate_or_beyond = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
  // U+0080 to U+009F are control characters too.
  const bool control = first == 0xc2 && second < 0xa0;
  return overlong || surrogate_or_beyond || control ? 0 : length;
}

// Edit distance with transpositions (optimal string alignment), letters compared without case.
std::size_t distance(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c == '_' ? '-' : c; };
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0U : 1U)});
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string printable(std::string_view text, std::size_t limit) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (out.size() >= limit) return out + "...";
    const unsigned char c = byte_at(text, at);
    if (c >= 0x20 && c < 0x7f) {
      out += text[at++];
    } else if (const std::size_t length = c < 0x80 ? 0 : utf8_length(text, at); length > 0) {
      out += text.substr(at, length);
      at += length;
    } else {
      out += fmt::format("\\x{:02x}", c);
      ++at;
    }
  }
  return out;
}

std::string listed(std::span<const std::string_view> words) { return fmt::format("{}", fmt::join(words, ", ")); }

std::vector<std::string_view> close_to(std::string_view typed, std::span<const std::string_view> words, std::size_t most) {
  constexpr std::size_t kLongestTyped = 64;
  std::vector<std::pair<std::size_t, std::string_view>> found;
  if (typed.size() > kLongestTyped) return {};
  for (const std::string_view word : words) {
    const std::size_t apart = distance(typed, word);
    const bool part = typed.size() >= 3 && word.size() >= 3 &&
                      (word.find(typed) != std::string_view::npos || typed.find(word) != std::string_view::npos);
    if (apart <= std::max<std::size_t>(1, std::max(typed.size(), word.size()) / 3)) {
      found.emplace_back(apart, word);
    } else if (part) {
      found.emplace_back(kLongestTyped + apart, word);
    }
  }
  std::ranges::stable_sort(found, {}, &std::pair<std::size_t, std::string_view>::first);
  std::vector<std::string_view> result;
  for (const auto& [apart, word] : found) {
    if (result.size() < most) result.push_back(word);
  }
  return result;
}

std::string suggestion(std::string_view typed, std::span<const std::string_view> words, std::string_view lead) {
  const auto found = close_to(typed, words);
  const std::string guess = found.empty() ? "." : fmt::format("; did you mean \"{}\"?", printable(found.front()));
  return fmt::format("{} {}: {}", guess, lead, printable(listed(words), 1000));
}

}  // namespace drydock::scenarios

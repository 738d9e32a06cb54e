#include "reports/layout.hpp"

#include <algorithm>

namespace drydock::reports {

std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string padded(const std::string& text, std::size_t width, bool right) {
  const std::size_t used = columns_of(text);
  const std::string space(width > used ? width - used : 0, ' ');
  return right ? space + text : text + space;
}

std::string wrapped(const std::string& paragraph, std::size_t width, std::size_t indent) {
  std::string text;
  std::size_t used = 0;
  std::size_t at = 0;
  while (at < paragraph.size()) {
    std::size_t end = paragraph.find(' ', at);
    if (end == std::string::npos) end = paragraph.size();
    std::size_t unit_end = paragraph.find(' ', end + 1);
    if (unit_end == std::string::npos) unit_end = paragraph.size();
    const bool number = end > at && paragraph[end - 1] >= '0' && paragraph[end - 1] <= '9';
    if (number && end < paragraph.size() && unit_end - end <= 4) end = unit_end;
    const std::string word = paragraph.substr(at, end - at);
    if (used > 0 && used + 1 + columns_of(word) > width) {
      text += "\n" + std::string(indent, ' ');
      used = indent;
    } else if (used > 0) {
      text += ' ';
      ++used;
    }
    text += word;
    used += columns_of(word);
    at = end + 1;
  }
  return text + "\n";
}

}  // namespace drydock::reports

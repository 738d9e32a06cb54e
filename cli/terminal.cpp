#include "cli/terminal.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <system_error>
#include <unistd.h>

namespace drydock::cli {
namespace {

constexpr std::size_t kNarrowest = 60;
constexpr std::size_t kWidest = 160;  // longer lines are hard to follow, unless they are asked for
constexpr std::size_t kNarrowestWanted = 40;
constexpr std::size_t kWidestWanted = 1000;

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

// The first of these that is set decides (POSIX); nothing set says nothing about the terminal.
bool locale_has_unicode() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string_view value = environment(name);
    if (value.empty()) continue;
    return value.find("UTF-8") != value.npos || value.find("utf8") != value.npos || value.find("UTF8") != value.npos ||
           value.find("utf-8") != value.npos;
  }
  return true;
}

}  // namespace

Terminal find_terminal() {
  Terminal terminal;
  terminal.out_is_terminal = isatty(STDOUT_FILENO) == 1;
  terminal.err_is_terminal = isatty(STDERR_FILENO) == 1;
  terminal.colour = terminal.out_is_terminal && environment("NO_COLOR").empty() && environment("TERM") != "dumb";
  terminal.unicode = locale_has_unicode();
  winsize size{};
  if (terminal.out_is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    terminal.width = std::clamp<std::size_t>(size.ws_col, kNarrowest, kWidest);
  }
  if (const auto wanted = wanted_width(environment("COLUMNS"))) terminal.width = *wanted;
  return terminal;
}

std::optional<std::size_t> wanted_width(std::string_view columns) {
  std::size_t width = 0;
  const char* end = columns.data() + columns.size();
  const auto [rest, error] = std::from_chars(columns.data(), end, width);
  if (error != std::errc() || rest != end || width < kNarrowestWanted || width > kWidestWanted) return std::nullopt;
  return width;
}

std::string paragraph(std::string_view text, std::size_t width, std::size_t indent) {
  const std::string start(indent, ' ');
  std::string lines;
  std::size_t used = 0;
  while (true) {
    const std::size_t begin = text.find_first_not_of(" \n");
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    const std::string_view word = text.substr(0, text.find_first_of(" \n"));
    if (used > 0 && indent + used + 1 + word.size() > width) {
      lines += '\n';
      used = 0;
    }
    lines += used == 0 ? start : " ";
    lines += word;
    used += word.size() + (used == 0 ? 0 : 1);
    text.remove_prefix(word.size());
  }
  return lines + "\n";
}

std::string bold(const Terminal& terminal, std::string_view text) {
  return terminal.colour ? fmt::format("\x1b[1m{}\x1b[0m", text) : std::string(text);
}

}  // namespace drydock::cli

#include "cli/log_printer.hpp"

#include <cstdio>
#include <fmt/format.h>

namespace drydock::cli {

std::string_view last_lines(std::string_view text, std::uint64_t lines) {
  if (lines == 0) return {};
  std::size_t at = text.ends_with('\n') ? text.size() - 1 : text.size();
  for (std::uint64_t seen = 0; seen < lines; ++seen) {
    if (at == 0) return text;
    const std::size_t before = text.rfind('\n', at - 1);
    if (before == std::string_view::npos) return text;
    at = before;
  }
  return text.substr(at + 1);
}

bool LogPrinter::wants(std::string_view stream) const {
  return stream.starts_with("stderr") ? choice_.errors : choice_.output;
}

void LogPrinter::print(std::string_view stream, const std::string& source, std::string_view text) {
  if (text.empty() || !wants(stream)) return;
  const std::string key = fmt::format("{} {}", source, stream);
  if (!choice_.tail || flushed_[key]) return write(stream, source, text);
  constexpr std::size_t kMostHeldBack = std::size_t{16} << 20U;  // bytes
  std::string& held = held_back_[key];
  held += text;
  if (held.size() < 2 * kMostHeldBack) return;
  held = last_lines(held, *choice_.tail);
  if (held.size() > kMostHeldBack) held.erase(0, held.size() - kMostHeldBack);
}

void LogPrinter::flush(std::string_view stream, const std::string& source) {
  const std::string key = fmt::format("{} {}", source, stream);
  if (!choice_.tail || flushed_[key]) return;
  flushed_[key] = true;
  write(stream, source, last_lines(held_back_[key], *choice_.tail));
  held_back_.erase(key);
}

void LogPrinter::write(std::string_view stream, const std::string& source, std::string_view text) {
  if (text.empty()) return;
  const bool to_errors = choice_.output && stream.starts_with("stderr");
  std::FILE* file = to_errors ? stderr : stdout;
  std::string& last = last_source_[to_errors];
  if (source != last) fmt::print(file, "==> {} <==\n", source);
  last = source;
  (void)std::fwrite(text.data(), 1, text.size(), file);
  (void)std::fflush(file);
}

}  // namespace drydock::cli

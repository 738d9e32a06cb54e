#include "cli/session_end.hpp"

#include "scenarios/units.hpp"
#include "scenarios/wording.hpp"

#include <ctime>
#include <fmt/format.h>
#include <optional>
#include <string>

namespace drydock::cli {

namespace {

std::optional<std::chrono::system_clock::time_point> utc_time(const std::string& text) {
  std::tm utc{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return std::chrono::system_clock::from_time_t(::timegm(&utc));
}

}  // namespace

Result<Duration> time_until(std::string_view text, std::chrono::system_clock::time_point now) {
  const auto at = utc_time(std::string(text));
  if (const auto duration =
          at ? Result<Duration>(std::chrono::duration_cast<Duration>(*at - now)) : scenarios::parse_duration(text)) {
    if (duration.value() > Duration{0}) return duration.value();
    return Error{fmt::format("{} is over", scenarios::printable(text))};
  }
  return Error{fmt::format("{} is neither a time such as 2026-01-31T17:00:00Z nor {}", scenarios::printable(text),
                           scenarios::kDurationHelp)};
}

}  // namespace drydock::cli

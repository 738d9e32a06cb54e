#include "real-runtime/api_text.hpp"

#include "real-runtime/json_text.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <system_error>

namespace drydock::runtime {

HttpResponse json_response(int status, const nlohmann::json& body) {
  return {.status = status, .body = to_line(body) + "\n"};
}

HttpResponse store_response(const HttpRequest& request, const Error& error) {
  return later_response(request, 503, error.message, 1);
}

std::optional<HttpResponse> unknown_parameter(const HttpRequest& request, std::span<const std::string_view> names) {
  for (const auto& [name, value] : request.query) {
    if (std::ranges::find(names, name) != names.end()) continue;
    return error_response(
        request, 400,
        fmt::format("?{}: there is no such parameter{}", scenarios::printable(name),
                    names.empty() ? std::string("; this path has none") : scenarios::suggestion(name, names)));
  }
  return std::nullopt;
}

double cores(std::int64_t milli) { return static_cast<double>(milli) / 1000; }

std::optional<std::int64_t> whole_number(std::string_view text, std::int64_t least, std::int64_t most) {
  std::int64_t value = 0;
  const bool digits = !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (!digits || error != std::errc{} || end != text.data() + text.size() || value < least || value > most)
    return std::nullopt;
  return value;
}

}  // namespace drydock::runtime

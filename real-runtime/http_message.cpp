#include "real-runtime/http_message.hpp"

#include "real-runtime/json_text.hpp"
#include "real-runtime/random_text.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace drydock::runtime {

std::map<std::string, std::string> headers_of(const HttpRequest& request, const HttpResponse& response) {
  std::map<std::string, std::string> headers = response.headers;
  headers["X-Request-Id"] = request.id;
  headers["Cache-Control"] = "no-store";
  headers["X-Content-Type-Options"] = "nosniff";
  return headers;
}

HttpResponse error_response(const HttpRequest& request, int status, std::string_view message) {
  const nlohmann::json error{{"status", status}, {"message", std::string(message)}, {"request_id", request.id}};
  return {.status = status, .body = to_line({{"error", error}}) + "\n"};
}

HttpResponse later_response(const HttpRequest& request, int status, std::string_view message, long seconds) {
  HttpResponse response = error_response(request, status, message);
  response.headers["Retry-After"] = std::to_string(seconds);
  return response;
}

std::string request_id(const std::string& given) {
  constexpr std::size_t kMost = 128;
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  if (!given.empty() && given.size() <= kMost && std::ranges::all_of(given, fits)) return given;
  static const std::string kProcess = random_text(8);
  static std::atomic<std::uint64_t> count{0};
  return fmt::format("{}-{}", kProcess, ++count);
}

}  // namespace drydock::runtime

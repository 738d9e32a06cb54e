#include "real-runtime/http_guard.hpp"

#include "real-runtime/random_text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <fmt/format.h>
#include <string_view>

namespace drydock::runtime {

namespace {

constexpr std::size_t kMostClients = 10'000;

bool equal_but_for_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// "localhost:8080", "[::1]:8080": without the port.
std::string_view name_in(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

// "application/json; charset=utf-8": without what follows.
bool is_json(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  while (content_type.ends_with(' ') || content_type.ends_with('\t')) content_type.remove_suffix(1);
  return equal_but_for_case(content_type, "application/json");
}

// "Bearer TOKEN": what follows; empty where it is of another scheme.
std::string_view token_in(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  if (!equal_but_for_case(authorization.substr(0, kScheme.size()), kScheme)) return {};
  return authorization.substr(kScheme.size());
}

}  // namespace

HttpGuard::HttpGuard(HttpGuardOptions options) : options_(std::move(options)) {}

std::optional<HttpResponse> HttpGuard::refusal(const HttpRequest& request, Time now) {
  if (auto often = too_often(request, now)) return often;
  if (options_.token.empty()) return from_elsewhere(request);
  if (std::ranges::find(options_.open_paths, request.path) != options_.open_paths.end()) return std::nullopt;
  const std::string given = request.header("authorization");
  if (equal_in_constant_time(options_.token, std::string(token_in(given)))) return std::nullopt;
  HttpResponse response =
      error_response(request, 401,
                     given.empty() ? "this needs the token of this API: send the header \"Authorization: Bearer TOKEN\""
                                   : "this is not the token of this API, or not sent as \"Authorization: Bearer TOKEN\"");
  response.headers["WWW-Authenticate"] = "Bearer";
  return response;
}

// A page can send forms and text to any address, but JSON only where it is let.
std::optional<HttpResponse> HttpGuard::from_elsewhere(const HttpRequest& request) const {
  if (request.method == "POST" && !is_json(request.header("content-type"))) {
    return error_response(request, 415, "without a token, send the header \"Content-Type: application/json\"");
  }
  constexpr std::array<std::string_view, 3> kNames{"localhost", "127.0.0.1", "[::1]"};
  const std::string host = request.header("host");
  const auto is_it = [&](std::string_view name) { return equal_but_for_case(name, name_in(host)); };
  if (!options_.only_local_names || std::ranges::any_of(kNames, is_it)) return std::nullopt;
  return error_response(request, 403, "without a token, this API answers only to localhost, 127.0.0.1 and [::1]");
}

std::optional<HttpResponse> HttpGuard::too_often(const HttpRequest& request, Time now) {
  if (options_.rate.amount == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  TokenBucket& bucket = bucket_of(request.client, now);
  if (bucket.take(now)) return std::nullopt;
  const double wait = seconds(bucket.ready_at(now) - now);
  return later_response(request, 429, "too many requests from this client: ask less often",
                        std::max(1L, std::lround(std::ceil(wait))));
}

// Where there are too many, those that could be new again go, and the rest that come share one.
TokenBucket& HttpGuard::bucket_of(const std::string& client, Time now) {
  const auto fresh = [&] { return TokenBucket(options_.rate, options_.burst, now, options_.burst); };
  if (const auto at = buckets_.find(client); at != buckets_.end()) return at->second;
  if (buckets_.size() >= kMostClients) {
    std::erase_if(buckets_, [&](const auto& entry) { return entry.second.content(now) == options_.burst; });
  }
  return buckets_.try_emplace(buckets_.size() >= kMostClients ? std::string() : client, fresh()).first->second;
}

}  // namespace drydock::runtime

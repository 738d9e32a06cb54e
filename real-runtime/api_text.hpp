// What the routes of the API have in common.
#pragma once

#include "policies/core/result.hpp"
#include "real-runtime/http_message.hpp"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string_view>

namespace drydock::runtime {

[[nodiscard]] HttpResponse json_response(int status, const nlohmann::json& body);

// A store did not do its part: 503, to be tried again.
[[nodiscard]] HttpResponse store_response(const HttpRequest& request, const Error& error);

// 400 where the query has other names than these; none: it has not.
[[nodiscard]] std::optional<HttpResponse> unknown_parameter(const HttpRequest& request,
                                                            std::span<const std::string_view> names);

[[nodiscard]] double cores(std::int64_t milli);

// Digits alone, from `least` to `most`.
[[nodiscard]] std::optional<std::int64_t> whole_number(std::string_view text, std::int64_t least, std::int64_t most);

}  // namespace drydock::runtime

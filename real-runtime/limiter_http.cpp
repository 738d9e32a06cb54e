#include "real-runtime/limiter_http.hpp"

#include "real-runtime/json_text.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <initializer_list>
#include <nlohmann/json.hpp>

namespace drydock::runtime {

namespace {

using nlohmann::json;

// Reads an object's members; the first that is wrong is noted.
class LimiterBody {
 public:
  LimiterBody(std::string_view body, std::initializer_list<std::string_view> keys) {
    if (body.empty()) {
      object_ = json::object();
      return;
    }
    auto parsed = parse_json(body);
    if (!parsed) {
      problem_ = "the body: " + parsed.error().message;
      return;
    }
    object_ = std::move(parsed).value();
    if (!object_.is_object()) {
      problem_ = "the body: expected a JSON object";
      return;
    }
    for (const auto& [key, value] : object_.items()) {
      if (std::ranges::find(keys, std::string_view(key)) != keys.end()) continue;
      problem_ = fmt::format("the body: there is no \"{}\"; there are: {}", key, fmt::join(keys, ", "));
    }
  }
  [[nodiscard]] bool has(const char* key) const { return problem_.empty() && object_.contains(key); }
  std::int64_t count(const char* key, std::int64_t otherwise, std::int64_t most) {
    if (!has(key)) return otherwise;
    const json& value = object_.at(key);
    if (value.is_number_unsigned() && value.get<std::uint64_t>() <= static_cast<std::uint64_t>(most)) {
      return value.get<std::int64_t>();
    }
    problem_ = fmt::format("the body: \"{}\": expected a whole number from 0 to {}", key, most);
    return otherwise;
  }
  Duration time(const char* key, Duration otherwise, Duration most) {
    if (!has(key)) return otherwise;
    const json& value = object_.at(key);
    const double number = value.is_number() ? value.get<double>() : -1;
    if (number >= 0 && number <= seconds(most)) return duration_of_seconds(number);
    problem_ = fmt::format("the body: \"{}\": expected a number of seconds from 0 to {:g}", key, seconds(most));
    return otherwise;
  }
  bool truth(const char* key) {
    if (!has(key)) return false;
    if (object_.at(key).is_boolean()) return object_.at(key).get<bool>();
    problem_ = fmt::format("the body: \"{}\": expected true or false", key);
    return false;
  }
  void note(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
  }
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  json object_;
  std::string problem_;
};

std::string_view word_of(ShareLimiter::Shortage shortage) {
  switch (shortage) {
    case ShareLimiter::Shortage::none: return "none";
    case ShareLimiter::Shortage::turn: return "turn";
    case ShareLimiter::Shortage::share: return "share";
    case ShareLimiter::Shortage::concurrency: return "concurrency";
    case ShareLimiter::Shortage::requests: return "requests";
    case ShareLimiter::Shortage::tokens: return "tokens";
  }
  return {};
}

// When to ask again. Where nobody can know, soon enough not to lose much, and seldom enough to be cheap.
double retry_after_s(const ShareLimiter::Reply& reply, Time now) {
  constexpr double kUnknown = 0.5;
  constexpr double kLeast = 0.01;
  return reply.ready == kNever ? kUnknown : std::max(kLeast, seconds(reply.ready - now));
}

std::string_view phrase_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 503: return "Service Unavailable";
    default: return "Error";
  }
}

std::string limit_words(std::int64_t most) { return most >= kNoLimit ? std::string("any number of") : std::to_string(most); }

}  // namespace

Result<AcquireOrder> read_acquire(std::string_view body, const LimiterHold& hold) {
  LimiterBody from(body, {"requests", "tokens", "concurrency", "wait_s", "hold_s", "until_close"});
  AcquireOrder order;
  order.permit.requests = from.count("requests", 1, kMostOfAPermit);
  order.permit.tokens = from.count("tokens", 0, kMostOfAPermit);
  order.permit.concurrency = from.count("concurrency", order.permit.requests, kMostOfAPermit);
  order.wait = from.time("wait_s", Duration{0}, kLongestWait);
  order.until_close = from.truth("until_close");
  order.permit.hold = from.time("hold_s", order.until_close ? Duration::max() : hold.usual, hold.most);
  if (order.permit.hold <= Duration{0}) from.note("the body: \"hold_s\": expected more than 0 seconds");
  if (!from.problem().empty()) return Error{from.problem()};
  return order;
}

Result<ReleaseOrder> read_release(std::string_view body) {
  LimiterBody from(body, {"permit", "throttled"});
  if (from.problem().empty() && !from.has("permit")) {
    from.note("the body: \"permit\" is missing: the number that /acquire gave");
  }
  ReleaseOrder order;
  order.permit = PermitId{static_cast<std::uint64_t>(from.count("permit", 0, std::int64_t{1} << 53))};
  order.throttled = from.truth("throttled");
  if (!from.problem().empty()) return Error{from.problem()};
  return order;
}

HttpResponse granted_response(PermitId permit, const PermitRequest& request, Time now, Time valid_until) {
  json body{{"granted", true}};
  if (request.concurrency > 0) {
    body["permit"] = permit.value;
    if (request.hold == Duration::max()) body["hold_s"] = nullptr;
    else body["hold_s"] = seconds(request.hold);
  }
  if (valid_until != kNever) body["share_valid_s"] = std::max(0.0, seconds(valid_until - now));
  return {.status = 200, .body = to_line(body) + "\n"};
}

HttpResponse refused_response(const HttpRequest& request, const ShareLimiter::Reply& reply, Time now,
                              const ShareLimiterConfig& config) {
  if (reply.verdict == ShareLimiter::Verdict::never) {
    return error_response(
        request, 422,
        fmt::format("this will never be granted: at once there can be {} requests at a time, {} requests and {} tokens (the "
                    "\"burst\" of the limits); ask for less, or raise \"limits\" or \"burst\" in the scenario",
                    limit_words(config.total.concurrency), limit_words(config.burst.requests_per_minute),
                    limit_words(config.burst.tokens_per_minute)));
  }
  if (reply.verdict == ShareLimiter::Verdict::too_many) {
    return later_response(
        request, 503,
        fmt::format("{} already wait or {} hold permits here: ask again later", config.waiting_max, config.permits_max), 1);
  }
  const double after = retry_after_s(reply, now);
  HttpResponse response{
      .status = 429,
      .body = to_line({{"granted", false}, {"reason", word_of(reply.shortage)}, {"retry_after_s", after}}) + "\n"};
  response.headers["Retry-After"] = std::to_string(static_cast<std::int64_t>(std::ceil(after)));
  return response;
}

std::string http_text(const HttpRequest& request, const HttpResponse& response, bool closes) {
  std::string text = fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n", response.status,
                                 phrase_of(response.status), response.content_type, response.body.size());
  for (const auto& [name, value] : headers_of(request, response)) text += fmt::format("{}: {}\r\n", name, value);
  if (closes) text += "Connection: close\r\n";
  return text + "\r\n" + response.body;
}

}  // namespace drydock::runtime

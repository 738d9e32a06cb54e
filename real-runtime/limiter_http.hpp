// What a limiter is asked over HTTP and what it answers, as values. No I/O.
//
//   POST /acquire  {"requests": 1, "tokens": 4096, "concurrency": 1, "wait_s": 30, "hold_s": 300, "until_close": false}
//     200 {"granted": true, "permit": 17, "hold_s": 300}    with "share_valid_s" where the share is lent for a time
//     429 {"granted": false, "reason": "tokens", "retry_after_s": 1.25}, and Retry-After
//     422 more than all workers together may take at once; 503 too many wait
//   POST /release  {"permit": 17, "throttled": false}
//     200 {"released": true}; 404 nobody holds it
//   POST /throttled
//     200 {"noted": true}
//   GET /scaling_status
#pragma once

#include "policies/core/result.hpp"
#include "policies/core/share_limiter.hpp"
#include "real-runtime/http_message.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace drydock::runtime {

struct LimiterHold {
  Duration usual =
      std::chrono::minutes{5};  // kept for so long where a request does not say; Duration::max(): until its holder ends
  Duration most = std::chrono::hours{24};  // no longer, whatever it says
};

struct AcquireOrder {
  PermitRequest permit;
  Duration wait{};           // 0: it is answered at once
  bool until_close = false;  // given back with the connection that it was asked on
};
inline constexpr std::int64_t kMostOfAPermit = 1'000'000'000;
inline constexpr Duration kLongestWait = std::chrono::minutes{10};

// Errors say what is wrong, and what there is.
[[nodiscard]] Result<AcquireOrder> read_acquire(std::string_view body, const LimiterHold& hold);

struct ReleaseOrder {
  PermitId permit;
  bool throttled = false;
};
[[nodiscard]] Result<ReleaseOrder> read_release(std::string_view body);

[[nodiscard]] HttpResponse granted_response(PermitId permit, const PermitRequest& request, Time now, Time valid_until);
// Of whatever was not granted.
[[nodiscard]] HttpResponse refused_response(const HttpRequest& request, const ShareLimiter::Reply& reply, Time now,
                                            const ShareLimiterConfig& config);

// "HTTP/1.1 200 OK" and all that follows.
[[nodiscard]] std::string http_text(const HttpRequest& request, const HttpResponse& response, bool closes);

}  // namespace drydock::runtime

// Who may ask, and how often: what is said to a request before its body is read.
#pragma once

#include "policies/core/rate_limit.hpp"
#include "real-runtime/http_message.hpp"

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace drydock::runtime {

struct HttpGuardOptions {
  std::string token{};                    // "Authorization: Bearer <token>"; empty: none is asked for
  std::vector<std::string> open_paths{};  // need no token
  // Without a token: answers only what is addressed to this machine, so that no page in a browser here gets in by another name.
  bool only_local_names = false;
  Rate rate{};             // of requests, for each client; 0: any
  std::int64_t burst = 0;  // that many at once
};

// For several threads.
class HttpGuard {
 public:
  explicit HttpGuard(HttpGuardOptions options);

  // The response to a request that must not go on; none: it may. Its body does not matter. `now` never goes back by much.
  [[nodiscard]] std::optional<HttpResponse> refusal(const HttpRequest& request, Time now);

 private:
  [[nodiscard]] std::optional<HttpResponse> too_often(const HttpRequest& request, Time now);
  [[nodiscard]] std::optional<HttpResponse> from_elsewhere(const HttpRequest& request) const;
  [[nodiscard]] TokenBucket& bucket_of(const std::string& client, Time now);

  const HttpGuardOptions options_;
  std::mutex mutex_;
  std::map<std::string, TokenBucket> buckets_;  // by client; "" for those beyond the limit
};

}  // namespace drydock::runtime

// The HTTP API: which path does what. What the routes do is in api_jobs, api_cluster and api_health.
#pragma once

#include "real-runtime/api_stores.hpp"
#include "real-runtime/http_guard.hpp"
#include "real-runtime/http_handler.hpp"
#include "real-runtime/request_counts.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::runtime {

struct ApiOptions {
  ApiStoresOptions stores;
  HttpGuardOptions guard;          // its open_paths are filled in
  std::vector<std::string> pools;  // names by number, as far as they are known
};

// For several threads.
class Api final : public HttpHandler {
 public:
  struct Route {
    std::string_view method;
    std::string_view path;  // a part "{id}" stands for any text without '/'
    bool open = false;      // needs no token
    HttpLane lane = HttpLane::ordinary;
  };
  [[nodiscard]] static std::span<const Route> routes();

  explicit Api(ApiOptions options);

  [[nodiscard]] std::optional<HttpResponse> refusal(const HttpRequest& request) override;
  [[nodiscard]] HttpLane lane(const HttpRequest& request) override;
  [[nodiscard]] HttpResponse answer(const HttpRequest& request) override;
  void answered(const HttpRequest& request, int status, Duration took) override;

  [[nodiscard]] ApiStores& stores() { return stores_; }

 private:
  ApiStores stores_;
  ApiStores probe_stores_;  // so that who asks for health does not wait for those who use the stores
  HttpGuard guard_;
  RequestCounts counts_;
  std::vector<std::string> pools_;
};

// The description of all routes: OpenAPI 3.0, as JSON.
[[nodiscard]] std::string_view openapi();

}  // namespace drydock::runtime

#include "real-runtime/api.hpp"

#include "real-runtime/api_cluster.hpp"
#include "real-runtime/api_health.hpp"
#include "real-runtime/api_jobs.hpp"
#include "real-runtime/api_shares.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <fmt/format.h>
#include <set>
#include <utility>

namespace drydock::runtime {

namespace {

enum class Action : std::uint8_t {
  submit_jobs,
  list_jobs,
  show_job,
  cancel_job,
  list_workers,
  list_queues,
  show_dashboard,
  show_scaling_status,
  show_health,
  show_readiness,
  show_metrics,
  show_openapi,
};

// In the order of Action.
constexpr std::array<Api::Route, 12> kRoutes{{{"POST", "/api/v1/jobs/submit"},
                                              {"GET", "/api/v1/jobs"},
                                              {"GET", "/api/v1/jobs/{id}"},
                                              {"DELETE", "/api/v1/jobs/{id}"},
                                              {"GET", "/api/v1/workers"},
                                              {"GET", "/api/v1/queues"},
                                              {"GET", "/api/v1/dashboard"},
                                              {"GET", "/scaling_status"},
                                              {"GET", "/healthz", true, HttpLane::instant},
                                              {"GET", "/readyz", true, HttpLane::probe},
                                              {"GET", "/metrics", false, HttpLane::probe},
                                              {"GET", "/openapi.json", true, HttpLane::instant}}};

// Of a pattern with "{id}" at its end; `id` is what stands there.
bool matches(std::string_view pattern, std::string_view path, std::string& id) {
  constexpr std::string_view kId = "{id}";
  if (!pattern.ends_with(kId)) return pattern == path;
  const std::string_view front = pattern.substr(0, pattern.size() - kId.size());
  if (!path.starts_with(front)) return false;
  const std::string_view rest = path.substr(front.size());
  if (rest.empty() || rest.find('/') != std::string_view::npos) return false;
  id = rest;
  return true;
}

struct Found {
  std::optional<std::size_t> route;
  std::set<std::string_view> methods{};  // that this path has, in any route
  std::string id{};
};

// Where a route has the very path, the patterns are not meant.
Found find(const HttpRequest& request) {
  Found found;
  const bool known = std::ranges::find(kRoutes, request.path, &Api::Route::path) != kRoutes.end();
  for (std::size_t i = 0; i < kRoutes.size(); ++i) {
    std::string id;
    if (known ? kRoutes.at(i).path != request.path : !matches(kRoutes.at(i).path, request.path, id)) continue;
    found.methods.insert(kRoutes.at(i).method);
    if (kRoutes.at(i).method != request.method || found.route) continue;
    found.route = i;
    found.id = std::move(id);
  }
  return found;
}

HttpGuardOptions with_open_paths(HttpGuardOptions options) {
  for (const Api::Route& route : kRoutes) {
    if (route.open) options.open_paths.emplace_back(route.path);
  }
  return options;
}

ApiStoresOptions with_one_connection(ApiStoresOptions options) {
  options.connections = 1;
  return options;
}

Time monotonic_now() {
  return Time{std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch())};
}

HttpResponse not_found(const HttpRequest& request, const Found& found) {
  if (found.methods.empty()) {
    return error_response(request, 404,
                          fmt::format("there is no path {}: /openapi.json has all", scenarios::printable(request.path)));
  }
  const std::string methods = fmt::format("{}", fmt::join(found.methods, ", "));
  HttpResponse response =
      error_response(request, 405, fmt::format("{} takes {}", scenarios::printable(request.path), methods));
  response.headers["Allow"] = methods;
  return response;
}

}  // namespace

std::span<const Api::Route> Api::routes() { return kRoutes; }

Api::Api(ApiOptions options)
    : stores_(options.stores),
      probe_stores_(with_one_connection(options.stores)),
      guard_(with_open_paths(std::move(options.guard))),
      pools_(std::move(options.pools)) {}

std::optional<HttpResponse> Api::refusal(const HttpRequest& request) { return guard_.refusal(request, monotonic_now()); }

HttpLane Api::lane(const HttpRequest& request) {
  const Found found = find(request);
  return found.route ? kRoutes.at(*found.route).lane : HttpLane::instant;
}

HttpResponse Api::answer(const HttpRequest& request) {
  const Found found = find(request);
  if (!found.route) return not_found(request, found);
  switch (static_cast<Action>(*found.route)) {
    case Action::submit_jobs: return submit_jobs(stores_, request);
    case Action::list_jobs: return list_jobs(stores_, request);
    case Action::show_job: return show_job(stores_, request, found.id);
    case Action::cancel_job: return cancel_job(stores_, request, found.id);
    case Action::list_workers: return list_workers(stores_, request, pools_);
    case Action::list_queues: return list_queues(stores_, request);
    case Action::show_dashboard: return show_dashboard(stores_, request);
    case Action::show_scaling_status: return show_scaling_status(stores_, request);
    case Action::show_health: return show_health(request);
    case Action::show_readiness: return show_readiness(probe_stores_, request);
    case Action::show_metrics: return show_metrics(probe_stores_, counts_);
    case Action::show_openapi: return {.status = 200, .body = std::string(openapi())};
  }
  return not_found(request, found);
}

void Api::answered(const HttpRequest& request, int status, Duration took) {
  const Found found = find(request);
  const std::string route = found.route ? std::string(kRoutes.at(*found.route).path) : "none";
  constexpr std::array<std::string_view, 3> kMethods{"GET", "POST", "DELETE"};
  const bool known = std::ranges::find(kMethods, request.method) != kMethods.end();
  counts_.add(known ? request.method : "other", route, status, took);
}

}  // namespace drydock::runtime

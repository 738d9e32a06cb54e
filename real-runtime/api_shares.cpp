#include "real-runtime/api_shares.hpp"

#include "policies/ports/share_text.hpp"
#include "real-runtime/api_text.hpp"
#include "real-runtime/share_store.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>

namespace drydock::runtime {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 3> kAllocated{"concurrent", "rpm", "tpm"};

// Whoever asks for a share, or has published what it does, of late.
Result<std::set<std::uint32_t>> sharing_workers(RedisClient& redis, const std::string& name) {
  const auto ledger = expected<redis::Ledger>(redis.execute(redis::ReadLedger{name}));
  if (!ledger) return ledger.error();
  std::set<std::uint32_t> workers;
  if (!ledger.value().token) return workers;
  const auto state = parse_ledger(ledger.value().state);
  if (!state) return Error{fmt::format("the key share:{} in Redis is no state of shares: {}", name, state.error().message)};
  for (const auto& holder : state.value().holders) workers.insert(holder.worker.value);
  for (const auto& entry : state.value().published) workers.insert(entry.report.worker.value);
  return workers;
}

// What these workers show.
Result<std::vector<json>> shown_by(RedisClient& redis, const std::string& name, const std::set<std::uint32_t>& workers) {
  std::vector<json> statuses;
  if (workers.empty()) return statuses;
  std::vector<std::string> words{"MGET"};
  for (const std::uint32_t worker : workers) words.push_back(redis.key(share_status_key(name, WorkerId{worker})));
  const auto texts = redis.run(words);
  if (!texts) return texts.error();
  for (const std::string& text : texts.value()) {
    json status = json::parse(text, nullptr, false);
    const bool is_one = status.is_object() && status.contains("current_allocation") && status.contains("worker_id");
    if (is_one) statuses.push_back(std::move(status));
  }
  return statuses;
}

}  // namespace

json all_as_one(const std::vector<json>& statuses) {
  json one = statuses.front();
  std::set<std::uint64_t> active;
  json sum = one.at("current_allocation");
  for (const std::string_view part : kAllocated) {
    if (!sum.at(part).is_number()) continue;
    std::int64_t total = 0;
    for (const json& status : statuses) total += status.at("current_allocation").at(part).get<std::int64_t>();
    sum.at(part) = total;
    double ratio = 0;  // to one limit
    for (const json& status : statuses) ratio += status.at("utilization_ratio").at(part).get<double>();
    one.at("utilization_ratio").at(part) = ratio;
  }
  for (const json& status : statuses) {
    const json& ids = status.at("active_worker_ids");
    if (std::ranges::find(ids, status.at("worker_id")) != ids.end())
      active.insert(status.at("worker_id").get<std::uint64_t>());
  }
  one.at("worker_id") = nullptr;
  one.at("current_allocation") = std::move(sum);
  one.at("active_worker_ids") = active;
  one.at("active_workers") = active.size();
  one.at("utilization_ratio").at("workers") =
      static_cast<double>(active.size()) / std::max(1.0, one.at("total_workers").get<double>());
  return one;
}

HttpResponse show_scaling_status(ApiStores& stores, const HttpRequest& request) {
  constexpr std::array<std::string_view, 2> kParameters{"worker", "name"};
  if (auto wrong = unknown_parameter(request, kParameters)) return *wrong;
  const auto given = [&](const char* key) {
    const auto at = request.query.find(key);
    return at == request.query.end() ? std::optional<std::string>{} : std::optional(at->second);
  };
  const std::string name = given("name").value_or("limits");
  if (name.empty() || name.size() > 200) return error_response(request, 400, "name: expected 1 to 200 characters");
  std::optional<std::uint32_t> only;
  if (const auto text = given("worker")) {
    const auto number = whole_number(*text, 0, std::numeric_limits<std::uint32_t>::max());
    if (!number) return error_response(request, 400, "worker: expected the number of a worker");
    only = static_cast<std::uint32_t>(*number);
  }
  const auto statuses = stores.with_redis([&](RedisClient& redis) -> Result<std::vector<json>> {
    if (only) return shown_by(redis, name, {*only});
    const auto workers = sharing_workers(redis, name);
    if (!workers) return workers.error();
    return shown_by(redis, name, workers.value());
  });
  if (!statuses) return store_response(request, statuses.error());
  if (statuses.value().empty()) {
    return error_response(
        request, 404,
        only ? fmt::format("worker {} shares nothing that is called \"{}\" in this Redis", *only, name)
             : fmt::format(
                   "nobody shares anything that is called \"{}\" in this Redis: workers do whose scenario has \"limits\"",
                   name));
  }
  return json_response(200, only ? statuses.value().front() : all_as_one(statuses.value()));
}

}  // namespace drydock::runtime

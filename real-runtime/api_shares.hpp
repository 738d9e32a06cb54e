// What the API tells of shares: what workers have shown of theirs in Redis (ShareStore::show).
#pragma once

#include "real-runtime/api_stores.hpp"
#include "real-runtime/http_message.hpp"

#include <nlohmann/json_fwd.hpp>
#include <vector>

namespace drydock::runtime {

// GET /scaling_status: with ?worker=N what that worker shows, else all of them as one. ?name= as --share-name of workers.
[[nodiscard]] HttpResponse show_scaling_status(ApiStores& stores, const HttpRequest& request);

// One status (ShareDriver::status_json) of at least one: "worker_id" is null, "current_allocation" the sum; a worker is active if it says so
// of itself.
[[nodiscard]] nlohmann::json all_as_one(const std::vector<nlohmann::json>& statuses);

}  // namespace drydock::runtime

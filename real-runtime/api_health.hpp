// Whether the API and what it needs are well, for machines that watch: /healthz, /readyz and /metrics.
#pragma once

#include "real-runtime/api_stores.hpp"
#include "real-runtime/http_message.hpp"
#include "real-runtime/request_counts.hpp"

namespace drydock::runtime {

// The process lives and answers.
[[nodiscard]] HttpResponse show_health(const HttpRequest& request);

// 200 where both stores answer, the schema is of this program's version, and somebody leads; else 503 with what is missing. Says no
// more than that: it needs no token.
[[nodiscard]] HttpResponse show_readiness(ApiStores& stores, const HttpRequest& request);

// Prometheus' text format 0.0.4. Also where a store is away: then its gauges are missing, and drydock_store_up is 0.
[[nodiscard]] HttpResponse show_metrics(ApiStores& stores, const RequestCounts& counts);

}  // namespace drydock::runtime

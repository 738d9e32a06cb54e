// What the API does with jobs.
#pragma once

#include "real-runtime/api_stores.hpp"
#include "real-runtime/http_message.hpp"

#include <string>

namespace drydock::runtime {

// POST: one job or a list of them, as job_request.hpp has it; 201 with their ids. With "Idempotency-Key" or "unique_key" a repetition
// gets the same ids, with 200, and adds nothing.
[[nodiscard]] HttpResponse submit_jobs(ApiStores& stores, const HttpRequest& request);

// The newest first; ?state=&queue=&limit=&after=, where `after` is the "next" of the page before.
[[nodiscard]] HttpResponse list_jobs(ApiStores& stores, const HttpRequest& request);

// `id` as it stands in the path.
[[nodiscard]] HttpResponse show_job(ApiStores& stores, const HttpRequest& request, const std::string& id);
[[nodiscard]] HttpResponse cancel_job(ApiStores& stores, const HttpRequest& request, const std::string& id);

}  // namespace drydock::runtime

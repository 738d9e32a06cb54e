// What the API tells of workers, queues and the whole.
#pragma once

#include "real-runtime/api_stores.hpp"
#include "real-runtime/http_message.hpp"

#include <string>
#include <vector>

namespace drydock::runtime {

// `pools`: their names by number, as far as they are known.
[[nodiscard]] HttpResponse list_workers(ApiStores& stores, const HttpRequest& request,
                                        const std::vector<std::string>& pools);
[[nodiscard]] HttpResponse list_queues(ApiStores& stores, const HttpRequest& request);
[[nodiscard]] HttpResponse show_dashboard(ApiStores& stores, const HttpRequest& request);

}  // namespace drydock::runtime

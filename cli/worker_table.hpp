// Workers as lines for people, for `drydock workers` and `drydock status`.
#pragma once

#ifdef DRYDOCK_WITH_RUNTIME

#include "real-runtime/cluster_view.hpp"

#include <span>
#include <string>
#include <vector>

namespace drydock::cli {

// With a line of headings; empty without workers. Amounts are "used/has", with "-" for what is not known and "any" for no limit.
[[nodiscard]] std::string worker_table(std::span<const runtime::SeenWorker> workers, const std::vector<std::string>& pools);

}  // namespace drydock::cli

#endif

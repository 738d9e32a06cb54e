// What is measured of a scenario.
#pragma once

#include "reports/metrics.hpp"
#include "scenarios/scenario.hpp"
#include "sim/platform.hpp"

#include <cstdint>

namespace drydock::sim {

// `warmup_jobs`: the first ones, which are not. `keep_waits`: whoever looks for the warm-up wants each wait.
[[nodiscard]] reports::MetricsConfig metrics_config(const scenarios::Scenario& scenario, const Platform& platform,
                                                    std::uint64_t warmup_jobs, bool keep_waits);

}  // namespace drydock::sim

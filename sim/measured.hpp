// What is measured of a run of a scenario, whoever makes it: the simulation, or the reader of its journals.
#pragma once

#include "reports/journal_meter.hpp"
#include "reports/metrics.hpp"
#include "scenarios/scenario.hpp"
#include "sim/platform.hpp"

#include <cstdint>

namespace drydock::sim {

// How many of these jobs come before the first that is measured.
[[nodiscard]] std::uint64_t warmup_jobs(const scenarios::Scenario& scenario, std::uint64_t jobs);

[[nodiscard]] reports::MetricsConfig metrics_config(const scenarios::Scenario& scenario, const Platform& platform,
                                                    std::uint64_t warmup_jobs);

// For the journals of a run of this scenario. `seed`: of its workload, of which a warm-up is a part.
[[nodiscard]] reports::JournalMeterConfig meter_config(const scenarios::Scenario& scenario, const Platform& platform,
                                                       std::uint64_t seed);

}  // namespace drydock::sim

// One run on a platform that is built already, in the process that calls. For run.cpp and run_builder.cpp.
#pragma once

#include "sim/run.hpp"
#include "sim/simgrid_engine.hpp"

#include <atomic>
#include <cstdint>

namespace drydock::sim {

// `engine` must not have run. Exceptions become RunResult::error.
[[nodiscard]] reports::RunResult run_on(SimGridEngine& engine, const RunRequest& request, const std::atomic<bool>& stop,
                                        std::atomic<double>* progress);

}  // namespace drydock::sim

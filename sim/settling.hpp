// Which jobs of a run are its warm-up.
#pragma once

#include "policies/core/ids.hpp"
#include "reports/run_result.hpp"

#include <map>

namespace drydock::sim {

// From the jobs' waits in seconds: those submitted before the first that MSER-5 keeps.
[[nodiscard]] reports::RunResult::Settling find_settling(const std::map<JobId, double>& waits);

}  // namespace drydock::sim

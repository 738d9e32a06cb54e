// Results of real servers and processes in the format of simulated ones.
#pragma once

#include "cli/result_files.hpp"

#include <string>
#include <vector>

namespace drydock::cli {

// As outcome_json, and says what they are. `cautions`: why a simulation may not be trusted beside them, in sentences.
[[nodiscard]] std::string real_outcome_json(const Outcome& outcome, const std::vector<std::string>& cautions);

}  // namespace drydock::cli

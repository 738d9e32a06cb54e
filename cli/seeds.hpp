// Which seeds to run.
#pragma once

#include "policies/core/result.hpp"
#include "scenarios/scenario.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace drydock::cli {

// "7", "1..20", "1,2,5" or "1..5,9": in this order. Refuses what is none of these, a seed given twice, and more than
// 100 000.
[[nodiscard]] Result<std::vector<std::uint64_t>> parse_seeds(std::string_view text);

// Whether another seed can give other results: something in it is drawn at random.
[[nodiscard]] bool is_random(const scenarios::Scenario& scenario);

// When --seeds does not say: ten from the scenario's own seed on, so that intervals are narrow enough to say something; only
// the scenario's own where nothing is random, or where the run is judged (must_end_by).
[[nodiscard]] std::vector<std::uint64_t> default_seeds(std::span<const scenarios::Scenario> variants);

}  // namespace drydock::cli

// Made-up runs for tests of comparisons, sentences and tables.
#pragma once

#include "reports/run_result.hpp"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace drydock::reports {

using Figures = std::map<std::string, double>;

inline RunResult run(const std::string& variant, std::uint64_t seed, Figures metrics) {
  RunResult result;
  result.variant = variant;
  result.seed = seed;
  result.metrics = std::move(metrics);
  return result;
}

using ByVariant = std::vector<std::pair<std::string, std::vector<double>>>;

// Values of `metric` by variant, one per seed.
inline std::vector<RunResult> waits(const ByVariant& by_variant, const std::string& metric = "wait_s.mean") {
  std::vector<RunResult> runs;
  for (const auto& [variant, values] : by_variant) {
    for (std::size_t i = 0; i < values.size(); ++i) runs.push_back(run(variant, i + 1, {{metric, values[i]}}));
  }
  return runs;
}

// The same runs with one more metric; variants and seeds as in waits().
inline void add(std::vector<RunResult>& runs, const std::string& metric, const ByVariant& by_variant) {
  for (const auto& [variant, values] : by_variant) {
    for (RunResult& one : runs) {
      if (one.variant == variant) one.metrics[metric] = values[one.seed - 1];
    }
  }
}

inline bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace drydock::reports

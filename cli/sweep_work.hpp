// What a sweep is to run, all of it checked before anything runs.
#pragma once

#include "policies/core/result.hpp"
#include "reports/sweep.hpp"
#include "scenarios/scenario.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace drydock::cli {

// As on the command line.
struct SweepOptions {
  std::string scenario;
  std::vector<std::string> varies;
  std::optional<std::string> seeds;
  std::vector<std::string> sets;
  std::vector<std::string> variants;
  std::optional<std::string> metrics;
  std::optional<std::string> pareto;
  std::optional<std::string> precision;
  std::string warmup = "scenario";
  std::optional<std::uint64_t> random;  // points to draw
  std::uint64_t random_seed = 1;
  std::optional<std::string> shard;
  std::optional<std::uint64_t> baseline;  // from 1 on
  std::vector<std::string> merge;
  std::string out;
  std::string format = "table";
  unsigned jobs = 1;
};

struct SweepWork {
  reports::SweepPlan plan;
  std::vector<scenarios::Scenario> scenarios;  // by point
};
[[nodiscard]] Result<SweepWork> prepare_sweep(const SweepOptions& options);

// How results are shown: --metrics, --pareto and --baseline, of `names`.
[[nodiscard]] Result<reports::SweepView> read_view(const SweepOptions& options, const std::vector<std::string>& names,
                                                   std::size_t points);

}  // namespace drydock::cli

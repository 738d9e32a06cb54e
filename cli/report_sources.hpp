// What a report is told to be of: results, comparisons and sweeps, as the command line names them.
#pragma once

#include "policies/core/result.hpp"
#include "reports/recorded.hpp"

#include <span>
#include <string>
#include <vector>

namespace drydock::cli {

struct ReportSources {
  std::vector<reports::Recorded> results;
  std::string comparison;  // drydock.compare/1: of several results, or as it was recorded; else empty
  std::string sweep;       // drydock.sweep/1, or empty
};

// Results (see read_run()), of which several are compared; or one recorded comparison, or one sweep. A folder with the results of
// `rehearse` stands for both. Errors name the file.
[[nodiscard]] Result<ReportSources> read_sources(std::span<const std::string> named, bool across_scenarios);

}  // namespace drydock::cli

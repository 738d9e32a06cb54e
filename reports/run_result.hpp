// What one run gives: named figures (names carry their units, DESIGN of the result format in README), and its context.
#pragma once

#include "policies/core/check.hpp"
#include "reports/distribution.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace drydock::reports {

struct RunResult {
  std::string variant;
  std::uint64_t seed = 0;
  std::map<std::string, double> metrics;  // "wait_s.mean" -> 8.08; absent = not measured
  Distributions distributions = {};       // of waits and response times
  bool checked = false;                   // violations were looked for
  std::vector<Violation> violations;
  std::uint64_t violation_count = 0;
  std::uint64_t journal_hash = 0;
  std::uint64_t steps = 0;
  bool partial = false;  // stopped before its end (Ctrl-C)
  double cpu_s = 0;      // of the process that made it
  double peak_rss_bytes = 0;
  std::optional<std::string> error;  // the run could not be made: what and why
  // What MSER-5 made of the waits, where that was asked for.
  struct Settling {
    std::uint64_t deleted = 0;  // jobs with an id below this are warm-up
    bool settled = true;        // the rule found an end of it in the first half
  };
  std::optional<Settling> settling;
};

}  // namespace drydock::reports

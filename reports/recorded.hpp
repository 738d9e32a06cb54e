// Results of runs that somebody kept: what a file of them says, as far as comparisons need it.
#pragma once

#include "reports/run_result.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace drydock::reports {

struct RecordedVariant {
  std::string name;
  std::string hash;      // of its scenario; empty where the file does not say
  std::string scenario;  // the whole of it as JSON; empty likewise
};

struct Recorded {
  std::string label;                                       // how the user called it: a path
  std::string version;                                     // of the program that made it; empty where the file does not say
  std::string scenario;                                    // its name
  std::vector<std::pair<std::string, std::string>> facts;  // compiler, system, ...
  bool real = false;                                       // of real servers and processes, not simulated
  std::vector<std::string> cautions = {};                  // why a simulation may not be trusted beside it
  bool random = true;                                      // results depend on the seed
  bool partial = false;                                    // stopped before all runs had ended
  std::vector<RecordedVariant> variants;
  std::vector<RunResult> runs;
};

// One variant of one result.
struct RecordedSide {
  const Recorded* of = nullptr;
  std::size_t variant = 0;
  [[nodiscard]] const RecordedVariant& which() const { return of->variants[variant]; }
};

// Its runs that were complete, by seed.
[[nodiscard]] std::vector<const RunResult*> complete_runs(const RecordedSide& side);
// How many were not: failed, or stopped before their end.
[[nodiscard]] std::size_t incomplete_runs(const RecordedSide& side);

}  // namespace drydock::reports

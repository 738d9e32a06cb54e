// Results as JSON, schema "drydock.result/1": README.md describes it, result.schema.json defines it. The same results give
// the same text, byte for byte (but for what `resources` of a run measured of the machine).
#pragma once

#include "reports/comparison.hpp"
#include "reports/run_result.hpp"

#include <map>
#include <span>
#include <string>
#include <vector>

namespace drydock::reports {

inline constexpr std::string_view kResultSchema = "drydock.result/1";

// Where a result comes from; `facts` (compiler, build_type, system, ...) appear as they are.
struct ResultContext {
  std::string version;  // of the program
  std::vector<std::pair<std::string, std::string>> facts;
};

// The scenario as one variant ran it.
struct VariantScenario {
  std::string variant;
  std::string json;  // complete, with --set and the variant applied
};

struct ResultInput {
  ResultContext context;
  std::string scenario_name;
  std::string scenario_description;
  std::vector<VariantScenario> variants;
  std::span<const RunResult> runs;
  bool partial = false;                    // stopped before all runs had ended
  bool random = true;                      // results depend on the seed
  bool real = false;                       // of real servers and processes, not simulated
  std::vector<std::string> cautions = {};  // why a simulation may not be trusted beside it
};

// 16 hex digits: of the variants' scenarios, independent of white space and the order of keys.
[[nodiscard]] std::string scenario_hash(std::span<const VariantScenario> variants);

// Ends with a newline. Figures that are not numbers (NaN, infinity) are left out.
[[nodiscard]] std::string render_json(const ResultInput& input);

}  // namespace drydock::reports

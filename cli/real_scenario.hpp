// The scenario of a run for real: one variant, with what a simulation does not need filled in.
#pragma once

#include "policies/core/result.hpp"
#include "policies/core/time.hpp"
#include "scenarios/scenario.hpp"

#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace drydock::cli {

struct RealScenarioOptions {
  std::string scenario;  // a file, or the name of a built-in one
  std::optional<std::string> variant;
  std::vector<std::string> sets;
  bool trial = false;                                         // its workload and its faults happen too
  Duration heartbeat_least = std::chrono::milliseconds{100};  // where time is scaled
};

// --variant and --set.
void declare_choice(CLI::App& app, RealScenarioOptions& options);
// --config, for the names of pools alone, and declare_choice().
void declare_pool_names(CLI::App& app, RealScenarioOptions& options);

// Nobody is told of a death for real: workers beat and the registry is read. A scheduler has a lease, since another one may come. Appends
// notes for people on what was filled in, and on what has no effect.
[[nodiscard]] Result<scenarios::Scenario> real_scenario(const RealScenarioOptions& options, std::vector<std::string>& notes);
// The same, and as it is simulated: without the lease of a scheduler that is alone.
struct TrialScenario {
  scenarios::Scenario real;
  scenarios::Scenario simulated;
};
[[nodiscard]] Result<TrialScenario> trial_scenario(const RealScenarioOptions& options, std::vector<std::string>& notes);
// The same without what the runtime needs of it: for what is shared alone.
[[nodiscard]] Result<scenarios::Scenario> share_scenario(const RealScenarioOptions& options);
// By the number of the pool; none where no scenario was named.
[[nodiscard]] Result<std::vector<std::string>> pool_names(const RealScenarioOptions& options);

}  // namespace drydock::cli

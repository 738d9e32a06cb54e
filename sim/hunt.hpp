// Looks for runs that break an invariant: each under other faults, drawn at random.
#pragma once

#include "reports/run_result.hpp"
#include "scenarios/scenario.hpp"
#include "sim/interposer.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace drydock::sim {

struct HuntOptions {
  std::uint64_t seed = 1;
  std::uint64_t first = 1;  // number of the first run
  std::uint64_t runs = 1000;
  unsigned jobs = 1;           // runs at the same time
  std::filesystem::path base;  // against which the paths of traces are read
  // For tests: makes the planted bug of one run. Called in the process of the run.
  std::function<std::unique_ptr<Interposer>()> plant;
};

// A run that went wrong.
struct Finding {
  std::uint64_t run = 0;
  std::string scenario;       // JSON text of one variant that `drydock simulate` makes the same run of
  reports::RunResult result;  // with at least one violation, or an error
};

struct HuntProgress {
  std::uint64_t runs_done = 0;
  std::uint64_t runs_total = 0;
};

struct HuntResult {
  std::uint64_t runs_done = 0;
  std::optional<Finding> finding{};  // the one with the lowest number; run 0: without faults, the scenario as it is
  bool interrupted = false;
  std::optional<std::string> error{};  // runs were not made, though nobody interrupted
};

// Run k takes variant k modulo their number; what else there is at random follows from the seed and k alone. First each variant is run
// as it is, to see how long it takes: faults begin within that time. Those that have neither a duration nor must_end_by get the
// latter. Ends with the first finding, with the last run, or when `stop` becomes true. `progress` is called a few times a second.
// Throws std::system_error when the system has no more processes.
[[nodiscard]] HuntResult hunt(std::span<const scenarios::Scenario> variants, const HuntOptions& options,
                              const std::atomic<bool>& stop, const std::function<void(const HuntProgress&)>& progress);

// Whether a run went wrong.
[[nodiscard]] bool went_wrong(const reports::RunResult& result);
// What kind of thing went wrong: the same for two runs that show the same bug, as far as words can tell.
[[nodiscard]] std::string symptom_of(const reports::RunResult& result);

// The run of this scenario text in a process of its own, recorded if there is a path. A text that cannot be read gives an error.
[[nodiscard]] reports::RunResult try_scenario(const std::string& scenario, const HuntOptions& options,
                                              const std::atomic<bool>& stop,
                                              const std::optional<std::filesystem::path>& journal = std::nullopt);

}  // namespace drydock::sim

// Jobs of a scenario as jobs for real: what they run, and what its periodic entries fire.
#pragma once

#ifdef DRYDOCK_WITH_RUNTIME

#include "real-runtime/beat_process.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/workload.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace drydock::cli {

class RealJobs {
 public:
  // The scenario must outlive it, and was checked when it was loaded.
  explicit RealJobs(const scenarios::Scenario& scenario);

  // What its entry says ("run"), else a sleep as long as it takes.
  [[nodiscard]] std::string payload(const scenarios::Arrival& arrival) const;
  // Whether this periodic job's entry says what it runs.
  [[nodiscard]] bool says_what_it_runs(PeriodicId job) const;

  // The scenario's periodic jobs, its queues, and its lease. This must outlive them.
  [[nodiscard]] runtime::BeatProcessOptions beat_options(std::uint64_t seed,
                                                         const runtime::PostgresClientOptions& postgres) const;

 private:
  const scenarios::Scenario& scenario_;
  std::vector<std::string> runs_;  // by source: the workload's, then the periodic ones; empty: a sleep
};

}  // namespace drydock::cli

#endif

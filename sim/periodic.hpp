// Periodic jobs: drives the core's BeatRole in virtual time, with its outages, and turns what it fires into jobs. The store that
// accepts each firing once is ideal.
#pragma once

#include "policies/core/beat.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/workload.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace drydock::sim {

class Periodic {
 public:
  // The scenario must outlive it.
  Periodic(const scenarios::Scenario& scenario, std::uint64_t seed);

  // The next time at which fire() must be called; kNever when no periodic job is to come any more.
  [[nodiscard]] Time next() const;

  // Fills in the next job that is fired at `now`, with this id; false when there are no more. Call it until then.
  [[nodiscard]] bool fire(Time now, JobId id, scenarios::Arrival& arrival);

  // A job was started, or rejected. Gives its due time if it is a periodic one that was not taken before.
  std::optional<Time> taken(JobId job);

  // Due times before `now` that have not fired.
  [[nodiscard]] std::uint64_t missed(Time now) const;

 private:
  // The beat's process stops (+1) or comes back (-1).
  struct Outage {
    Time at{};
    int change = 0;
  };
  struct Recorded {
    std::uint64_t fired = 0;
    std::optional<Time> last;
  };

  void break_and_repair(Time now);
  [[nodiscard]] bool accept(Firing firing);

  const scenarios::Scenario& scenario_;
  std::uint64_t seed_;
  Time end_ = kNever;
  BeatConfig config_;
  std::optional<BeatRole> beat_;  // nothing while it is down
  std::uint64_t epoch_ = 0;
  int down_by_ = 0;
  std::vector<Outage> outages_;  // to come, the next one last

  std::vector<BeatEvent> facts_;  // for the beat's next step
  std::vector<Firing> firings_;   // accepted, to be made into jobs; the next one last
  // What the store holds.
  std::vector<Recorded> recorded_;   // by PeriodicId
  std::map<JobId, Firing> waiting_;  // fired and not taken
};

}  // namespace drydock::sim

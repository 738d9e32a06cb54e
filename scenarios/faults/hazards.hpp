// What goes wrong with an attempt by itself: it fails, it kills its worker, it takes too long. Every draw is numbered by the job
// and the attempt, so that it is the same under every policy.
#pragma once

#include "scenarios/scenario.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace drydock::scenarios {

class Hazards {
 public:
  Hazards(const Scenario& scenario, std::uint64_t seed);

  // Whether mishap() ever gives one.
  [[nodiscard]] bool any() const { return any_; }
  // One attempt of a job.
  struct Subject {
    std::uint32_t source = 0;  // of the job, index into the scenario's workload
    AttemptId attempt;
    Duration service{};  // time that the attempt takes alone
  };
  struct Mishap {
    Duration after{};                      // its computation began
    std::optional<Duration> kills_worker;  // it takes its worker with it, which is back after this time
  };
  // The first that will happen to it before it is done; nothing when all goes well.
  [[nodiscard]] std::optional<Mishap> mishap(const Subject& subject) const;

  // Time from its dispatch after which an attempt is ended; nothing when it may take as long as it wants.
  [[nodiscard]] std::optional<Duration> time_limit(std::uint32_t source) const { return sources_[source].time_limit; }

 private:
  struct Poison {
    PoisonJob fault;
    std::uint64_t stream = 0;
    std::vector<bool> sources;  // by source: concerned
  };
  [[nodiscard]] Duration part_of(const Subject& subject, std::uint64_t stream) const;

  std::uint64_t seed_;
  std::vector<JobHazards> sources_;
  std::vector<Poison> poisons_;
  bool any_ = false;
};

}  // namespace drydock::scenarios

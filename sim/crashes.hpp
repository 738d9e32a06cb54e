// When hosts crash and are repaired, and when their workers are asked to end: one process per fault and host, drawn as it goes, the
// same for every policy.
#pragma once

#include "scenarios/scenario.hpp"
#include "sim/platform.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

namespace drydock::sim {

class Crashes {
 public:
  Crashes(const scenarios::Scenario& scenario, const Platform& platform, std::uint64_t seed);

  [[nodiscard]] std::uint32_t process_count() const { return static_cast<std::uint32_t>(processes_.size()); }
  [[nodiscard]] HostIndex host_of(std::uint32_t process) const { return processes_[process].host; }
  // From the start of the run, or from the last repair, to the process's next crash; nothing when there is none.
  [[nodiscard]] std::optional<Duration> until_crash(std::uint32_t process);
  // From a crash to its repair; nothing when it is for ever.
  [[nodiscard]] std::optional<Duration> until_repair(std::uint32_t process);
  // The process does not crash its host, but asks the workers there to end; nullptr else. Its repair is their next start.
  [[nodiscard]] const scenarios::WorkerStop* stop_of(std::uint32_t process) const;

 private:
  struct Process {
    HostIndex host = 0;
    std::uint32_t fault = 0;
    std::uint32_t draws = 0;
  };
  [[nodiscard]] Duration draw(const scenarios::Distribution& distribution, Process& process) const;

  using Fault = std::variant<scenarios::WorkerCrash, scenarios::WorkerStop>;
  void add(const Fault& fault, std::span<const HostIndex> hosts);
  [[nodiscard]] const std::variant<scenarios::WorkerCrash::Once, scenarios::WorkerCrash::Repeated>& when_of(
      const Process& process) const;

  std::vector<Fault> faults_;
  std::vector<Process> processes_;
  std::uint64_t seed_;
};

}  // namespace drydock::sim

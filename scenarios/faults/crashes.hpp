// When hosts crash and are repaired, and when their workers are asked to end: one process per fault and host, drawn as it goes, the
// same for every policy.
#pragma once

#include "scenarios/faults/hosts.hpp"
#include "scenarios/scenario.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

namespace drydock::scenarios {

class Crashes {
 public:
  Crashes(const Scenario& scenario, std::uint64_t seed);

  [[nodiscard]] std::uint32_t process_count() const { return static_cast<std::uint32_t>(processes_.size()); }
  [[nodiscard]] HostIndex host_of(std::uint32_t process) const { return processes_[process].host; }
  // From the start of the run, or from the last repair, to the process's next crash; nothing when there is none.
  [[nodiscard]] std::optional<Duration> until_crash(std::uint32_t process);
  // From a crash to its repair; nothing when it is for ever.
  [[nodiscard]] std::optional<Duration> until_repair(std::uint32_t process);
  // Index into Scenario::faults.
  [[nodiscard]] std::size_t fault_of(std::uint32_t process) const { return numbers_[processes_[process].fault]; }
  // The process does not crash its host, but asks the workers there to end; nullptr else. Its repair is their next start.
  [[nodiscard]] const WorkerStop* stop_of(std::uint32_t process) const;

 private:
  struct Process {
    HostIndex host = 0;
    std::uint32_t fault = 0;
    std::uint32_t draws = 0;
  };
  [[nodiscard]] Duration draw(const Distribution& distribution, Process& process) const;

  using Cause = std::variant<WorkerCrash, WorkerStop>;
  void add(const Cause& cause, std::size_t number, std::span<const HostIndex> hosts);
  [[nodiscard]] const std::variant<WorkerCrash::Once, WorkerCrash::Repeated>& when_of(const Process& process) const;

  std::vector<Cause> faults_;
  std::vector<std::size_t> numbers_;  // likewise: in the scenario
  std::vector<Process> processes_;
  std::uint64_t seed_;
};

}  // namespace drydock::scenarios

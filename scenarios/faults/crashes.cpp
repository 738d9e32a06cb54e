#include "scenarios/faults/crashes.hpp"

#include "policies/core/assert.hpp"
#include "policies/core/rng.hpp"
#include "scenarios/workload.hpp"

#include <algorithm>

namespace drydock::scenarios {

Crashes::Crashes(const Scenario& scenario, std::uint64_t seed) : seed_(seed) {
  for (std::size_t i = 0; i < scenario.faults.size(); ++i) {
    const Fault& fault = scenario.faults[i];
    if (const auto* crash = std::get_if<WorkerCrash>(&fault)) add(*crash, i, target_hosts(scenario.hosts, crash->target));
    if (const auto* stop = std::get_if<WorkerStop>(&fault)) add(*stop, i, target_hosts(scenario.hosts, stop->target));
  }
}

void Crashes::add(const Cause& cause, std::size_t number, std::span<const HostIndex> hosts) {
  DRYDOCK_CHECK(!hosts.empty(), "a fault names a host that does not exist");
  for (const HostIndex host : hosts) {
    processes_.push_back({.host = host, .fault = static_cast<std::uint32_t>(faults_.size()), .draws = 0});
  }
  faults_.push_back(cause);
  numbers_.push_back(number);
}

const WorkerStop* Crashes::stop_of(std::uint32_t process) const {
  return std::get_if<WorkerStop>(&faults_[processes_[process].fault]);
}

const std::variant<WorkerCrash::Once, WorkerCrash::Repeated>& Crashes::when_of(const Process& process) const {
  return std::visit([](const auto& fault) -> const auto& { return fault.when; }, faults_[process.fault]);
}

std::optional<Duration> Crashes::until_crash(std::uint32_t index) {
  Process& process = processes_[index];
  const auto& when = when_of(process);
  if (const auto* repeated = std::get_if<WorkerCrash::Repeated>(&when)) return draw(repeated->up, process);
  if (process.draws++ > 0) return std::nullopt;
  return std::get<WorkerCrash::Once>(when).at;
}

std::optional<Duration> Crashes::until_repair(std::uint32_t index) {
  Process& process = processes_[index];
  const auto& when = when_of(process);
  if (const auto* repeated = std::get_if<WorkerCrash::Repeated>(&when)) return draw(repeated->down, process);
  return std::get<WorkerCrash::Once>(when).lasting;
}

Duration Crashes::draw(const Distribution& distribution, Process& process) const {
  const std::uint64_t stream =
      mix64(stream_of("worker-crash") ^ mix64((std::uint64_t{process.fault} << 32U) | process.host));
  const double drawn = sample(distribution, seed_, stream, process.draws++);
  return std::max(Duration{1}, duration_of_seconds(drawn));
}

}  // namespace drydock::scenarios

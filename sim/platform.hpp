// The machines of a scenario as flat tables: hosts, and the worker that each pool has on each of its hosts.
#pragma once

#include "policies/core/events.hpp"
#include "scenarios/faults/hosts.hpp"
#include "scenarios/scenario.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::sim {

using scenarios::HostIndex;

struct HostFacts {
  std::uint32_t group = 0;   // index into Scenario::hosts
  std::uint32_t number = 0;  // within the group
  std::uint32_t cpus = 1;
  double speed = 1.0;
  double cost_per_hour = 0;
  double cost_per_month = 0;
  const SessionRules* sessions = nullptr;  // of its group; none: it is always there
  std::uint32_t gpus = 0;
  // Tasks may ask for more cores than there are: its workers do not limit them, or several workers share the host.
  bool oversubscribable = false;
  // Likewise, and nobody meant them to: not by processor sharing.
  bool overcommittable = false;
  std::vector<WorkerId> workers;
};

struct WorkerFacts {
  HostIndex host = 0;
  WorkerSpec spec;
  std::uint64_t max_tasks_per_child = 0;  // 0: children live as long as their worker
  Duration child_restart{};
  Duration poll{};  // as of its pool
  bool beats_in_loop = false;
};

class Platform {
 public:
  // Workers are numbered pool by pool, within a pool host group by host group as the pool names them, then host by host.
  explicit Platform(const scenarios::Scenario& scenario);

  [[nodiscard]] std::span<const HostFacts> hosts() const { return hosts_; }
  [[nodiscard]] std::span<const WorkerFacts> workers() const { return workers_; }

  // The pools that have workers on it.
  [[nodiscard]] std::span<const PoolId> pools_of(HostIndex host) const { return pools_of_group_[hosts_[host].group]; }

  // Hosts meant by a fault's target: a host's name, a group's, or empty for all. Empty when there is no such name.
  [[nodiscard]] std::vector<HostIndex> resolve(std::string_view target) const;

 private:
  void add_worker(PoolId pool, const scenarios::Pool& config, const scenarios::HostGroup& group, HostIndex host,
                  bool by_totals);

  std::vector<scenarios::HostGroup> groups_;
  std::vector<HostIndex> first_of_group_;
  std::vector<std::vector<PoolId>> pools_of_group_;
  std::vector<HostFacts> hosts_;
  std::vector<WorkerFacts> workers_;
};

// Runs of equal machines and networks can share one built platform.
[[nodiscard]] bool same_platform(const scenarios::Scenario& a, const scenarios::Scenario& b);

}  // namespace drydock::sim

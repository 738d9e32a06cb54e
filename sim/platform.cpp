#include "sim/platform.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>

namespace drydock::sim {
namespace {

WorkerSpec spec_of(PoolId pool, const scenarios::Pool& config, const scenarios::HostGroup& group) {
  ResourceAmounts amounts;
  amounts.cpus_milli = config.processor_sharing ? kUnlimited : std::int64_t{group.cpus} * 1000;
  amounts.memory_bytes = group.memory_bytes > 0 ? group.memory_bytes : kUnlimited;
  amounts.gpus = group.gpus;
  amounts.slots = config.slots_per_worker && !config.processor_sharing ? std::int64_t{*config.slots_per_worker} : kUnlimited;
  if (config.admission == scenarios::Admission::slots) {
    // All that the scheduler is told: slots run out first for every task that the machine could run alone.
    const std::int64_t slots = amounts.slots;
    const auto times = [slots](std::int64_t amount) { return amount >= kUnlimited / slots ? kUnlimited : amount * slots; };
    amounts.cpus_milli = times(amounts.cpus_milli);
    amounts.memory_bytes = times(amounts.memory_bytes);
    amounts.gpus = times(amounts.gpus);
  }
  return {.pool = pool, .capacity = make_resources(amounts), .speed = group.speed};
}

}  // namespace

Platform::Platform(const scenarios::Scenario& scenario) : groups_(scenario.hosts), pools_of_group_(groups_.size()) {
  for (std::uint32_t g = 0; g < groups_.size(); ++g) {
    first_of_group_.push_back(static_cast<HostIndex>(hosts_.size()));
    for (std::uint32_t n = 0; n < groups_[g].count; ++n) {
      hosts_.push_back({.group = g,
                        .number = n,
                        .cpus = groups_[g].cpus,
                        .speed = groups_[g].speed,
                        .cost_per_hour = groups_[g].cost_per_hour,
                        .cost_per_month = groups_[g].cost_per_month,
                        .sessions = groups_[g].sessions ? &*groups_[g].sessions : nullptr,
                        .gpus = groups_[g].gpus,
                        .workers = {}});
    }
  }
  for (std::uint32_t p = 0; p < scenario.pools.size(); ++p) {
    for (const std::string& name : scenario.pools[p].hosts) {
      const auto group = std::find_if(groups_.begin(), groups_.end(), [&](const auto& g) { return g.name == name; });
      DRYDOCK_CHECK(group != groups_.end(), "a pool names a host group that does not exist");
      const auto g = static_cast<std::size_t>(group - groups_.begin());
      const HostIndex first = first_of_group_[g];
      pools_of_group_[g].push_back(PoolId{p});
      for (std::uint32_t n = 0; n < group->count; ++n)
        add_worker(PoolId{p}, scenario.pools[p], *group, first + n, scenario.scheduler.control_plane.aggregate);
    }
  }
  for (const scenarios::Fault& fault : scenario.faults) {
    const auto* trouble = std::get_if<scenarios::HostTrouble>(&fault);
    if (trouble == nullptr) continue;
    for (const HostIndex host : resolve(trouble->target)) hosts_[host].oversubscribable = true;
  }
}

void Platform::add_worker(PoolId pool, const scenarios::Pool& config, const scenarios::HostGroup& group, HostIndex host,
                          bool by_totals) {
  const WorkerId id{static_cast<std::uint32_t>(workers_.size())};
  workers_.push_back({.host = host,
                      .spec = spec_of(pool, config, group),
                      .max_tasks_per_child = config.max_tasks_per_child.value_or(0),
                      .child_restart = config.child_restart,
                      .poll = config.poll,
                      .beats_in_loop = config.beats_in_loop});
  HostFacts& facts = hosts_[host];
  const bool several = !facts.workers.empty();
  const bool by_slots = by_totals || config.admission == scenarios::Admission::slots;
  facts.oversubscribable = facts.oversubscribable || config.processor_sharing || by_slots || several;
  facts.overcommittable = facts.overcommittable || (!config.processor_sharing && (by_slots || several));
  facts.workers.push_back(id);
}

std::vector<HostIndex> Platform::resolve(std::string_view target) const { return scenarios::target_hosts(groups_, target); }

bool same_platform(const scenarios::Scenario& a, const scenarios::Scenario& b) {
  const auto same_group = [](const scenarios::HostGroup& x, const scenarios::HostGroup& y) {
    return x.name == y.name && x.count == y.count && x.cpus == y.cpus && x.speed == y.speed && x.names == y.names;
  };
  const auto same_file = [](const scenarios::PlatformFile& x, const scenarios::PlatformFile& y) {
    return x.path == y.path && x.site == y.site;
  };
  if (a.platform.has_value() != b.platform.has_value()) return false;
  if (a.platform && !same_file(*a.platform, *b.platform)) return false;
  return a.network.latency == b.network.latency && a.network.bandwidth_bytes_per_s == b.network.bandwidth_bytes_per_s &&
         std::equal(a.hosts.begin(), a.hosts.end(), b.hosts.begin(), b.hosts.end(), same_group);
}

}  // namespace drydock::sim

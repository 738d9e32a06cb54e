// Which queues a pool serves under an isolation policy that does not keep pools apart.
#include "policies/catalog.hpp"
#include "scenarios/sections.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace drydock::scenarios {
namespace {

bool serves_all(const Scenario& scenario) { return make_isolation(scenario.scheduler.isolation)->traits().serves_all; }

void set_queues(Scenario& scenario, std::size_t pool, std::vector<QueueId> queues) {
  scenario.pools[pool].queues.clear();
  for (const QueueId queue : queues) {
    scenario.pools[pool].queues.push_back(scenario.scheduler.queues[index(queue)].name);
  }
  scenario.scheduler.pools[pool].queues = std::move(queues);
}

// The most tasks that one job of the source has in this queue; 0 when it has none there.
std::int64_t widest(const Source& source, QueueId queue) {
  if (const auto* jobs = std::get_if<SyntheticSource>(&source)) {
    if (jobs->shape.queue != queue) return 0;
    const auto* lublin = std::get_if<LublinArrivals>(&jobs->arrivals);
    if (jobs->tasks) return jobs->most_tasks;
    return lublin != nullptr ? std::int64_t{lublin->nodes} : std::int64_t{jobs->shape.tasks};
  }
  // A replay does not read traces and must come to the same pools: what each task asks for has to do.
  return std::ranges::count(std::get<TraceSource>(source).queues, queue) > 0 ? 1 : 0;
}

bool fits(const Scenario& scenario, const Pool& pool, const Source& source, QueueId queue) {
  const std::int64_t tasks = widest(source, queue);
  const Resources& per_task = std::visit([](const auto& s) -> const Resources& { return s.shape.per_task; }, source);
  return tasks == 0 || room_in(scenario, pool, per_task).tasks >= tasks;
}

}  // namespace

void widen_reach(Scenario& scenario) {
  if (!serves_all(scenario)) return;
  std::vector<QueueId> all;
  for (std::uint32_t q = 0; q < scenario.scheduler.queues.size(); ++q) all.push_back(QueueId{q});
  for (std::size_t p = 0; p < scenario.pools.size(); ++p) {
    PoolConfig& config = scenario.scheduler.pools[p];
    if (config.queues.size() < all.size()) config.own = config.queues;
    set_queues(scenario, p, all);
  }
}

void narrow_reach(Scenario& scenario) {
  if (!serves_all(scenario)) return;
  std::vector<Source> sources = scenario.workload;
  for (const PeriodicSource& periodic : scenario.periodic) sources.emplace_back(periodic.jobs);
  for (std::size_t p = 0; p < scenario.pools.size(); ++p) {
    const PoolConfig& config = scenario.scheduler.pools[p];
    std::vector<QueueId> queues;
    for (const QueueId queue : config.queues) {
      const bool own = std::ranges::find(config.own, queue) != config.own.end();
      const bool can = std::ranges::all_of(
          sources, [&](const Source& source) { return fits(scenario, scenario.pools[p], source, queue); });
      if (own || can) queues.push_back(queue);
    }
    set_queues(scenario, p, std::move(queues));
  }
}

}  // namespace drydock::scenarios

// How much of Redis the heartbeats take up.
#include "policies/catalog.hpp"
#include "policies/liveness.hpp"
#include "scenarios/sections.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace drydock::scenarios {

double heartbeat_load(const Scenario& scenario) {
  if (!scenario.redis_service) return 0;
  const auto interval = make_liveness(scenario.liveness)->interval();
  if (!interval) return 0;
  double workers = 0;
  for (const HostGroup& group : scenario.hosts) {
    const auto pools = std::ranges::count_if(
        scenario.pools, [&](const Pool& pool) { return std::ranges::count(pool.hosts, group.name) > 0; });
    workers += static_cast<double>(group.count) * static_cast<double>(pools);
  }
  return workers / seconds(*interval) * mean_of(*scenario.redis_service);
}

void refuse_overloaded_redis(const ObjectReader& top, const Scenario& scenario) {
  const double load = heartbeat_load(scenario);
  if (load < 1) return;
  top.node().member("cluster").member("stores").member("redis").member("service").fail(
      fmt::format("the heartbeats alone would take {:.3g} s of Redis's time in each second: it needs less than 1; write a "
                  "shorter service, a longer heartbeat, or fewer workers",
                  load));
}

}  // namespace drydock::scenarios

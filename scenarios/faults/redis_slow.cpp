#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

namespace drydock::scenarios {

FaultKind redis_slow_kind() {
  return {
      .type = "redis-slow",
      .summary = "Redis, or the way to it, is slow for a while",
      .details =
          "Messages sent meanwhile, heartbeats too, take factor times as long, and so does Redis's own time for each order "
          "(cluster.stores.redis.latency and service). Heartbeats that come later than a detector expects are false "
          "expiries; orders that queue up delay decisions.",
      .source = "Fail-slow at scale: Gunawi et al., FAST 2018",
      .keys = keys::kRedisSlow,
      .read = [](const ObjectReader& fault, const Scenario& scenario) -> Fault {
        StoreFault result{.kind = StoreFault::Kind::redis_slow};
        result.when = read_times(fault, Lasting::may_end);
        result.factor = fault.require("factor").number({1, kMostSlowness});
        if (!scenario.registry_latency && !scenario.redis_service) {
          fault.node().fail("changes nothing: Redis takes no time here; set cluster.stores.redis.latency or service");
        }
        return result;
      },
      .draw = [](FaultDice& dice) -> Json {
        if (!dice.redis_takes_time()) return {};
        return {{"factor", dice.slowness()}, {"at", dice.moment()}, {"for", dice.span()}};
      }};
}

}  // namespace drydock::scenarios

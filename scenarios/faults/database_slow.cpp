#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

namespace drydock::scenarios {

FaultKind database_slow_kind() {
  return {
      .type = "database-slow",
      .summary = "PostgreSQL, or the way to it, is slow for a while",
      .details =
          "Commits and queries sent meanwhile take factor times as long (cluster.stores.postgres.commit and query). Where "
          "connections are few they wait for one another; the scheduler keeps a few commits under way and puts the rest "
          "into the next. Where cluster.stores.postgres.latency is there, the way to it is what is slow, which nobody waits "
          "for "
          "behind others.",
      .source = "Fail-slow at scale: Gunawi et al., FAST 2018",
      .keys = keys::kDatabaseSlow,
      .read = [](const ObjectReader& fault, const Scenario& scenario) -> Fault {
        StoreFault result{.kind = StoreFault::Kind::database_slow};
        result.when = read_times(fault, Lasting::may_end);
        result.factor = fault.require("factor").number({1, kMostSlowness});
        if (!scenario.commit_latency && !scenario.query_latency) {
          fault.node().fail("changes nothing: PostgreSQL takes no time here; set cluster.stores.postgres.commit or query");
        }
        return result;
      },
      .draw = [](FaultDice& dice) -> Json {
        if (!dice.database_takes_time()) return {};
        return {{"factor", dice.slowness()}, {"at", dice.moment()}, {"for", dice.span()}};
      }};
}

}  // namespace drydock::scenarios

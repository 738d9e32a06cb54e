#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

namespace drydock::scenarios {

FaultKind redis_outage_kind() {
  return {.type = "redis-outage",
          .summary = "Nobody reaches Redis for a while",
          .details =
              "Heartbeats sent meanwhile are lost, readings of the registry and of the counter fail, and "
              "updates of the counter come to nothing. Redis itself goes on: keys expire. An outage shorter "
              "than ttl - heartbeat harms no lease.",
          .source = "Fail-stop with recovery: Schlichting, Schneider, ACM TOCS 1(3), 1983",
          .keys = keys::kRedisOutage,
          .read = [](const ObjectReader& fault, [[maybe_unused]] const Scenario& scenario) -> Fault {
            StoreFault result{.kind = StoreFault::Kind::redis_outage};
            result.when = read_times(fault, Lasting::must_end);
            return result;
          },
          .draw = [](FaultDice& dice) -> Json {
            return dice.uses_redis() ? Json{{"at", dice.moment()}, {"for", dice.span()}} : Json();
          }};
}

}  // namespace drydock::scenarios

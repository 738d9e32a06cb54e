#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

namespace drydock::scenarios {

FaultKind redis_restart_kind() {
  return {.type = "redis-restart",
          .summary = "Redis dies and comes back with an old snapshot, or empty",
          .details =
              "It is down for that long, then comes back under another run id with the counter as it was "
              "snapshot_age before it died (save 900 1 keeps snapshots of up to 15 minutes ago), or with "
              "nothing. The keys of workers are gone until each beats again.",
          .source = "Redis documentation, persistence (RDB)",
          .keys = keys::kRedisRestart,
          .read = [](const ObjectReader& fault, [[maybe_unused]] const Scenario& scenario) -> Fault {
            StoreFault result{.kind = StoreFault::Kind::redis_restart};
            result.when = read_times(fault, Lasting::must_end);
            if (fault.has("snapshot_age")) result.snapshot_age = fault.duration("snapshot_age", Duration{0});
            return result;
          },
          .draw = [](FaultDice& dice) -> Json {
            if (!dice.uses_redis()) return nullptr;
            Json fault{{"at", dice.moment()}, {"for", dice.span()}};
            if (dice.chance(0.5)) fault["snapshot_age"] = dice.span();
            return fault;
          }};
}

}  // namespace drydock::scenarios

#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

namespace drydock::scenarios {

FaultKind redis_flush_kind() {
  return {.type = "redis-flush",
          .summary = "Redis loses every key (FLUSHALL)",
          .details =
              "The registry is empty until each worker beats again, the counter is missing, and so is the "
              "sentinel key. The run id stays. No worker has died: whatever is run again because of this is "
              "waste.",
          .source = "Redis documentation, FLUSHALL",
          .keys = keys::kRedisFlush,
          .read = [](const ObjectReader& fault, [[maybe_unused]] const Scenario& scenario) -> Fault {
            StoreFault result{.kind = StoreFault::Kind::redis_flush};
            result.when = read_times(fault, Lasting::nothing);
            return result;
          },
          .draw = [](FaultDice& dice) -> Json {
            return dice.uses_redis() ? Json{{"at", dice.moment()}} : Json();
          }};
}

}  // namespace drydock::scenarios

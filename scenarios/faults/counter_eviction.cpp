#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

namespace drydock::scenarios {

FaultKind counter_eviction_kind() {
  return {.type = "counter-eviction",
          .summary = "Redis evicts the counter of allocated cpus",
          .details = "As with maxmemory and allkeys-lru, or DEL by hand. What follows is up to the accounting policy.",
          .source = "Redis documentation, key eviction",
          .keys = keys::kCounterEviction,
          .read = [](const ObjectReader& fault, [[maybe_unused]] const Scenario& scenario) -> Fault {
            StoreFault result{.kind = StoreFault::Kind::counter_eviction};
            result.when = read_times(fault, Lasting::nothing);
            return result;
          },
          .draw = [](FaultDice& dice) -> Json {
            return dice.has_counter() ? Json{{"at", dice.moment()}} : Json();
          }};
}

}  // namespace drydock::scenarios

#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

namespace drydock::scenarios {

FaultKind worker_key_eviction_kind() {
  return {.type = "worker-key-eviction",
          .summary = "Redis evicts the keys of some workers",
          .details =
              "As with maxmemory and allkeys-lru. The workers live, and are missing from the registry until "
              "they beat again.",
          .source = "Redis documentation, key eviction",
          .keys = keys::kWorkerKeyEviction,
          .read = [](const ObjectReader& fault, [[maybe_unused]] const Scenario& scenario) -> Fault {
            StoreFault result{.kind = StoreFault::Kind::worker_key_eviction};
            result.when = read_times(fault, Lasting::nothing);
            result.target = read_target(fault, scenario);
            return result;
          },
          .draw = [](FaultDice& dice) -> Json {
            return dice.has_beats() ? Json{{"target", dice.host()}, {"at", dice.moment()}} : Json();
          }};
}

}  // namespace drydock::scenarios

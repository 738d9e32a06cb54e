#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

#include <array>
#include <string_view>

namespace drydock::scenarios {
namespace {

constexpr std::array<std::string_view, 3> kDirections{"both", "to-redis", "from-redis"};

Fault read_cut(const ObjectReader& fault, const Scenario& scenario) {
  WorkerCut cut;
  cut.target = read_target(fault, scenario);
  cut.when = read_times(fault, Lasting::must_end);
  const std::size_t direction = fault.choice("direction", kDirections, 0);
  cut.to_redis = direction != 2;
  cut.from_redis = direction != 1;
  return cut;
}

}  // namespace

FaultKind worker_cut_kind() {
  return {
      .type = "worker-cut",
      .summary = "A host does not reach Redis, or is not reached from there, and so from the scheduler",
      .details =
          "to-redis: heartbeats do not arrive, and what ends there is told when the cut heals. from-redis: orders to run "
          "and to "
          "stop do not arrive, nor do acknowledgements: the registry trusts a worker whose heartbeats come, but that one "
          "does "
          "not know, ends what it runs when its lease may be over, comes back as another, and starts nothing before a "
          "heartbeat of it is acknowledged. both: all of this. Whatever was said is said again until it gets through, and "
          "what was given up meanwhile is refused. A gang begins when the last of its workers has its order. With mtbf each "
          "host of the target has a clock of its own.",
      .source =
          "Bailis, Kingsbury, The network is reliable, CACM 57(9), 2014; Alquraan et al., OSDI 2018 (partial partitions)",
      .keys = keys::kWorkerCut,
      .read = read_cut,
      .draw = [](FaultDice& dice) -> Json {
        return {{"target", dice.host()},
                {"direction", kDirections[dice.below(kDirections.size())]},
                {"at", dice.moment()},
                {"for", dice.span()}};
      }};
}

}  // namespace drydock::scenarios

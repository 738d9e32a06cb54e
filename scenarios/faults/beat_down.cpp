#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

namespace drydock::scenarios {
namespace {

Fault read_beat_down(const ObjectReader& fault, const Scenario& /*scenario*/) {
  BeatDown down;
  down.at = fault.require("at").duration();
  if (fault.has("for")) down.lasting = fault.duration("for", Duration{0}, Duration{1});
  return down;
}

}  // namespace

FaultKind beat_down_kind() {
  return {.type = "beat-down",
          .summary = "The process that fires periodic jobs stops, and is started again",
          .details =
              "What falls due meanwhile is caught up as the catch_up of each periodic job says: all of it, or the latest. "
              "The new process knows from the store what has been fired, so that nothing fires twice.",
          .source = "Celery's beat, of which there is one by design",
          .keys = keys::kBeatDown,
          .read = read_beat_down,
          .draw = [](FaultDice& dice) -> Json {
            return dice.has_periodic_jobs() ? Json{{"at", dice.moment()}, {"for", dice.span()}} : Json();
          }};
}

}  // namespace drydock::scenarios

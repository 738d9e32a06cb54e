#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

namespace drydock::scenarios {

FaultKind database_outage_kind() {
  return {.type = "database-outage",
          .summary = "Nobody reaches PostgreSQL for a while",
          .details =
              "Commits and questions fail at once. The scheduler tries again every second; what runs goes on, "
              "and its results are written when the database is back.",
          .source = "Fail-stop with recovery: Schlichting, Schneider, ACM TOCS 1(3), 1983",
          .keys = keys::kDatabaseOutage,
          .read = [](const ObjectReader& fault, [[maybe_unused]] const Scenario& scenario) -> Fault {
            StoreFault result{.kind = StoreFault::Kind::database_outage};
            result.when = read_times(fault, Lasting::must_end);
            return result;
          },
          .draw = [](FaultDice& dice) -> Json {
            return {{"at", dice.moment()}, {"for", dice.span()}};
          }};
}

}  // namespace drydock::scenarios

#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

#include <array>

namespace drydock::scenarios {

FaultKind scheduler_cut_kind() {
  return {
      .type = "scheduler-cut",
      .summary = "A scheduler does not reach PostgreSQL, or Redis and the workers",
      .details =
          "Nothing gets through in either direction; whoever asks learns after a second that there is no answer. "
          "Cut off from PostgreSQL, a leader cannot prolong its lease, stops by itself, and another takes over. Cut "
          "off from Redis, and so from the workers, it goes on to lead: nothing starts until it is back.",
      .source = "Gilbert, Lynch: Brewer's conjecture, ACM SIGACT News 33(2), 2002",
      .keys = keys::kSchedulerCut,
      .read = [](const ObjectReader& fault, const Scenario& scenario) -> Fault {
        constexpr std::array<std::string_view, 3> kFrom{"postgres", "redis", "both"};
        SchedulerFault result{.kind = SchedulerFault::Kind::cut};
        read_scheduler_target(fault, scenario, result);
        const std::size_t from = fault.choice("from", kFrom, 0);
        result.from_postgres = from != 1;
        result.from_redis = from != 0;
        result.when = read_times(fault, Lasting::must_end);
        return result;
      },
      .draw = [](FaultDice& dice) -> Json {
        if (dice.schedulers() == 1) return {};
        constexpr std::array<const char*, 3> kFrom{"postgres", "redis", "both"};
        return {{"target", dice.scheduler()}, {"from", kFrom[dice.below(3)]}, {"at", dice.moment()}, {"for", dice.span()}};
      }};
}

}  // namespace drydock::scenarios

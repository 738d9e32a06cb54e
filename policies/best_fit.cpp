#include "policies/built_in.hpp"
#include "policies/list_scheduling.hpp"

namespace drydock {

BuiltInPlacement best_fit_policy() {
  return {
      .info = {.family = PolicyFamily::placement,
               .type = "best-fit",
               .summary = "Best fit",
               .details =
                   "Jobs in the chosen order; each task goes to the worker with the least free cpus among those that have "
                   "room. Keeps large holes for large jobs. The first job that does not fit blocks those behind it.",
               .source = "Johnson, 1973 (bin packing)",
               .parameters = {order_parameter("fcfs")}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
        return std::make_unique<ListScheduling>(order_of(config), Fit::best);
      }};
}

}  // namespace drydock

#include "policies/built_in.hpp"
#include "policies/list_scheduling.hpp"

namespace drydock {

BuiltInPlacement worst_fit_policy() {
  return {.info = {.family = PolicyFamily::placement,
                   .type = "worst-fit",
                   .summary = "Worst fit",
                   .details = "Jobs in the chosen order; each task goes to the worker with the most free cpus. Spreads "
                              "load; wide tasks find fewer holes. The first job that does not fit blocks those behind it.",
                   .source = "Johnson, 1973 (bin packing)",
                   .parameters = {order_parameter("fcfs")}},
          .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
            return std::make_unique<ListScheduling>(order_of(config), Fit::worst);
          }};
}

}  // namespace drydock

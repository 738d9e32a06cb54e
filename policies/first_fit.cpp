#include "policies/built_in.hpp"
#include "policies/list_scheduling.hpp"

namespace drydock {

BuiltInPlacement first_fit_policy() {
  return {.info = {.family = PolicyFamily::placement,
                   .type = "first-fit",
                   .summary = "First fit",
                   .details = "Jobs in the chosen order; each task goes to the first worker, by number, that has room. The "
                              "first job that does not fit blocks those behind it.",
                   .source = "Johnson, 1973 (bin packing)",
                   .parameters = {order_parameter("fcfs")}},
          .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
            return std::make_unique<ListScheduling>(order_of(config), Fit::first);
          }};
}

}  // namespace drydock

#include "policies/built_in.hpp"
#include "policies/list_scheduling.hpp"

namespace drydock {

BuiltInPlacement dot_product_policy() {
  return {
      .info = {.family = PolicyFamily::placement,
               .type = "dot-product",
               .summary = "Dot-product packing: the worker whose free resources are most like the demand",
               .details =
                   "Jobs in the chosen order; each task goes to the worker with room where the dot product of what it asks "
                   "for and what is free is largest, both as parts of the pool's capacity in cpus, memory, gpus and slots. "
                   "What many tasks need is taken where there is much of it, so that less is left over that nothing fits "
                   "into. All workers with room are looked at for each job. The first job that does not fit blocks those "
                   "behind it.",
               .source = "Grandl, Ananthanarayanan, Kandula, Rao, Akella, Tetris, SIGCOMM 2014; Panigrahy, Talwar, Uyeda, "
                         "Wieder, Heuristics for vector bin packing, 2011",
               .parameters = {order_parameter("fcfs")}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
        return std::make_unique<ListScheduling>(order_of(config), Fit::dot);
      }};
}

}  // namespace drydock

#include "policies/built_in.hpp"
#include "policies/list_scheduling.hpp"

namespace drydock {

Rank rank_fcfs(const Job& /*job*/) { return {}; }  // equal ranks: by submission

BuiltInPlacement fcfs_policy() {
  return {.info = {.family = PolicyFamily::placement,
                   .type = "fcfs",
                   .summary = "First come, first served",
                   .details = "Jobs start in order of submission; the first that does not fit blocks those behind it. No "
                              "job is ever overtaken, at the price of idle workers while a wide job waits.",
                   .source = "Everyday practice; the baseline of Feitelson and Weil, IPPS 1998",
                   .parameters = {fit_parameter()}},
          .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
            return std::make_unique<ListScheduling>(Order::fcfs, fit_of(config));
          }};
}

}  // namespace drydock

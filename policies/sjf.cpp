#include "policies/built_in.hpp"
#include "policies/list_scheduling.hpp"

namespace drydock {

Rank rank_sjf(const Job& job) { return {nanos(job.remaining()), 0}; }

BuiltInPlacement sjf_policy() {
  return {
      .info = {.family = PolicyFamily::placement,
               .type = "sjf",
               .summary = "Shortest job first",
               .details = "The job with the smallest estimated duration goes first, without preemption; ties by submission. "
                          "Least mean wait of all non-preemptive orders on one server; long jobs may starve.",
               .source = "Phipps, Operations Research 4(1), 1956",
               .parameters = {fit_parameter()}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
        return std::make_unique<ListScheduling>(Order::sjf, fit_of(config));
      }};
}

}  // namespace drydock

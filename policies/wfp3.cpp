#include "policies/built_in.hpp"
#include "policies/list_scheduling.hpp"

#include <algorithm>
#include <bit>

namespace drydock {

Rank rank_wfp3(const Job& job, Time now) {
  // What another scheduler took in may be dated a little ahead.
  const double waited = seconds(std::max(Duration{0}, now - job.submitted)) / seconds(job.remaining());
  const double score = waited * waited * waited * (static_cast<double>(width_of(job)) / 1000);
  return {-std::bit_cast<std::int64_t>(score), 0};  // not negative: bit patterns are in the order of the values
}

BuiltInPlacement wfp3_policy() {
  return {.info = {.family = PolicyFamily::placement,
                   .type = "wfp3",
                   .summary = "WFP3: longest wait by estimate first, large jobs before small ones",
                   .details = "The job with the largest (wait / estimate)^3 x cores goes first: nobody starves, short jobs "
                              "move up fast, and of jobs that have waited as long for their length the largest leads. A job "
                              "that asks for no cpus counts by its tasks, a thousandth of a core each. The order changes "
                              "with time: each pass ranks anew all that waits, which costs a sort. With EASY backfilling: "
                              "easy with order wfp3.",
                   .source = "Tang, Lan, Desai, Buettner, IEEE CLUSTER 2009; Carastan-Santos, de Camargo, SC 2017, table 3",
                   .parameters = {fit_parameter()}},
          .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
            return std::make_unique<ListScheduling>(Order::wfp3, fit_of(config));
          }};
}

}  // namespace drydock

#include "policies/built_in.hpp"
#include "policies/list_scheduling.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace drydock {

Rank rank_f1(const Job& job) {
  const double estimate = std::max(1.0, seconds(job.remaining()));
  const double submitted = std::max(1.0, seconds(job.submitted));
  const double score = std::log10(estimate) * static_cast<double>(job.spec.tasks) + 870.0 * std::log10(submitted);
  return {std::bit_cast<std::int64_t>(score), 0};  // not negative: bit patterns are in the order of the values
}

BuiltInPlacement f1_policy() {
  return {.info = {.family = PolicyFamily::placement,
                   .type = "f1",
                   .summary = "F1, a learned priority function",
                   .details = "The job with the smallest log10(estimate) x tasks + 870 log10(submission), both times in "
                              "seconds, goes first: small jobs first, with age as a brake on starvation. Estimates and "
                              "submission times below 1 s count as 1 s.",
                   .source = "Carastan-Santos, de Camargo, SC 2017, table 3",
                   .parameters = {fit_parameter()}},
          .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
            return std::make_unique<ListScheduling>(Order::f1, fit_of(config));
          }};
}

}  // namespace drydock

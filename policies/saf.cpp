#include "policies/built_in.hpp"
#include "policies/list_scheduling.hpp"

#include <algorithm>

namespace drydock {

Rank rank_saf(const Job& job) {
  // The product of up to 2^62 and 2^31, exactly: equal areas must tie.
  constexpr std::int64_t kLow = std::int64_t{1} << 31;
  const std::int64_t ns = std::min(nanos(job.remaining()), (std::int64_t{1} << 62) - 1);
  const std::int64_t columns = std::min(width_of(job), kLow);
  const std::int64_t low = ns % kLow * columns;
  return {ns / kLow * columns + low / kLow, low % kLow};
}

BuiltInPlacement saf_policy() {
  return {.info = {.family = PolicyFamily::placement,
                   .type = "saf",
                   .summary = "Smallest area first",
                   .details = "The job with the smallest estimated duration x cpus (tasks, where it asks for no cpus) goes "
                              "first, without preemption.",
                   .source = "Carastan-Santos, de Camargo, Trystram, Zrigui, CCGRID 2019",
                   .parameters = {fit_parameter()}},
          .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
            return std::make_unique<ListScheduling>(Order::saf, fit_of(config));
          }};
}

}  // namespace drydock

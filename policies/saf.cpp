#include "policies/built_in.hpp"
#include "policies/list_scheduling.hpp"

#include <bit>

namespace drydock {

Rank rank_saf(const Job& job) {
  const std::int64_t width = job.cpus_in_all() > 0 ? job.cpus_in_all() : std::int64_t{job.spec.tasks};
  // Bit patterns of positive doubles are in the order of their values.
  return {std::bit_cast<std::int64_t>(seconds(job.remaining()) * static_cast<double>(width)), 0};
}

BuiltInPlacement saf_policy() {
  return {.info = {.family = PolicyFamily::placement,
                   .type = "saf",
                   .summary = "Smallest area first",
                   .details = "The job with the smallest estimated duration x cpus (tasks, where it asks for no cpus) goes first, without preemption.",
                   .source = "Carastan-Santos, de Camargo, Trystram, Zrigui, CCGRID 2019",
                   .parameters = {fit_parameter()}},
          .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
            return std::make_unique<ListScheduling>(Order::saf, fit_of(config));
          }};
}

}  // namespace drydock

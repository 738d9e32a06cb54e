#include "policies/batch_mapping.hpp"
#include "policies/built_in.hpp"

#include <algorithm>

namespace drydock {

namespace {

class SufferageMapping final : public BatchMapping {
 public:
  using BatchMapping::BatchMapping;

 protected:
  // One round: each job claims its best worker, and gets it from who suffers less without it.
  void choose(Mapping& mapping, std::span<const std::size_t> unmapped, std::vector<std::size_t>& chosen) const override {
    for (const std::size_t job : unmapped) {
      const std::uint32_t wanted = mapping.best(job).worker;
      const auto holder = std::ranges::find(chosen, wanted, [&](std::size_t other) { return mapping.best(other).worker; });
      if (holder == chosen.end()) chosen.push_back(job);
      else if (mapping.sufferage(*holder) < mapping.sufferage(job)) *holder = job;
    }
  }
};

}  // namespace

BuiltInPlacement sufferage_policy() {
  return {.info = {.family = PolicyFamily::placement,
                   .type = "sufferage",
                   .summary =
                       "Sufferage: on workers of different speed, a worker goes to the job that would lose most without it",
                   .details =
                       "As min-min, but mapped in rounds: each job that is not mapped yet claims the worker where it ends "
                       "first, and each worker goes to the one of its claimants that suffers most without it: whose end on "
                       "its second best worker is the latest, against that on its best. Of equal ones the first gets it; "
                       "one that no other worker could run suffers beyond measure. All else, also what it costs (window x "
                       "workers), is as with min-min.",
                   .source = "Maheswaran, Ali, Siegel, Hensgen, Freund, Dynamic matching and scheduling of a class of "
                             "independent tasks onto heterogeneous computing systems, HCW 1999",
                   .parameters = {window_parameter()}},
          .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
            return std::make_unique<SufferageMapping>(config);
          }};
}

}  // namespace drydock

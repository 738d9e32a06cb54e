#include "policies/batch_mapping.hpp"
#include "policies/built_in.hpp"

#include <algorithm>

namespace drydock {

namespace {

class MaxMinMapping final : public BatchMapping {
 public:
  using BatchMapping::BatchMapping;

 protected:
  void choose(Mapping& mapping, std::span<const std::size_t> unmapped, std::vector<std::size_t>& chosen) const override {
    const auto end = [&](std::size_t job) { return mapping.best(job).end; };
    chosen.push_back(*std::ranges::max_element(unmapped, {}, end));
  }
};

}  // namespace

BuiltInPlacement max_min_placement_policy() {
  return {.info = {.family = PolicyFamily::placement,
                   .type = "max-min",
                   .summary = "Max-min: on workers of different speed, the job that must end last goes where it ends first",
                   .details =
                       "As min-min, but the job whose earliest possible end is the latest is mapped first: long jobs get "
                       "the fast workers, short ones what is left beside them. Better than min-min where few jobs are much "
                       "longer than the others; where most are long, the short ones wait behind them. All else, also what "
                       "it costs (window x workers), is as with min-min.",
                   .source = "Ibarra, Kim, Journal of the ACM 24(2), 1977; Maheswaran, Ali, Siegel, Hensgen, Freund, HCW "
                             "1999",
                   .parameters = {window_parameter()}},
          .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
            return std::make_unique<MaxMinMapping>(config);
          }};
}

}  // namespace drydock

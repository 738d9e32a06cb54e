#include "policies/batch_mapping.hpp"
#include "policies/built_in.hpp"

#include <algorithm>

namespace drydock {

namespace {

class MinMinMapping final : public BatchMapping {
 public:
  using BatchMapping::BatchMapping;

 protected:
  void choose(Mapping& mapping, std::span<const std::size_t> unmapped, std::vector<std::size_t>& chosen) const override {
    const auto end = [&](std::size_t job) { return mapping.best(job).end; };
    chosen.push_back(*std::ranges::min_element(unmapped, {}, end));
  }
};

}  // namespace

BuiltInPlacement min_min_policy() {
  return {.info = {.family = PolicyFamily::placement,
                   .type = "min-min",
                   .summary = "Min-min: on workers of different speed, the job that can end first goes where it ends first",
                   .details =
                       "The first `window` jobs that wait, by the turns of their queues and then by submission, are mapped "
                       "to workers: again and again the one that can end first, to the worker where it does. A job ends on "
                       "a worker when that has room for it, by the estimates of what runs there and is mapped to it "
                       "before, plus its estimate by the worker's speed. Of equal jobs and workers the first is taken; "
                       "jobs of queues whose turn is earlier are mapped before others. Only those that can start now do. "
                       "The others wait for their workers, also beside slower ones that are idle, and the next event maps "
                       "all of them anew. An attempt that outlives its estimate is expected to go on for as long again as "
                       "it is late, so that nobody waits for it for ever. Jobs behind the window wait, and so do long jobs "
                       "in it, as long as shorter ones come. All tasks of a job go to the same worker. Where a job has no "
                       "estimate, the one that it is given for want of a better counts like any other. While no worker has "
                       "room for any job of the window a pass costs a search for each of them, else window x workers times "
                       "are computed, and again after each mapping that starts something.",
                   .source = "Ibarra, Kim, Journal of the ACM 24(2), 1977; Maheswaran, Ali, Siegel, Hensgen, Freund, HCW "
                             "1999",
                   .parameters = {window_parameter()}},
          .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
            return std::make_unique<MinMinMapping>(config);
          }};
}

}  // namespace drydock

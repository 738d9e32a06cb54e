#include "policies/built_in.hpp"
#include "policies/own_queues.hpp"

namespace drydock {

namespace {

class JoinShortestQueue final : public OwnQueues {
 public:
  explicit JoinShortestQueue(std::int64_t d) : d_(d) {}

 protected:
  // The worker with the fewest jobs among d, drawn at random without repetition; the first drawn wins a tie.
  std::optional<WorkerId> choose(const PassContext& pass, const Job& job) override {
    begin_draw(pass, demand_of(job));
    std::optional<WorkerId> best;
    draw(pass, static_cast<std::uint64_t>(d_), [&](WorkerId id) {
      if (!best || length(pass, id) < length(pass, *best)) best = id;
    });
    return best;
  }

 private:
  std::int64_t d_;
};

}  // namespace

BuiltInPlacement jsq_policy() {
  return {
      .info = {.family = PolicyFamily::placement,
               .type = "jsq",
               .summary = "Join the shortest of d randomly chosen workers' queues",
               .details = "Each job is bound on arrival to one worker: of d drawn at random, the one with the fewest jobs. "
                          "Workers serve their own queues in order of arrival; no job moves later, unless its worker "
                          "dies. All tasks of a job go to the same worker.",
               .source = "Mitzenmacher, IEEE TPDS 12(10), 2001; Vvedenskaya, Dobrushin, Karpelevich, 1996",
               .parameters = {{.name = "d",
                               .default_value = std::int64_t{2},
                               .help = "workers drawn per job; the number of workers and more: all of them",
                               .minimum = 1,
                               .maximum = 1e6}}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
        return std::make_unique<JoinShortestQueue>(config.get<std::int64_t>("d"));
      }};
}

}  // namespace drydock

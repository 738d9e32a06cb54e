#include "policies/built_in.hpp"
#include "policies/fair_turns.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace drydock {

namespace {

enum class Cost : std::uint8_t { core_time, jobs };

class WeightedFair final : public IsolationPolicy {
 public:
  WeightedFair(FairTurns::Discipline discipline, Cost cost, Duration quantum)
      : discipline_(discipline), cost_(cost), quantum_(std::max(std::int64_t{1}, nanos(quantum) / 1000)) {}

  [[nodiscard]] IsolationTraits traits() const override { return {.serves_all = true}; }
  [[nodiscard]] std::unique_ptr<IsolationPolicy> copy() const override { return std::make_unique<WeightedFair>(*this); }

  void open(const IsolationPass& pass, std::span<Turn> turns) override {
    if (pools_.size() <= index(pass.pool)) pools_.resize(index(pass.pool) + 1);
    std::optional<FairTurns>& fair = pools_[index(pass.pool)];
    if (!fair) {
      std::vector<std::int64_t> weights;
      for (const Turn& turn : turns) weights.push_back(pass.cluster.queue(turn.queue).config.weight);
      fair.emplace(discipline_, cost_ == Cost::jobs ? 1 : quantum_, std::move(weights));
    }
    look_at_heads(pass, turns, *fair);
  }

  void started(const IsolationPass& pass, JobRef ref, std::span<Turn> turns) override {
    const Job& job = pass.cluster.job(ref);
    const auto turn = std::ranges::find(turns, job.spec.queue, &Turn::queue);
    FairTurns& fair = *pools_[index(pass.pool)];
    fair.charge(static_cast<std::size_t>(turn - turns.begin()), cost_of(job));
    look_at_heads(pass, turns, fair);
  }

 private:
  // In cores x microseconds, by the estimate of what is left to do; or one for each job.
  [[nodiscard]] std::int64_t cost_of(const Job& job) const {
    if (cost_ == Cost::jobs) return 1;
    const Wide exact = Wide{job.cpus_in_all()} * nanos(job.remaining()) / 1'000'000;
    return static_cast<std::int64_t>(std::clamp(exact, Wide{1}, Wide{FairTurns::kMostCost}));
  }

  void look_at_heads(const IsolationPass& pass, std::span<Turn> turns, FairTurns& fair) {
    heads_.clear();
    for (const Turn& turn : turns) {
      const auto* first = pass.cluster.queue(turn.queue).waiting.first();
      heads_.push_back(first == nullptr ? std::nullopt : std::optional(cost_of(pass.cluster.job(first->value))));
    }
    fair.set_heads(heads_);
    for (std::size_t t = 0; t < turns.size(); ++t) turns[t].order = fair.places()[t];
  }

  FairTurns::Discipline discipline_;
  Cost cost_;
  std::int64_t quantum_;  // cores x microseconds
  std::vector<std::optional<FairTurns>> pools_;
  std::vector<std::optional<std::int64_t>> heads_;  // scratch
};

}  // namespace

BuiltInIsolation weighted_fair_policy() {
  return {
      .info =
          {.family = PolicyFamily::isolation,
           .type = "weighted-fair",
           .summary = "Every worker serves every queue, each queue by its weight",
           .details =
               "Queues that always have jobs waiting share the core time of each pool in proportion to their weights, to "
               "within one quantum and a job of each; a queue that has nothing waiting leaves its part to the others and "
               "saves nothing up. Core time is counted at the start, by estimates. The first job of the queue whose turn "
               "it is waits for room as the placement policy says: with fcfs nothing passes it. Each start costs time in "
               "proportion to the number of queues. A pool leaves out a queue with jobs that are too large for its workers.",
           .source = "Shreedhar, Varghese, Deficit Round Robin, SIGCOMM 1995; Waldspurger, Weihl, Stride scheduling, "
                     "MIT/LCS/TM-528, 1995",
           .parameters = {{.name = "discipline",
                           .default_value = std::string("stride"),
                           .help = "deficit round robin, in rounds of a quantum for each queue; or stride, the queue that "
                                   "is furthest behind",
                           .choices = {"stride", "drr"}},
                          {.name = "cost",
                           .default_value = std::string("core-time"),
                           .help = "what is shared by weight: core time, or the number of jobs",
                           .choices = {"core-time", "jobs"}},
                          {.name = "quantum",
                           .default_value = Duration{std::chrono::minutes{10}},
                           .help = "with drr: core time that a queue of weight 1 may start in a round (of jobs: one)",
                           .minimum = 1e-6,
                           .maximum = 1e9}}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<IsolationPolicy> {
        const bool rounds = config.get<std::string>("discipline") == "drr";
        const bool jobs = config.get<std::string>("cost") == "jobs";
        return std::make_unique<WeightedFair>(
            rounds ? FairTurns::Discipline::deficit_round_robin : FairTurns::Discipline::stride,
            jobs ? Cost::jobs : Cost::core_time, config.get<Duration>("quantum"));
      }};
}

}  // namespace drydock

#include "policies/built_in.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace drydock {

namespace {

struct FairShareRules {
  Duration half_life{};
  double age_weight = 0;
  Duration age_most{};
};

class FairShare final : public IsolationPolicy {
 public:
  explicit FairShare(const FairShareRules& rules) : rules_(rules) {}

  [[nodiscard]] IsolationTraits traits() const override { return {.serves_all = true}; }
  [[nodiscard]] std::unique_ptr<IsolationPolicy> copy() const override { return std::make_unique<FairShare>(*this); }

  void open(const IsolationPass& pass, std::span<Turn> turns) override {
    count_usage(pass);
    set_turns(pass, turns);
  }

  void started(const IsolationPass& pass, JobRef /*job*/, std::span<Turn> turns) override { open(pass, turns); }

 private:
  struct Usage {
    double core_s = 0;         // decayed, up to counted_until_
    std::int64_t holding = 0;  // cpus that it has held since
  };

  // Of all queues, in all pools.
  void count_usage(const IsolationPass& pass) {
    const std::span<const Queue> queues = pass.cluster.queues();
    usage_.resize(queues.size());
    const double half_lives = seconds(pass.now - counted_until_) / seconds(rules_.half_life);
    const double kept = std::exp2(-half_lives);
    const double used_s = -std::expm1(-half_lives * std::numbers::ln2) * seconds(rules_.half_life) / std::numbers::ln2;
    for (std::size_t q = 0; q < queues.size(); ++q) {
      Usage& usage = usage_[q];
      usage.core_s = usage.core_s * kept + static_cast<double>(usage.holding) / 1000 * used_s;
      usage.holding = queues[q].held.cpus();
    }
    counted_until_ = pass.now;
  }

  void set_turns(const IsolationPass& pass, std::span<Turn> turns) const {
    double used = 0;
    double weights = 0;
    for (std::size_t q = 0; q < usage_.size(); ++q) {
      used += usage_[q].core_s;
      weights += static_cast<double>(pass.cluster.queues()[q].config.weight);
    }
    for (Turn& turn : turns) {
      const Queue& queue = pass.cluster.queue(turn.queue);
      const double part = used > 0 ? usage_[index(turn.queue)].core_s / used : 0;
      const double share = static_cast<double>(queue.config.weight) / weights;
      const double priority = std::exp2(-part / share) + rules_.age_weight * age(pass, queue);
      turn.order = -std::llround(priority * kScale);
    }
  }

  // Of the first job that waits, from 0 to 1.
  [[nodiscard]] double age(const IsolationPass& pass, const Queue& queue) const {
    const auto* first = queue.waiting.first();
    if (first == nullptr) return 0;
    return std::clamp(seconds(pass.now - pass.cluster.job(first->value).submitted) / seconds(rules_.age_most), 0.0, 1.0);
  }

  static constexpr double kScale = 1e12;  // priorities that differ by less are equal

  FairShareRules rules_;
  std::vector<Usage> usage_;  // by queue
  Time counted_until_{};
};

}  // namespace

BuiltInIsolation fair_share_policy() {
  return {
      .info =
          {.family = PolicyFamily::isolation,
           .type = "fair-share",
           .summary = "Every worker serves every queue, those first that used less than their share lately",
           .details =
               "The queue with the highest priority goes next: 2^(-usage / share) + age_weight x age. Its usage is its part "
               "of the core time that all queues have used in all pools, where what was used a half-life ago counts half; "
               "its share is its part of the weights; its age is how long its first job has waited, as a part of age_max, "
               "1 at most. Usage is what was really held, not an estimate, so that a queue that is behind may take all that "
               "is free at one moment and makes up for it later. Priorities are looked at when something changes. "
               "The job whose turn it is waits for room as the placement policy says: with fcfs nothing passes it. A pool "
               "leaves out a queue with jobs that are too large for its workers.",
           .source = "Slurm, multifactor priority plugin (classic fair-share algorithm); Kay, Lauder, A fair share "
                     "scheduler, CACM 31(1), 1988",
           .parameters = {{.name = "half_life",
                           .default_value = Duration{std::chrono::hours{168}},
                           .help = "time after which used core time counts half",
                           .minimum = 1e-3,
                           .maximum = 1e9},
                          {.name = "age_weight",
                           .default_value = 0.1,
                           .help = "of the age, where the fair-share factor, from 0 to 1, has weight 1",
                           .maximum = 1000},
                          {.name = "age_max",
                           .default_value = Duration{std::chrono::hours{168}},
                           .help = "wait after which a job has its full age",
                           .minimum = 1e-3,
                           .maximum = 1e9}}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<IsolationPolicy> {
        return std::make_unique<FairShare>(FairShareRules{.half_life = config.get<Duration>("half_life"),
                                                          .age_weight = config.get<double>("age_weight"),
                                                          .age_most = config.get<Duration>("age_max")});
      }};
}

}  // namespace drydock

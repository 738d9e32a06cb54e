#include "policies/built_in.hpp"
#include "policies/core/assert.hpp"
#include "policies/list_scheduling.hpp"
#include "policies/order.hpp"
#include "policies/preemption.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

namespace drydock {

namespace {

class LeastAttainedService final : public PlacementPolicy {
 public:
  // `begins`: of each level but the first, the service from which on a job is in it; rising.
  LeastAttainedService(std::vector<Duration> begins, Fit fit) : begins_(std::move(begins)), fit_(fit) {}

  [[nodiscard]] PlacementTraits traits() const override { return {.fit = fit_, .by_order = true, .preempts = true}; }
  [[nodiscard]] Rank rank(const Job& job, const Cluster& /*cluster*/) const override { return {level_of(job.served), 0}; }

  void plan(const PassContext& pass, Plan& plan) override {
    if (sinks_at_.size() <= index(pass.pool)) sinks_at_.resize(index(pass.pool) + 1, kNever);
    sinks_at_[index(pass.pool)] = kNever;
    const std::optional<JobRef> head = start_heads(pass, plan, scratch_);
    if (!head) return;
    sinks_at_[index(pass.pool)] = list_running(pass, *head);
    preemption_.make_room(pass, plan, *head, [this](const auto& visit) {
      for (const Running& running : victims_) {
        if (!visit(running.job)) return;
      }
    });
  }

  [[nodiscard]] Time next_wakeup(PoolId pool) const override {
    return index(pool) < sinks_at_.size() ? sinks_at_[index(pool)] : kNever;
  }

 private:
  struct Running {
    JobRef job;
    bool runs = true;  // else it is being stopped
    std::int64_t level = 0;
    std::uint64_t sequence = 0;
  };

  [[nodiscard]] std::int64_t level_of(Duration served) const {
    return std::ranges::upper_bound(begins_, served) - begins_.begin();
  }

  // Into victims_: those that come after the head by now, in queues of no higher priority, the lowest level and youngest first;
  // before them what is leaving anyway. Returns when the next one sinks below the head.
  Time list_running(const PassContext& pass, JobRef head_ref) {
    victims_.clear();
    const Cluster& cluster = pass.cluster;
    const Job& head = cluster.job(head_ref);
    const auto level = static_cast<std::size_t>(head.rank.major);
    if (level == begins_.size()) return kNever;  // nothing is below it
    const std::int64_t order = cluster.turn(pass.pool, head.spec.queue).order;
    Time sinks_at = kNever;
    cluster.pool(pass.pool).by_order.for_each([&](const OrderIndex::Entry& entry) {
      const Job& job = cluster.job(entry.value);
      const bool runs = job.state == JobState::running;
      if (runs && cluster.turn(pass.pool, job.spec.queue).order < order) return;
      const Time sinks = later(job.started, begins_[level] - job.served);
      if (runs && sinks > pass.now) sinks_at = std::min(sinks_at, sinks);
      else if (runs || job.state == JobState::stopping)
        victims_.push_back({entry.value, runs, level_of(job.served + (pass.now - job.started)), job.sequence});
    });
    std::ranges::sort(victims_, {}, [](const Running& r) { return std::tuple(r.runs, -r.level, ~r.sequence); });
    return sinks_at;
  }

  std::vector<Duration> begins_;
  Fit fit_;
  std::vector<Time> sinks_at_;  // by pool: when something that runs sinks below the head that waits
  std::vector<Running> victims_;
  Preemption preemption_;
  std::vector<Placement> scratch_;
};

// The second level begins at the quantum, each further one at `growth` times the service of the one before.
std::vector<Duration> begins_of(std::int64_t levels, Duration quantum, double growth) {
  std::vector<Duration> begins;
  for (std::int64_t level = 1; level < levels; ++level) {
    const Duration begin = duration_of_seconds(seconds(quantum) * std::pow(growth, static_cast<double>(level - 1)));
    if (begins.empty() || begin > begins.back()) begins.push_back(begin);
  }
  return begins;
}

}  // namespace

BuiltInPlacement las_policy() {
  return {
      .info =
          {.family = PolicyFamily::placement,
           .type = "las",
           .summary = "Least attained service, preemptive, in levels: who has run least goes first, without estimates",
           .details =
               "A job begins in the first level and sinks to the next when its attempts have run for the quantum, and again "
               "each time that they have run for `growth` times as long. The first levels go first, within a level by "
               "submission. One that waits takes the place of running jobs that have sunk below it, the lowest and youngest "
               "first. Two levels are Kleinrock's FCFS-FCFS queue, many short ones the foreground-background discipline, "
               "which has the least mean response time of all that do not know durations when these have a falling hazard "
               "rate. What a job ran for counts also where it has to begin again (on_preemption restart). While a job waits "
               "above the last level, each pass looks at all that runs in the pool.",
           .source = "Nuyens, Wierman, Performance Evaluation 65(3-4), 2008 (foreground-background); Kleinrock, Queueing "
                     "Systems II, 1976, section 4.7 (levels); Gu et al., Tiresias, NSDI 2019",
           .parameters = {{.name = "quantum",
                           .default_value = Duration{std::chrono::minutes{10}},
                           .help = "how long a job runs in the first level",
                           .minimum = 1e-6,
                           .maximum = 1e9},
                          {.name = "levels",
                           .default_value = std::int64_t{6},
                           .help = "how many levels there are",
                           .minimum = 2,
                           .maximum = 1000},
                          {.name = "growth",
                           .default_value = 4.0,
                           .help = "ratio of the service at which one level and the one before it end",
                           .minimum = 1.001,
                           .maximum = 1e6},
                          fit_parameter()}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
        return std::make_unique<LeastAttainedService>(
            begins_of(config.get<std::int64_t>("levels"), config.get<Duration>("quantum"), config.get<double>("growth")),
            fit_of(config));
      }};
}

}  // namespace drydock

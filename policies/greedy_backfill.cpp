#include "policies/built_in.hpp"
#include "policies/core/candidates.hpp"
#include "policies/list_scheduling.hpp"
#include "policies/order.hpp"
#include "policies/reservation.hpp"

#include <optional>
#include <vector>

namespace drydock {

namespace {

class GreedyBackfill final : public PlacementPolicy {
 public:
  GreedyBackfill(Order order, bool backfill_by_submission, Fit fit)
      : order_(order), by_submission_(backfill_by_submission), fit_(fit) {}

  [[nodiscard]] PlacementTraits traits() const override {
    return {.fit = fit_,
            .by_estimated_end = true,
            .by_submission = by_submission_,
            .order_changes = changes_with_time(order_),
            .plans_ahead = true};
  }
  [[nodiscard]] Rank rank(const Job& job, const Cluster& cluster) const override {
    return rank_in(order_, job, cluster.now());
  }

  void plan(const PassContext& pass, Plan& plan) override {
    if (committed_.size() <= index(pass.pool)) committed_.resize(index(pass.pool) + 1);
    std::optional<Commitment>& committed = committed_[index(pass.pool)];
    // What even all ends would not make room for is no head to wait for: the choice is made anew.
    if (committed && committed->start == kNever) committed.reset();
    if (committed && !start_committed(pass, plan, *committed)) return backfill(pass, plan, *committed);
    committed.reset();
    if (const std::optional<JobRef> head = start_heads(pass, plan, scratch_)) {
      reservation_.make(pass, *head);
      committed = Commitment{pass.cluster.job(*head).spec.id, reservation_.shadow()};
      backfill(pass, plan, *committed);
    }
  }

 private:
  // The head that everything waits for, whoever arrives meanwhile, and its earliest start as computed when it was chosen.
  struct Commitment {
    JobId job;
    Time start{};
  };

  // True when there is nothing to wait for any more.
  bool start_committed(const PassContext& pass, Plan& plan, const Commitment& committed) {
    const std::optional<JobRef> ref = pass.cluster.find(committed.job);
    if (!ref || pass.cluster.job(*ref).state != JobState::waiting) return true;
    return pass.cluster.find_workers(pass.pool, pass.cluster.job(*ref), scratch_) && plan.start(*ref, scratch_);
  }

  void backfill(const PassContext& pass, Plan& plan, const Commitment& committed) {
    const Pool& pool = pass.cluster.pool(pass.pool);
    const double window_ns =
        committed.start == kNever ? 1e19 : static_cast<double>(nanos(committed.start - pass.now)) * pool.speed_max;
    in_time_.begin();
    candidates_.begin(pass.cluster, pass.pool, by_submission_ ? Candidates::By::submission : Candidates::By::policy_order);
    const auto may_start = [&](const LeastDemand& demand) {
      const bool may_fit = pool.is_scalar() ? demand.tasks <= pool.free_units : demand.cpus <= pool.free.cpus();
      return may_fit && static_cast<double>(demand.remaining_ns) <= window_ns;
    };
    while (const std::optional<JobRef> ref = candidates_.next(may_start)) {
      const Job& job = pass.cluster.job(*ref);
      if (job.spec.id == committed.job || !find_workers(pass, job, committed.start)) continue;
      if (!plan.start(*ref, scratch_)) return;
    }
  }

  // Into scratch_: those that the fit offers, if the job ends there before `start`, else faster ones.
  bool find_workers(const PassContext& pass, const Job& job, Time start) {
    if (!pass.cluster.find_workers(pass.pool, job, scratch_)) return false;
    if (pass.cluster.estimated_end(job, scratch_, pass.now) < start) return true;
    return in_time_.find_workers(pass, job, start - Duration{1}, scratch_);
  }

  Order order_;
  bool by_submission_;
  Fit fit_;
  std::vector<std::optional<Commitment>> committed_;  // by pool
  Reservation reservation_;
  InTime in_time_;
  Candidates candidates_;
  std::vector<Placement> scratch_;
};

}  // namespace

BuiltInPlacement greedy_backfill_policy() {
  return {.info = {.family = PolicyFamily::placement,
                   .type = "greedy-backfill",
                   .summary = "Greedy backfilling behind a committed head",
                   .details =
                       "The first job by order that does not fit is committed: it stays the head until it starts, even if "
                       "better ones arrive. Its earliest start is computed once, from the estimates of what runs then. "
                       "Until it starts, any job that fits now and ends before that time starts, tried in "
                       "backfill_order, on faster workers than its fit offers where it would not end in time on those "
                       "(up to 256 with room are looked at per job). Unlike EASY, no job may run past the reserved time "
                       "beside the head.",
                   .source = "Zhang, Dai, He, Zhang, SC 2020 (RLScheduler), the simulator's backfilling",
                   .parameters = {order_parameter("fcfs"),
                                  {.name = "backfill_order",
                                   .default_value = std::string("fcfs"),
                                   .help = "order in which jobs are tried behind the head: by submission, or as in `order`",
                                   .choices = {"fcfs", "same"}},
                                  fit_parameter()}},
          .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
            const Order order = order_of(config);
            const bool by_submission = config.get<std::string>("backfill_order") == "fcfs" && order != Order::fcfs;
            return std::make_unique<GreedyBackfill>(order, by_submission, fit_of(config));
          }};
}

}  // namespace drydock

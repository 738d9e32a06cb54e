#include "policies/built_in.hpp"
#include "policies/core/candidates.hpp"
#include "policies/list_scheduling.hpp"
#include "policies/order.hpp"
#include "policies/reservation.hpp"

#include <cstdint>

namespace drydock {

namespace {

class Easy final : public PlacementPolicy {
 public:
  Easy(Order order, Fit fit, std::int64_t depth) : order_(order), fit_(fit), depth_(depth) {}

  [[nodiscard]] PlacementTraits traits() const override {
    return {.fit = fit_, .by_estimated_end = true, .order_changes = changes_with_time(order_)};
  }
  [[nodiscard]] Rank rank(const Job& job, const Cluster& cluster) const override {
    return rank_in(order_, job, cluster.now());
  }

  void plan(const PassContext& pass, Plan& plan) override {
    const std::optional<JobRef> head = start_heads(pass, plan, scratch_);
    if (!head) return;
    const Pool& pool = pass.cluster.pool(pass.pool);
    if (pool.is_scalar() ? pool.free_units == 0 : pool.free.slots() == 0) return;
    reservation_.make(pass, *head);
    backfill(pass, plan, *head);
  }

 private:
  void backfill(const PassContext& pass, Plan& plan, JobRef head) {
    const Pool& pool = pass.cluster.pool(pass.pool);
    candidates_.begin(pass.cluster, pass.pool, Candidates::By::policy_order);
    const auto may_start = [&](const LeastDemand& demand) {
      const bool may_fit = pool.is_scalar() ? demand.tasks <= pool.free_units : demand.cpus <= pool.free.cpus();
      return may_fit && reservation_.may_admit(demand);
    };
    std::int64_t refused = 0;
    while (refused < depth_) {
      const std::optional<JobRef> ref = candidates_.next(may_start);
      if (!ref) return;
      const Job& job = pass.cluster.job(*ref);
      if (*ref == head) continue;
      if (reservation_.find_workers(pass, job, scratch_)) {
        if (!plan.start(*ref, scratch_)) return;
      } else {
        ++refused;
      }
    }
  }

  Order order_;
  Fit fit_;
  std::int64_t depth_;
  Reservation reservation_;
  Candidates candidates_;
  std::vector<Placement> scratch_;
};

BuiltInPlacement easy_with(std::string_view type, std::string_view summary, std::string order) {
  return {
      .info = {.family = PolicyFamily::placement,
               .type = type,
               .summary = summary,
               .details = "Heads start while they fit. The first that does not gets a reservation at its shadow time: the "
                          "earliest at which, by their estimates, enough running jobs have ended. Jobs behind it start "
                          "now if they end by then, or fit beside it then: they never delay the head. Where demands "
                          "differ or hosts are not interchangeable, the reservation counts, worker by worker, what the "
                          "head's tasks need; a job that would delay it on the workers of its fit goes to others: fast "
                          "ones on which it ends in time, or those that the head can spare. Up to 256 workers with room "
                          "are looked at for such a job, and up to 64 such searches may fail in one pass.",
               .source = "Lifka, JSSPP 1995 (the Argonne EASY scheduler); Mu'alem, Feitelson, IEEE TPDS 12(6), 2001",
               .parameters = {order_parameter(std::move(order)),
                              fit_parameter(),
                              {.name = "depth",
                               .default_value = std::int64_t{1000},
                               .help = "jobs tried in vain in one pass before it ends (demands that differ only; where all "
                                       "are equal none is tried in vain)",
                               .minimum = 1,
                               .maximum = 1e9}}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
        return std::make_unique<Easy>(order_of(config), fit_of(config), config.get<std::int64_t>("depth"));
      }};
}

}  // namespace

BuiltInPlacement easy_policy() {
  return easy_with("easy", "EASY backfilling: later jobs fill holes but never delay the first that waits", "fcfs");
}

BuiltInPlacement easy_sjf_policy() {
  return easy_with("easy-sjf", "EASY backfilling with the queue in order of estimated duration", "sjf");
}

}  // namespace drydock

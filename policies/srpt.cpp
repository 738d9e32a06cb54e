#include "policies/built_in.hpp"
#include "policies/list_scheduling.hpp"
#include "policies/order.hpp"
#include "policies/preemption.hpp"

namespace drydock {

namespace {

class Srpt final : public PlacementPolicy {
 public:
  explicit Srpt(Fit fit) : fit_(fit) {}
  [[nodiscard]] PlacementTraits traits() const override { return {.fit = fit_, .by_estimated_end = true, .preempts = true}; }
  [[nodiscard]] Rank rank(const Job& job, const Cluster& /*cluster*/) const override { return rank_sjf(job); }

  void plan(const PassContext& pass, Plan& plan) override {
    const std::optional<JobRef> head = start_heads(pass, plan, scratch_);
    if (!head) return;
    preemption_.make_room(pass, plan, *head, [&](const auto& visit) { visit_longer(pass, *head, visit); });
  }

 private:
  // Running jobs with more work left than the head, in queues of no higher priority.
  template <class Visit>
  static void visit_longer(const PassContext& pass, JobRef head, const Visit& visit) {
    const Cluster& cluster = pass.cluster;
    const Pool& pool = cluster.pool(pass.pool);
    const auto remaining_ns = static_cast<double>(nanos(cluster.job(head).remaining()));
    const std::int64_t order = cluster.turn(pass.pool, cluster.job(head).spec.queue).order;
    for (const auto* entry = pool.by_estimated_end.last(); entry != nullptr;
         entry = pool.by_estimated_end.previous(entry->key)) {
      const auto time_left_ns = static_cast<double>(nanos(entry->key.at - pass.now));
      if (time_left_ns * pool.speed_max <= remaining_ns) return;  // so have all before it
      const Job& job = cluster.job(entry->value);
      const double speed = cluster.speed_of(job.placements);
      // The end and the progress that will be told are rounded: without a margin two equal jobs would take turns for ever.
      const double rounding_ns = speed == 1.0 ? 0.0 : speed + 1.0;
      if (time_left_ns * speed - rounding_ns <= remaining_ns) continue;
      if (cluster.turn(pass.pool, job.spec.queue).order < order) continue;
      if (!visit(entry->value)) return;
    }
  }

  Fit fit_;
  Preemption preemption_;
  std::vector<Placement> scratch_;
};

}  // namespace

BuiltInPlacement srpt_policy() {
  return {.info = {.family = PolicyFamily::placement,
                   .type = "srpt",
                   .summary = "Shortest remaining processing time, preemptive",
                   .details =
                       "The jobs with the least estimated remaining time run. A job that arrives with less than a running "
                       "one has left takes its place; the stopped job keeps its progress if its on_preemption says so. "
                       "Least mean response time on one server.",
                   .source = "Schrage, Operations Research 16(3), 1968; mean response: Schrage, Miller, 1966",
                   .parameters = {fit_parameter()}},
          .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
            return std::make_unique<Srpt>(fit_of(config));
          }};
}

}  // namespace drydock

#include "policies/built_in.hpp"
#include "policies/list_scheduling.hpp"
#include "policies/order.hpp"
#include "policies/preemption.hpp"

namespace drydock {

namespace {

class Priority final : public PlacementPolicy {
 public:
  Priority(bool preemptive, Fit fit) : preemptive_(preemptive), fit_(fit) {}

  [[nodiscard]] PlacementTraits traits() const override {
    return {.fit = fit_, .by_order = preemptive_, .minds_sessions = !preemptive_, .preempts = preemptive_};
  }

  [[nodiscard]] Rank rank(const Job& job, const Cluster& cluster) const override {
    return {-std::int64_t{cluster.queue(job.spec.queue).config.priority}, -std::int64_t{job.spec.priority}};
  }

  void plan(const PassContext& pass, Plan& plan) override {
    const std::optional<JobRef> head = start_heads(pass, plan, scratch_);
    if (!head || !preemptive_) return;
    const OrderIndex& running = pass.cluster.pool(pass.pool).by_order;
    const Rank rank = pass.cluster.job(*head).rank;
    preemption_.make_room(pass, plan, *head, [&](const auto& visit) {
      for (const auto* entry = running.last(); entry != nullptr && entry->key.rank > rank;
           entry = running.previous(entry->key)) {
        if (!visit(entry->value)) return;
      }
    });
  }

 private:
  bool preemptive_;
  Fit fit_;
  Preemption preemption_;
  std::vector<Placement> scratch_;
};

}  // namespace

BuiltInPlacement priority_policy() {
  return {
      .info = {.family = PolicyFamily::placement,
               .type = "priority",
               .summary = "Strict priority, preemptive or not",
               .details = "Queues of higher priority first, within them jobs of higher priority, equal ones by submission. "
                          "Preemptive: a job that does not fit stops running jobs of lower priority, the lowest and "
                          "youngest first, if that makes room for it.",
               .source = "Cobham, Operations Research 2(1), 1954; White, Christie, Operations Research 6(1), 1958",
               .parameters = {{.name = "preemptive",
                               .default_value = false,
                               .help = "whether a job may stop running jobs of lower priority"},
                              fit_parameter()}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<PlacementPolicy> {
        return std::make_unique<Priority>(config.get<bool>("preemptive"), fit_of(config));
      }};
}

}  // namespace drydock

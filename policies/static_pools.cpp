#include "policies/built_in.hpp"

namespace drydock {

void order_by_priority(const IsolationPass& pass, std::span<Turn> turns) {
  for (Turn& turn : turns) turn.order = -std::int64_t{pass.cluster.queue(turn.queue).config.priority};
}

namespace {

class StaticPools final : public IsolationPolicy {
 public:
  [[nodiscard]] IsolationTraits traits() const override { return {.fixed = true}; }
  [[nodiscard]] std::unique_ptr<IsolationPolicy> copy() const override { return std::make_unique<StaticPools>(*this); }
  void open(const IsolationPass& pass, std::span<Turn> turns) override { order_by_priority(pass, turns); }
};

}  // namespace

BuiltInIsolation static_pools_policy() {
  return {.info = {.family = PolicyFamily::isolation,
                   .type = "static-pools",
                   .summary = "Each pool serves its own queues, and no others",
                   .details = "What a pool does not use stays idle, however much waits for another one. In return nothing "
                              "of another pool's ever stands in the way. Queues of one pool are served by their priority, "
                              "equal ones by the placement policy's order.",
                   .source = "Celery: one worker per queue (task_routes, worker -Q)"},
          .make = [](const PolicyConfig&) -> std::unique_ptr<IsolationPolicy> { return std::make_unique<StaticPools>(); }};
}

}  // namespace drydock

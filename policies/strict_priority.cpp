#include "policies/built_in.hpp"

namespace drydock {

namespace {

class StrictPriority final : public IsolationPolicy {
 public:
  [[nodiscard]] IsolationTraits traits() const override { return {.serves_all = true, .fixed = true}; }
  [[nodiscard]] std::unique_ptr<IsolationPolicy> copy() const override { return std::make_unique<StrictPriority>(*this); }
  void open(const IsolationPass& pass, std::span<Turn> turns) override { order_by_priority(pass, turns); }
};

}  // namespace

BuiltInIsolation strict_priority_policy() {
  return {
      .info = {.family = PolicyFamily::isolation,
               .type = "priority",
               .summary = "Every worker serves every queue, those of higher priority first",
               .details = "A job goes only when none waits in a queue of higher priority; equal ones go by the placement "
                          "policy's order. What runs is not stopped: use placement priority (preemptive) for that. A "
                          "queue of low priority can starve. A pool leaves out a queue with jobs that are too large "
                          "for its workers.",
               .source = "Cobham, Operations Research 2(1), 1954"},
      .make = [](const PolicyConfig&) -> std::unique_ptr<IsolationPolicy> { return std::make_unique<StrictPriority>(); }};
}

}  // namespace drydock

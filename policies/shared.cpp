#include "policies/built_in.hpp"

namespace drydock {

namespace {

class Shared final : public IsolationPolicy {
 public:
  [[nodiscard]] IsolationTraits traits() const override { return {.serves_all = true, .fixed = true}; }
  [[nodiscard]] std::unique_ptr<IsolationPolicy> copy() const override { return std::make_unique<Shared>(*this); }
  void open(const IsolationPass& /*pass*/, std::span<Turn> turns) override {
    for (Turn& turn : turns) turn.order = 0;
  }
};

}  // namespace

BuiltInIsolation shared_policy() {
  return {.info = {.family = PolicyFamily::isolation,
                   .type = "shared",
                   .summary = "Every worker serves every queue, as if they were one",
                   .details = "Queues and their priorities do not matter: jobs of all of them go in the placement policy's "
                              "one order, with fcfs by submission. No slot is idle while a job that fits waits, and a "
                              "short job waits behind whatever came before it. A pool leaves out a queue with jobs that "
                              "are too large for its workers.",
                   .source = "One queue for all servers: Kleinrock, Queueing Systems, vol. 2, 1976, ch. 5"},
          .make = [](const PolicyConfig&) -> std::unique_ptr<IsolationPolicy> { return std::make_unique<Shared>(); }};
}

}  // namespace drydock

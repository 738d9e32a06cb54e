// Admission by totals: what all workers have less what is said to be allocated is what may be started, whoever then runs it. That is
// how schedulers with a cached counter decide; with a counter that is wrong they start too much, or leave workers idle.
#pragma once

#include "policies/core/isolation_policy.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>

namespace drydock {

// Pools are static; each start takes from one budget of all pools, in thousandths of a cpu.
class AggregateAdmission final : public IsolationPolicy {
 public:
  // What a worker may be given beyond its cpus: the budget alone is the limit. The worker with the most free ones still comes first.
  static constexpr std::int64_t kBeyond = std::int64_t{1} << 45U;

  [[nodiscard]] static Resources without_limit(const Resources& capacity) {
    return capacity + make_resources({.cpus_milli = kBeyond, .memory_bytes = 0, .gpus = 0, .slots = 0});
  }

  void set_budget(std::int64_t cpus_milli) { budget_ = std::max(std::int64_t{0}, cpus_milli); }

  [[nodiscard]] std::int64_t budget() const { return budget_; }

  [[nodiscard]] IsolationTraits traits() const override { return {}; }
  [[nodiscard]] std::unique_ptr<IsolationPolicy> copy() const override {
    return std::make_unique<AggregateAdmission>(*this);
  }
  void open(const IsolationPass& pass, std::span<Turn> turns) override {
    for (Turn& turn : turns) turn.order = -std::int64_t{pass.cluster.queue(turn.queue).config.priority};
    limit(turns);
  }
  void started(const IsolationPass& pass, JobRef job, std::span<Turn> turns) override {
    set_budget(budget_ - pass.cluster.job(job).cpus_in_all());
    limit(turns);
  }

 private:
  void limit(std::span<Turn> turns) const {
    const Resources room =
        make_resources({.cpus_milli = budget_, .memory_bytes = kUnlimited, .gpus = kUnlimited, .slots = kUnlimited});
    for (Turn& turn : turns) {
      turn.limited = true;
      turn.room = room;
    }
  }

  std::int64_t budget_ = 0;
};

}  // namespace drydock

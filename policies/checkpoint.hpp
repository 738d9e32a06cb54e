// How much work to do between two checkpoints, and how long a job takes with them and without: closed forms, in seconds, for
// failures that come at random with a mean time M between them (exponential).
#pragma once

#include "policies/core/time.hpp"

namespace drydock {

struct CheckpointCosts {
  double cost_s = 0;  // to write one; > 0
  double mttf_s = 0;  // mean time to the next failure of what the job runs on; > 0
};

// Work between two checkpoints. All three agree while the cost is small beside the mean time to failure.
// sqrt(2 C M). Young, CACM 17(9), 1974.
[[nodiscard]] double young_interval(const CheckpointCosts& costs);
// Higher-order estimate; M from C = 2 M on. Daly, Future Generation Computer Systems 22(3), 2006.
[[nodiscard]] double daly_interval(const CheckpointCosts& costs);
// The interval that minimises checkpointed_time_s(): M (1 + W0(-e^(-1 - C/M))), W0 the Lambert function. Same paper.
[[nodiscard]] double exact_interval(const CheckpointCosts& costs);

// Mean time to do `work_s` that begins anew after each failure and a repair of `repair_s`, during which nothing fails:
// (M + R)(e^(L/M) - 1).
struct RestartedWork {
  double work_s = 0;
  double repair_s = 0;
  double mttf_s = 0;
};
[[nodiscard]] double restarted_time_s(const RestartedWork& job);

// Mean time with a checkpoint after each `interval_s` of work, the last included. After a failure the last one is loaded for
// `restart_s`, in which there may be another failure: M e^(R/M) (e^((tau + C)/M) - 1) L / tau.
struct CheckpointedWork {
  double work_s = 0;
  double interval_s = 0;
  double restart_s = 0;
  CheckpointCosts costs;
};
[[nodiscard]] double checkpointed_time_s(const CheckpointedWork& job);

// Chooses the interval; asked once per scenario or worker pool.
class CheckpointPolicy {
 public:
  virtual ~CheckpointPolicy() = default;
  // Work, on a worker of speed 1, between two checkpoints; at least 1 ns.
  [[nodiscard]] virtual Duration interval(const CheckpointCosts& costs) const = 0;
  // Whether it depends on the costs at all.
  [[nodiscard]] virtual bool needs_costs() const { return true; }
};

}  // namespace drydock

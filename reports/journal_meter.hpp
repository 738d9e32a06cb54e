// Measures a run from its journals: any that was recorded, simulated or for real, by the definitions of metrics.hpp. What only the driver of
// a run knows (when a worker died, when an attempt really began) comes as Observations; what neither tells is absent.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"
#include "reports/distribution.hpp"
#include "reports/metrics.hpp"
#include "reports/observations.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace drydock::reports {

struct JournalMeterConfig {
  MetricsConfig metrics;  // `periodic` and `overcommit` have no effect: no journal tells of that
  struct Worker {
    std::uint32_t host = 0;  // index into `hosts`
    PoolId pool;
  };
  std::vector<Worker> workers;  // by WorkerId; others are taken for hosts of their own
  struct Host {
    std::int64_t cpus_milli = 0;
    std::vector<PoolId> pools;  // that have workers there
    double usd_per_s = 0;
  };
  std::vector<Host> hosts;
  bool cores = true;  // what is in use follows from what runs; else utilization and wasted core time are absent
  bool declares =
      true;  // the registry is read: a worker is dead when the scheduler declares it, not when its lease has expired
};

// Beside the metrics, these on how the time from being due to the end of a job splits up, where both ends of a part are known:
//   phase_late_s      due -> handed in
//   phase_intake_s    -> the scheduler knows
//   phase_queued_s    -> its first assignment is ordered
//   phase_commit_s    -> it is in the store, and dispatched
//   phase_start_s     -> begun at the worker
//   phase_overrun_s   beyond the work, of the attempt that succeeded
//   phase_report_s    ended at the worker -> the scheduler knows
// and commit_busy_fraction, the part of the time in which a commit was on its way.
class JournalMeter {
 public:
  // The observations must outlive it.
  JournalMeter(JournalMeterConfig config, const Observations& observed);
  ~JournalMeter();

  // The steps of all journals of the run, by time. Facts that several schedulers were told count once.
  // `segment`: stands for the journal that the step is in.
  void step(std::size_t segment, Time now, std::span<const Event> events, std::span<const Command> commands);

  struct Measured {
    std::map<std::string, double> metrics;
    Distributions distributions;
  };
  // `end` of the run, by the journals' clock; once.
  [[nodiscard]] Measured finish(Time end);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drydock::reports

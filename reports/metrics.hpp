// Measures a run while it happens, from the world's truth (not from what the scheduler believes). Memory does not grow with
// the number of ended jobs; sums are exact integers, so that means have no rounding drift; quantiles have a relative error
// of at most 0.1 %.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"
#include "policies/core/ids.hpp"
#include "policies/core/time.hpp"
#include "reports/distribution.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace drydock::reports {

struct MetricsConfig {
  std::vector<std::string> queues;  // by QueueId
  std::vector<std::string> pools;   // by PoolId
  std::uint64_t warmup_jobs = 0;    // jobs with an id below this are not measured
  // Attempts may fail or be lost, or workers come and go: figures about that are given even where they are 0.
  bool trouble = false;
  // From the first disturbance until the last one has healed; nothing when there is no such time.
  struct Disturbance {
    Time from{};
    Time healed{};
  };
  std::optional<Disturbance> disturbance = std::nullopt;
  bool overcommit = false;  // hosts may be asked for more than they have: say how much
  bool periodic = false;    // there are periodic jobs: say how punctual they are
  // The scheduler gives statistics: say how many of them are an alarm.
  struct Alerts {
    std::uint32_t workers = 0;  // fewer live,
    double utilization = 0;     // a greater part of the cpus is allocated,
    double counter = 0;         // or the counter is off by a greater part of what is
  };
  std::optional<Alerts> alerts = std::nullopt;
  bool leaders = false;     // there are several schedulers: say how they take turns
  bool keep_waits = false;  // of each job by itself, see waits(): memory then grows with their number
};

// How one job went, told when it has ended.
struct JobOutcome {
  JobId id;
  QueueId queue;
  PoolId pool;  // of the last attempt
  Time submitted{};
  Time first_start{};  // when it first got its resources
  Time ended{};
  Duration service{};  // its duration had it run alone and uninterrupted where it ran last
  bool succeeded = true;
  bool quarantined = false;  // not succeeded: it was given up because attempts were lost with their workers
  std::uint32_t attempts = 1;
};

class Metrics {
 public:
  explicit Metrics(MetricsConfig config);
  ~Metrics();

  void submitted(JobId job, QueueId queue, Time now);
  void rejected(JobId job, QueueId queue, Time now);
  void ended(const JobOutcome& outcome);
  // Core-seconds that did not count in the end: attempts lost, stopped and begun anew.
  void wasted(Duration core_time);
  // Capacity (cores of live hosts) and use (cores that run tasks) change by this, in thousandths of a core, on hosts of
  // these pools.
  void capacity(Time now, std::int64_t cpus_milli_change, std::span<const PoolId> pools);
  void usage(Time now, std::int64_t cpus_milli_change, std::span<const PoolId> pools);
  void attempt_lost();  // with a worker; not a failure
  void retried();       // an attempt begins after one that failed
  // Running worker processes of a pool change by this.
  void workers(Time now, std::int64_t change, PoolId pool);
  // GPUs with more than one user, and cores asked for beyond those that there are (in thousandths), change by this.
  void gpu_conflicts(Time now, std::int64_t change);
  void overcommitted(Time now, std::int64_t cpus_milli_change);
  // A periodic job started, so long after it was due; and how many due times passed without a firing.
  void periodic_started(JobId job, Duration after_due);
  void periodic_missed(std::uint64_t due_times);
  // Whether a scheduler leads, from now on, and whether another one than the last.
  void leader(Time now, bool there, bool another);
  void write_refused();  // of a leader of an earlier time
  void statistics(const NoteStatistics& note);
  void detected(Duration after_crash);
  void false_expiry();
  // Allocations that are not released, in thousandths of a cpu, are this from now on.
  void allocated(Time now, std::int64_t cpus_milli);
  // The counter minus the truth, in thousandths of a cpu, is this from now on; and a resync changed it.
  void counter_drift(Time now, std::int64_t cpus_milli);
  void counter_resync(Time now, std::int64_t before_milli, std::int64_t after_milli);
  void cost(double usd);
  void worker_time(Duration worker_time);  // live worker-time in all, for rates per worker-hour

  // With keep_waits: seconds from submission to first start of each job that started and has ended, by its id, warm-up or not.
  [[nodiscard]] const std::map<JobId, double>& waits() const;
  // All figures so far by name; `now` closes the integrals.
  [[nodiscard]] std::map<std::string, double> result(Time now) const;
  // Of the waits ("wait_s") and response times ("response_s") of all jobs, in seconds; without those of which there are none.
  [[nodiscard]] Distributions distributions() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drydock::reports

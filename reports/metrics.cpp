#include "reports/metrics.hpp"

#include "reports/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

namespace drydock::reports {
namespace {

constexpr double kNanosPerSecond = 1e9;
// Ratios are summed and counted as whole multiples of this, so that their sums are exact and do not depend on the order.
constexpr double kRatioUnit = 1e-9;
// Below this service time a slowdown says more about rounding than about waiting (Feitelson and Rudolph, JSSPP 1998).
constexpr Duration kSlowdownBound = std::chrono::seconds{10};

// Nearest multiple of kRatioUnit; ratios above 9.2e9 are held there.
std::int64_t ratio_units(double ratio) {
  constexpr double kLimit = 9.2e9;
  return static_cast<std::int64_t>(std::min(ratio, kLimit) / kRatioUnit + 0.5);
}

double ratio_of(Duration numerator, Duration denominator) {
  return static_cast<double>(nanos(numerator)) / static_cast<double>(nanos(denominator));
}

// What is measured of a set of ended jobs.
struct JobFigures {
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  std::uint64_t waited = 0;  // of those in `wait`, how many waited at all
  Histogram wait;            // of all that started
  Histogram response;        // of the completed ones, as all below
  Histogram bounded_slowdown;
  Int128 slowdown_sum = 0;
  std::uint64_t slowdown_count = 0;

  void add(const JobOutcome& job) {
    ++(job.succeeded ? completed : failed);
    if (job.first_start != kNever) {
      const Duration waiting = job.first_start - job.submitted;
      wait.add(waiting);
      if (waiting > Duration::zero()) ++waited;
    }
    if (!job.succeeded) return;
    const Duration took = job.ended - job.submitted;
    response.add(took);
    bounded_slowdown.add(ratio_units(std::max(1.0, ratio_of(took, std::max(job.service, kSlowdownBound)))));
    if (job.service <= Duration::zero()) return;
    slowdown_sum += ratio_units(ratio_of(took, job.service));
    ++slowdown_count;
  }

  void merge(const JobFigures& other) {
    completed += other.completed;
    failed += other.failed;
    waited += other.waited;
    wait.merge(other.wait);
    response.merge(other.response);
    bounded_slowdown.merge(other.bounded_slowdown);
    slowdown_sum += other.slowdown_sum;
    slowdown_count += other.slowdown_count;
  }
};

// How long there was at least one of something.
class Coverage {
 public:
  void change(Time now, std::int64_t by) {
    covered_ns_ = until(now);
    last_ = now;
    level_ += by;
  }
  [[nodiscard]] std::int64_t until(Time now) const { return covered_ns_ + (level_ > 0 ? nanos(now - last_) : 0); }

 private:
  std::int64_t covered_ns_ = 0;
  std::int64_t level_ = 0;
  Time last_{};
};

struct Intake {
  std::uint64_t submitted = 0;
  std::uint64_t rejected = 0;
};

// The integral over time of an amount that changes in steps.
class StepIntegral {
 public:
  void change(Time now, std::int64_t by) {
    area_ = until(now);
    last_ = now;
    level_ += by;
  }
  void set(Time now, std::int64_t level) { change(now, level - level_); }
  [[nodiscard]] std::int64_t level() const { return level_; }
  // From time zero to `now`, in (amount * ns).
  [[nodiscard]] Int128 until(Time now) const { return area_ + static_cast<Int128>(level_) * nanos(now - last_); }

 private:
  Int128 area_ = 0;
  std::int64_t level_ = 0;
  Time last_{};
};

// When the jobs in the system (waiting or running) are as few again as they were before a disturbance: no more than their mean
// over the second half of the time before it, rounded up.
class Baseline {
 public:
  explicit Baseline(const MetricsConfig::Disturbance& disturbance) : disturbance_(disturbance) {}

  // An end may be told a little later than it was.
  void change(Time at, std::int64_t by) {
    const Time now = std::max(at, last_change_);
    pass(now);
    jobs_.change(now, by);
    level_ += by;
  }
  // Nanoseconds from the healing until then; nothing when it has not come.
  [[nodiscard]] std::optional<std::int64_t> regained(Time now) const {
    Baseline copy = *this;
    copy.pass(now);
    if (copy.regained_ == kNever) return std::nullopt;
    return nanos(copy.regained_ - disturbance_.healed);
  }
  [[nodiscard]] bool healed_by(Time now) const { return disturbance_.healed < now; }

 private:
  // The level has not changed since the last call; takes in the milestones that lie before `now`.
  void pass(Time now) {
    const Time half = time_at(nanos(disturbance_.from) / 2);
    if (!begun_ && now >= half) {
      begun_ = true;
      before_ = jobs_.until(half);
    }
    if (!disturbed_ && now >= disturbance_.from) {
      disturbed_ = true;
      const double span = static_cast<double>(nanos(disturbance_.from - half));
      const double mean = span > 0 ? static_cast<double>(jobs_.until(disturbance_.from) - before_) / span : 0;
      most_ = static_cast<std::int64_t>(std::ceil(mean));
    }
    if (disturbed_ && regained_ == kNever && now > disturbance_.healed && level_ <= most_) {
      regained_ = std::max(disturbance_.healed, last_change_);
    }
    last_change_ = now;
  }

  MetricsConfig::Disturbance disturbance_;
  StepIntegral jobs_;
  std::int64_t level_ = 0;
  Time last_change_{};
  bool begun_ = false;
  Int128 before_ = 0;  // integral until the mean begins
  bool disturbed_ = false;
  std::int64_t most_ = 0;
  Time regained_ = kNever;
};

// Core-time there was and that was used, since the measured span began.
struct Cores {
  StepIntegral capacity;
  StepIntegral usage;
  Int128 capacity_before = 0;
  Int128 usage_before = 0;

  void begin_measuring(Time now) {
    capacity_before = capacity.until(now);
    usage_before = usage.until(now);
  }
};

// Mean and standard deviation in one pass (Welford 1962); for rare events, where a few more nanoseconds do not matter.
struct Spread {
  std::uint64_t count = 0;
  double mean = 0;
  double squares = 0;
  void add(double value) {
    ++count;
    const double delta = value - mean;
    mean += delta / static_cast<double>(count);
    squares += delta * (value - mean);
  }
  [[nodiscard]] double standard_deviation() const {
    return count < 2 ? 0 : std::sqrt(squares / static_cast<double>(count - 1));
  }
};

// The error of the counter of allocated cpus, in thousandths of one.
struct Drift {
  bool told = false;
  std::int64_t now = 0;
  StepIntegral absolute;
  std::int64_t greatest = 0;
  std::int64_t greatest_since_resync = 0;
  std::uint64_t resyncs = 0;
  Int128 before = 0;  // sums over the resyncs, of amounts without their signs
  Int128 after = 0;
  Int128 peaks = 0;

  void set(Time at, std::int64_t value) {
    told = true;
    absolute.change(at, std::abs(value) - std::abs(now));
    now = value;
    greatest = std::max(greatest, std::abs(value));
    greatest_since_resync = std::max(greatest_since_resync, std::abs(value));
  }
  void resync(std::int64_t from, std::int64_t to) {
    ++resyncs;
    before += std::abs(from);
    after += std::abs(to);
    peaks += greatest_since_resync;
    greatest_since_resync = std::abs(to);
  }
};

double seconds_of(double ns) { return ns / kNanosPerSecond; }

// Writes figures under names that share a beginning; leaves out what was not measured.
class Writer {
 public:
  Writer(std::map<std::string, double>& into, std::string prefix) : into_(into), prefix_(std::move(prefix)) {}

  void put(std::string_view name, double value) const {
    if (std::isfinite(value)) into_.insert_or_assign(prefix_ + std::string(name), value);
  }
  void put_count(std::string_view name, std::uint64_t count) const { put(name, static_cast<double>(count)); }
  void put_ratio(std::string_view name, double part, double whole) const {
    if (whole > 0) put(name, part / whole);
  }
  // <name>.mean, .p50, .p95, .p99, .max in seconds.
  void put_times(const std::string& name, const Histogram& times) const {
    if (times.count() == 0) return;
    put(name + ".mean", seconds_of(times.mean()));
    put(name + ".p50", seconds_of(times.quantile(0.50)));
    put(name + ".p95", seconds_of(times.quantile(0.95)));
    put(name + ".p99", seconds_of(times.quantile(0.99)));
    put(name + ".max", seconds_of(static_cast<double>(times.max())));
  }
  void put_jobs(const JobFigures& jobs) const {
    put_count("jobs_completed", jobs.completed);
    put_count("jobs_failed", jobs.failed);
    put_times("wait_s", jobs.wait);
    put_times("response_s", jobs.response);
    put_ratio("waited_fraction", static_cast<double>(jobs.waited), static_cast<double>(jobs.wait.count()));
    if (jobs.bounded_slowdown.count() > 0) {
      put("bounded_slowdown.mean", jobs.bounded_slowdown.mean() * kRatioUnit);
      put("bounded_slowdown.p95", jobs.bounded_slowdown.quantile(0.95) * kRatioUnit);
    }
    if (jobs.slowdown_count > 0) put("slowdown.mean", exact_mean(jobs.slowdown_sum, jobs.slowdown_count) * kRatioUnit);
  }
  void put_intake(const Intake& intake, const JobFigures& jobs) const {
    put_count("jobs_submitted", intake.submitted);
    put_count("jobs_rejected", intake.rejected);
    put_ratio("rejected_fraction", static_cast<double>(intake.rejected), static_cast<double>(intake.submitted));
    const std::uint64_t settled = intake.rejected + jobs.completed + jobs.failed;
    put_count("jobs_unfinished", intake.submitted - std::min(intake.submitted, settled));
  }

 private:
  std::map<std::string, double>& into_;
  std::string prefix_;
};

}  // namespace

struct Metrics::Impl {
  MetricsConfig config;
  std::vector<Intake> intake;                      // by queue
  std::vector<std::unique_ptr<JobFigures>> cells;  // by (queue, pool), made when first used; totals are their sums, so that
                                                   // each job is counted once only
  // The measured span begins with the run, or when warm-up ends.
  bool measuring = false;
  Time measured_from{};
  Time last_end{};           // of any job
  Time last_measured_end{};  // of a measured job that succeeded

  Cores cores;
  std::vector<Cores> pool_cores;  // by pool; empty when there is one only
  Int128 wasted_ns = 0;
  Coverage covered;                    // by running workers
  std::vector<Coverage> pool_covered;  // by pool
  std::uint64_t attempts_lost = 0;
  std::uint64_t retries = 0;
  std::uint64_t quarantined = 0;
  std::optional<Baseline> baseline;
  StepIntegral gpu_conflicts;
  StepIntegral overcommitted;
  StepIntegral overallocated;
  std::int64_t allocated = 0;
  Histogram periodic_delay;
  std::uint64_t periodic_missed = 0;
  StepIntegral leaderless;
  bool led = false;
  Time led_until{};  // last, while nobody leads
  Duration leaderless_longest{};
  std::uint64_t leader_changes = 0;
  std::uint64_t refused_writes = 0;
  struct Alarms {
    std::uint64_t missing_workers = 0;
    std::uint64_t counter_off = 0;
    std::uint64_t utilization = 0;
  };
  Alarms alarms;
  Histogram detection;
  Spread detection_spread;
  bool failures_observed = false;  // some figure about failure detection was told
  std::uint64_t false_expiries = 0;
  bool cost_told = false;
  std::map<JobId, double> waits;
  double cost_usd = 0;
  Int128 worker_time_ns = 0;
  Drift drift;

  explicit Impl(MetricsConfig c) : config(std::move(c)), intake(config.queues.size()), measuring(config.warmup_jobs == 0) {
    leaderless.change(kTimeZero, 1);
    cells.resize(config.queues.size() * config.pools.size());
    if (config.pools.size() > 1) pool_cores.resize(config.pools.size());
    pool_covered.resize(config.pools.size());
    if (config.disturbance) baseline.emplace(*config.disturbance);
  }

  [[nodiscard]] bool measured(JobId job) const { return job.value >= config.warmup_jobs; }

  void begin_measuring(Time now) {
    measuring = true;
    measured_from = now;
    cores.begin_measuring(now);
    for (Cores& pool : pool_cores) pool.begin_measuring(now);
  }

  JobFigures& cell(QueueId queue, PoolId pool) {
    auto& found = cells[index(queue) * config.pools.size() + index(pool)];
    if (!found) found = std::make_unique<JobFigures>();
    return *found;
  }

  [[nodiscard]] JobFigures sum_of(std::size_t first, std::size_t step, std::size_t count) const {
    JobFigures sum;
    for (std::size_t i = 0; i < count; ++i) {
      if (const auto& one = cells[first + i * step]) sum.merge(*one);
    }
    return sum;
  }

  void write_jobs(std::map<std::string, double>& out) const;
  void write_cores(const Writer& out, const Cores& of, Time now) const;
  void write_machines(std::map<std::string, double>& out, Time now) const;
  void write_drift(const Writer& out, Time now) const;
  void note_overallocation(Time now) {
    overallocated.set(now, std::max(std::int64_t{0}, allocated - cores.capacity.level()));
  }
  void write_trouble(std::map<std::string, double>& out, Time now) const;
};

Metrics::Metrics(MetricsConfig config) : impl_(std::make_unique<Impl>(std::move(config))) {}
Metrics::~Metrics() = default;

void Metrics::submitted(JobId job, QueueId queue, Time now) {
  Impl& m = *impl_;
  if (m.baseline) m.baseline->change(now, 1);
  if (!m.measured(job)) return;
  if (!m.measuring) m.begin_measuring(now);
  ++m.intake[index(queue)].submitted;
}

void Metrics::rejected(JobId job, QueueId queue, Time now) {
  if (impl_->baseline) impl_->baseline->change(now, -1);
  if (impl_->measured(job)) ++impl_->intake[index(queue)].rejected;
}

void Metrics::ended(const JobOutcome& outcome) {
  Impl& m = *impl_;
  m.last_end = std::max(m.last_end, outcome.ended);
  if (m.baseline) m.baseline->change(outcome.ended, -1);
  if (m.config.keep_waits && outcome.first_start != kNever)
    m.waits.emplace(outcome.id, seconds(outcome.first_start - outcome.submitted));
  if (!m.measured(outcome.id)) return;
  if (outcome.succeeded) m.last_measured_end = std::max(m.last_measured_end, outcome.ended);
  m.cell(outcome.queue, outcome.pool).add(outcome);
  if (outcome.quarantined) ++m.quarantined;
}

const std::map<JobId, double>& Metrics::waits() const { return impl_->waits; }

void Metrics::wasted(Duration core_time) { impl_->wasted_ns += nanos(core_time); }

void Metrics::capacity(Time now, std::int64_t cpus_milli_change, std::span<const PoolId> pools) {
  impl_->cores.capacity.change(now, cpus_milli_change);
  impl_->note_overallocation(now);
  if (impl_->pool_cores.empty()) return;
  for (const PoolId pool : pools) impl_->pool_cores[index(pool)].capacity.change(now, cpus_milli_change);
}

void Metrics::usage(Time now, std::int64_t cpus_milli_change, std::span<const PoolId> pools) {
  impl_->cores.usage.change(now, cpus_milli_change);
  if (impl_->pool_cores.empty()) return;
  for (const PoolId pool : pools) impl_->pool_cores[index(pool)].usage.change(now, cpus_milli_change);
}

void Metrics::attempt_lost() { ++impl_->attempts_lost; }
void Metrics::retried() { ++impl_->retries; }

void Metrics::workers(Time now, std::int64_t change, PoolId pool) {
  impl_->covered.change(now, change);
  impl_->pool_covered[index(pool)].change(now, change);
}

void Metrics::gpu_conflicts(Time now, std::int64_t change) {
  if (change != 0) impl_->gpu_conflicts.change(now, change);
}

void Metrics::overcommitted(Time now, std::int64_t cpus_milli_change) {
  impl_->overcommitted.change(now, cpus_milli_change);
}

void Metrics::periodic_started(JobId job, Duration after_due) {
  if (impl_->measured(job)) impl_->periodic_delay.add(after_due);
}

void Metrics::periodic_missed(std::uint64_t due_times) { impl_->periodic_missed += due_times; }

void Metrics::leader(Time now, bool there, bool another) {
  if (there && another) ++impl_->leader_changes;
  if (there == impl_->led) return;
  impl_->led = there;
  impl_->leaderless.change(now, there ? -1 : 1);
  if (there) impl_->leaderless_longest = std::max(impl_->leaderless_longest, now - impl_->led_until);
  else impl_->led_until = now;
}

void Metrics::write_refused() { ++impl_->refused_writes; }

void Metrics::statistics(const NoteStatistics& note) {
  if (!impl_->config.alerts) return;
  const MetricsConfig::Alerts& limits = *impl_->config.alerts;
  const auto allocated = static_cast<double>(note.allocated);
  if (note.workers < limits.workers) ++impl_->alarms.missing_workers;
  if (allocated > limits.utilization * static_cast<double>(note.cpus)) ++impl_->alarms.utilization;
  if (!note.counted) return;
  const double error = std::abs(static_cast<double>(*note.counted) - allocated);
  if (error > limits.counter * allocated) ++impl_->alarms.counter_off;
}

void Metrics::detected(Duration after_crash) {
  impl_->failures_observed = true;
  impl_->detection.add(after_crash);
  impl_->detection_spread.add(seconds(after_crash));
}

void Metrics::false_expiry() {
  impl_->failures_observed = true;
  ++impl_->false_expiries;
}

void Metrics::allocated(Time now, std::int64_t cpus_milli) {
  impl_->allocated = cpus_milli;
  impl_->note_overallocation(now);
}
void Metrics::counter_drift(Time now, std::int64_t cpus_milli) { impl_->drift.set(now, cpus_milli); }

void Metrics::counter_resync(Time /*now*/, std::int64_t before_milli, std::int64_t after_milli) {
  impl_->drift.resync(before_milli, after_milli);
}

void Metrics::cost(double usd) {
  impl_->cost_told = true;
  impl_->cost_usd += usd;
}

void Metrics::worker_time(Duration worker_time) {
  impl_->failures_observed = true;
  impl_->worker_time_ns += nanos(worker_time);
}

void Metrics::Impl::write_jobs(std::map<std::string, double>& out) const {
  const std::size_t queues = config.queues.size();
  const std::size_t pools = config.pools.size();
  JobFigures total;
  Intake all;
  for (std::size_t q = 0; q < queues; ++q) {
    const JobFigures figures = sum_of(q * pools, 1, pools);
    const Writer queue(out, "per_queue." + config.queues[q] + ".");
    queue.put_jobs(figures);
    queue.put_intake(intake[q], figures);
    total.merge(figures);
    all.submitted += intake[q].submitted;
    all.rejected += intake[q].rejected;
  }
  for (std::size_t p = 0; p < pools; ++p)
    Writer(out, "per_pool." + config.pools[p] + ".").put_jobs(sum_of(p, pools, queues));
  const Writer everything(out, "");
  everything.put_jobs(total);
  everything.put_intake(all, total);
  everything.put("makespan_s", seconds(last_end));
  const Duration span = last_measured_end - measured_from;
  everything.put_ratio("throughput_per_s", static_cast<double>(total.completed), seconds(span));
}

void Metrics::Impl::write_cores(const Writer& out, const Cores& of, Time now) const {
  const auto used = static_cast<double>(of.usage.until(now) - of.usage_before);
  const auto available = static_cast<double>(of.capacity.until(now) - of.capacity_before);
  if (measuring) out.put_ratio("utilization", used, available);
}

void Metrics::Impl::write_machines(std::map<std::string, double>& out, Time now) const {
  const Writer all(out, "");
  write_cores(all, cores, now);
  for (std::size_t p = 0; p < config.pools.size(); ++p)
    write_cores(Writer(out, "per_pool." + config.pools[p] + "."), pool_cores.empty() ? cores : pool_cores[p], now);
  all.put("wasted_cpu_s", seconds_of(static_cast<double>(wasted_ns)));
  if (config.overcommit) {
    all.put("gpu_conflict_s", seconds_of(static_cast<double>(gpu_conflicts.until(now))));
    all.put("overcommitted_cpu_s", seconds_of(static_cast<double>(overcommitted.until(now))) / 1000);
  }
  if (config.periodic) {
    all.put_times("periodic_delay_s", periodic_delay);
    all.put_count("periodic_missed", periodic_missed);
  }
  if (config.leaders) {
    const Duration open = led ? Duration{0} : now - led_until;
    all.put_count("leader_changes", leader_changes);
    all.put("leaderless_s", seconds_of(static_cast<double>(leaderless.until(now))));
    all.put("leaderless_longest_s", seconds(std::max(leaderless_longest, open)));
    all.put_count("refused_writes", refused_writes);
  }
  if (config.alerts) {
    all.put_count("alerts.missing_workers", alarms.missing_workers);
    all.put_count("alerts.counter_off", alarms.counter_off);
    all.put_count("alerts.utilization", alarms.utilization);
  }
  if (cost_told) all.put("cost_usd", cost_usd);
  write_drift(all, now);
  all.put_times("detection_s", detection);
  if (detection_spread.count > 1) all.put("detection_s.sd", detection_spread.standard_deviation());
  if (!failures_observed) return;
  all.put_count("false_expiries", false_expiries);
  const double worker_hours = seconds_of(static_cast<double>(worker_time_ns)) / 3600;
  all.put_ratio("false_expiries_per_worker_hour", static_cast<double>(false_expiries), worker_hours);
}

void Metrics::Impl::write_drift(const Writer& out, Time now) const {
  if (!drift.told) return;
  constexpr double kMilli = 1e-3;
  out.put_ratio("drift.time_avg_abs", kMilli * static_cast<double>(drift.absolute.until(now)),
                static_cast<double>(nanos(now)));
  out.put("drift.abs_max", kMilli * static_cast<double>(drift.greatest));
  out.put("overallocated_cpu_s", seconds_of(static_cast<double>(overallocated.until(now))) / 1000);
  const auto resyncs = static_cast<double>(drift.resyncs);
  out.put_ratio("drift.abs_mean", kMilli * static_cast<double>(drift.before), resyncs);
  out.put_ratio("drift.peak_mean", kMilli * static_cast<double>(drift.peaks), resyncs);
  out.put_ratio("drift.after_resync", kMilli * static_cast<double>(drift.after), resyncs);
}

void Metrics::Impl::write_trouble(std::map<std::string, double>& out, Time now) const {
  const Writer all(out, "");
  if (config.trouble) {
    all.put_count("jobs_quarantined", quarantined);
    all.put_count("retries", retries);
    all.put_count("attempts_lost", attempts_lost);
    const auto whole = static_cast<double>(nanos(now));
    all.put_ratio("availability", static_cast<double>(covered.until(now)), whole);
    for (std::size_t p = 0; p < pool_covered.size(); ++p) {
      Writer(out, "per_pool." + config.pools[p] + ".")
          .put_ratio("availability", static_cast<double>(pool_covered[p].until(now)), whole);
    }
  }
  if (!baseline || !baseline->healed_by(now)) return;
  const auto regained = baseline->regained(now);
  all.put("baseline_regained", regained ? 1 : 0);
  if (regained) all.put("time_to_baseline_s", seconds_of(static_cast<double>(*regained)));
}

std::map<std::string, double> Metrics::result(Time now) const {
  std::map<std::string, double> out;
  impl_->write_jobs(out);
  impl_->write_trouble(out, now);
  impl_->write_machines(out, now);
  return out;
}

Distributions Metrics::distributions() const {
  Histogram waits;
  Histogram responses;
  for (const auto& cell : impl_->cells) {
    if (!cell) continue;
    waits.merge(cell->wait);
    responses.merge(cell->response);
  }
  Distributions all;
  if (waits.count() > 0) all.emplace("wait_s", distribution_of(waits, 1 / kNanosPerSecond));
  if (responses.count() > 0) all.emplace("response_s", distribution_of(responses, 1 / kNanosPerSecond));
  return all;
}

}  // namespace drydock::reports

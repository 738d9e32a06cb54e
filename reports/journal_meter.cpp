#include "reports/journal_meter.hpp"

#include "reports/counter_books.hpp"
#include "reports/worker_books.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>

namespace drydock::reports {
namespace {

// A job that has not ended.
struct LiveJob {
  JobSpec spec;
  Time due{};
  Time handed_in = kNever;  // not seen
  Time known{};
  Time ordered = kNever;     // its first assignment
  Time dispatched = kNever;  // for the first time
  Time first_start = kNever;
  bool begun_before = false;  // the journal: its first start is not known
  Time last_failure{};
  bool retry_due = false;

  std::uint32_t attempt = 0;
  bool running = false;
  Time attempt_at{};  // when it was dispatched
  std::vector<Placement> placements;
};

class Phases {
 public:
  enum Phase : std::uint8_t { late, intake, queued, commit, start, overrun, report, count };

  void add(Phase phase, Time from, Time to) {
    if (from == kNever || to == kNever) return;
    values_[phase].add(std::max(Duration{0}, to - from));
  }
  void add(Phase phase, Duration took) { values_[phase].add(std::max(Duration{0}, took)); }

  void put(std::map<std::string, double>& out) const {
    for (std::size_t i = 0; i < count; ++i) {
      const Histogram& values = values_[i];
      if (values.count() == 0) continue;
      const std::string name = "phase_" + std::string(kNames[i]) + "_s";
      out[name + ".mean"] = values.mean() / kNanosPerSecond;
      out[name + ".p50"] = values.quantile(0.5) / kNanosPerSecond;
      out[name + ".p95"] = values.quantile(0.95) / kNanosPerSecond;
      out[name + ".p99"] = values.quantile(0.99) / kNanosPerSecond;
      out[name + ".max"] = static_cast<double>(values.max()) / kNanosPerSecond;
    }
  }

 private:
  static constexpr double kNanosPerSecond = 1e9;
  static constexpr std::string_view kNames[count] = {"late", "intake", "queued", "commit", "start", "overrun", "report"};
  Histogram values_[count];
};

// Without what no journal tells.
MetricsConfig told_by_journals(MetricsConfig config) {
  config.periodic = false;
  config.overcommit = false;
  return config;
}

}  // namespace

struct JournalMeter::Impl {
  Impl(JournalMeterConfig c, const Observations& o)
      : config(std::move(c)),
        observed(o),
        metrics(told_by_journals(config.metrics)),
        cores_known(config.cores),
        workers(config, observed, metrics, [this](WorkerId worker, Time at) { lose_all(worker, at); }),
        counter(metrics, [this](JobId job) { return cpus_of(job); }) {}

  const JournalMeterConfig config;
  const Observations& observed;
  Metrics metrics;
  bool cores_known;
  bool services_known = true;
  WorkerBooks workers;
  CounterBooks counter;
  Phases phases;
  std::unordered_map<std::uint64_t, LiveJob> jobs;
  std::unordered_set<std::uint64_t> over;  // ids of jobs that ended
  std::vector<std::set<JobId>> on_worker;  // that run there
  bool waste_known = true;
  Time now{};  // of the step; counts from the origin
  std::size_t segment = 0;
  std::optional<std::size_t> leader;  // segment of whoever leads
  std::optional<std::size_t> last_leader;
  std::size_t next_lost = 0;

  [[nodiscard]] Time since_origin(Time at) const {
    return at == kNever ? kNever : std::max(kTimeZero, kTimeZero + (at - observed.origin));
  }
  [[nodiscard]] bool measured(JobId job) const { return job.value >= config.metrics.warmup_jobs; }
  [[nodiscard]] std::int64_t cpus_of(JobId job) const {
    const auto found = jobs.find(job.value);
    return found == jobs.end() ? 0 : found->second.spec.per_task.cpus();
  }
  [[nodiscard]] LiveJob* find(AttemptId attempt) {
    const auto found = jobs.find(attempt.job.value);
    return found == jobs.end() || found->second.attempt != attempt.number ? nullptr : &found->second;
  }
  [[nodiscard]] Observations::Ran ran(AttemptId attempt) const {
    const auto found = observed.ran.find(attempt);
    if (found == observed.ran.end()) return {};
    return {since_origin(found->second.began), since_origin(found->second.ended)};
  }
  [[nodiscard]] Duration work_of(JobId job) const {
    const auto found = observed.arrivals.find(job);
    return found == observed.arrivals.end() ? Duration{0} : found->second.work;
  }

  // --- jobs ---

  LiveJob* begin(const JobSpec& spec, Time submitted) {
    if (over.contains(spec.id.value)) return nullptr;
    const auto [at, is_new] = jobs.try_emplace(spec.id.value);
    if (!is_new) return nullptr;
    LiveJob& job = at->second;
    job.spec = spec;
    job.due = submitted;
    job.known = now;
    if (const auto seen = observed.arrivals.find(spec.id); seen != observed.arrivals.end()) {
      job.due = since_origin(seen->second.due);
      job.handed_in = since_origin(seen->second.submitted);
    }
    metrics.submitted(spec.id, spec.queue, now);
    return &job;
  }

  void take_loaded(const JobLoaded& fact) {
    LiveJob* job = begin(fact.job, since_origin(fact.submitted));
    if (job == nullptr) return;
    job->attempt = fact.attempts;
    job->begun_before = fact.attempts > 0;
  }

  void take_allocation(const AllocationLoaded& fact) {
    LiveJob* job = find(fact.attempt);
    if (job == nullptr || !job->begun_before) return;
    if (!job->running) job->placements.clear();
    if (job->running && job->attempt_at != now) return;
    if (std::ranges::find(job->placements, fact.worker, &Placement::worker) != job->placements.end()) return;
    job->running = true;
    job->attempt_at = now;
    job->placements.push_back({fact.worker, fact.tasks});
    use(fact.attempt.job, job->spec, job->placements.back(), 1);
  }

  void use(JobId id, const JobSpec& spec, const Placement& placement, int sign) {
    const std::size_t place = index(placement.worker);
    if (on_worker.size() <= place) on_worker.resize(place + 1);
    if (sign > 0) on_worker[place].insert(id);
    else on_worker[place].erase(id);
    metrics.usage(now, sign * spec.per_task.cpus() * placement.tasks, workers.pools_beside(placement.worker));
  }

  // Its workers have nothing of it any more.
  void leave(LiveJob& job) {
    job.running = false;
    for (const Placement& placement : job.placements) use(job.spec.id, job.spec, placement, -1);
  }

  void waste(const LiveJob& job, OnInterrupt keep) {
    if (keep == OnInterrupt::checkpoint) waste_known = false;
    if (keep != OnInterrupt::restart) return;
    std::int64_t tasks = 0;
    for (const Placement& placement : job.placements) tasks += placement.tasks;
    const long double cores = static_cast<long double>(tasks * job.spec.per_task.cpus()) / 1000;
    metrics.wasted(
        Duration{static_cast<std::int64_t>(static_cast<long double>(nanos(now - job.attempt_at)) * cores + 0.5L)});
  }

  void lose(LiveJob& job) {
    if (!job.running) return;
    metrics.attempt_lost();
    waste(job, job.spec.on_failure);
    leave(job);
  }

  void lose_all(WorkerId worker, Time at) {
    if (index(worker) >= on_worker.size()) return;
    now = at;
    const std::set<JobId> there = on_worker[index(worker)];
    for (const JobId id : there) lose(jobs.at(id.value));
  }

  void end(LiveJob& job, Time ended, bool succeeded, bool quarantined) {
    const JobId id = job.spec.id;
    JobOutcome outcome{.id = id,
                       .queue = job.spec.queue,
                       .pool = job.placements.empty() ? PoolId{} : workers.pool_of(job.placements.front().worker),
                       .submitted = job.due,
                       .first_start = job.first_start,
                       .ended = ended,
                       .succeeded = succeeded,
                       .quarantined = quarantined,
                       .attempts = job.attempt};
    if (succeeded) outcome.service = service_of(job);
    metrics.ended(outcome);
    if (measured(id) && job.first_start != kNever) split_wait(job);
    over.insert(id.value);
    jobs.erase(id.value);
  }

  // Without the work, what an only attempt took, where nothing else had to do with that.
  [[nodiscard]] Duration service_of(const LiveJob& job) {
    const Duration work = work_of(job.spec.id);
    if (work <= Duration{0}) {
      if (!config.cores || job.begun_before || job.attempt > 1) services_known = false;
      return now - job.attempt_at;
    }
    double slowest = workers.speed_of(job.placements.front().worker);
    for (const Placement& placement : job.placements) slowest = std::min(slowest, workers.speed_of(placement.worker));
    return slowest == 1 ? work : duration_of_seconds(seconds(work) / slowest);
  }

  void split_wait(const LiveJob& job) {
    phases.add(Phases::late, job.handed_in == kNever ? kNever : job.due, job.handed_in);
    phases.add(Phases::intake, job.handed_in == kNever ? job.due : job.handed_in, job.known);
    phases.add(Phases::queued, job.known, job.ordered);
    phases.add(Phases::commit, job.ordered, job.dispatched);
  }

  void finish(const AttemptFinished& fact) {
    LiveJob* job = find(fact.attempt);
    if (job == nullptr) return;
    // Of an attempt that was taken for lost, too: a result is a result.
    if (fact.ending == Ending::failed) {
      if (!job->running) return;
      waste(*job, job->spec.on_failure);
      leave(*job);
      job->last_failure = now;
      job->retry_due = true;
      return;
    }
    if (job->running) leave(*job);
    const Observations::Ran seen = ran(fact.attempt);
    if (measured(job->spec.id) && seen.ended != kNever) {
      if (job->attempt == 1 && work_of(job->spec.id) > Duration{0} && seen.began != kNever)
        phases.add(Phases::overrun, seen.ended - seen.began - service_of(*job));
      phases.add(Phases::report, seen.ended, now);
    }
    end(*job, now, true, false);
  }

  void stop(const AttemptStopped& fact) {
    LiveJob* job = find(fact.attempt);
    if (job == nullptr || !job->running) return;
    waste(*job, job->spec.on_preemption);
    leave(*job);
  }

  void order(const Commit& order) {
    for (const Release& release : order.releases) {
      LiveJob* job = find(release.attempt);
      if (job == nullptr) continue;
      switch (release.reason) {
        case ReleaseReason::worker_lost: lose(*job); break;
        case ReleaseReason::quarantined:
          lose(*job);
          end(*job, now, false, true);
          break;
        case ReleaseReason::failed: end(*job, job->last_failure, false, false); break;
        case ReleaseReason::cancelled:
          if (job->running) leave(*job);
          end(*job, now, false, false);
          break;
        case ReleaseReason::succeeded:
        case ReleaseReason::preempted:
        case ReleaseReason::retried:
        case ReleaseReason::drained: break;
      }
    }
    for (const Assignment& assignment : order.assignments) {
      const auto found = jobs.find(assignment.attempt.job.value);
      if (found != jobs.end() && found->second.dispatched == kNever) found->second.ordered = now;
    }
  }

  void order(const Dispatch& order) {
    const auto found = jobs.find(order.attempt.job.value);
    if (found == jobs.end()) return;
    LiveJob& job = found->second;
    if (order.attempt.number < job.attempt || (order.attempt.number == job.attempt && !job.placements.empty())) return;
    if (job.running) lose(job);  // what became of it nobody said
    job.attempt = order.attempt.number;
    job.placements.assign(order.placements.begin(), order.placements.end());
    if (std::exchange(job.retry_due, false)) metrics.retried();
    const bool dead = workers.sees() && std::ranges::any_of(order.placements, [&](const Placement& placement) {
                        return !workers.runs(placement.worker);
                      });
    if (dead) return metrics.attempt_lost();
    job.running = true;
    job.attempt_at = now;
    for (const Placement& placement : job.placements) {
      use(job.spec.id, job.spec, placement, 1);
      // A faster one has done its part before the others.
      if (workers.speed_of(placement.worker) != workers.speed_of(job.placements.front().worker)) cores_known = false;
    }
    if (job.dispatched == kNever) job.dispatched = now;
    if (job.first_start != kNever || job.begun_before) return;
    const Time began = ran(order.attempt).began;
    if (began != kNever && measured(job.spec.id)) phases.add(Phases::start, now, began);
    // Of one that was on its way when its worker died nobody has seen a beginning.
    if (began != kNever || observed.ran.empty()) job.first_start = began == kNever ? now : std::max(now, began);
  }

  void reject(JobId id) {
    const auto found = jobs.find(id.value);
    if (found == jobs.end()) return;
    metrics.rejected(id, found->second.spec.queue, now);
    over.insert(id.value);
    jobs.erase(found);
  }

  void lead() {
    if (leader == segment) return;
    if (leader) metrics.leader(now, false, false);
    metrics.leader(now, true, last_leader && *last_leader != segment);
    leader = last_leader = segment;
  }

  void cease_to_lead(Time at) {
    if (std::exchange(leader, std::nullopt)) metrics.leader(at, false, false);
  }

  void see_leaders_die(Time until) {
    while (next_lost < observed.leaders_lost.size() && observed.leaders_lost[next_lost] <= until) {
      cease_to_lead(since_origin(observed.leaders_lost[next_lost++]));
    }
  }

  void take(const Event& event) {
    struct Visitor {
      Impl& m;
      void operator()(const JobSubmitted& fact) const { (void)m.begin(fact.job, m.now); }
      void operator()(const JobLoaded& fact) const { m.take_loaded(fact); }
      void operator()(const AllocationLoaded& fact) const {
        m.take_allocation(fact);
        m.counter.on(fact);
      }
      void operator()(const AttemptFinished& fact) const { m.finish(fact); }
      void operator()(const AttemptStopped& fact) const { m.stop(fact); }
      void operator()(const WorkerRegistered& fact) const { m.workers.on(fact, m.now); }
      void operator()(const WorkerLeft& fact) const { m.workers.on(fact, m.now); }
      void operator()(const LeaseExpired& fact) const { m.workers.on(fact, m.now); }
      void operator()(const CommitAnswered& fact) const {
        if (fact.answer == Answer::refused) m.metrics.write_refused();
        m.counter.on(fact, m.now);
      }
      void operator()(const BatchRead& fact) const { m.counter.on(fact, m.now); }
      void operator()(const CounterAnswered& fact) const { m.counter.on(fact, m.now); }
      void operator()(const StateLoaded&) const {}  // behind the rows that come with it
      void operator()(const WorkersAsked& fact) const {
        if (fact.answer == Answer::done) m.lead();
      }
      void operator()(const JobCancelled&) const {}
      void operator()(const WorkerDraining&) const {}
      void operator()(const RegistryRead&) const {}
      void operator()(const AllocationsSummed&) const {}
      void operator()(const LeaseAnswered&) const {}
      void operator()(const WorkerReported&) const {}
      void operator()(const AttemptHeld&) const {}
      void operator()(const ShutdownRequested&) const {}
      void operator()(const WaitingLoaded&) const {}
    };
    std::visit(Visitor{*this}, event);
  }

  void carry_out(const Command& command) {
    struct Visitor {
      Impl& m;
      void operator()(const Commit& order) const {
        m.counter.on(order, m.now);
        m.order(order);
      }
      void operator()(const ReadBatch& order) const { m.counter.on(order); }
      void operator()(const AskCounter& order) const { m.counter.on(order); }
      void operator()(const Dispatch& order) const { m.order(order); }
      void operator()(const RejectJob& order) const { m.reject(order.job); }
      void operator()(const DeclareDead& order) const { m.workers.on(order, m.now); }
      void operator()(const NoteStatistics& order) const { m.metrics.statistics(order); }
      void operator()(const StepDown&) const {
        if (m.leader == m.segment) m.cease_to_lead(m.now);
      }
      void operator()(const StopAttempt&) const {}
      void operator()(const Halt&) const {}
      void operator()(const ReadRegistry&) const {}
      void operator()(const SumAllocations&) const {}
      void operator()(const AskLease&) const {}
      void operator()(const AskState&) const {}
      void operator()(const AskWorkers&) const {}
      void operator()(const AskWaiting&) const {}
    };
    std::visit(Visitor{*this}, command);
  }

  void take_all(std::span<const Event> events) {
    for (const Event& event : events) {
      if (std::holds_alternative<JobLoaded>(event)) take(event);
    }
    for (const Event& event : events) {
      if (!std::holds_alternative<JobLoaded>(event)) take(event);
    }
    for (const Event& event : events) {
      if (const auto* loaded = std::get_if<StateLoaded>(&event)) counter.on(*loaded, now);
    }
  }
};

JournalMeter::JournalMeter(JournalMeterConfig config, const Observations& observed)
    : impl_(std::make_unique<Impl>(std::move(config), observed)) {}
JournalMeter::~JournalMeter() = default;

void JournalMeter::step(std::size_t segment, Time now, std::span<const Event> events, std::span<const Command> commands) {
  Impl& m = *impl_;
  m.segment = segment;
  m.see_leaders_die(now);
  m.workers.advance(now);
  m.now = m.since_origin(now);
  m.counter.advance(m.now);
  m.take_all(events);
  for (const Command& command : commands) m.carry_out(command);
}

JournalMeter::Measured JournalMeter::finish(Time end) {
  Impl& m = *impl_;
  m.see_leaders_die(end);
  m.workers.advance(end);
  m.now = m.since_origin(end);
  m.counter.finish(m.now);
  m.workers.finish(m.now);
  Measured measured{m.metrics.result(m.now), m.metrics.distributions()};
  m.phases.put(measured.metrics);
  if (m.now > kTimeZero) measured.metrics["commit_busy_fraction"] = seconds(m.counter.busy(m.now)) / seconds(m.now);
  const auto forget = [&](std::string_view what) {
    std::erase_if(measured.metrics, [&](const auto& entry) { return entry.first.find(what) != std::string::npos; });
  };
  if (!m.waste_known || !m.cores_known) forget("wasted_cpu_s");
  if (!m.cores_known) forget("utilization");
  if (!m.services_known) forget("slowdown");
  return measured;
}

}  // namespace drydock::reports

#ifdef DRYDOCK_WITH_RUNTIME

#include "cli/real_run.hpp"

#include "cli/interrupt.hpp"
#include "cli/real_faults.hpp"
#include "cli/real_jobs.hpp"
#include "cli/real_workers.hpp"
#include "cli/run_journals.hpp"
#include "cli/scheduler_group.hpp"
#include "real-runtime/job_submitter.hpp"
#include "real-runtime/private_postgres.hpp"
#include "real-runtime/private_redis.hpp"
#include "scenarios/units.hpp"
#include "scenarios/workload.hpp"
#include "sim/platform.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <fmt/format.h>
#include <functional>
#include <memory>
#include <sys/resource.h>
#include <unordered_map>
#include <utility>

namespace drydock::cli {
namespace {

using runtime::EventLoop;
using scenarios::Scenario;

constexpr Duration kRegistration = std::chrono::seconds{30};  // of all workers, at the beginning
constexpr Duration kLook = std::chrono::milliseconds{10};
constexpr Duration kWatch = std::chrono::milliseconds{50};
constexpr std::size_t kMostJobsAtOnce = 10'000;

SchedulerConfig scheduler_config(const Scenario& scenario, std::uint64_t seed) {
  SchedulerConfig config = scenario.scheduler;
  config.seed = seed;
  return config;
}

struct Servers {
  std::unique_ptr<runtime::PrivateRedis> redis;
  std::unique_ptr<runtime::PrivatePostgres> postgres;
};

Result<Servers> start_servers() {
  Servers servers;
  auto redis = runtime::PrivateRedis::start({});
  if (!redis) return redis.error();
  servers.redis = std::move(redis).value();
  auto postgres = runtime::PrivatePostgres::start({.durable = false});
  if (!postgres) return postgres.error();
  servers.postgres = std::move(postgres).value();
  // It makes the schema.
  auto client = runtime::PostgresClient::connect({.connection = servers.postgres->connection()});
  if (!client) return client.error();
  return servers;
}

std::string statistics_line(const NoteStatistics& note) {
  const auto cpus = [](std::int64_t milli) { return static_cast<double>(milli) / 1000; };
  return fmt::format(
      "statistics: {} workers; {:g} of {:g} cpus allocated{}; jobs: {} wait, {} wait for a retry, {} others\n", note.workers,
      cpus(note.allocated), cpus(note.cpus), note.counted ? fmt::format(", {:g} by the counter", cpus(*note.counted)) : "",
      note.waiting, note.delayed, note.active);
}

// Where the journal of the scheduler of this number goes; nullptr: nowhere.
using JournalOf = std::function<runtime::JournalShelf*(std::size_t)>;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto in_seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return in_seconds(usage.ru_utime) + in_seconds(usage.ru_stime);
}

class RealRun final {
 public:
  RealRun(const Scenario& scenario, const RealRunOptions& options, Servers servers, const JournalOf& journals)
      : scenario_(scenario),
        options_(options),
        servers_(std::move(servers)),
        platform_(scenario),
        ttl_(scenario.liveness.get<Duration>("ttl")),
        stop_(stop_on_interrupt()),
        workload_(scenario, options.seed),
        jobs_(scenario),
        workers_({.loop = loop_,
                  .scenario = scenario,
                  .platform = platform_,
                  .folder = servers_.redis->folder(),
                  .restart = options.restart,
                  .in_process = options.in_process,
                  .fail = [this](std::string why) { fail(std::move(why)); }}),
        faults_({.loop = loop_,
                 .scenario = scenario,
                 .platform = platform_,
                 .redis = *servers_.redis,
                 .postgres = *servers_.postgres,
                 .hosts = workers_,
                 .seed = options.seed,
                 .in_process = options.in_process}),
        no_way_(faults_.prepare()),
        scheduler_(loop_, scheduler_config(scenario, options.seed), scheduler_options(journals), told()),
        submitter_(loop_, {.connection = servers_.postgres->connection()}),
        timer_(loop_, [this] { look(); }),
        arrivals_(loop_, [this] { submit(); }),
        end_(loop_, [this] { end(); }),
        watch_(loop_, [this] { watch(); }) {}

  // What they run goes through the faults, which end before.
  ~RealRun() { workers_.end(); }
  RealRun(const RealRun&) = delete;
  RealRun& operator=(const RealRun&) = delete;

  RealRunResult run() {
    if (no_way_) fail(no_way_->message);
    more_ = next_arrival();
    workers_.begin(faults_, scheduler_);
    give_up_at_ = later(loop_.now(), kRegistration);
    watch_.start_soon();
    timer_.start_soon();
    loop_.run();
    return finish();
  }

 private:
  [[nodiscard]] std::vector<runtime::SchedulerProcessOptions> scheduler_options(const JournalOf& journals) {
    std::vector<runtime::SchedulerProcessOptions> all(faults_.schedulers());
    for (std::size_t number = 0; number < all.size(); ++number) {
      runtime::SchedulerProcessOptions& process = all[number];
      process.redis.address = faults_.redis_of_scheduler(number);
      process.postgres.connection = faults_.postgres_of_scheduler(number);
      if (number > 0) process.name += fmt::format("-{}", number);
      process.worker_lease = ttl_;
      process.restart = scenario_.scheduler_restart;
      process.journals = journals(number);
      process.shadow = options_.shadow;
      process.wrap_counter = faults_.wrap_redis();
      process.wrap_commits = faults_.wrap_postgres();
    }
    return all;
  }

  [[nodiscard]] SchedulerGroup::Told told() {
    SchedulerGroup::Told told{.idle = [this] { stop_at_the_end(); },
                              .error = [this](std::string why) { fail(std::move(why)); },
                              .statistics =
                                  [this](const NoteStatistics& note) {
                                    std::fputs(statistics_line(note).c_str(), stderr);
                                    if (const auto shadow = scheduler_.shadow())
                                      fmt::print(stderr, "shadow {}\n", summary_of(*shadow));
                                  },
                              .first_dispatch = [this](Duration wait) { waits_s_.push_back(seconds(wait)); },
                              .dispatch = {}};
    if (faults_.any_poison()) told.dispatch = [this](const Dispatch& order) { dispatched(order); };
    return told;
  }

  // --- the beginning ---

  // The scenario's time begins when every worker has registered.
  void look() {
    std::size_t registered = 0;
    for (std::uint32_t worker = 0; worker < workers_.size(); ++worker) {
      if (scheduler_.is_live(WorkerId{worker})) ++registered;
    }
    if (registered == workers_.size()) return begin();
    if (loop_.now() < give_up_at_) return timer_.start(later(loop_.now(), kLook));
    const std::string problem = scheduler_.problem();
    fail(fmt::format("{} of {} workers have not registered within {}{}{}", workers_.size() - registered, workers_.size(),
                     scenarios::format_duration(kRegistration), problem.empty() ? "" : ": ", problem));
  }

  void begin() {
    begun_ = true;
    origin_ = loop_.now();
    cpu_s_ = cpu_seconds();
    const std::optional<Duration> duration = options_.duration ? options_.duration : scenario_.duration;
    lasts_ = duration.has_value();
    if (duration) end_.start(later(origin_, *duration));
    faults_.begin(scheduler_);
    if (!scenario_.periodic.empty()) start_beat(duration);
    submit();
  }

  // Time zero of its schedules is the beginning; what is due at the end or later does not come.
  void start_beat(const std::optional<Duration>& duration) {
    runtime::BeatProcessOptions beat = jobs_.beat_options(options_.seed, {.connection = servers_.postgres->connection()});
    beat.zero = origin_;
    beat.next_id = [this] { return next_id(); };
    beat_.emplace(loop_, std::move(beat));
    beat_->on_step([this] { stop_at_the_end(); });
    if (duration) beat_end_ = kTimeZero + *duration;
  }

  // --- jobs that are poison ---

  void dispatched(const Dispatch& order) {
    const auto job = poisonable_.find(order.attempt.job.value);
    if (job == poisonable_.end()) return;
    const WorkerId worker = order.placements.front().worker;
    const Duration service = duration_of_seconds(seconds(job->second.work) / workers_.speed_of(worker));
    faults_.dispatched({.source = job->second.source, .attempt = order.attempt, .service = service}, worker);
  }

  // --- jobs ---

  // In order of submission, whoever submits.
  JobId next_id() { return JobId{ids_++}; }

  [[nodiscard]] bool next_arrival() {
    if (options_.most_jobs && taken_ >= *options_.most_jobs) return false;
    ++taken_;
    return workload_.next(arrival_);
  }

  // Sleeps, or makes the requests that the simulation has it make.
  [[nodiscard]] runtime::JobPayload payload_of(const scenarios::Arrival& arrival) const {
    const bool keeps = arrival.job.on_preemption != OnInterrupt::restart;
    if (arrival.requests.count == 0) return runtime::SleepPayload{arrival.work, keeps};
    const auto& source = std::get<scenarios::SyntheticSource>(scenario_.workload[arrival.requests.source]);
    runtime::RequestsPayload payload{.durations = {}, .tokens = source.requests->tokens, .delay = source.requests->delay};
    for (std::uint32_t i = 0; i < arrival.requests.count; ++i) {
      payload.durations.push_back(scenarios::request_duration(*source.requests, options_.seed, arrival.requests, i));
    }
    return payload;
  }

  // All that have come by now, in batches between which the loop turns.
  void submit() {
    const Duration past = loop_.now() - origin_;
    std::vector<postgres::Job> jobs;
    while (more_ && arrival_.at.time_since_epoch() <= past && jobs.size() < kMostJobsAtOnce) {
      if (arrival_.requests.count > runtime::kMostRequestsOfAJob) {
        return fail(fmt::format("a job of the workload makes {} requests: for real it can be {} at most",
                                arrival_.requests.count, runtime::kMostRequestsOfAJob));
      }
      arrival_.job.id = next_id();
      seen_.arrivals[arrival_.job.id] = {
          .due = origin_ + arrival_.at.time_since_epoch(), .submitted = loop_.now(), .work = arrival_.work};
      if (faults_.any_poison()) poisonable_[arrival_.job.id.value] = {arrival_.source, arrival_.work};
      jobs.push_back({arrival_.job, arrival_.requests.count > 0 ? to_json(payload_of(arrival_)) : jobs_.payload(arrival_)});
      more_ = next_arrival();
    }
    if (!jobs.empty()) submitter_.submit(std::move(jobs));
    if (more_) arrivals_.start(origin_ + arrival_.at.time_since_epoch());
    else stop_at_the_end();
  }

  // The leader knows of all jobs that were submitted, and has nothing to do.
  [[nodiscard]] bool all_ended() const {
    if (!begun_ || more_ || !submitter_.done() || !scheduler_.is_idle_after(submitter_.last_arrival())) return false;
    return !beat_ || (beat_->done_until(beat_end_) && scheduler_.is_idle_after(beat_->last_arrival()));
  }

  // --- the end ---

  // What the loop has at hand is still done after this: the scheduler may begin something (a reading) that nothing waits for.
  void stop_at_the_end() {
    if (!all_ended() || (options_.whole && lasts_)) return;
    ended_ = true;
    loop_.stop();
  }

  // Its time is over.
  void end() {
    ended_ = all_ended();
    loop_.stop();
  }

  // Ctrl-C, and who wants to know how far it is.
  void watch() {
    if (stop_) {
      interrupted_ = true;
      return loop_.stop();
    }
    if (options_.progress && begun_) options_.progress(progress());
    watch_.start(later(loop_.now(), kWatch));
  }

  [[nodiscard]] RealProgress progress() const {
    RealProgress now{.jobs_ended = scheduler_.counts().ended(),
                     .jobs = std::max<std::uint64_t>(workload_.total(), submitter_.submitted()),
                     .time = loop_.now() - origin_,
                     .fault_turns = 0};
    for (const FaultRecord& fault : faults_.records()) now.fault_turns += fault.turns.size() + fault.more_turns;
    if (options_.most_jobs) now.jobs = std::min(now.jobs, *options_.most_jobs);
    return now;
  }

  void fail(std::string why) {
    if (!error_) error_ = std::move(why);
    loop_.stop();
  }

  // What a leader committed before it went, and was not told of any more, the store knows.
  [[nodiscard]] std::uint64_t succeeded() const {
    auto store = runtime::PostgresClient::connect({.connection = servers_.postgres->connection(), .may_install = false});
    if (!store) return 0;
    const auto count = store.value()->call(
        {std::nullopt, "select count(*) from drydock.job_states where state = 2 and last_reason = 0", {}});
    return count && count.value().size() == 1 ? std::stoull(count.value().front()) : 0;
  }

  RealRunResult finish() {
    RealRunResult result;
    const runtime::JobCounts counts = scheduler_.counts();
    result.jobs_submitted = submitter_.submitted() + (beat_ ? beat_->fired() : 0);
    result.jobs_completed = std::max(counts.completed, ended_ && counts.ended() < result.jobs_submitted ? succeeded() : 0);
    result.jobs_failed = counts.failed;
    result.jobs_cancelled = counts.cancelled;
    result.jobs_rejected = counts.rejected;
    result.attempts = counts.dispatched;
    result.attempts_lost = counts.lost;
    result.retries = counts.retried;
    result.preemptions = counts.preempted;
    result.commits_in_doubt = counts.in_doubt;
    result.workers_declared_dead = counts.declared_dead;
    result.workers_started = workers_.started();
    result.steps = scheduler_.steps();
    result.time_s = begun_ ? seconds(loop_.now() - origin_) : 0;
    result.waits_s = waits_s_;
    std::ranges::sort(result.waits_s);
    result.complete = ended_ && !error_;
    result.interrupted = interrupted_;
    result.error = error_;
    result.shadow = scheduler_.shadow();
    result.faults = faults_.records();
    result.cpu_s = begun_ ? cpu_seconds() - cpu_s_ : 0;
    result.ended = loop_.now();
    result.seen = std::move(seen_);
    result.seen.origin = begun_ ? origin_ : result.ended;
    result.seen.leaders_lost = scheduler_.leaders_lost();
    workers_.tell(result.seen);
    scheduler_.close(result.complete);
    return result;
  }

  const Scenario& scenario_;
  RealRunOptions options_;
  Servers servers_;  // ends last
  sim::Platform platform_;
  std::vector<double> waits_s_;
  Duration ttl_;
  const std::atomic<bool>& stop_;
  EventLoop loop_;
  scenarios::Workload workload_;
  RealJobs jobs_;
  RealWorkers workers_;
  RealFaults faults_;
  std::optional<Error> no_way_;  // to a store, through which a fault is to be carried out
  SchedulerGroup scheduler_;
  runtime::JobSubmitter submitter_;
  std::optional<runtime::BeatProcess> beat_;  // where there are periodic jobs, from the beginning of time on
  Time beat_end_ = kNever;
  EventLoop::Timer timer_;
  EventLoop::Timer arrivals_;
  EventLoop::Timer end_;
  EventLoop::Timer watch_;
  struct Poisonable {
    std::uint32_t source = 0;
    Duration work{};
  };
  std::unordered_map<std::uint64_t, Poisonable> poisonable_;  // jobs, where some are poison

  Time give_up_at_{};
  Time origin_{};
  bool begun_ = false;
  bool lasts_ = false;  // it has a duration
  bool ended_ = false;  // every job
  scenarios::Arrival arrival_;
  bool more_ = false;
  std::uint64_t taken_ = 0;
  std::uint64_t ids_ = 0;
  reports::Observations seen_;
  double cpu_s_ = 0;  // of this process, when the scenario's time began
  bool interrupted_ = false;
  std::optional<std::string> error_;
};

RealRunResult interrupted_before() {
  RealRunResult result;
  result.interrupted = true;
  return result;
}

}  // namespace

Result<RealRunResult> run_for_real(const Scenario& scenario, const RealRunOptions& options) {
  // From now on: to be interrupted while the servers start would leave them and their folders.
  const std::atomic<bool>& stop = stop_on_interrupt();
  RunJournals journals(scenario, options);
  if (const auto problem = journals.problem()) return Error{*problem};
  if (stop) return interrupted_before();
  auto servers = start_servers();
  if (!servers) return servers.error();
  RealRunResult result =
      RealRun(scenario, options, std::move(servers).value(), [&](std::size_t number) { return journals.of(number); }).run();
  if (const auto problem = journals.finish()) result.error = *problem;
  result.journals = journals.paths();
  return result;
}

}  // namespace drydock::cli

#endif

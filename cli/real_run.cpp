#ifdef DRYDOCK_WITH_RUNTIME

#include "cli/real_run.hpp"

#include "cli/real_faults.hpp"
#include "cli/real_jobs.hpp"
#include "cli/run_journals.hpp"
#include "cli/scheduler_group.hpp"
#include "cli/share_setup.hpp"
#include "real-runtime/job_submitter.hpp"
#include "real-runtime/private_postgres.hpp"
#include "real-runtime/private_redis.hpp"
#include "real-runtime/worker_driver.hpp"
#include "scenarios/units.hpp"
#include "scenarios/workload.hpp"
#include "sim/platform.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fmt/format.h>
#include <fstream>
#include <functional>
#include <memory>
#include <span>
#include <unistd.h>
#include <unordered_map>
#include <utility>

namespace drydock::cli {
namespace {

using runtime::EventLoop;
using scenarios::Scenario;

constexpr Duration kRegistration = std::chrono::seconds{30};  // of all workers, at the beginning
constexpr Duration kLook = std::chrono::milliseconds{10};
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

class RealRun final : private HostControl {
 public:
  RealRun(const Scenario& scenario, const RealRunOptions& options, Servers servers, const JournalOf& journals)
      : scenario_(scenario),
        options_(options),
        servers_(std::move(servers)),
        platform_(scenario),
        heartbeat_(scenario.liveness.get<Duration>("heartbeat")),
        ttl_(scenario.liveness.get<Duration>("ttl")),
        workload_(scenario, options.seed),
        jobs_(scenario),
        faults_({.loop = loop_,
                 .scenario = scenario,
                 .platform = platform_,
                 .redis = *servers_.redis,
                 .postgres = *servers_.postgres,
                 .hosts = *this,
                 .seed = options.seed,
                 .in_process = options.in_process}),
        no_way_(faults_.prepare()),
        scheduler_(loop_, scheduler_config(scenario, options.seed), scheduler_options(journals), told()),
        submitter_(loop_, {.connection = servers_.postgres->connection()}),
        timer_(loop_, [this] { look(); }),
        arrivals_(loop_, [this] { submit(); }),
        end_(loop_, [this] { loop_.stop(); }),
        interrupt_(loop_, SIGINT, [this] { interrupt(); }),
        terminate_(loop_, SIGTERM, [this] { interrupt(); }),
        workers_(platform_.workers().size()),
        hosts_(platform_.hosts().size()) {}

  RealRunResult run() {
    if (no_way_) fail(no_way_->message);
    write_limits();
    more_ = next_arrival();
    for (std::uint32_t worker = 0; worker < workers_.size(); ++worker) start_worker(worker);
    give_up_at_ = later(loop_.now(), kRegistration);
    timer_.start_soon();
    loop_.run();
    return finish();
  }

 private:
  struct Worker {
    std::unique_ptr<EventLoop::Child> process;
    std::unique_ptr<Shares> shares;                 // of the driver, which ends before
    std::unique_ptr<runtime::WorkerDriver> driver;  // instead of a process
    std::unique_ptr<EventLoop::Timer> restart;
    std::unique_ptr<EventLoop::Timer> grace;  // of one that is asked to end
    std::uint32_t incarnation = 0;            // the last that was given to a process
    std::optional<Time> back_at;              // when it is to be started again; nothing: as of a worker that died by itself
    std::optional<scenarios::FaultTurn> asked_by;  // it is asked to end, or was and is not back
  };
  struct Host {
    int down_by = 0;
    int paused_by = 0;
  };

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
    const std::optional<Duration> duration = options_.duration ? options_.duration : scenario_.duration;
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

  // --- what faults do to hosts ---

  [[nodiscard]] std::span<const WorkerId> workers_on(scenarios::HostIndex host) const {
    return platform_.hosts()[host].workers;
  }

  void take_down(scenarios::HostIndex host) override {
    if (hosts_[host].down_by++ > 0) return;
    for (const WorkerId id : workers_on(host)) {
      Worker& worker = workers_[index(id)];
      worker.restart.reset();
      worker.back_at = kNever;
      if (worker.process != nullptr) worker.process->kill(SIGKILL);
      worker.driver.reset();
      worker.shares.reset();
    }
  }

  void bring_back(scenarios::HostIndex host) override {
    if (--hosts_[host].down_by > 0) return;
    for (const WorkerId id : workers_on(host)) {
      Worker& worker = workers_[index(id)];
      worker.back_at = loop_.now();
      if (worker.process == nullptr && worker.driver == nullptr) start_worker(id.value);
    }
  }

  void pause(scenarios::HostIndex host, bool still) override {
    int& paused_by = hosts_[host].paused_by;
    paused_by += still ? 1 : -1;
    if (paused_by > (still ? 1 : 0)) return;
    for (const WorkerId id : workers_on(host)) {
      if (workers_[index(id)].process != nullptr) workers_[index(id)].process->kill(still ? SIGSTOP : SIGCONT);
    }
  }

  // Not one that is about to end already.
  void ask_to_end(const scenarios::FaultTurn& turn, std::optional<Duration> grace) override {
    for (const WorkerId id : workers_on(*turn.host)) {
      Worker& worker = workers_[index(id)];
      if (worker.asked_by || (worker.process == nullptr && worker.driver == nullptr)) continue;
      worker.asked_by = turn;
      if (worker.process != nullptr) worker.process->kill(SIGTERM);
      else worker.driver->drain();
      if (!grace) continue;
      worker.grace = std::make_unique<EventLoop::Timer>(loop_, [this, id] { end_now(id.value); });
      worker.grace->start(later(loop_.now(), *grace));
    }
    if (turn.down) tell_back(turn);
  }

  void dispatched(const Dispatch& order) {
    const auto job = poisonable_.find(order.attempt.job.value);
    if (job == poisonable_.end()) return;
    const WorkerId worker = order.placements.front().worker;
    const Duration service = duration_of_seconds(seconds(job->second.work) / facts_of(worker.value).spec.speed);
    faults_.dispatched({.source = job->second.source, .attempt = order.attempt, .service = service}, worker);
  }

  bool kill_worker(WorkerId id, AttemptId attempt, Duration restart) override {
    Worker& worker = workers_[index(id)];
    if (!scheduler_.runs(attempt, id) || (worker.process == nullptr && worker.driver == nullptr)) return false;
    worker.asked_by.reset();
    worker.back_at = later(loop_.now(), restart);
    if (worker.process != nullptr) {
      worker.process->kill(SIGKILL);
    } else {
      worker.driver.reset();
      worker_ended(id.value);
    }
    return true;
  }

  // Its jobs end with it.
  void end_now(std::uint32_t number) {
    Worker& worker = workers_[number];
    if (worker.process != nullptr) return worker.process->kill(SIGTERM);  // asked twice, it does not wait
    worker.driver.reset();
    worker_ended(number);
  }

  // Its next turn is planned when the last of them is back.
  void tell_back(const scenarios::FaultTurn& turn) {
    const auto waits = [&](WorkerId id) { return workers_[index(id)].asked_by == turn; };
    if (std::ranges::none_of(workers_on(*turn.host), waits)) faults_.back(turn);
  }

  // --- workers ---

  void start_worker(std::uint32_t number) {
    Worker& worker = workers_[number];
    // A process that the scheduler does not know of was never given an attempt.
    worker.incarnation = std::max(worker.incarnation, scheduler_.incarnation_of(WorkerId{number})) + 1;
    worker.back_at.reset();
    worker.grace.reset();
    ++workers_started_;
    if (const auto turn = std::exchange(worker.asked_by, std::nullopt)) tell_back(*turn);
    if (options_.in_process) {
      worker.driver = std::make_unique<runtime::WorkerDriver>(loop_, driver_options(number), [this, number] {
        workers_[number].restart = std::make_unique<EventLoop::Timer>(loop_, [this, number] {
          workers_[number].driver.reset();
          worker_ended(number);
        });
        workers_[number].restart->start_soon();
      });
      share_in_process(number);
      return;
    }
    auto process =
        EventLoop::Child::start(loop_, all_words(number), [this, number](EventLoop::Child::End) { worker_ended(number); });
    if (!process) return fail(process.error().message);
    worker.process = std::move(process).value();
    if (hosts_[facts_of(number).host].paused_by > 0) worker.process->kill(SIGSTOP);
  }

  void share_in_process(std::uint32_t number) {
    auto shares = shares_of(scenario_, facts_of(number).spec.pool);
    if (!shares) return;
    Worker& worker = workers_[number];
    shares->setup.worker = WorkerId{number};
    shares->setup.incarnation = worker.incarnation;
    shares->setup.redis = driver_options(number).redis;
    worker.shares = std::make_unique<Shares>(loop_, shares->limits, shares->setup, ShareArguments{});
    worker.driver->jobs().use_limiters({.shares = &worker.shares->driver()});
  }

  // Where worker processes find the limits that they share.
  [[nodiscard]] std::filesystem::path limits_file() const { return servers_.redis->folder() / "limits.json"; }
  void write_limits() {
    if (!scenario_.limits) return;
    std::ofstream out(limits_file());
    out << scenario_.json;
    if (!out.flush()) fail(fmt::format("cannot write {}", limits_file().string()));
  }

  void worker_ended(std::uint32_t number) {
    Worker& worker = workers_[number];
    worker.process.reset();
    worker.grace.reset();
    Time back_at = worker.back_at.value_or(later(loop_.now(), options_.restart));
    if (!worker.back_at && worker.asked_by) {
      back_at = worker.asked_by->down ? later(loop_.now(), *worker.asked_by->down) : kNever;
    }
    worker.restart = std::make_unique<EventLoop::Timer>(loop_, [this, number] { start_worker(number); });
    worker.restart->start(back_at);
  }

  [[nodiscard]] const sim::WorkerFacts& facts_of(std::uint32_t number) const { return platform_.workers()[number]; }
  [[nodiscard]] std::string host_of(std::uint32_t number) const {
    const sim::HostFacts& host = platform_.hosts()[facts_of(number).host];
    return scenarios::host_name(scenario_.hosts[host.group], host.number);
  }

  [[nodiscard]] runtime::WorkerDriverOptions driver_options(std::uint32_t number) {
    runtime::WorkerDriverOptions options{
        .redis = {.address = faults_.redis_of_workers(facts_of(number).host)},
        .agent = {.worker = WorkerId{number},
                  .incarnation = workers_[number].incarnation,
                  .capacity = {},
                  .interval = heartbeat_,
                  .lease = ttl_,
                  .margin = ttl_ / kMarginInLease,
                  .report_again = std::max(ttl_ / kMarginInLease, Duration{std::chrono::milliseconds{10}})},
        .spec = facts_of(number).spec,
        .host = host_of(number)};
    options.wrap = faults_.wrap_messages(WorkerId{number}, options.agent);
    return options;
  }

  [[nodiscard]] std::vector<std::string> all_words(std::uint32_t number) const {
    std::vector<std::string> all = words(number);
    if (scenario_.limits) all.push_back("--limits-of=" + limits_file().string());
    return all;
  }

  // `drydock worker` with the same values.
  [[nodiscard]] std::vector<std::string> words(std::uint32_t number) const {
    const WorkerSpec& spec = facts_of(number).spec;
    const auto ns = [](Duration d) { return fmt::format("{}ns", nanos(d)); };
    std::error_code error;
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
    std::vector<std::string> all{
        error ? "/proc/self/exe" : program.string(),
        "worker",
        fmt::format("--redis=unix://{}", faults_.redis_of_workers(facts_of(number).host).unix_socket),
        fmt::format("--id={}", number),
        fmt::format("--incarnation={}", workers_[number].incarnation),
        fmt::format("--pool={}", spec.pool.value),
        fmt::format("--cpus-milli={}", spec.capacity.cpus()),
        fmt::format("--memory-bytes={}", spec.capacity.memory()),
        fmt::format("--gpus={}", spec.capacity.gpus()),
        fmt::format("--slots={}", spec.capacity.slots()),
        fmt::format("--speed={}", spec.speed),
        fmt::format("--host={}", host_of(number)),
        fmt::format("--heartbeat={}", ns(heartbeat_)),
        fmt::format("--ttl={}", ns(ttl_)),
        fmt::format("--parent={}", ::getpid())};
    if (const auto socket = faults_.troubles_socket()) all.push_back(fmt::format("--faults={}", socket->string()));
    return all;
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
    if (!all_ended()) return;
    ended_ = true;
    loop_.stop();
  }

  void interrupt() {
    interrupted_ = true;
    loop_.stop();
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
    result.workers_started = workers_started_;
    result.steps = scheduler_.steps();
    result.time_s = begun_ ? seconds(loop_.now() - origin_) : 0;
    result.waits_s = waits_s_;
    std::ranges::sort(result.waits_s);
    result.complete = ended_ && !error_;
    result.interrupted = interrupted_;
    result.error = error_;
    result.shadow = scheduler_.shadow();
    result.faults = faults_.records();
    scheduler_.close(result.complete);
    return result;
  }

  const Scenario& scenario_;
  RealRunOptions options_;
  Servers servers_;  // ends last
  sim::Platform platform_;
  std::vector<double> waits_s_;
  Duration heartbeat_;
  Duration ttl_;
  EventLoop loop_;
  scenarios::Workload workload_;
  RealJobs jobs_;
  RealFaults faults_;
  std::optional<Error> no_way_;  // to a store, through which a fault is to be carried out
  SchedulerGroup scheduler_;
  runtime::JobSubmitter submitter_;
  std::optional<runtime::BeatProcess> beat_;  // where there are periodic jobs, from the beginning of time on
  Time beat_end_ = kNever;
  EventLoop::Timer timer_;
  EventLoop::Timer arrivals_;
  EventLoop::Timer end_;
  EventLoop::Signal interrupt_;
  EventLoop::Signal terminate_;
  std::vector<Worker> workers_;
  std::vector<Host> hosts_;
  struct Poisonable {
    std::uint32_t source = 0;
    Duration work{};
  };
  std::unordered_map<std::uint64_t, Poisonable> poisonable_;  // jobs, where some are poison

  Time give_up_at_{};
  Time origin_{};
  bool begun_ = false;
  bool ended_ = false;  // every job
  scenarios::Arrival arrival_;
  bool more_ = false;
  std::uint64_t taken_ = 0;
  std::uint64_t ids_ = 0;
  std::uint64_t workers_started_ = 0;
  bool interrupted_ = false;
  std::optional<std::string> error_;
};

}  // namespace

Result<RealRunResult> run_for_real(const Scenario& scenario, const RealRunOptions& options) {
  RunJournals journals(scenario, options);
  if (const auto problem = journals.problem()) return Error{*problem};
  auto servers = start_servers();
  if (!servers) return servers.error();
  RealRunResult result =
      RealRun(scenario, options, std::move(servers).value(), [&](std::size_t number) { return journals.of(number); }).run();
  if (const auto problem = journals.finish()) result.error = *problem;
  return result;
}

}  // namespace drydock::cli

#endif

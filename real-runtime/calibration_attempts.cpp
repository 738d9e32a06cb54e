// What lies between a scheduler and its workers, and what both cost: a scheduler and a worker that run attempts which do nothing.
#include "policies/catalog.hpp"
#include "real-runtime/calibration_parts.hpp"
#include "real-runtime/job_payload.hpp"
#include "real-runtime/scheduler_process.hpp"
#include "real-runtime/worker_driver.hpp"

#include <algorithm>
#include <atomic>
#include <ctime>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <thread>
#include <utility>
#include <variant>

namespace drydock::runtime::calibration {

namespace {

constexpr Duration kLease = std::chrono::seconds{30};
constexpr Duration kLongest = std::chrono::seconds{60};  // of a part of it
constexpr std::size_t kMostJobsAtOnce = 1000;
// Of the drains that tell a step from what is in it: many steps with little in each, and few with much.
constexpr std::int64_t kFewSlots = 8;
constexpr std::int64_t kManySlots = 1000;
constexpr int kFactsOfJob = 2;   // it is submitted, it ends
constexpr int kOrdersOfJob = 1;  // it is dispatched

double cpu_of_this_thread() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

// Of a thread that is always busy.
double stretch_of_cpu(const Bench& bench) {
  constexpr double kBusy = 0.3;  // s
  const Time began = bench.loop.now();
  const double before = cpu_of_this_thread();
  double used = 0;
  while (used < kBusy && !bench.over()) used = cpu_of_this_thread() - before;
  return used > 0 ? std::max(1.0, seconds(bench.loop.now() - began) / used) : 1;
}

SchedulerConfig scheduler_config() {
  SchedulerConfig config;
  config.queues = {{"default", 0, std::nullopt}};
  config.pools = {{.name = "main", .queues = {QueueId{0}}}};
  config.placement = configure(*find_policy(PolicyFamily::placement, "fcfs"), {});
  config.control_plane.registry.reading = std::chrono::milliseconds{50};
  config.control_plane.leadership.lease = kLease;
  return config;
}

// Rows and commits, as the scheduler sends them.
struct Commits {
  std::uint64_t commits = 0;
  std::uint64_t rows = 0;
};

// Passes commits on, and looks at them.
class WatchedStore final : public PostgresPort {
 public:
  using Watch = std::function<void(const postgres::CommitBatch&)>;
  WatchedStore(PostgresPort& store, Watch watch) : store_(store), watch_(std::move(watch)) {}
  void submit(postgres::Op op, Callback callback) override {
    if (const auto* batch = std::get_if<postgres::CommitBatch>(&op)) watch_(*batch);
    store_.submit(std::move(op), std::move(callback));
  }

 private:
  PostgresPort& store_;
  Watch watch_;
};

WorkerDriverOptions worker_options(const Bench& bench, std::uint32_t incarnation, std::int64_t slots) {
  WorkerDriverOptions options{.redis = bench.options.redis, .agent = {}, .spec = {}, .host = "here"};
  options.agent.incarnation = incarnation;
  options.agent.interval = std::chrono::seconds{1};
  options.agent.lease = kLease;
  options.agent.margin = kLease / 10;
  options.spec.capacity =
      make_resources({.cpus_milli = slots * 1000, .memory_bytes = kUnlimited, .gpus = 0, .slots = slots});
  return options;
}

std::unique_ptr<SchedulerProcess> start_scheduler(const Bench& bench, WatchedStore::Watch watch) {
  SchedulerProcessOptions options{.redis = bench.options.redis, .postgres = bench.options.postgres, .name = "calibration"};
  options.worker_lease = kLease;
  options.wrap_commits = [watch = std::move(watch)](PostgresPort& store) {
    return std::make_unique<WatchedStore>(store, watch);
  };
  return std::make_unique<SchedulerProcess>(bench.loop, scheduler_config(), std::move(options));
}

// Hands the lease over, so that the next scheduler need not wait for its end.
void end_scheduler(Bench& bench, std::unique_ptr<SchedulerProcess> scheduler) {
  bool ended = false;
  scheduler->shut_down([&ended] { ended = true; });
  (void)bench.run_whatever([&ended] { return ended; }, std::chrono::seconds{5});
  scheduler.reset();
}

// Ids of the jobs of all parts differ from those of the part that measures commits.
std::uint64_t submit(Bench& bench, std::size_t count, const JobPayload& payload) {
  auto store = PostgresClient::connect(bench.options.postgres);
  if (!store) {
    bench.problem = store.error().message;
    return 0;
  }
  const auto reserved = store.value()->execute(postgres::ReserveIds{static_cast<std::uint32_t>(count)});
  const auto* first = std::get_if<postgres::Count>(&reserved);
  if (first == nullptr) {
    bench.problem = fmt::format("PostgreSQL went away while it was measured: {}", to_text(reserved));
    return 0;
  }
  const std::string text = to_json(payload);
  for (std::size_t done = 0; done < count && !bench.over();) {
    postgres::SubmitJobs batch;
    for (; batch.jobs.size() < kMostJobsAtOnce && done < count; ++done) {
      postgres::Job& job = batch.jobs.emplace_back();
      job.spec.id = JobId{static_cast<std::uint64_t>(first->value) + done};
      job.spec.per_task = make_resources({.cpus_milli = 1000});
      job.spec.estimate = std::chrono::seconds{1};
      job.payload = text;
    }
    const auto reply = store.value()->execute(batch);
    if (!std::holds_alternative<postgres::Submitted>(reply))
      bench.problem = fmt::format("PostgreSQL went away while it was measured: {}", to_text(reply));
  }
  return static_cast<std::uint64_t>(first->value);
}

// The jobs that the part which measures commits has left would be run, too.
void forget_jobs(Bench& bench) {
  auto store = PostgresClient::connect(bench.options.postgres);
  if (!store) {
    bench.problem = store.error().message;
    return;
  }
  const std::string& schema = bench.options.postgres.schema;
  if (const auto done = store.value()->run(fmt::format("DROP SCHEMA {} CASCADE", schema)); !done) {
    bench.problem = done.error().message;
    return;
  }
  if (const auto again = PostgresClient::connect(bench.options.postgres); !again) bench.problem = again.error().message;
}

// A worker on a loop and in a thread of its own, so that what it costs is told apart.
class WorkerThread {
 public:
  WorkerThread(const Bench& bench, std::uint32_t incarnation, std::int64_t slots)
      : thread_([this, options = worker_options(bench, incarnation, slots)] { run(options); }) {}
  ~WorkerThread() { end(); }
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  // s of CPU, in all.
  double end() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    return cpu_;
  }

 private:
  void run(const WorkerDriverOptions& options) {
    EventLoop loop;
    {
      const WorkerDriver driver(loop, options);
      EventLoop::Timer* again = nullptr;
      EventLoop::Timer look(loop, [&] {
        if (stop_) loop.stop();
        else again->start(later(loop.now(), std::chrono::milliseconds{20}));
      });
      again = &look;
      look.start_soon();
      loop.run();
    }
    cpu_ = cpu_of_this_thread();
  }

  std::atomic<bool> stop_ = false;
  double cpu_ = 0;
  std::thread thread_;  // last: it begins when all else is there
};

struct Drain {
  double scheduler_cpu = 0;  // s
  double worker_cpu = 0;
  double steps = 0;
  double events = 0;  // facts, orders and rows
};

// Jobs that wait already, from the first look at them to the last end in the store.
std::optional<Drain> drain(Bench& bench, std::size_t jobs, std::uint32_t incarnation, std::int64_t slots) {
  (void)submit(bench, jobs, SleepPayload{Duration{0}, true});
  if (bench.over()) return std::nullopt;
  Commits commits;
  WorkerThread worker(bench, incarnation, slots);
  const double before = cpu_of_this_thread();
  auto scheduler = start_scheduler(bench, [&commits](const postgres::CommitBatch& batch) {
    ++commits.commits;
    commits.rows += batch.releases.size() + batch.assignments.size();
  });
  const bool ended = bench.run_until([&] { return scheduler->counts().completed >= jobs; }, kLongest);
  Drain drain{.scheduler_cpu = cpu_of_this_thread() - before};
  drain.steps = static_cast<double>(scheduler->steps());
  drain.events = static_cast<double>(jobs) * (kFactsOfJob + kOrdersOfJob) + static_cast<double>(commits.rows) +
                 2 * static_cast<double>(commits.commits);  // the order, and its answer
  drain.worker_cpu = worker.end();
  end_scheduler(bench, std::move(scheduler));
  return ended ? std::optional(drain) : std::nullopt;
}

// Of attempts that run one after the other, when something became of each.
struct Moments {
  Time ordered{};
  Time started{};
  Time ended{};
  Time known{};
};

}  // namespace

void measure_attempts(Bench& bench) {
  bench.tell("attempts, one after another");
  forget_jobs(bench);
  if (bench.over()) return;
  const std::size_t count = bench.options.size.processes;
  std::map<AttemptId, Moments> moments;
  bool failed = false;
  WorkerDriver worker(bench.loop, worker_options(bench, 1, 1));
  worker.on_start([&](AttemptId attempt) { moments[attempt].started = bench.loop.now(); });
  worker.on_outcome([&](AttemptId attempt, const AttemptOutcome& outcome) {
    moments[attempt].ended = bench.loop.now();
    failed = failed || outcome.kind != AttemptOutcome::Kind::succeeded;
  });
  auto scheduler = start_scheduler(bench, [&](const postgres::CommitBatch& batch) {
    for (const postgres::ReleasedAttempt& row : batch.releases) moments[row.attempt].known = bench.loop.now();
  });
  scheduler->on_dispatch([&](const Dispatch& order) { moments[order.attempt].ordered = bench.loop.now(); });
  (void)submit(bench, count, CommandPayload{{"true"}});
  (void)bench.run_until([&] { return failed || scheduler->counts().completed >= count; }, kLongest);
  end_scheduler(bench, std::move(scheduler));
  // Where processes do not run, nothing is known of any.
  if (failed) return;
  std::vector<double> dispatch;
  std::vector<double> report;
  std::vector<double> process;
  for (const auto& [attempt, at] : moments) {
    if (at.ordered == Time{} || at.started == Time{} || at.ended == Time{} || at.known == Time{}) continue;
    dispatch.push_back(seconds(at.started - at.ordered));
    process.push_back(seconds(at.ended - at.started));
    report.push_back(seconds(at.known - at.ended));
  }
  bench.keep("dispatch", std::move(dispatch));
  bench.keep("process_start", std::move(process));
  bench.keep("report", std::move(report));
}

// Two equations: what a drain costs is so much for each step and so much for each event.
void measure_cpu(Bench& bench) {
  bench.tell("what decisions cost");
  forget_jobs(bench);
  if (bench.over()) return;
  const std::size_t jobs = bench.options.size.attempts;
  const auto narrow = drain(bench, jobs / 4, 2, kFewSlots);
  const auto wide = narrow ? drain(bench, jobs, 3, kManySlots) : std::nullopt;
  if (!narrow || !wide) return;
  const double both = narrow->steps * wide->events - wide->steps * narrow->events;
  double step = 0;
  if (both != 0) step = (narrow->scheduler_cpu * wide->events - wide->scheduler_cpu * narrow->events) / both;
  step = std::clamp(step, 0.0, narrow->scheduler_cpu / narrow->steps);
  bench.result.step = step;
  bench.result.event = std::max(1e-9, (wide->scheduler_cpu - step * wide->steps) / wide->events);
  bench.result.attempt = wide->worker_cpu / static_cast<double>(jobs);
  bench.result.stretch = stretch_of_cpu(bench);
}

}  // namespace drydock::runtime::calibration

// What each operation of a store takes: one at a time, and when others are behind it.
#include "policies/ports/worker_text.hpp"
#include "real-runtime/async_postgres.hpp"
#include "real-runtime/async_redis.hpp"
#include "real-runtime/calibration_parts.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>
#include <variant>

namespace drydock::runtime::calibration {

namespace {

constexpr Duration kConnect = std::chrono::seconds{10};
constexpr std::size_t kManyOrders = 64;     // on their way to Redis
constexpr std::size_t kManyQuestions = 16;  // to PostgreSQL
constexpr std::size_t kJobsAtOnce = 1000;
constexpr std::string_view kQueue = "calibration";
constexpr std::string_view kLeaseOfCommits = "calibration";
// Half of the rows begin attempts, half end those of the commit before, as in a run that is busy.
constexpr std::array<std::size_t, 6> kRows{2, 10, 40, 100, 400, 1000};

template <class Reply, class Failed>
std::optional<std::string> failure(std::string_view store, const Reply& reply) {
  const auto* failed = std::get_if<Failed>(&reply);
  if (failed == nullptr) return std::nullopt;
  return fmt::format("{} went away while it was measured: {}", store, failed->message);
}

class RedisMeter {
 public:
  RedisMeter(Bench& bench, AsyncRedis& redis) : bench_(bench), redis_(redis) {}

  void measure(const char* name, const redis::Op& op) { bench_.keep(name, series(op, 1).took); }

  void measure_busy(const redis::Op& op) {
    const Series many = series(op, kManyOrders);
    bench_.keep("redis.loaded", many.took);
    if (many.busy > 0) bench_.keep("redis.busy", {many.busy});
  }

 private:
  [[nodiscard]] Series series(const redis::Op& op, std::size_t width) {
    const CalibrationSize& size = bench_.options.size;
    return run_series(bench_, {.width = width, .most = size.most, .longest = size.series}, [&](Answered answered) {
      redis_.submit(op, [answered = std::move(answered)](const redis::Reply& reply) {
        answered(failure<redis::Reply, redis::Failed>("Redis", reply));
      });
    });
  }

  Bench& bench_;
  AsyncRedis& redis_;
};

// Commits of a scheduler that is busy, on jobs of its own.
class CommitMeter {
 public:
  CommitMeter(Bench& bench, AsyncPostgres& store) : bench_(bench), store_(store) {}

  [[nodiscard]] bool lead() {
    bool answered = false;
    const postgres::AcquireLease take{
        .lease = std::string(kLeaseOfCommits), .holder = "drydock calibrate", .ttl = std::chrono::hours{1}};
    store_.submit(take, [&](const postgres::Reply& reply) {
      answered = true;
      if (const auto* lease = std::get_if<postgres::Lease>(&reply)) epoch_ = lease->epoch;
    });
    (void)bench_.run_until([&] { return answered; }, std::chrono::seconds{60});
    return epoch_ > 0;
  }

  void submit(std::size_t jobs) {
    for (std::size_t left = jobs; left > 0 && !bench_.over();) {
      const std::size_t now = std::min(left, kJobsAtOnce);
      postgres::SubmitJobs batch;
      for (std::size_t i = 0; i < now; ++i) batch.jobs.push_back(new_job());
      (void)run_series(bench_, {.longest = std::chrono::seconds{60}},
                       [&](Answered answered) { send(batch, std::move(answered)); });
      left -= now;
    }
  }

  void measure_submit() {
    const CalibrationSize& size = bench_.options.size;
    bench_.keep("postgres.submit", run_series(bench_, {.most = size.most, .longest = size.series}, [&](Answered answered) {
                                     send(postgres::SubmitJobs{{new_job()}}, std::move(answered));
                                   }).took);
  }

  // So many commits of so many rows, `width` on their way at a time.
  [[nodiscard]] Series measure(std::size_t rows, std::size_t commits, std::size_t width) {
    return run_series(bench_, {.width = width, .most = commits, .longest = std::chrono::seconds{60}},
                      [&](Answered answered) { send(next(rows), std::move(answered)); });
  }
  // How many jobs that takes.
  [[nodiscard]] static std::size_t jobs_for(std::size_t rows, std::size_t commits) { return (rows + 1) / 2 * commits + 1; }
  // The next commits begin with nothing to end.
  void end_all() {
    if (held_.empty() || bench_.over()) return;
    postgres::CommitBatch batch = empty();
    release(batch, held_.size());
    (void)run_series(bench_, {.longest = std::chrono::seconds{60}},
                     [&](Answered answered) { send(batch, std::move(answered)); });
  }

  void send(postgres::Op op, Answered answered) {
    store_.submit(std::move(op), [answered = std::move(answered)](const postgres::Reply& reply) {
      auto wrong = failure<postgres::Reply, postgres::Failed>("PostgreSQL", reply);
      const auto* verdict = std::get_if<postgres::Verdict>(&reply);
      if (verdict != nullptr && verdict->outcome != postgres::Verdict::Outcome::applied)
        wrong = fmt::format("PostgreSQL refuses a commit that nobody else is in the way of: {}", to_text(reply));
      answered(std::move(wrong));
    });
  }

 private:
  [[nodiscard]] postgres::Job new_job() {
    postgres::Job job{.spec = {}, .payload = R"({"sleep":"0s"})"};
    job.spec.id = JobId{++last_job_};
    job.spec.per_task = make_resources({.cpus_milli = 1000});
    job.spec.estimate = std::chrono::seconds{1};
    return job;
  }
  [[nodiscard]] postgres::CommitBatch empty() {
    const RequestId request{++last_request_};
    // At most two are on their way.
    return {.fence = {.lease = std::string(kLeaseOfCommits), .epoch = epoch_},
            .request = request,
            .settled_below = RequestId{request.value > 2 ? request.value - 2 : 1}};
  }
  void release(postgres::CommitBatch& batch, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) batch.releases.push_back({.attempt = held_[i], .job_ends = true});
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(count));
  }
  [[nodiscard]] postgres::CommitBatch next(std::size_t rows) {
    postgres::CommitBatch batch = empty();
    const std::size_t half = rows / 2;
    // Of one row alone, each second ends what the one before began.
    const bool alone = rows == 1;
    release(batch, alone ? std::min<std::size_t>(1, held_.size()) : std::min(half, held_.size()));
    while (batch.releases.size() + batch.assignments.size() < rows) {
      const AttemptId attempt{JobId{++last_begun_}, 1};
      batch.assignments.push_back(
          {.attempt = attempt,
           .shares = {{.worker = WorkerId{0}, .tasks = 1, .held = make_resources({.cpus_milli = 1000, .slots = 1})}}});
      held_.push_back(attempt);
    }
    return batch;
  }

  Bench& bench_;
  AsyncPostgres& store_;
  std::int64_t epoch_ = 0;
  std::uint64_t last_job_ = 0;
  std::uint64_t last_begun_ = 0;
  std::uint64_t last_request_ = 0;
  std::vector<AttemptId> held_;
};

}  // namespace

void measure_redis(Bench& bench) {
  bench.tell("Redis");
  AsyncRedis redis(bench.loop, bench.options.redis);
  if (!bench.run_until([&] { return redis.connected(); }, kConnect)) {
    if (!bench.over()) bench.problem = redis.problem();
    return;
  }
  RedisMeter meter(bench, redis);
  const std::string worker = "calibration";
  const redis::Fields fields{{"worker_id", worker}, {"status", "ready"}};
  const std::string payload(200, 'x');  // as long as an order
  meter.measure("redis.counter", redis::GetCounter{});
  meter.measure_busy(redis::GetCounter{});
  meter.measure("redis.beat", redis::BeatWorker{.worker = worker,
                                                .fields = fields,
                                                .touched = {{"last_heartbeat", "0"}},
                                                .ttl = std::chrono::minutes{1},
                                                .life = "calibration"});
  meter.measure("redis.script", redis::FencedPush{std::string(kQueue), payload, 1});
  meter.measure("redis.push", redis::Push{std::string(kQueue), payload});
  meter.measure("redis.pop", redis::Pop{std::string(kQueue), worker});
}

void measure_postgres(Bench& bench) {
  bench.tell("PostgreSQL");
  AsyncPostgres store(bench.loop, bench.options.postgres);
  if (!bench.run_until([&] { return store.connected(); }, kConnect)) {
    if (!bench.over()) bench.problem = store.problem();
    return;
  }
  const CalibrationSize& size = bench.options.size;
  CommitMeter meter(bench, store);
  if (!meter.lead()) {
    if (!bench.over()) bench.problem = "PostgreSQL does not give out a lease that nobody else wants";
    return;
  }
  const auto ask = [&](Answered answered) { meter.send(postgres::ReadTotals{}, std::move(answered)); };
  bench.keep("postgres.query", run_series(bench, {.most = size.most, .longest = size.series}, ask).took);
  bench.keep("postgres.loaded",
             run_series(bench, {.width = kManyQuestions, .most = size.most, .longest = size.series}, ask).took);
  meter.measure_submit();
  const std::size_t singles = 4 * size.commits;
  std::size_t jobs = singles;
  for (const std::size_t rows : kRows) jobs += 2 * CommitMeter::jobs_for(rows, size.commits + 1) + rows;
  meter.submit(jobs);
  if (bench.over()) return;
  bench.tell("commits");
  bench.keep("postgres.commit", meter.measure(1, singles, 1).took);
  meter.end_all();
  for (const std::size_t rows : kRows) {
    (void)meter.measure(rows, 1, 1);  // the one that has nothing to end
    const Series alone = meter.measure(rows, size.commits, 1);
    const Series busy = meter.measure(rows, size.commits, 2);
    meter.end_all();
    if (bench.over()) return;
    bench.result.commit_points.push_back({.rows = rows, .mean = scenarios::figure_of(alone.took).mean});
    bench.result.busy_points.push_back({.rows = rows, .mean = busy.busy});
  }
}

}  // namespace drydock::runtime::calibration

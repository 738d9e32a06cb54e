#include "tests/runtime/real_world.hpp"

#include "policies/core/replay.hpp"

#include <algorithm>
#include <filesystem>

namespace drydock::runtime {
namespace {

using namespace std::chrono_literals;

constexpr Duration kTimeOut = 60s;

PolicyConfig configured(PolicyFamily family, const std::string& type) { return configure(*find_policy(family, type), {}); }

}  // namespace

JournalWriter& MemoryShelf::next_segment() {
  writer_ = std::make_unique<JournalWriter>(segments_.emplace_back(), JournalFormat::binary, JournalHeader{});
  return *writer_;
}

RealWorld::RealWorld(RealWorldOptions options) : options_(std::move(options)) {
  if (const auto problem = jobs_folder_.make({.prefix = "drydock-test-jobs-", .socket = {}}))
    ADD_FAILURE() << problem->message;
  std::filesystem::permissions(jobs_folder_.path(), std::filesystem::perms{0711});
  auto redis = PrivateRedis::start({});
  if (redis.ok()) redis_ = std::move(redis).value();
  else ADD_FAILURE() << redis.error().message;
  auto postgres = PrivatePostgres::start({.durable = false});
  if (postgres.ok()) postgres_ = std::move(postgres).value();
  else ADD_FAILURE() << postgres.error().message;
  if (postgres_ == nullptr) return;
  auto client = PostgresClient::connect(postgres_options());  // makes the schema
  if (!client.ok()) ADD_FAILURE() << client.error().message;
}

RealWorld::~RealWorld() {
  workers_.clear();
  schedulers_.clear();
}

SchedulerConfig RealWorld::config() const {
  SchedulerConfig config;
  config.queues = {{"default", 0, std::nullopt}};
  config.pools = {{.name = "main", .queues = {QueueId{0}}}};
  config.placement = configured(PolicyFamily::placement, "fcfs");
  config.accounting = configured(PolicyFamily::accounting, options_.accounting);
  if (!options_.retry.empty()) config.retry = configured(PolicyFamily::retry, options_.retry);
  config.control_plane = {.trigger = PassTrigger::cycle,
                          .period = options_.cycle,
                          .registry = {.reading = options_.cycle, .guard = true, .hold = options_.ttl},
                          .leadership = {.lease = options_.lease,
                                         .renew = options_.lease / 10,
                                         .margin = options_.lease / 10,
                                         .retry = options_.lease / 10}};
  config.store_retry = 50ms;
  return config;
}

bool RealWorld::start(const std::string& postgres_connection) {
  if (redis_ == nullptr || postgres_ == nullptr) return false;
  submitter_ = std::make_unique<JobSubmitter>(loop_, postgres_options());
  for (std::uint32_t number = 0; number < options_.schedulers; ++number) {
    start_scheduler(number, number == 0 ? postgres_connection : std::string());
  }
  for (std::uint32_t number = 0; number < options_.workers; ++number) start_worker(number);
  return true;
}

void RealWorld::start_scheduler(std::uint32_t number, std::string postgres_connection) {
  SchedulerProcessOptions options{.redis = redis_options(), .postgres = postgres_options()};
  if (!postgres_connection.empty()) options.postgres.connection = std::move(postgres_connection);
  options.name = "scheduler-" + std::to_string(++processes_);
  options.worker_lease = options_.ttl;
  options.keep_history = options_.keep_history;
  options.restart = 100ms;
  options.journals = &shelves_.emplace_back();
  schedulers_[number] = std::make_unique<SchedulerProcess>(loop_, config(), options);
  schedulers_[number]->on_error([this](std::string why) { error_ = std::move(why); });
}

void RealWorld::kill_scheduler(std::uint32_t number) {
  killed_ += schedulers_.at(number)->counts();
  schedulers_.erase(number);
}

SchedulerProcess* RealWorld::leader() {
  SchedulerProcess* found = nullptr;
  for (const auto& [number, process] : schedulers_) {
    if (!process->leads()) continue;
    if (found != nullptr) return nullptr;
    found = process.get();
  }
  return found;
}

JobCounts RealWorld::counts() const {
  JobCounts all = killed_;
  for (const auto& [number, process] : schedulers_) all += process->counts();
  return all;
}

void RealWorld::start_worker(std::uint32_t number) {
  std::uint32_t& incarnation = incarnations_[number];
  for (const auto& [scheduler, process] : schedulers_) {
    incarnation = std::max(incarnation, process->incarnation_of(WorkerId{number}));
  }
  ++incarnation;
  WorkerDriverOptions options{.redis = redis_options(), .agent = {}, .spec = {}, .host = "here"};
  options.agent.worker = WorkerId{number};
  options.agent.incarnation = incarnations_[number];
  options.agent.interval = options_.heartbeat;
  options.agent.lease = options_.ttl;
  options.agent.margin = options_.ttl / 10;
  options.agent.report_again = 50ms;
  options.spec.capacity =
      make_resources({.cpus_milli = options_.cores * 1000, .memory_bytes = kUnlimited, .gpus = 0, .slots = kUnlimited});
  options.executor.folder = jobs_folder_.path() / std::to_string(number);
  workers_[number] = std::make_unique<WorkerDriver>(loop_, options);
}

void RealWorld::submit(std::uint64_t count, const JobPayload& payload) {
  std::vector<postgres::Job> jobs;
  for (std::uint64_t i = 0; i < count; ++i) {
    postgres::Job& job = jobs.emplace_back();
    job.spec.id = JobId{jobs_++};
    job.spec.per_task = make_resources({.cpus_milli = 1000});
    job.spec.estimate = 100ms;
    job.payload = to_json(payload);
  }
  submitter_->submit(std::move(jobs));
}

void RealWorld::cancel(std::uint64_t job) {
  auto client = PostgresClient::connect(postgres_options());
  ASSERT_TRUE(client.ok()) << client.error().message;
  const auto reply = client.value()->execute(postgres::RequestCancel{JobId{job}});
  const auto* verdict = std::get_if<postgres::Verdict>(&reply);
  ASSERT_NE(verdict, nullptr) << to_text(reply);
  EXPECT_EQ(verdict->outcome, postgres::Verdict::Outcome::applied) << "job " << job;
}

bool RealWorld::run_until(const std::function<bool()>& so) {
  const Time end = later(loop_.now(), kTimeOut);
  bool reached = false;
  std::unique_ptr<EventLoop::Timer> timer;
  timer = std::make_unique<EventLoop::Timer>(loop_, [&] {
    reached = so();
    if (reached || !error_.empty() || loop_.now() > end) loop_.stop();
    else timer->start(later(loop_.now(), 1ms));
  });
  timer->start_soon();
  loop_.run();
  if (!error_.empty()) ADD_FAILURE() << error_;
  for (const auto& [number, process] : schedulers_) {
    if (!reached && !process->problem().empty()) ADD_FAILURE() << process->problem();
  }
  return reached;
}

bool RealWorld::run_until_all_ended() {
  return run_until([this] { return all_ended(); });
}

bool RealWorld::all_ended() const {
  return submitter_->done() && std::ranges::any_of(schedulers_, [this](const auto& entry) {
           return entry.second->idle() && entry.second->last_arrival() >= submitter_->last_arrival();
         });
}

void RealWorld::run_for(Duration time) {
  const Time end = later(loop_.now(), time);
  (void)run_until([&] { return loop_.now() >= end; });
}

WorkerDriver* RealWorld::worker(std::uint32_t number) {
  const auto at = workers_.find(number);
  return at == workers_.end() ? nullptr : at->second.get();
}

std::size_t RealWorld::running() const {
  std::size_t sum = 0;
  for (const auto& [number, worker] : workers_) sum += worker->running();
  return sum;
}

void RealWorld::expect_all_succeeded() {
  auto client = PostgresClient::connect(postgres_options());
  ASSERT_TRUE(client.ok());
  for (std::uint64_t id = 0; id < jobs_; ++id) {
    const auto reply = client.value()->execute(postgres::ReadJob{JobId{id}});
    const auto* view = std::get_if<postgres::JobView>(&reply);
    ASSERT_NE(view, nullptr) << to_text(reply);
    EXPECT_EQ(view->state, postgres::JobState::ended) << "job " << id;
    EXPECT_EQ(view->last_reason, ReleaseReason::succeeded) << "job " << id;
  }
  const auto totals = client.value()->execute(postgres::RecountTotals{});
  ASSERT_TRUE(std::holds_alternative<postgres::Totals>(totals)) << to_text(totals);
  EXPECT_EQ(std::get<postgres::Totals>(totals).cpus, 0);
  // The counter follows the last release.
  auto redis = RedisClient::connect(redis_options());
  ASSERT_TRUE(redis.ok());
  const auto is_zero = [&] { return redis.value()->execute(redis::GetCounter{}) == redis::Reply(redis::Value{0}); };
  EXPECT_TRUE(run_until(is_zero)) << to_text(redis.value()->execute(redis::GetCounter{}));
}

void RealWorld::expect_good_journals() {
  for (const auto& [number, process] : schedulers_) process->close(false);
  LeaderChecker leaders;
  for (const MemoryShelf& shelf : shelves_) {
    for (const std::ostringstream& segment : shelf.segments()) expect_good_journal(segment.str(), leaders);
  }
  for (const Violation& violation : leaders.finish()) ADD_FAILURE() << violation.what;
}

void RealWorld::expect_good_journal(const std::string& recorded, LeaderChecker& leaders) {
  std::istringstream first(recorded);
  auto journal = JournalReader::open(first);
  ASSERT_TRUE(journal.ok()) << journal.error().message;
  Scheduler fresh(config(), make_policies(config()));
  const auto report = replay(*journal.value(), fresh);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report.value().difference.value_or("none"), "none");
  EXPECT_GT(report.value().steps, 0U);

  std::istringstream second(recorded);
  auto again = JournalReader::open(second);
  ASSERT_TRUE(again.ok());
  Checker checker;
  JournalStep step;
  leaders.begin("a segment");
  while (true) {
    const auto more = again.value()->next(step);
    ASSERT_TRUE(more.ok()) << more.error().message;
    if (!more.value()) break;
    checker.step(step.now, step.events, step.commands);
    leaders.step(step.now, step.events, step.commands);
  }
  checker.finish(false);
  for (const Violation& violation : checker.violations()) ADD_FAILURE() << violation.what;
}

}  // namespace drydock::runtime

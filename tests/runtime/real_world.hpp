// A scheduler and workers on one event loop, between a Redis and a PostgreSQL of their own.
#pragma once

#include "policies/catalog.hpp"
#include "policies/core/check.hpp"
#include "policies/core/check_leaders.hpp"
#include "policies/core/journal.hpp"
#include "real-runtime/job_submitter.hpp"
#include "real-runtime/postgres_client.hpp"
#include "real-runtime/private_postgres.hpp"
#include "real-runtime/private_redis.hpp"
#include "real-runtime/redis_client.hpp"
#include "real-runtime/scheduler_process.hpp"
#include "real-runtime/worker_driver.hpp"

#include <functional>
#include <gtest/gtest.h>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>

namespace drydock::runtime {

struct RealWorldOptions {
  // Long enough that a busy machine kills nobody: tests count what is lost.
  Duration heartbeat = std::chrono::milliseconds{200};
  Duration ttl = std::chrono::seconds{2};
  Duration cycle = std::chrono::milliseconds{50};
  std::uint32_t workers = 2;
  std::int64_t cores = 4;
  std::string accounting = "fenced-counter";
  std::string retry{};
  std::uint32_t schedulers = 1;
  // Of the leader. Shorter than that of workers in most installations; here it must stand a busy machine.
  Duration lease = std::chrono::seconds{5};
  std::optional<Duration> keep_history{};
};

// Journals in memory.
class MemoryShelf final : public JournalShelf {
 public:
  JournalWriter& next_segment() override;
  [[nodiscard]] const std::list<std::ostringstream>& segments() const { return segments_; }

 private:
  std::list<std::ostringstream> segments_;
  std::unique_ptr<JournalWriter> writer_;
};

class RealWorld {
 public:
  // Fails the test where a server does not start: there is no test without.
  explicit RealWorld(RealWorldOptions options = {});
  ~RealWorld();
  RealWorld(const RealWorld&) = delete;
  RealWorld& operator=(const RealWorld&) = delete;

  // Starts the schedulers, of which the first connects to PostgreSQL as told (default: directly), and the workers. False: there are no
  // servers.
  [[nodiscard]] bool start(const std::string& postgres_connection = {});
  void start_scheduler(std::uint32_t number, std::string postgres_connection = {});
  // As kill -9 would.
  void kill_scheduler(std::uint32_t number);
  void start_worker(std::uint32_t number);
  // As kill -9 would: it says nothing to anybody.
  void kill_worker(std::uint32_t number) { workers_.erase(number); }

  // Jobs of one core, with ids that go on from the last.
  void submit(std::uint64_t count, const JobPayload& payload);
  void cancel(std::uint64_t job);

  // Turns the loop until it is so, but for calls in between; false after a generous time-out.
  bool run_until(const std::function<bool()>& so);
  bool run_until_all_ended();
  [[nodiscard]] bool all_ended() const;
  void run_for(Duration time);

  // Every job succeeded, once; nothing is allocated, in PostgreSQL and by the counter in Redis.
  void expect_all_succeeded();
  // Every journal replays with the same orders in a fresh core and breaks no invariant, and all together break none.
  void expect_good_journals();

  [[nodiscard]] EventLoop& loop() { return loop_; }
  [[nodiscard]] PrivateRedis& redis() { return *redis_; }
  [[nodiscard]] PrivatePostgres& postgres() { return *postgres_; }
  [[nodiscard]] SchedulerProcess& scheduler(std::uint32_t number = 0) { return *schedulers_.at(number); }
  // The one that leads; nullptr: none, or more than one.
  [[nodiscard]] SchedulerProcess* leader();
  // Of all schedulers, also of those that were killed.
  [[nodiscard]] JobCounts counts() const;
  [[nodiscard]] WorkerDriver* worker(std::uint32_t number);
  [[nodiscard]] std::size_t running() const;
  [[nodiscard]] RedisClientOptions redis_options() const { return {.address = redis_->address()}; }
  [[nodiscard]] PostgresClientOptions postgres_options() const { return {.connection = postgres_->connection()}; }

 private:
  [[nodiscard]] SchedulerConfig config() const;
  void expect_good_journal(const std::string& recorded, LeaderChecker& leaders);

  RealWorldOptions options_;
  TemporaryFolder jobs_folder_;
  std::unique_ptr<PrivateRedis> redis_;
  std::unique_ptr<PrivatePostgres> postgres_;
  EventLoop loop_;
  std::list<MemoryShelf> shelves_;  // of every scheduler process
  std::unique_ptr<JobSubmitter> submitter_;
  std::map<std::uint32_t, std::unique_ptr<SchedulerProcess>> schedulers_;
  JobCounts killed_;  // counts of those
  std::uint64_t processes_ = 0;
  std::map<std::uint32_t, std::unique_ptr<WorkerDriver>> workers_;
  std::map<std::uint32_t, std::uint32_t> incarnations_;
  std::uint64_t jobs_ = 0;
  std::string error_;
};

}  // namespace drydock::runtime

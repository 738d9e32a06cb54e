// Drives the scheduler in real time: collects facts from Redis and PostgreSQL, steps the core, carries out its orders, and records
// every step. Decides nothing.
#pragma once

#include "policies/core/check.hpp"
#include "policies/core/dispatcher.hpp"
#include "policies/core/journal.hpp"
#include "policies/core/scheduler.hpp"
#include "policies/ports/postgres.hpp"
#include "policies/ports/registry_reader.hpp"
#include "real-runtime/async_postgres.hpp"
#include "real-runtime/async_redis.hpp"
#include "real-runtime/event_loop.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace drydock::runtime {

struct SchedulerDriverOptions {
  RedisClientOptions redis;
  PostgresClientOptions postgres;
  std::string name = "scheduler";  // of this process: it holds the lease under it
  // By PostgreSQL's clock. There are no standbys yet: long, so that no outage of PostgreSQL outlasts it.
  Duration leader_lease = std::chrono::hours{24};
  Duration worker_lease = std::chrono::seconds{60};  // of the workers' keys
  JournalWriter* journal = nullptr;                  // written to if there is one
};

// What became of the jobs.
struct JobCounts {
  std::uint64_t submitted = 0;   // accepted by PostgreSQL and told to the scheduler
  std::uint64_t completed = 0;   // ended as they should; the release is in the store, likewise below
  std::uint64_t failed = 0;      // given up
  std::uint64_t cancelled = 0;   //
  std::uint64_t rejected = 0;    //
  std::uint64_t dispatched = 0;  // attempts
  std::uint64_t lost = 0;        // attempts, with their workers
  std::uint64_t retried = 0;     // attempts that failed and were repeated
  std::uint64_t preempted = 0;   // attempts
  std::uint64_t in_doubt = 0;    // commits whose answer was lost
  std::uint64_t refused = 0;     // commits that PostgreSQL did not take, though it could
  std::uint64_t declared_dead = 0;
  [[nodiscard]] std::uint64_t ended() const { return completed + failed + cancelled + rejected; }
};

// Persist before send: an attempt is dispatched through Redis only when its assignment is in PostgreSQL. What a store did not answer,
// because it could not be reached, is Failed; because the answer was lost, Unknown. There must be no other jobs in the store: taking over
// from a scheduler before is not there yet.
class SchedulerDriver {
 public:
  // `scheduler` is new, and outlives this. Begins as soon as it has connected.
  SchedulerDriver(EventLoop& loop, Scheduler& scheduler, SchedulerDriverOptions options);
  ~SchedulerDriver();
  SchedulerDriver(const SchedulerDriver&) = delete;
  SchedulerDriver& operator=(const SchedulerDriver&) = delete;

  // Jobs are written to PostgreSQL first, again until that is certain, and told to the scheduler then. Their ids are new.
  void submit(std::vector<postgres::Job> jobs);
  void cancel(JobId job);

  // Called when everything that was submitted has ended, and is in the store.
  void on_idle(std::function<void()> callback) { on_idle_ = std::move(callback); }
  // Called with each of the scheduler's statistics.
  void on_statistics(std::function<void(const NoteStatistics&)> callback) { on_statistics_ = std::move(callback); }
  // Called once when it cannot go on; it does nothing any more then.
  void on_error(std::function<void(std::string)> callback) { on_error_ = std::move(callback); }

  [[nodiscard]] bool idle() const;
  [[nodiscard]] const JobCounts& counts() const { return counts_; }
  // Seconds from being submitted to the first dispatch, of each job that was dispatched and never waited in the store alone.
  [[nodiscard]] const std::vector<double>& waits_s() const { return waits_s_; }
  [[nodiscard]] std::int64_t epoch() const { return epoch_; }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  // Why it does not get on at the moment, for people; empty if it does.
  [[nodiscard]] std::string problem() const;

  // Writes the journal's end. No step follows.
  void close(bool all_ended);

 private:
  struct JobRecord {
    JobSpec spec;
    std::string payload;
    Time submitted{};
    Duration progress{};  // of the attempt that was stopped last
    bool dispatched = false;
    bool cancelled = false;
    bool ending = false;  // without an attempt: on the way to the store
    bool loaded = false;  // it waited in the store alone: when it was submitted is not known here
  };
  // A commit that is not settled.
  struct OpenCommit {
    std::vector<Release> releases;
  };
  // A reading of the registry: two answers.
  struct OpenReading {
    RegistryReader::Reading reading;
    int answers = 0;
    bool failed = false;
  };

  // Becoming the leader (scheduler_start.cpp).
  void postgres_connected();
  void lead();
  void take_lease(const postgres::Reply& reply);
  void look_for_jobs();
  void begin();
  void redis_connected();
  void raise_epoch();

  // Facts.
  void push(Event event);
  void take_step();
  void plan();
  void send_jobs();
  void jobs_sent(const postgres::Reply& reply);
  void fetch_reports();
  void take_report(const redis::Reply& reply);

  // Orders (scheduler_orders.cpp).
  void carry_out(const Command& command);
  void commit(const Commit& order);
  void commit_answered(RequestId request, const postgres::Reply& reply);
  void settle(RequestId commit, bool found);
  void note_released(const Release& release);
  void read_batch(const ReadBatch& order);
  void dispatch(const Dispatch& order);
  void read_registry(RequestId request);
  void registry_answered(const std::shared_ptr<OpenReading>& reading);
  void ask_counter(const AskCounter& order);
  void sum(RequestId request);
  void reject(const RejectJob& order);
  // Where the scheduler does not hold all that waits in memory (scheduler_lookahead.cpp).
  void load_waiting(const AskWaiting& order);
  void take_loaded(const postgres::LoadedJob& row);
  [[nodiscard]] bool is_submitting(JobId job) const;
  void forget_stored();
  void cancel_stored(JobId job);
  void look_for_cancelled(JobId job);
  void end_cancelled();
  void end_without_attempt(JobId job, ReleaseReason reason);
  void send_endings();
  void endings_sent(const postgres::Reply& reply);
  void send_mail();
  void fail(std::string why);
  [[nodiscard]] postgres::Fence fence() const { return {.lease = std::string(kLease), .epoch = epoch_}; }

  static constexpr std::string_view kLease = "scheduler";
  static constexpr std::size_t kMostJobsAtOnce = 1000;  // in one transaction

  EventLoop& loop_;
  Scheduler& scheduler_;
  SchedulerDriverOptions options_;
  JobCounts counts_;
  std::vector<double> waits_s_;
  std::uint64_t steps_ = 0;
  std::string error_;
  bool closed_ = false;

  std::int64_t epoch_ = 0;  // 0: not the leader yet
  bool leading_ = false;    // a try to take the lease is on its way
  bool begun_ = false;
  RegistryReader registry_;
  std::uint64_t tokens_ = 0;
  std::uint32_t unreadable_ = 0;  // keys in the registry, at the last reading
  std::string registry_problem_;
  std::optional<Dispatcher> dispatcher_;  // once it leads

  std::vector<Event> facts_;
  std::vector<Event> step_facts_;
  std::unordered_map<std::uint64_t, JobRecord> jobs_;  // live ones, by id
  std::deque<postgres::Job> to_submit_;
  std::size_t submitting_ = 0;  // from the front, on their way
  std::map<RequestId, OpenCommit> commits_;
  std::uint64_t refusals_ = 0;  // of commits, in a row
  std::set<JobId> cancelled_;   // of jobs_
  std::vector<postgres::EndedJob> endings_;
  std::size_t ending_ = 0;  // from the front, in a batch that is not certain to be in the store
  bool ending_sent_ = false;
  std::uint64_t last_ending_ = 0;
  bool fetching_ = false;
  bool submit_in_doubt_ = false;   // the jobs in front may be in the store already
  std::uint32_t loads_ = 0;        // of waiting jobs, on their way
  std::size_t forget_beyond_ = 0;  // so many records
  std::vector<JobId> look_for_;    // cancelled jobs of which nothing is known here

  std::function<void()> on_idle_;
  std::function<void(std::string)> on_error_;
  std::function<void(const NoteStatistics&)> on_statistics_;

  EventLoop::Timer step_timer_;
  EventLoop::Timer lease_timer_;
  EventLoop::Timer submit_timer_;
  EventLoop::Timer endings_timer_;
  EventLoop::Timer look_for_timer_;
  // Last: they end first.
  AsyncPostgres postgres_;
  AsyncRedis redis_;
  AsyncRedis reports_;  // its connection waits for reports
};

}  // namespace drydock::runtime

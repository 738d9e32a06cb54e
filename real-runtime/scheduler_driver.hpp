// Drives the scheduler in real time: collects facts from Redis and PostgreSQL, steps the core, carries out its orders, and records
// every step. Decides nothing.
#pragma once

#include "policies/core/check.hpp"
#include "policies/core/dispatcher.hpp"
#include "policies/core/journal.hpp"
#include "policies/core/scheduler.hpp"
#include "policies/core/shadow.hpp"
#include "policies/ports/postgres.hpp"
#include "policies/ports/registry_reader.hpp"
#include "real-runtime/async_postgres.hpp"
#include "real-runtime/async_redis.hpp"
#include "real-runtime/event_loop.hpp"
#include "real-runtime/queue_numbers.hpp"

#include <cstdint>
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
  std::string name = "scheduler";  // of this process: what it fetched from queues is kept under it
  std::string holder;          // of the lease: nobody else ever has this name, no earlier scheduler of this process either
  std::int64_t epoch_min = 1;  // above all that are known to have been
  Duration worker_lease = std::chrono::seconds{60};  // of the workers' keys
  JournalWriter* journal = nullptr;                  // written to if there is one
  std::optional<Duration> keep_history{};            // of jobs since they ended; nothing: for good
  Shadow* shadow = nullptr;                          // of the scheduler: it catches up when the orders of a step have left
  WrapRedis wrap_counter{};                          // around what is asked of the counter
  WrapPostgres wrap_commits{};                       // around batches that are committed
};

// What became of the jobs.
struct JobCounts {
  std::uint64_t submitted = 0;   // new ones that the scheduler was told of
  std::uint64_t completed = 0;   // ended as they should; the release is in the store, likewise below
  std::uint64_t failed = 0;      // given up
  std::uint64_t cancelled = 0;   //
  std::uint64_t rejected = 0;    //
  std::uint64_t dispatched = 0;  // attempts
  std::uint64_t lost = 0;        // attempts, with their workers
  std::uint64_t retried = 0;     // attempts that failed and were repeated
  std::uint64_t preempted = 0;   // attempts
  std::uint64_t drained = 0;     // likewise, of workers that were about to leave
  std::uint64_t in_doubt = 0;    // commits whose answer was lost
  std::uint64_t refused = 0;     // commits that PostgreSQL did not take, though it could
  std::uint64_t declared_dead = 0;
  std::uint64_t outranked = 0;  // what was refused because another scheduler leads
  JobCounts& operator+=(const JobCounts& more);
  [[nodiscard]] std::uint64_t ended() const { return completed + failed + cancelled + rejected; }
};

// One scheduler, from standby to the end of its reign (SchedulerProcess starts the next). Persist before send: an attempt is dispatched
// through Redis only when its assignment is in PostgreSQL. What a store did not answer, because it could not be reached, is Failed; because
// the answer was lost, Unknown. Each write carries the epoch of the lease: what a leader that does not lead any more sends is refused.
class SchedulerDriver {
 public:
  // The name of the leader's lease in PostgreSQL.
  static constexpr std::string_view kLease = "scheduler";

  // `scheduler` is new, has a lease in its configuration, and outlives this.
  SchedulerDriver(EventLoop& loop, Scheduler& scheduler, SchedulerDriverOptions options);
  ~SchedulerDriver();
  SchedulerDriver(const SchedulerDriver&) = delete;
  SchedulerDriver& operator=(const SchedulerDriver&) = delete;

  // Hands the lease over, if it leads, and steps down.
  void shut_down();
  // Called once, when it has stepped down; it does nothing any more then. It may be destroyed from there.
  void on_stepped_down(std::function<void()> callback) { on_stepped_down_ = std::move(callback); }
  // Called when it leads and there is nothing to do: all jobs that it knows of have ended, and that is in the store.
  void on_idle(std::function<void()> callback) { on_idle_ = std::move(callback); }
  // Called with each of the scheduler's statistics.
  void on_statistics(std::function<void(const NoteStatistics&)> callback) { on_statistics_ = std::move(callback); }
  // Called when a job is dispatched for the first time: how long after it was submitted.
  void on_first_dispatch(std::function<void(Duration)> callback) { on_first_dispatch_ = std::move(callback); }
  // Called with each order to run an attempt.
  void on_dispatch(std::function<void(const Dispatch&)> callback) { on_dispatch_ = std::move(callback); }
  // Called once when it cannot go on; it does nothing any more then.
  void on_error(std::function<void(std::string)> callback) { on_error_ = std::move(callback); }

  [[nodiscard]] bool idle() const;
  [[nodiscard]] bool leads() const { return loaded_ && scheduler_.leads(); }
  // It leads or has led.
  [[nodiscard]] bool has_led() const { return has_led_; }
  [[nodiscard]] const JobCounts& counts() const { return counts_; }
  // Jobs up to this arrival number are known to it, or ended before.
  [[nodiscard]] std::int64_t last_arrival() const { return last_arrival_; }
  [[nodiscard]] std::int64_t epoch() const { return scheduler_.epoch(); }
  // The highest epoch that somebody refused it for.
  [[nodiscard]] std::int64_t outranked_by() const { return outranked_by_; }
  // Redis refused what it ordered while it led, and it stepped down for that: somebody raised the epoch there.
  [[nodiscard]] bool was_fenced() const { return fenced_; }
  // Who holds the lease, as far as it knows; empty: nobody.
  [[nodiscard]] const std::string& leader() const { return leader_; }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  // Why it does not get on at the moment, for people; empty if it does, or stands by.
  [[nodiscard]] std::string problem() const;

  // Leaves a text in Redis for people, which goes by itself after that time. Nobody is told whether it arrives.
  void leave_word(std::string_view key, std::string text, Duration for_how_long);

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
  };
  // A commit that is not settled.
  struct OpenCommit {
    std::vector<postgres::ReleasedAttempt> releases;
  };
  // A reading of the registry: two answers.
  struct OpenReading {
    RegistryReader::Reading reading;
    int answers = 0;
    bool failed = false;
  };

  // Leading (scheduler_takeover.cpp).
  void postgres_connected();
  void redis_connected();
  void ask_lease(const AskLease& order);
  void release_lease();
  void load_state(RequestId request);
  void read_state(RequestId request);
  [[nodiscard]] bool release_strangers(RequestId request, const postgres::State& state);
  void take_state(RequestId request, const postgres::State& state);
  // Nothing: its queue is none of this scenario's, and the job is left to wait in the store.
  [[nodiscard]] std::optional<JobRecord> record_of(const postgres::LoadedJob& row) const;
  void ask_workers(RequestId request);
  void raise_epoch();
  void note_outranked(std::int64_t epoch);
  void look_for_refusal(const redis::Reply& reply);
  void step_down();

  // What clients ask for (scheduler_jobs.cpp).
  void look();
  void take_arrivals(const postgres::Reply& reply);
  void look_for_cancels();
  void take_cancels(const postgres::Reply& reply);
  void look_again(bool at_once);
  void cancel(JobId job);
  void keep_house();
  void keep_house_later();

  // Where the scheduler does not hold all that waits in memory (scheduler_lookahead.cpp).
  void load_waiting(const AskWaiting& order);
  void take_loaded(const postgres::LoadedJob& row);
  void forget_stored();
  void look_for_cancelled(JobId job);

  // Facts.
  void push(Event event);
  void take_step();
  void let_shadow_think();
  void plan();
  void fetch_reports();
  void take_report(const redis::Reply& reply);

  // Orders (scheduler_orders.cpp).
  void carry_out(const Command& command);
  void commit(const Commit& order);
  void commit_answered(RequestId request, const postgres::Reply& reply);
  void settle(RequestId commit, bool found);
  void note_released(const postgres::ReleasedAttempt& release);
  void read_batch(const ReadBatch& order);
  void dispatch(const Dispatch& order);
  void read_registry(RequestId request);
  void registry_answered(const std::shared_ptr<OpenReading>& reading);
  void ask_counter(const AskCounter& order);
  void sum(RequestId request);
  void reject(const RejectJob& order);
  void end_cancelled();
  void end_without_attempt(JobId job, ReleaseReason reason);
  void send_endings();
  void endings_sent(const postgres::Reply& reply);
  void send_mail();
  void push_mail(WorkerId worker, std::string payload);
  void fail(std::string why);
  // Of a batch that is not the core's.
  [[nodiscard]] RequestId next_own_batch();
  [[nodiscard]] postgres::Fence fence() const { return {.lease = std::string(kLease), .epoch = epoch()}; }

  EventLoop& loop_;
  Scheduler& scheduler_;
  SchedulerDriverOptions options_;
  JobCounts counts_;
  std::uint64_t steps_ = 0;
  std::string error_;
  bool closed_ = false;

  QueueNumbers queues_;
  bool loaded_ = false;  // the state, since it has held the lease
  bool has_led_ = false;
  std::string leader_;
  std::int64_t outranked_by_ = 0;
  bool fenced_ = false;     // by Redis
  bool over_ = false;       // it stepped down
  bool releasing_ = false;  // the lease
  RegistryReader registry_;
  std::uint64_t tokens_ = 0;
  std::uint32_t unreadable_ = 0;  // keys in the registry, at the last reading
  std::string registry_problem_;
  std::optional<Dispatcher> dispatcher_;  // once the state is loaded

  std::vector<Event> facts_;
  std::vector<Event> step_facts_;
  std::unordered_map<std::uint64_t, JobRecord> jobs_;  // live ones, by id
  std::int64_t last_arrival_ = 0;
  std::int64_t last_cancel_ = 0;  // request
  bool looking_ = false;          // for what is new
  bool hinted_ = false;           // meanwhile
  std::map<RequestId, OpenCommit> commits_;
  std::uint64_t refusals_ = 0;  // of commits, in a row
  std::set<JobId> cancelled_;   // of jobs_
  std::vector<postgres::EndedJob> endings_;
  std::size_t ending_ = 0;  // from the front, in a batch that is not certain to be in the store
  bool ending_sent_ = false;
  std::uint64_t last_ending_ = 0;
  bool fetching_ = false;
  bool pruning_ = false;

  std::uint32_t loads_ = 0;              // of waiting jobs, on their way
  std::set<JobId> ended_while_loading_;  // without an attempt; what is being read may not show it yet
  std::size_t forget_beyond_ = 0;        // so many records
  std::vector<JobId> look_for_;          // cancelled jobs of which nothing is known here

  std::function<void()> on_stepped_down_;
  std::function<void(const NoteStatistics&)> on_statistics_;
  std::function<void(Duration)> on_first_dispatch_;
  std::function<void()> on_idle_;
  std::function<void(const Dispatch&)> on_dispatch_;
  std::function<void(std::string)> on_error_;

  EventLoop::Timer step_timer_;
  EventLoop::Timer look_timer_;
  EventLoop::Timer cancels_timer_;
  EventLoop::Timer house_timer_;
  EventLoop::Timer look_for_timer_;
  EventLoop::Timer endings_timer_;
  EventLoop::Timer fetch_timer_;
  EventLoop::Timer flush_timer_;  // of the journal
  EventLoop::Timer over_timer_;
  // Last: they end first.
  AsyncPostgres postgres_;
  // Connections of their own, so that commits and the lease do not wait behind what takes long.
  AsyncPostgres loader_;
  std::optional<AsyncPostgres> housekeeping_;  // once it leads
  AsyncRedis redis_;
  AsyncRedis reports_;                        // its connection waits for reports
  std::unique_ptr<RedisPort> counter_;        // around redis_, if anything is
  std::unique_ptr<PostgresPort> commits_to_;  // around postgres_, likewise
};

}  // namespace drydock::runtime

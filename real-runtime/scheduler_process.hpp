// A scheduler's process: a standby that leads when it gets the lease, steps down when it loses it, and then stands by again with a fresh
// core. Any number of them may run on the same stores.
#pragma once

#include "policies/core/journal.hpp"
#include "policies/core/scheduler.hpp"
#include "policies/core/shadow.hpp"
#include "real-runtime/event_loop.hpp"
#include "real-runtime/installation_claim.hpp"
#include "real-runtime/scheduler_driver.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace drydock::runtime {

// Where journals go: each scheduler of a process writes a segment of its own, which begins as it does, with what it loads.
class JournalShelf {
 public:
  virtual ~JournalShelf() = default;
  // The next segment; the one before was closed. Lives until the next call.
  virtual JournalWriter& next_segment() = 0;
  // The present segment is as large as it may be: the scheduler is to begin another, as if it took over.
  [[nodiscard]] virtual bool full() const { return false; }
};

struct SchedulerProcessOptions {
  RedisClientOptions redis;
  PostgresClientOptions postgres;
  std::string name = "scheduler";                    // differs from that of every other process
  Duration worker_lease = std::chrono::seconds{60};  // of the workers' keys
  Duration restart = std::chrono::seconds{1};        // from stepping down to standing by again
  JournalShelf* journals = nullptr;                  // none: nothing is recorded
  std::optional<Duration> keep_history{};            // of jobs since they ended; nothing: for good
  // Whose keys in Redis it is to claim: it ends where they are another's. Nothing: nobody else knows of this Redis.
  std::optional<Installation> installation{};
  std::optional<ShadowChoice> shadow{};  // beside each of its schedulers; what it reports lies in Redis, too
  WrapRedis wrap_counter{};              // as of SchedulerDriverOptions, likewise the next
  WrapPostgres wrap_commits{};
};

class SchedulerProcess {
 public:
  // Begins at once. The configuration must have a lease.
  SchedulerProcess(EventLoop& loop, SchedulerConfig config, SchedulerProcessOptions options);
  ~SchedulerProcess();
  SchedulerProcess(const SchedulerProcess&) = delete;
  SchedulerProcess& operator=(const SchedulerProcess&) = delete;

  // Hands over the lease if it leads, and calls `ended`.
  void shut_down(std::function<void()> ended);

  // As in SchedulerDriver, of whichever scheduler there is.
  void on_idle(std::function<void()> callback) { on_idle_ = std::move(callback); }
  void on_error(std::function<void(std::string)> callback) { on_error_ = std::move(callback); }
  void on_statistics(std::function<void(const NoteStatistics&)> callback) { on_statistics_ = std::move(callback); }
  void on_first_dispatch(std::function<void(Duration)> callback) { on_first_dispatch_ = std::move(callback); }
  void on_dispatch(std::function<void(const Dispatch&)> callback) { on_dispatch_ = std::move(callback); }
  // Called when it begins or ceases to lead.
  void on_turn(std::function<void()> callback) { on_turn_ = std::move(callback); }

  [[nodiscard]] bool leads() const { return driver_ != nullptr && driver_->leads(); }
  [[nodiscard]] bool idle() const { return driver_ != nullptr && driver_->idle(); }
  // A policy was stopped (on_error() says why).
  [[nodiscard]] bool halted() const { return scheduler_ != nullptr && scheduler_->halted(); }
  [[nodiscard]] std::int64_t epoch() const { return driver_ != nullptr ? driver_->epoch() : 0; }
  [[nodiscard]] std::int64_t last_arrival() const { return driver_ != nullptr ? driver_->last_arrival() : 0; }
  // The worker's incarnation that the present scheduler knows; 0: none.
  [[nodiscard]] std::uint32_t incarnation_of(WorkerId worker) const;
  [[nodiscard]] bool is_live(WorkerId worker) const;
  // As far as it knows, this attempt runs there.
  [[nodiscard]] bool runs(AttemptId attempt, WorkerId worker) const;
  // Of all its schedulers so far.
  [[nodiscard]] JobCounts counts() const;
  [[nodiscard]] std::uint64_t steps() const;
  [[nodiscard]] std::uint64_t reigns() const { return reigns_ + (driver_ != nullptr && driver_->has_led() ? 1U : 0U); }
  [[nodiscard]] std::string leader() const { return driver_ != nullptr ? driver_->leader() : std::string(); }
  [[nodiscard]] std::string problem() const;
  // Why it does not lead any more, where people have to know; empty: it shut down, or PostgreSQL gave the lease to another.
  [[nodiscard]] const std::string& why_it_stepped_down() const { return why_it_stepped_down_; }
  // Of the shadows of all its schedulers so far; nothing: it has none.
  [[nodiscard]] std::optional<ShadowReport> shadow() const;

  // Ends the journal. No step follows.
  void close(bool all_ended);

 private:
  void start();
  void stepped_down();
  void look();
  void give_up(std::string why);
  void fail(std::string why);
  void gather(const SchedulerDriver& driver);
  void post_shadow();

  EventLoop& loop_;
  SchedulerConfig config_;
  SchedulerProcessOptions options_;
  std::string life_;  // tells the schedulers of this process from all others of its name
  std::uint64_t schedulers_ = 0;
  std::uint64_t reigns_ = 0;  // before the present scheduler
  std::int64_t epoch_min_ = 1;
  bool led_ = false;  // at the last look
  Time turn_at_{};    // when that changed
  bool closed_ = false;
  std::function<void()> ended_;  // it is shutting down
  std::string given_up_;         // likewise, with this error
  std::string why_it_stepped_down_;
  std::string error_;

  JobCounts counts_;  // of those before the present one, likewise below
  std::uint64_t steps_ = 0;
  std::optional<ShadowReport> shadow_report_;
  Time post_at_{};  // it is to be left in Redis

  std::function<void()> on_idle_;
  std::function<void(std::string)> on_error_;
  std::function<void(const NoteStatistics&)> on_statistics_;
  std::function<void(Duration)> on_first_dispatch_;
  std::function<void(const Dispatch&)> on_dispatch_;
  std::function<void()> on_turn_;

  EventLoop::Timer start_timer_;
  EventLoop::Timer look_timer_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<Shadow> shadow_;           // of this scheduler; nullptr: it has none
  std::unique_ptr<SchedulerDriver> driver_;  // nullptr: between two of them
  std::optional<InstallationClaim> claim_;
};

}  // namespace drydock::runtime

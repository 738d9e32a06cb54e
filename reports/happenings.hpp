// What happens to jobs, attempts and workers, as the steps of a journal tell it: who waits, what runs where and since when, how it ends.
// Memory grows with what lives, not with what has ended.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"
#include "policies/core/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace drydock::reports {

enum class StretchEnd : std::uint8_t { succeeded, failed, stopped, lost, unended };
[[nodiscard]] std::string_view name_of(StretchEnd end);

// The tasks of an attempt on one worker, from their dispatch to their end.
struct Stretch {
  AttemptId attempt;
  WorkerId worker;
  QueueId queue;
  std::uint32_t tasks = 0;
  std::uint32_t lane = 0;  // no two stretches of a worker have the same one at a time; the lowest that is free
  Time from{};
  Time to{};
  StretchEnd end = StretchEnd::unended;
};

// What happens to a worker, or to the scheduler, at an instant.
struct WorkerMark {
  enum class Kind : std::uint8_t { registered, draining, left, expired, declared_dead, returned };
  Time at{};
  Kind kind = Kind::registered;
  WorkerId worker;
  std::uint32_t incarnation = 0;
  std::uint32_t lost = 0;  // attempts that it held, of those that take it away
  bool gone = false;       // it counts as dead, or has left, from now on; else it is only suspected
};
[[nodiscard]] std::string_view name_of(WorkerMark::Kind kind);

class Happenings {
 public:
  // `counted`: the scheduler keeps a counter of allocated cpus, so that drift() is of interest.
  explicit Happenings(bool counted) : counted_(counted) {}
  void step(Time now, std::span<const Event> events, std::span<const Command> commands);
  // What still runs ends as unended.
  void finish(Time now);

  // Of the last step, in the order of the journal. Jobs whose first task began in it, too, with how long they had waited.
  [[nodiscard]] std::span<const Stretch> ended() const { return ended_; }
  [[nodiscard]] std::span<const WorkerMark> marks() const { return marks_; }
  struct Began {
    AttemptId attempt;
    Duration waited{};  // since it was submitted, or had to wait again
  };
  [[nodiscard]] std::span<const Began> began() const { return began_; }

  [[nodiscard]] std::uint64_t waiting() const { return waiting_; }
  [[nodiscard]] std::uint64_t running() const { return running_; }     // attempts
  [[nodiscard]] std::int64_t cpus_used() const { return cpus_used_; }  // thousandths, likewise below
  [[nodiscard]] std::int64_t cpus_live() const { return cpus_live_; }  // of workers that are not known to be gone
  [[nodiscard]] std::uint32_t workers_live() const { return workers_live_; }
  [[nodiscard]] std::int64_t waiting_of(QueueId queue) const;
  [[nodiscard]] std::int64_t cpus_of(QueueId queue) const;
  // Counter - committed allocations, when the counter was last answered, as the scheduler knew both.
  [[nodiscard]] std::optional<std::int64_t> drift() const { return drift_; }

 private:
  enum class Phase : std::uint8_t { waiting, running, ending };
  struct Hold {
    WorkerId worker;
    std::uint32_t tasks = 0;
    std::uint32_t lane = 0;
    Time from{};
  };
  struct JobRow {
    QueueId queue;
    std::int64_t cpus = 0;  // of a task
    Phase phase = Phase::waiting;
    std::uint32_t attempt = 0;
    std::uint64_t submitted_in = 0;  // step
    Time waits_since{};
    std::vector<Hold> holds{};
  };
  struct WorkerRow {
    std::uint32_t incarnation = 0;
    std::int64_t cpus = 0;
    bool live = false;
    std::vector<JobId> holds{};
    std::vector<bool> lanes{};  // that are taken
  };
  struct QueueRow {
    std::int64_t waiting = 0;
    std::int64_t cpus = 0;
  };
  using Jobs = std::unordered_map<std::uint64_t, JobRow>;

  void hear(const Event& event);
  void obey(const Command& command);
  void add_job(const JobSpec& job, Time since);
  void remove(Jobs::iterator job);
  void wait_again(JobRow& job);
  void open(AttemptId attempt, const Placement& placement, Time from);
  void close(JobId id, JobRow& job, std::size_t hold, StretchEnd end);
  void close_all(JobId id, JobRow& job, StretchEnd end);
  void end_attempt(AttemptId attempt, StretchEnd end);
  void release(const Release& row);
  void load(const AllocationLoaded& event);
  void registered(const WorkerRegistered& event);
  std::uint32_t lose(WorkerRow& row, WorkerId worker);
  void goes(WorkerId worker, std::uint32_t incarnation, WorkerMark::Kind kind);
  void keep_books(const Commit& commit);
  void settle(RequestId commit, Answer answer);
  QueueRow& queue_at(QueueId queue);

  bool counted_;
  bool reading_ = false;  // of this step: leases that have expired are suspicions
  std::uint64_t step_ = 0;
  Time now_{};
  Jobs jobs_;
  std::vector<WorkerRow> workers_;
  std::vector<QueueRow> queues_;
  std::uint64_t waiting_ = 0;
  std::uint64_t running_ = 0;
  std::int64_t cpus_used_ = 0;
  std::int64_t cpus_live_ = 0;
  std::uint32_t workers_live_ = 0;
  std::vector<Stretch> ended_;
  std::vector<WorkerMark> marks_;
  std::vector<Began> began_;

  // What the store holds, for the drift.
  struct Batch {
    std::vector<AttemptId> assigned;
    std::vector<AttemptId> released;
  };
  std::map<RequestId, Batch> on_their_way_;
  std::map<RequestId, RequestId> reads_;  // of commits in doubt
  std::map<AttemptId, std::int64_t> allocated_;
  std::int64_t committed_ = 0;
  std::optional<std::int64_t> drift_;
};

}  // namespace drydock::reports

// The rows of the simulated PostgreSQL store: jobs with their attempts, the indexes over them, and what it takes to roll a
// transaction back.
#pragma once

#include "policies/ports/postgres.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace drydock::sim {

struct PostgresAttempt {
  std::uint32_t number = 0;
  std::vector<postgres::Share> shares;
  std::optional<ReleaseReason> outcome;  // none: it has not ended
  bool job_ends = false;
  bool released = false;
  Duration progress{};
};

struct PostgresJob {
  postgres::Job job;
  std::int64_t arrival = 0;
  std::vector<PostgresAttempt> attempts;     // with rising numbers; all but the last are released
  std::optional<ReleaseReason> ended_alone;  // without an attempt that ended it

  [[nodiscard]] std::uint32_t last_number() const { return attempts.empty() ? 0 : attempts.back().number; }
  [[nodiscard]] bool held() const { return !attempts.empty() && !attempts.back().released; }
  [[nodiscard]] bool ended() const { return ended_alone || (!attempts.empty() && attempts.back().job_ends); }
  [[nodiscard]] bool waiting() const { return !held() && !ended(); }
  [[nodiscard]] postgres::JobView view() const;
};

// Changes belong to a transaction that ends with commit() or roll_back(), which undoes all changes since the last end; added jobs
// stay. Each change costs O(log n), and O(attempts of the job).
class PostgresTables {
 public:
  // Forgets jobs as soon as they have ended and are released, unless they are to be kept.
  explicit PostgresTables(bool keep_ended) : keep_ended_(keep_ended) {}

  // The arrival of the new job; none if there is one with this id.
  std::optional<std::int64_t> add(const postgres::Job& job);

  void assign(AttemptId attempt, std::vector<postgres::Share> shares);
  // Records how the last attempt ended; it has no outcome yet.
  struct Ending {
    ReleaseReason reason = ReleaseReason::succeeded;
    bool job_ends = false;
    Duration progress{};
  };
  void finish(JobId job, const Ending& ending);
  // Releases the last attempt, which is held.
  void release(JobId job);
  void end_alone(JobId job, ReleaseReason reason);

  void commit();
  void roll_back();

  [[nodiscard]] const PostgresJob* find(JobId id) const;
  [[nodiscard]] postgres::LoadedJob loaded(JobId id) const;
  // Appends at most `limit` waiting jobs of a queue after a place.
  void waiting(const postgres::LoadWaiting& which, std::vector<postgres::LoadedJob>& out) const;
  void all_waiting(std::uint32_t limit_per_queue, std::vector<postgres::LoadedJob>& out) const;
  [[nodiscard]] std::vector<postgres::LoadedJob> arrived(const postgres::LoadArrived& which) const;
  [[nodiscard]] const std::set<JobId>& held() const { return held_; }
  // Jobs whose last attempt ended and is not released, by arrival.
  [[nodiscard]] const std::map<std::int64_t, JobId>& to_release() const { return to_release_; }
  [[nodiscard]] std::vector<postgres::Allocation> allocations(std::optional<WorkerId> worker) const;

  [[nodiscard]] std::int64_t cpus() const { return cpus_; }
  [[nodiscard]] std::int64_t allocations_held() const { return allocations_; }
  [[nodiscard]] std::int64_t last_arrival() const { return last_arrival_; }
  // The first arrival that waits or is held; the next one if there is none.
  [[nodiscard]] std::int64_t first_unfinished() const;
  // Sums up the rows: what cpus() and allocations_held() must be.
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> recount() const;

 private:
  using Place = std::pair<std::int64_t, JobId>;  // negative priority first
  struct Before {
    JobId job;
    std::vector<PostgresAttempt> attempts;
    std::optional<ReleaseReason> ended_alone;
  };
  static Place place_of(const PostgresJob& row) { return {-std::int64_t{row.job.spec.priority}, row.job.spec.id}; }

  // Takes the job out of all indexes, notes how it was, and returns it; put() puts it back.
  PostgresJob& take(JobId id);
  void put(const PostgresJob& row);
  void unindex(const PostgresJob& row);
  void count(const PostgresJob& row, std::int64_t sign);

  bool keep_ended_;
  std::map<JobId, PostgresJob> jobs_;
  std::map<QueueId, std::set<Place>> waiting_;
  std::map<std::int64_t, JobId> waiting_by_arrival_;
  std::set<JobId> held_;
  std::map<std::int64_t, JobId> held_by_arrival_;
  std::map<std::int64_t, JobId> to_release_;
  std::map<WorkerId, std::set<JobId>> held_on_;  // by worker
  std::int64_t cpus_ = 0;
  std::int64_t allocations_ = 0;
  std::int64_t last_arrival_ = 0;
  std::vector<Before> changed_;  // in this transaction, in order
};

}  // namespace drydock::sim

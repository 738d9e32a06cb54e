// The checker's books: what follows from facts and orders alone. Plain tables; the rules are in check.cpp.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"
#include "policies/core/id_map.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace drydock::check_detail {

inline constexpr std::uint32_t kNone = ~std::uint32_t{0};

// Clamped to 0..2^53, so that no sum of what fits overflows, whatever a journal says.
using Amounts = std::array<std::int64_t, 4>;
[[nodiscard]] Amounts clamped(const Resources& resources);

// For messages: "7.1", "w0x1 w3x2".
[[nodiscard]] std::string text_of(AttemptId id);
[[nodiscard]] std::string text_of(std::span<const Placement> placements);

struct WorkerBook {
  Amounts capacity{};
  Amounts used{};
  PoolId pool;
  std::uint32_t incarnation = 0;
  std::uint32_t generation = 0;  // rises whenever all that it held is lost; 0: never seen
  bool live = false;
  bool draining = false;
  std::vector<std::uint32_t> drained;  // generations that were lost while they drained
  bool expired = false;                // the registry does not hold it, as far as that was read
};

// Tasks of one attempt on one worker.
struct Hold {
  Placement placement;
  std::uint32_t generation = 0;  // of the worker, when it was assigned
  bool counted = false;          // in the worker's used amounts, unless that has lost everything since
};

enum class Phase : std::uint8_t {
  requested,  // its assignment has no definite answer yet: in `assigned` of exactly one RequestBook
  committed,  // answered done
  dispatched,
  ended,  // AttemptFinished or AttemptStopped arrived in time
};
enum class Outcome : std::uint8_t { none, succeeded, failed, stopped };

// An allocation that the store holds, or may hold.
struct AttemptBook {
  std::uint32_t number = 0;
  std::uint32_t job = kNone;   // slot
  std::uint32_t next = kNone;  // slot of the job's next open attempt
  Phase phase = Phase::requested;
  Outcome outcome = Outcome::none;
  bool stop_requested = false;
  bool loaded = false;     // a leader before assigned it, and what became of it since is not known from this journal
  bool releasing = false;  // its release has no definite answer yet: in `released` of exactly one RequestBook
  std::vector<Hold> holds;
};

// A job that may still be assigned, or has open attempts.
struct JobBook {
  JobId id;
  std::uint32_t tasks = 0;
  Amounts per_task{};
  std::uint32_t last_number = 0;
  std::uint32_t open = kNone;  // slot of the first open attempt; there is more than one only while releases are on their way
  bool closed = false;         // cancelled, or its result was accepted: no further attempt
  bool cancelled = false;
  bool known = false;  // false in a row that is free
};

// A commit without a definite answer, or a read of one.
struct RequestBook {
  RequestId id;
  RequestId commit;  // of a read: what it asks for
  bool is_read = false;
  bool unknown = false;                 // of a commit: its answer was lost
  bool reading = false;                 // of a commit: a read is on its way
  std::vector<std::uint32_t> assigned;  // slots of attempts
  std::vector<std::uint32_t> released;
};

// Rows at places that are used again.
template <class Row>
class Table {
 public:
  [[nodiscard]] std::uint32_t add() {
    if (free_.empty()) {
      rows_.emplace_back();
      return static_cast<std::uint32_t>(rows_.size() - 1);
    }
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    return slot;
  }
  void remove(std::uint32_t slot) { free_.push_back(slot); }
  [[nodiscard]] Row& operator[](std::uint32_t slot) { return rows_[slot]; }
  [[nodiscard]] const Row& operator[](std::uint32_t slot) const { return rows_[slot]; }
  // All rows, also the free ones.
  [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }

 private:
  std::vector<Row> rows_;
  std::vector<std::uint32_t> free_;
};

class Books {
 public:
  // nullptr when there is no such worker; ids are dense, and one beyond kMaxWorkers is never one.
  [[nodiscard]] WorkerBook* find_worker(WorkerId id);
  [[nodiscard]] const WorkerBook* find_worker(WorkerId id) const { return const_cast<Books*>(this)->find_worker(id); }
  // Makes room for it.
  [[nodiscard]] WorkerBook* worker_at(WorkerId id);

  [[nodiscard]] std::uint32_t find_job(JobId id) const;          // slot or kNone
  [[nodiscard]] std::uint32_t find_attempt(AttemptId id) const;  // slot or kNone
  [[nodiscard]] AttemptId id_of(std::uint32_t attempt) const;
  std::uint32_t add_job(const JobSpec& spec);
  std::uint32_t add_attempt(std::uint32_t job, std::uint32_t number);
  void remove_attempt(std::uint32_t slot);
  // Forgets a job that can do nothing any more.
  void forget_if_over(std::uint32_t job);

  // Whether a worker of the attempt has been lost since it was assigned.
  [[nodiscard]] bool is_lost(const AttemptBook& attempt) const;
  // Whether a worker of the attempt drains, or did when it was lost.
  [[nodiscard]] bool drains(const AttemptBook& attempt) const;
  // Whether an attempt that ended like this may be released for this reason.
  [[nodiscard]] bool may_release(const AttemptBook& attempt, ReleaseReason reason) const;
  // Counts what an attempt holds (1), or stops counting it (-1).
  void count(const AttemptBook& attempt, std::int64_t sign);
  void lose_worker(WorkerBook& worker);
  // A row of what a leader before assigned; what it holds counts from when its worker is known.
  void load(std::uint32_t job, const AllocationLoaded& row);
  void count_loaded(WorkerId id, WorkerBook& worker);

  Table<JobBook> jobs;
  Table<AttemptBook> attempts;
  IdMap<std::uint32_t> slots;         // of jobs, by id
  std::vector<RequestBook> requests;  // in order of their ids

  static constexpr std::uint32_t kMaxWorkers = std::uint32_t{1} << 24U;

 private:
  static constexpr std::uint32_t kPage = 1024;
  using Page = std::array<WorkerBook, kPage>;
  std::vector<std::unique_ptr<Page>> pages_;
  std::vector<AttemptId> loaded_;  // attempts that may be open
};

}  // namespace drydock::check_detail

// The role that fires periodic jobs at their due times. A deterministic state machine like Scheduler: facts and the time go in,
// orders and the next wakeup come out.
//
// A firing is named by its job and its due time, and the store accepts each name once (a unique key), so that a second beat, a
// restarted one and a repeated order are harmless. Only the leader gives orders, under its epoch; the store refuses lower ones.
#pragma once

#include "policies/core/events.hpp"
#include "policies/core/ids.hpp"
#include "policies/core/time.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace drydock {

using PeriodicId = Id<struct PeriodicTag, std::uint32_t>;  // index into BeatConfig::jobs

// What becomes of due times that could not fire when they were due.
enum class CatchUp : std::uint8_t {
  all,     // each fires as soon as it can, in order; firings that nobody takes pile up
  latest,  // only the last of them fires; while a firing waits to be taken, the next ones are held back
};

struct PeriodicJob {
  std::string name;
  Duration every{};  // between due times, > 0
  Time first{};      // the first due time
  CatchUp catch_up = CatchUp::all;
};

// Due times after `after`: the first of them; kNever when time ends before.
[[nodiscard]] Time next_due(const PeriodicJob& job, Time after);
// The same schedule without its due times up to `at`: of a job that is new then.
[[nodiscard]] PeriodicJob due_after(PeriodicJob job, Time at);
// How many due times there are before `end`.
[[nodiscard]] std::uint64_t due_times_before(const PeriodicJob& job, Time end);

struct BeatConfig {
  std::vector<PeriodicJob> jobs;
  std::uint32_t max_in_flight = 1000;              // firings that await their answer
  Duration store_retry = std::chrono::seconds{1};  // pause after an order that failed
};

struct Firing {
  PeriodicId job;
  Time due{};
  friend constexpr auto operator<=>(const Firing&, const Firing&) = default;
};

// --- facts ---

// The store holds this firing: the last of each job, told before BecameLeader, and what another beat fired.
struct FiringRecorded {
  Firing firing;
  bool waits = false;  // nobody has taken it yet
};
struct BecameLeader {
  std::uint64_t epoch = 0;
};
struct LostLeadership {
  std::uint64_t epoch = 0;
};
// Answer to Fire. Done: the store holds the firing now, by this order or by an earlier one.
struct FireAnswered {
  RequestId request;
  Answer answer = Answer::done;
};
// It waits no more: it was started, or refused.
struct FiringTaken {
  Firing firing;
};
using BeatEvent = std::variant<FiringRecorded, BecameLeader, LostLeadership, FireAnswered, FiringTaken>;

// --- orders ---

// Put the job into its queue, unless the store holds this firing already; answered by FireAnswered.
struct Fire {
  RequestId request;
  std::uint64_t epoch = 0;
  Firing firing;
};

class BeatRole {
 public:
  explicit BeatRole(BeatConfig config);

  // Takes facts in, in the order in which they became known, and returns orders, which hold until the next step. `now` never
  // falls. Costs O(facts + jobs x orders).
  [[nodiscard]] std::span<const Fire> step(Time now, std::span<const BeatEvent> events);

  // The latest time at which step() must be called again even if nothing happens; kNever if there is no need.
  [[nodiscard]] Time next_wakeup() const;

  [[nodiscard]] bool leads() const { return leads_; }

 private:
  // Where one job stands. Due times before `next` need no order any more.
  struct State {
    Time next{};
    Time recorded = Time::min();  // the last due time in the store
    bool waits = false;           // that one does: it was not taken yet
    std::uint32_t in_flight = 0;
  };
  struct Open {
    Fire order;
    bool again = false;  // to be sent once more: its answer was failed or lost
  };

  void on(const FiringRecorded& event);
  void on(const BecameLeader& event);
  void on(const LostLeadership& event);
  void on(const FireAnswered& event);
  void on(const FiringTaken& event);

  void record(Firing firing, bool waits);
  // Whether a firing before this one keeps it back.
  [[nodiscard]] bool held_back(PeriodicId job) const;
  // What is to be fired for it now, if it is time: the next due time, or the last one that has passed.
  [[nodiscard]] Time due_now(PeriodicId job) const;
  void send_again();
  void send_due();

  BeatConfig config_;
  Time now_{};
  bool leads_ = false;
  std::uint64_t epoch_ = 0;
  std::uint64_t last_request_ = 0;
  Time store_ready_at_{};
  std::vector<State> states_;  // by job
  std::vector<Open> open_;     // in order of their requests
  std::vector<Fire> orders_;
};

}  // namespace drydock

// A world that keeps a scheduler busy at a constant size: each round one attempt ends and one job comes, so that `workers`
// stay full and `waiting` jobs stay in the queue.
#pragma once

#include "policies/core/journal.hpp"
#include "policies/core/rng.hpp"
#include "policies/core/scheduler.hpp"
#include "policies/core/shadow.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace drydock::bench {

struct BusyClusterConfig {
  std::string policy = "fcfs";
  std::uint32_t workers = 1000;
  std::uint64_t waiting = 1000;
  bool two_demands = false;     // half of the jobs ask for less cpu, so that places are not interchangeable
  double wide_jobs = 0.1;       // fraction of jobs with 2 to 8 tasks
  std::uint32_t lookahead = 0;  // waiting jobs that the scheduler holds in memory; 0: all
  std::string shadow = {};      // a placement policy that decides beside it; empty: none
  double estimate_least = 1.1;  // estimates are this to twice this much of the true duration; below 1 some are too short
};

class BusyCluster {
 public:
  explicit BusyCluster(const BusyClusterConfig& given);

  // One attempt ends, one job comes, and the scheduler is asked until it has nothing more to say at this instant.
  // Returns the number of attempts dispatched.
  std::uint64_t round();
  // The same, told to a journal.
  void journal_to(JournalWriter& journal) { journal_ = &journal; }

  [[nodiscard]] const Scheduler& scheduler() const { return scheduler_; }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  // Of the shadow, where there is one.
  [[nodiscard]] const ShadowReport* shadow() const { return shadow_ ? &shadow_->report() : nullptr; }

 private:
  void settle();
  void submit(std::uint64_t count);
  void load(const AskWaiting& order);
  [[nodiscard]] bool is_running(AttemptId attempt) const;

  BusyClusterConfig config_;
  Scheduler scheduler_;
  Rng rng_;
  JournalWriter* journal_ = nullptr;
  Time now_{};
  std::uint64_t next_job_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t dispatched_ = 0;
  std::optional<Shadow> shadow_;
  std::vector<Event> events_;
  std::vector<Event> answers_;
  std::deque<AttemptId> running_;  // in order of dispatch; the first ends first
  std::set<JobId> in_store_;       // where not all are in memory: jobs that wait there, all alike
};

}  // namespace drydock::bench

// What becomes of a job whose attempt failed, or was lost with its worker: when it runs again, and when it is given up.
#pragma once

#include "policies/core/cluster.hpp"
#include "policies/core/ids.hpp"
#include "policies/core/time.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>

namespace drydock {

// What is the same for every type of retry policy.
struct RetryRules {
  double budget = 0;                  // retries per job that succeeds; 0: as many as the policy wants
  std::int64_t reserve = 10;          // retries allowed before any job succeeded, and the most that are saved up
  std::int64_t quarantine_after = 0;  // attempts lost with their worker, after which a job is given up; 0: never
};

// A failed attempt of a job. The draw for its jitter is counted(seed, stream, ...) of these, so that it does not depend on
// what else happens.
struct FailedAttempt {
  JobId job;
  std::uint32_t failures = 1;  // attempts of the job that have failed, with this one
  std::uint64_t seed = 1;      // of the run
};

// Owned by the scheduler.
class RetryPolicy {
 public:
  virtual ~RetryPolicy() = default;
  [[nodiscard]] virtual const RetryRules& rules() const = 0;
  // How long the job stays out of its queue before it may run again; nothing when there is no further retry.
  [[nodiscard]] virtual std::optional<Duration> delay(const FailedAttempt& failed) const = 0;
};

// At most `reserve` retries, plus `budget` for each success, can be taken; no more than `reserve` are saved up. Whole
// millionths, so that sums are exact. (Finagle's RetryBudget; gRPC's retry throttling.)
class RetryBudget {
 public:
  explicit RetryBudget(const RetryRules& rules);
  void succeeded();
  // False, and takes nothing, when there is none left.
  [[nodiscard]] bool take();

 private:
  static constexpr std::int64_t kOne = 1'000'000;
  bool unlimited_;
  std::int64_t gain_;
  std::int64_t most_;
  std::int64_t left_;
};

// The scheduler's part that knows of retries: decides, and keeps the jobs that wait out a delay, in no queue.
class Retries {
 public:
  // Without a policy a failed attempt is its job's end, and lost ones are repeated for ever.
  Retries(std::unique_ptr<RetryPolicy> policy, std::uint64_t seed);

  [[nodiscard]] bool has_policy() const { return policy_ != nullptr; }
  void succeeded() { budget_.succeeded(); }
  // Until the job may run again; nothing when it is given up. A retry is taken from the budget.
  [[nodiscard]] std::optional<Duration> after_failure(const Job& job);
  // Whether a job that has lost so many attempts with their workers is given up.
  [[nodiscard]] bool is_poison(std::uint32_t losses) const;

  // Of jobs that are due at the same time, the one submitted first is taken first.
  void hold(JobRef ref, const Job& job, Time until);
  void forget(JobRef ref, const Job& job);
  [[nodiscard]] std::optional<JobRef> take_due(Time now);
  // When the next one is due; kNever when none is held.
  [[nodiscard]] std::size_t delayed() const { return held_.size(); }
  [[nodiscard]] Time next_due() const { return held_.empty() ? kNever : held_.begin()->until; }

 private:
  struct HeldJob {
    Time until{};
    std::uint64_t sequence = 0;
    JobRef ref;
    friend auto operator<=>(const HeldJob&, const HeldJob&) = default;
  };

  std::unique_ptr<RetryPolicy> policy_;
  std::uint64_t seed_;
  RetryBudget budget_;
  std::set<HeldJob> held_;
  std::map<std::uint64_t, Time> until_;  // of those, by sequence
};

}  // namespace drydock

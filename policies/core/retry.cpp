#include "policies/core/retry.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>
#include <utility>

namespace drydock {

RetryBudget::RetryBudget(const RetryRules& rules)
    : unlimited_(rules.budget <= 0),
      gain_(static_cast<std::int64_t>(rules.budget * static_cast<double>(kOne) + 0.5)),
      most_(rules.reserve * kOne),
      left_(most_) {}

void RetryBudget::succeeded() { left_ = std::min(most_, left_ + gain_); }

bool RetryBudget::take() {
  if (unlimited_) return true;
  if (left_ < kOne) return false;
  left_ -= kOne;
  return true;
}

Retries::Retries(std::unique_ptr<RetryPolicy> policy, std::uint64_t seed)
    : policy_(std::move(policy)), seed_(seed), budget_(policy_ ? policy_->rules() : RetryRules{}) {}

std::optional<Duration> Retries::after_failure(const Job& job) {
  if (!policy_) return std::nullopt;
  const auto delay = policy_->delay({.job = job.spec.id, .failures = job.failures, .seed = seed_});
  if (!delay || !budget_.take()) return std::nullopt;
  return std::max(Duration{0}, *delay);
}

bool Retries::is_poison(std::uint32_t losses) const {
  const std::int64_t most = policy_ ? policy_->rules().quarantine_after : 0;
  return most > 0 && std::int64_t{losses} >= most;
}

void Retries::hold(JobRef ref, const Job& job, Time until) {
  held_.insert({until, job.sequence, ref});
  until_.emplace(job.sequence, until);
}

void Retries::forget(JobRef ref, const Job& job) {
  const auto until = until_.find(job.sequence);
  DRYDOCK_CHECK(until != until_.end() && held_.erase({until->second, job.sequence, ref}) == 1,
                "a delayed job is not among those held back");
  until_.erase(until);
}

std::optional<JobRef> Retries::take_due(Time now) {
  if (held_.empty() || held_.begin()->until > now) return std::nullopt;
  const JobRef ref = held_.begin()->ref;
  until_.erase(held_.begin()->sequence);
  held_.erase(held_.begin());
  return ref;
}

}  // namespace drydock

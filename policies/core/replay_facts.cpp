#include "policies/core/replay_facts.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <variant>

namespace drydock::replay_detail {

namespace {

// Worker ids are dense, but workers may register in any order: the highest id is bounded, not their sequence.
constexpr std::uint64_t kMaxWorkers = std::uint64_t{1} << 24U;
constexpr std::int64_t kMaxAmount = std::int64_t{1} << 53U;
constexpr std::int64_t kMaxTasks = std::int64_t{1} << 24U;

[[nodiscard]] bool sensible(const Resources& amounts) {
  return (amounts.amounts >= 0).all() && (amounts.amounts <= kMaxAmount).all();
}

std::optional<std::string> problem_with_job(const JobSpec& job) {
  const std::uint64_t id = job.id.value;
  if (job.tasks == 0 || job.tasks > kMaxTasks)
    return fmt::format("job {} has {} tasks; expected 1 to {}", id, job.tasks, kMaxTasks);
  if (!sensible(job.per_task) || job.per_task.slots() < 1) {
    return fmt::format("job {} asks for amounts outside 0 to {}, or for no slot", id, kMaxAmount);
  }
  // Sums over all its tasks are computed.
  if ((job.per_task.amounts > kMaxAmount / job.tasks).any())
    return fmt::format("job {} asks for more than {} in all", id, kMaxAmount);
  if (nanos(job.estimate) <= 0)
    return fmt::format("job {} has an estimate of {} ns; expected more than 0", id, nanos(job.estimate));
  return std::nullopt;
}

std::optional<std::string> problem_with_worker(const WorkerRegistered& event, std::size_t pools) {
  const WorkerSpec& spec = event.spec;
  const std::uint32_t id = event.worker.value;
  if (id >= kMaxWorkers) return fmt::format("worker {} registers; ids are dense and below {}", id, kMaxWorkers);
  if (event.incarnation == 0) return fmt::format("worker {} registers as incarnation 0; they count from 1", id);
  if (index(spec.pool) >= pools)
    return fmt::format("worker {} is of pool {}; there are {} pools", id, spec.pool.value, pools);
  if (!sensible(spec.capacity)) return fmt::format("worker {} has a capacity outside 0 to {}", id, kMaxAmount);
  if (!std::isfinite(spec.speed) || spec.speed <= 0) return fmt::format("worker {} has speed {}", id, spec.speed);
  return std::nullopt;
}

}  // namespace

std::optional<std::string> FactChecker::problem_with(const JournalStep& step) {
  if (step.now < last_) return fmt::format("time goes back from {} ns to {} ns", nanos(last_), nanos(step.now));
  last_ = step.now;
  for (const Event& event : step.events) {
    if (const auto* submitted = std::get_if<JobSubmitted>(&event)) {
      if (auto problem = problem_with_job(submitted->job)) return problem;
    } else if (const auto* loaded = std::get_if<JobLoaded>(&event)) {
      if (auto problem = problem_with_job(loaded->job)) return problem;
      if (loaded->submitted > step.now) return fmt::format("job {} was submitted later than now", loaded->job.id.value);
    } else if (const auto* row = std::get_if<AllocationLoaded>(&event)) {
      if (row->worker.value >= kMaxWorkers) {
        return fmt::format("an allocation is on worker {}; ids are below {}", row->worker.value, kMaxWorkers);
      }
    } else if (const auto* registered = std::get_if<WorkerRegistered>(&event)) {
      if (auto problem = problem_with_worker(*registered, pools_)) return problem;
    } else if (const auto* stopped = std::get_if<AttemptStopped>(&event)) {
      if (nanos(stopped->progress) < 0)
        return fmt::format("job {} stops with a progress of {} ns", stopped->attempt.job.value, nanos(stopped->progress));
    }
  }
  return std::nullopt;
}

}  // namespace drydock::replay_detail

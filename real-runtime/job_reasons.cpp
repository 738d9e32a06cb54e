#include "real-runtime/job_reasons.hpp"

#include "policies/ports/worker_text.hpp"
#include "real-runtime/kept_output.hpp"
#include "scenarios/units.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

namespace drydock::runtime {

namespace {

std::string amount_in_words(Eigen::Index kind, std::int64_t amount) {
  switch (kind) {
    case Resources::kCpus: return fmt::format("{:g} cpus", static_cast<double>(amount) / 1000);
    case Resources::kMemory: return fmt::format("{} of memory", scenarios::format_size(amount));
    case Resources::kGpus: return fmt::format("{} gpus", amount);
    default: return fmt::format("{} slots", amount);
  }
}

// Tasks that fit at the same time.
std::int64_t room_for(const Resources& task, const Resources& worker) {
  std::int64_t most = kUnlimited;
  for (Eigen::Index kind = 0; kind < task.amounts.size(); ++kind) {
    if (task.amounts[kind] > 0) most = std::min(most, std::max<std::int64_t>(0, worker.amounts[kind]) / task.amounts[kind]);
  }
  return most;
}

}  // namespace

Result<std::vector<Resources>> read_capacities(RedisClient& redis) {
  const auto reply = redis.execute(redis::ReadWorkers{});
  const auto* workers = std::get_if<redis::Workers>(&reply);
  if (workers == nullptr) return Error{to_text(reply)};
  std::vector<Resources> capacities;
  for (const redis::WorkerEntry& entry : workers->entries) {
    if (const auto worker = parse_worker(entry)) capacities.push_back(worker.value().spec.capacity);
  }
  return capacities;
}

std::optional<std::string> why_it_waits(const JobRow& job, const std::vector<Resources>& workers, bool is_led) {
  if (job.status != JobStatus::waiting) return std::nullopt;
  if (workers.empty()) return "no worker is registered";
  const Resources task =
      make_resources({.cpus_milli = job.cpus_milli, .memory_bytes = job.memory_bytes, .gpus = job.gpus, .slots = job.slots});
  std::vector<std::string> asked;
  std::vector<std::string> too_much;
  for (Eigen::Index kind = 0; kind < task.amounts.size(); ++kind) {
    if (task.amounts[kind] <= 0) continue;
    asked.push_back(amount_in_words(kind, task.amounts[kind]));
    std::int64_t most = 0;
    for (const Resources& worker : workers) most = std::max(most, worker.amounts[kind]);
    if (task.amounts[kind] > most) {
      too_much.push_back(fmt::format("{} (the most that one has: {})", asked.back(), amount_in_words(kind, most)));
    }
  }
  const std::string_view who = job.tasks > 1 ? "each of its tasks asks for" : "it asks for";
  if (!too_much.empty()) {
    return fmt::format("no registered worker has room for it: {} {}", who, fmt::join(too_much, " and "));
  }
  std::int64_t room = 0;
  for (const Resources& worker : workers) room = std::min(kUnlimited, room + room_for(task, worker));
  if (room == 0) return fmt::format("no registered worker has room for it: {} {} on one", who, fmt::join(asked, ", "));
  if (room >= job.tasks)
    return is_led ? std::nullopt : std::optional<std::string>("no scheduler leads: start one (drydock scheduler)");
  return fmt::format("the registered workers have no room for it: there is room for {} of its {} tasks at the same time",
                     room, job.tasks);
}

bool did_not_succeed(const AttemptRow& attempt) { return !attempt.outcome.empty() && attempt.outcome != "succeeded"; }

std::map<std::size_t, AttemptOutcome> outcomes_in_redis(RedisClient& redis, JobId job,
                                                        const std::vector<AttemptRow>& attempts) {
  constexpr std::size_t kMostAsked = 100;
  std::map<std::size_t, AttemptOutcome> outcomes;
  for (std::size_t i = attempts.size() - std::min(attempts.size(), kMostAsked); i < attempts.size(); ++i) {
    if (!did_not_succeed(attempts[i])) continue;
    const auto kept = read_kept_output(redis, {job, attempts[i].number}, WorkerId{attempts[i].worker});
    if (kept && kept.value()) outcomes.emplace(i, kept.value()->outcome);
  }
  return outcomes;
}

}  // namespace drydock::runtime

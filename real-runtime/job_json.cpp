#include "real-runtime/job_json.hpp"

#include <nlohmann/json.hpp>

namespace drydock::runtime {

using nlohmann::json;

json to_json(const JobRow& job) {
  return {{"id", job.id.value},
          {"arrival", job.arrival},
          {"queue", job.queue},
          {"reason", job.queue_is_gone ? json(kQueueIsGone) : json()},
          {"status", to_string(job.status)},
          {"cancel_requested", job.cancel_requested},
          {"priority", job.priority},
          {"tasks", job.tasks},
          {"cpus", static_cast<double>(job.cpus_milli) / 1000},
          {"memory_bytes", job.memory_bytes},
          {"gpus", job.gpus},
          {"attempts", job.attempts},
          {"failures", job.failures},
          {"losses", job.losses},
          {"submitted_at", job.submitted_at},
          {"payload", job.payload}};
}

json to_json(const std::vector<AttemptRow>& attempts) {
  json rows = json::array();
  for (const AttemptRow& row : attempts) {
    rows.push_back({{"attempt", row.number},
                    {"worker", row.worker},
                    {"tasks", row.tasks},
                    {"assigned_at", row.assigned_at},
                    {"ended_at", row.ended_at.empty() ? json() : json(row.ended_at)},
                    {"outcome", row.outcome.empty() ? json() : json(row.outcome)}});
  }
  return rows;
}

json to_json(const QueueCount& queue) {
  return {{"name", queue.name}, {"served", queue.is_served}, {"waiting", queue.waiting}, {"running", queue.running}};
}

}  // namespace drydock::runtime

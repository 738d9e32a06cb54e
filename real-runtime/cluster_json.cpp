#include "real-runtime/cluster_json.hpp"

#include "real-runtime/api_text.hpp"

#include <nlohmann/json.hpp>

namespace drydock::runtime {

using nlohmann::json;

json amount_json(std::int64_t value) { return value >= kUnlimited ? json() : json(value); }
json cores_json(std::int64_t milli) { return milli >= kUnlimited ? json() : json(cores(milli)); }

std::string pool_name(PoolId pool, const std::vector<std::string>& pools) {
  return pool.value < pools.size() ? pools[pool.value] : std::to_string(pool.value);
}

json to_json(const SeenWorker& worker, const std::vector<std::string>& pools) {
  const WorkerSpec& spec = worker.entry.spec;
  const auto span = [](const std::optional<Duration>& time) { return time ? json(seconds(*time)) : json(); };
  json row{{"id", worker.entry.worker.value},
           {"host", worker.host},
           {"status", worker.entry.draining ? "draining" : "ready"},
           {"pool", spec.pool.value < pools.size() ? json(pools[spec.pool.value]) : json()},
           {"pool_number", spec.pool.value},
           {"incarnation", worker.entry.incarnation},
           {"speed", spec.speed},
           {"ttl_s", span(worker.ttl)},
           {"beat_age_s", span(worker.beat_age)},
           {"cpus", cores_json(spec.capacity.cpus())},
           {"memory_bytes", amount_json(spec.capacity.memory())},
           {"gpus", amount_json(spec.capacity.gpus())},
           {"slots", amount_json(spec.capacity.slots())},
           {"allocated", json()}};
  if (worker.held) {
    row["allocated"] = {{"cpus", cores(worker.held->cpus_milli)},
                        {"memory_bytes", worker.held->memory_bytes},
                        {"gpus", worker.held->gpus},
                        {"allocations", worker.held->allocations}};
  }
  return row;
}

}  // namespace drydock::runtime

#include "cli/worker_table.hpp"

#ifdef DRYDOCK_WITH_RUNTIME

#include "cli/columns.hpp"
#include "real-runtime/cluster_json.hpp"
#include "scenarios/units.hpp"
#include "scenarios/wording.hpp"

#include <array>
#include <fmt/format.h>

namespace drydock::cli {

namespace {

std::string core_count(std::int64_t milli) {
  return milli >= kUnlimited ? std::string("any") : fmt::format("{:g}", static_cast<double>(milli) / 1000);
}
std::string byte_count(std::int64_t bytes) {
  return bytes >= kUnlimited ? std::string("any") : scenarios::format_size(bytes);
}
std::string plain_count(std::int64_t count) { return count >= kUnlimited ? std::string("any") : std::to_string(count); }

std::vector<std::string> worker_row(const runtime::SeenWorker& worker, const std::vector<std::string>& pools) {
  const Resources& capacity = worker.entry.spec.capacity;
  const auto of = [&](std::int64_t runtime::HeldByWorker::*used, std::int64_t has, std::string (*text)(std::int64_t)) {
    return fmt::format("{}/{}", worker.held ? text((*worker.held).*used) : "-", text(has));
  };
  using Held = runtime::HeldByWorker;
  return {std::to_string(worker.entry.worker.value),
          scenarios::printable(runtime::pool_name(worker.entry.spec.pool, pools), 24),
          worker.entry.draining ? "draining" : "ready",
          of(&Held::cpus_milli, capacity.cpus(), core_count),
          of(&Held::memory_bytes, capacity.memory(), byte_count),
          of(&Held::gpus, capacity.gpus(), plain_count),
          of(&Held::allocations, capacity.slots(), plain_count),
          worker.beat_age ? fmt::format("{:.1f} s", seconds(*worker.beat_age)) : "-",
          scenarios::printable(worker.host, 40)};
}

}  // namespace

std::string worker_table(std::span<const runtime::SeenWorker> workers, const std::vector<std::string>& pools) {
  if (workers.empty()) return {};
  std::vector<std::vector<std::string>> rows{
      {"worker", "pool", "status", "cpus", "memory", "gpus", "jobs/slots", "last beat", "host"}};
  for (const runtime::SeenWorker& worker : workers) rows.push_back(worker_row(worker, pools));
  return in_columns(rows, "rllrrrrrl");
}

}  // namespace drydock::cli

#endif

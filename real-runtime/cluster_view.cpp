#include "real-runtime/cluster_view.hpp"

#include "real-runtime/scheduler_driver.hpp"

#include <algorithm>
#include <map>

namespace drydock::runtime {

namespace {

struct Registry {
  redis::Workers workers;
  std::optional<std::int64_t> counter;
};

Result<Registry> read_registry(RedisClient& redis) {
  redis.submit(redis::ReadWorkers{});
  redis.submit(redis::GetCounter{});
  const auto replies = redis.collect();
  auto workers = expected<redis::Workers>(replies.at(0));
  if (!workers) return workers.error();
  const auto counter = expected<redis::Value>(replies.at(1));
  if (!counter) return counter.error();
  return Registry{std::move(workers).value(), counter.value().value};
}

struct Truth {
  std::vector<HeldByWorker> held;
  postgres::Totals totals;
};

Result<Truth> read_truth(PostgresClient& store, const std::string& schema) {
  auto held = held_by_workers(store, schema);
  if (!held) return held.error();
  const auto totals = expected<postgres::Totals>(store.execute(postgres::ReadTotals{}));
  if (!totals) return totals.error();
  return Truth{std::move(held).value(), totals.value()};
}

void add(HeldByWorker& sum, const HeldByWorker& more) {
  sum.cpus_milli += more.cpus_milli;
  sum.memory_bytes += more.memory_bytes;
  sum.gpus += more.gpus;
  sum.allocations += more.allocations;
}

}  // namespace

Resources ClusterView::capacity() const {
  Resources sum;
  for (const SeenWorker& worker : workers) {
    sum += worker.entry.spec.capacity;
    sum.amounts = sum.amounts.min(kUnlimited);
  }
  return sum;
}

HeldByWorker ClusterView::held() const {
  HeldByWorker sum;
  for (const SeenWorker& worker : workers) add(sum, worker.held);
  for (const HeldByWorker& orphan : orphans) add(sum, orphan);
  return sum;
}

std::size_t ClusterView::draining() const {
  return static_cast<std::size_t>(std::ranges::count_if(workers, [](const auto& worker) { return worker.entry.draining; }));
}

Result<ClusterView> read_cluster(ApiStores& stores) {
  auto registry = stores.with_redis([](RedisClient& redis) { return read_registry(redis); });
  if (!registry) return registry.error();
  auto truth = stores.with_postgres([&](PostgresClient& store) { return read_truth(store, stores.schema()); });
  if (!truth) return truth.error();
  std::map<std::uint32_t, HeldByWorker> held;
  for (const HeldByWorker& row : truth.value().held) held[row.worker] = row;

  ClusterView view;
  view.counter_cpus_milli = registry.value().counter;
  view.truth = truth.value().totals;
  for (const redis::WorkerEntry& entry : registry.value().workers.entries) {
    const auto parsed = parse_worker(entry);
    if (!parsed) {
      ++view.unreadable;
      continue;
    }
    SeenWorker worker;
    worker.entry = parsed.value();
    if (const auto at = entry.fields.find("hostname"); at != entry.fields.end()) worker.host = at->second;
    if (entry.ttl.state == redis::Ttl::State::expiring) worker.ttl = entry.ttl.left;
    const std::uint32_t number = worker.entry.worker.value;
    if (const auto at = held.find(number); at != held.end()) {
      worker.held = at->second;
      held.erase(at);
    }
    view.workers.push_back(std::move(worker));
  }
  std::ranges::sort(view.workers, {}, [](const SeenWorker& worker) { return worker.entry.worker; });
  for (const auto& [number, row] : held) view.orphans.push_back(row);
  return view;
}

Result<postgres::Lease> read_leader(ApiStores& stores) {
  return stores.with_postgres([](PostgresClient& store) {
    return expected<postgres::Lease>(store.execute(postgres::ReadLease{std::string(SchedulerDriver::kLease)}));
  });
}

}  // namespace drydock::runtime

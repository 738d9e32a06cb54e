#include "real-runtime/cluster_view.hpp"

#include "real-runtime/scheduler_driver.hpp"

#include <algorithm>
#include <map>

namespace drydock::runtime {

namespace {

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

SeenWorker seen(const redis::WorkerEntry& entry, const WorkerEntryView& parsed) {
  SeenWorker worker;
  worker.entry = parsed;
  worker.place = read_place(entry.fields);
  if (const auto at = entry.fields.find("hostname"); at != entry.fields.end()) worker.host = at->second;
  if (entry.ttl.state != redis::Ttl::State::expiring) return worker;
  worker.ttl = entry.ttl.left;
  if (worker.place.lease) worker.beat_age = std::max(Duration{0}, *worker.place.lease - entry.ttl.left);
  return worker;
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
  for (const SeenWorker& worker : workers) add(sum, worker.held.value_or(HeldByWorker{}));
  for (const HeldByWorker& orphan : orphans) add(sum, orphan);
  return sum;
}

std::size_t ClusterView::draining() const {
  return static_cast<std::size_t>(std::ranges::count_if(workers, [](const auto& worker) { return worker.entry.draining; }));
}

const SeenWorker* ClusterView::find(WorkerId worker) const {
  const auto at = std::ranges::find(workers, worker, [](const SeenWorker& one) { return one.entry.worker; });
  return at == workers.end() ? nullptr : &*at;
}

Result<ClusterView> read_registry(RedisClient& redis) {
  redis.submit(redis::ReadWorkers{});
  redis.submit(redis::GetCounter{});
  const auto replies = redis.collect();
  const auto workers = expected<redis::Workers>(replies.at(0));
  if (!workers) return workers.error();
  const auto counter = expected<redis::Value>(replies.at(1));
  if (!counter) return counter.error();
  ClusterView view;
  view.counter_cpus_milli = counter.value().value;
  for (const redis::WorkerEntry& entry : workers.value().entries) {
    if (const auto parsed = parse_worker(entry)) view.workers.push_back(seen(entry, parsed.value()));
    else ++view.unreadable;
  }
  std::ranges::sort(view.workers, {}, [](const SeenWorker& worker) { return worker.entry.worker; });
  return view;
}

Result<ClusterView> read_cluster(ApiStores& stores) {
  auto registry = stores.with_redis([](RedisClient& redis) { return read_registry(redis); });
  if (!registry) return registry.error();
  auto truth = stores.with_postgres([&](PostgresClient& store) { return read_truth(store, stores.schema()); });
  if (!truth) return truth.error();
  std::map<std::uint32_t, HeldByWorker> held;
  for (const HeldByWorker& row : truth.value().held) held[row.worker] = row;

  ClusterView view = std::move(registry).value();
  view.truth = truth.value().totals;
  for (SeenWorker& worker : view.workers) {
    const auto node = held.extract(worker.entry.worker.value);
    worker.held = node.empty() ? HeldByWorker{} : node.mapped();
  }
  for (const auto& [number, row] : held) view.orphans.push_back(row);
  return view;
}

Result<postgres::Lease> read_leader(ApiStores& stores) {
  return stores.with_postgres([](PostgresClient& store) { return read_leader(store); });
}

}  // namespace drydock::runtime

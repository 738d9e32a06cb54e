// What there is and what is allocated, by the registry, the counter and the truth side by side.
#pragma once

#include "policies/core/result.hpp"
#include "policies/ports/worker_text.hpp"
#include "real-runtime/api_stores.hpp"
#include "real-runtime/worker_place.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace drydock::runtime {

// A worker that the registry knows, which is one that lives.
struct SeenWorker {
  WorkerEntryView entry;
  std::string host;
  WorkerPlace place;
  std::optional<Duration> ttl;       // none: its key never expires
  std::optional<Duration> beat_age;  // since its last beat; none: it does not say for how long one holds
  std::optional<HeldByWorker> held;  // none: not asked
};

struct ClusterView {
  std::vector<SeenWorker> workers;                 // by number
  std::uint32_t unreadable = 0;                    // keys of the registry that are no workers of this kind
  std::vector<HeldByWorker> orphans;               // held on workers that the registry does not know
  std::optional<std::int64_t> counter_cpus_milli;  // none: the key is not there
  postgres::Totals truth;

  // Saturates at kUnlimited.
  [[nodiscard]] Resources capacity() const;
  [[nodiscard]] HeldByWorker held() const;
  [[nodiscard]] std::size_t draining() const;
  // The one of that number, if the registry knows it.
  [[nodiscard]] const SeenWorker* find(WorkerId worker) const;
};

[[nodiscard]] Result<ClusterView> read_cluster(ApiStores& stores);
// What Redis says alone: nothing is known of what is held.
[[nodiscard]] Result<ClusterView> read_registry(RedisClient& redis);

// Who leads; `left` is 0 where nobody does.
[[nodiscard]] Result<postgres::Lease> read_leader(ApiStores& stores);

}  // namespace drydock::runtime

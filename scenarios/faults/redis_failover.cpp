#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

namespace drydock::scenarios {
namespace {

constexpr Duration kLag = std::chrono::seconds{1};

}  // namespace

FaultKind redis_failover_kind() {
  return {.type = "redis-failover",
          .summary = "The primary Redis dies, and a replica that lacks the last writes takes its place",
          .details =
              "Nobody reaches Redis for that long; then another server, with another run id, has what the primary had "
              "\"lag\" before it died: replication is asynchronous, so that heartbeats, registrations and updates of the "
              "counter since then were acknowledged and are lost. TTLs go on. A worker that fences itself counts on a beat "
              "that the replica never saw.",
          .source = "Redis documentation, Sentinel (last failover wins, bounded loss of writes)",
          .keys = keys::kRedisFailover,
          .read = [](const ObjectReader& fault, const Scenario& /*scenario*/) -> Fault {
            StoreFault result{.kind = StoreFault::Kind::redis_failover};
            result.when = read_times(fault, Lasting::must_end);
            result.lag = fault.duration("lag", kLag);
            return result;
          },
          .draw = [](FaultDice& dice) -> Json {
            if (!dice.uses_redis()) return nullptr;
            Json fault{{"at", dice.moment()}, {"for", dice.span()}};
            if (dice.chance(0.7)) fault["lag"] = dice.span();
            return fault;
          }};
}

}  // namespace drydock::scenarios

// Layout of the keys in Redis, the same in every world. A client may put a prefix before all of them.
#pragma once

#include <string>
#include <string_view>

namespace drydock::redis {

inline constexpr std::string_view kWorkerPrefix = "worker:";
inline constexpr std::string_view kCounterKey = "resource:allocated_cpus";      // string: an integer
inline constexpr std::string_view kFenceKey = "resource:allocated_cpus:fence";  // hash: epoch and version of the counter
inline constexpr std::string_view kReservationsKey = "resource:reservations";   // hash: "id:<id>" -> amount, "sum"
inline constexpr std::string_view kReservedUntilKey =
    "resource:reservations:until";                                            // sorted set: id by the end of its lease, ms
inline constexpr std::string_view kEpochKey = "drydock:epoch";                // string: the highest epoch seen
inline constexpr std::string_view kInstallationKey = "drydock:installation";  // hash with a TTL: whose keys these are
inline constexpr std::string_view kSentinelKey = "drydock:sentinel";          // string

[[nodiscard]] inline std::string joined(std::string_view a, std::string_view b) { return std::string(a).append(b); }

// hash: the fields of a worker
[[nodiscard]] inline std::string worker_key(std::string_view worker) { return joined(kWorkerPrefix, worker); }
// list: payloads, the next one first
[[nodiscard]] inline std::string queue_key(std::string_view queue) { return joined("queue:", queue); }
// list: what a consumer took from a queue and has not acknowledged, the oldest first
[[nodiscard]] inline std::string processing_key(std::string_view queue, std::string_view consumer) {
  return joined("processing:", queue).append(":").append(consumer);
}
// hash with a TTL: holder, epoch
[[nodiscard]] inline std::string lease_key(std::string_view lease) { return joined("lease:", lease); }
// string: the last epoch of a lease
[[nodiscard]] inline std::string lease_epoch_key(std::string_view lease) { return joined("lease-epoch:", lease); }
// hash: token, state
[[nodiscard]] inline std::string ledger_key(std::string_view ledger) { return joined("share:", ledger); }

}  // namespace drydock::redis

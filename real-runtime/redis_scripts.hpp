// The Lua scripts of the port: one for each operation of policies/ports/redis.hpp that is more than one command.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace drydock::runtime {

enum class RedisScript : std::uint8_t {
  read_workers,  // keys: -; arguments: pattern of the keys, length of what stands before a worker's name
  beat_worker,  // keys: worker; arguments: TTL in ms, life, above, number of fields, fields and values, touched fields and values
  delete_worker,  // keys: worker; arguments: life
  identity,       // keys: sentinel; arguments: sentinel to plant, or none
  raise_epoch,    // keys: epoch; arguments: epoch
  checked_add,    // keys: epoch, counter, fence; arguments: epoch, version, delta, limit
  fenced_set,     // keys: epoch, counter, fence; arguments: epoch, version, value
  fenced_push,    // keys: epoch, queue; arguments: epoch, payload
  reserve,        // keys: counter, fence, reservations, their leases; arguments: id, amount, limit, lease in ms
  confirm,        // keys: epoch, counter, fence, reservations, their leases; arguments: epoch, version, id
  cancel,         // keys: reservations, their leases; arguments: id
  requeue,        // keys: processing, queue; arguments: -
  acquire_lease,  // keys: lease, its last epoch; arguments: holder, TTL in ms, lowest epoch
  release_lease,  // keys: lease; arguments: holder, epoch
  read_lease,     // keys: lease; arguments: -
  read_ledger,    // keys: ledger; arguments: -
  swap_ledger,    // keys: ledger; arguments: run id, expected token (empty: no ledger), token, state
};

inline constexpr std::size_t kRedisScripts = 17;

// Verdicts are {outcome as in redis::Verdict::Outcome, value}, leases {holder, epoch, ms left}, ledgers {run id, clock in ms} or
// {run id, clock in ms, token, state}. Integers that may pass 2^53 are
// returned as text, since Lua's numbers are doubles.
[[nodiscard]] std::string text_of(RedisScript script);

}  // namespace drydock::runtime

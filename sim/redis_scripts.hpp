// The Lua scripts of the port, as functions on the simulated data: command by command what real-runtime's scripts do.
#pragma once

#include "policies/ports/redis.hpp"
#include "sim/redis_keyspace.hpp"

namespace drydock::sim {

[[nodiscard]] redis::Reply run_script(RedisKeyspace& keys, const redis::DeleteWorker& op);
[[nodiscard]] redis::Reply run_script(RedisKeyspace& keys, const redis::BeatWorker& op);
[[nodiscard]] redis::Reply run_script(RedisKeyspace& keys, const redis::RaiseEpoch& op);
[[nodiscard]] redis::Reply run_script(RedisKeyspace& keys, const redis::CheckedAdd& op);
[[nodiscard]] redis::Reply run_script(RedisKeyspace& keys, const redis::FencedSet& op);
[[nodiscard]] redis::Reply run_script(RedisKeyspace& keys, const redis::FencedPush& op);
[[nodiscard]] redis::Reply run_script(RedisKeyspace& keys, const redis::Reserve& op);
[[nodiscard]] redis::Reply run_script(RedisKeyspace& keys, const redis::Confirm& op);
[[nodiscard]] redis::Reply run_script(RedisKeyspace& keys, const redis::Cancel& op);
[[nodiscard]] redis::Reply run_script(RedisKeyspace& keys, const redis::Requeue& op);
[[nodiscard]] redis::Reply run_script(RedisKeyspace& keys, const redis::AcquireLease& op);
[[nodiscard]] redis::Reply run_script(RedisKeyspace& keys, const redis::ReleaseLease& op);
[[nodiscard]] redis::Reply run_script(RedisKeyspace& keys, const redis::ReadLease& op);
[[nodiscard]] redis::Reply run_script(RedisKeyspace& keys, const std::string& run_id, const redis::ReadLedger& op);
[[nodiscard]] redis::Reply run_script(RedisKeyspace& keys, const std::string& run_id, const redis::SwapLedger& op);

}  // namespace drydock::sim

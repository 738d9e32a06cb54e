#include "sim/redis_scripts.hpp"

#include "policies/core/assert.hpp"
#include "policies/ports/redis_keys.hpp"

#include <charconv>
#include <utility>

namespace drydock::sim {

namespace {

using namespace redis;
using Outcome = Verdict::Outcome;

std::int64_t integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  DRYDOCK_CHECK(error == std::errc{} && end == text.data() + text.size(), "scripts store integers in these fields");
  return value;
}

Failed overflow() { return {Failed::Reason::overflow, "ERR increment or decrement would overflow"}; }

// Remembers the highest epoch. Returns it if `epoch` is older.
std::optional<std::int64_t> newer_epoch(RedisKeyspace& keys, std::int64_t epoch) {
  const auto highest = keys.get_integer(kEpochKey);
  if (highest && epoch < *highest) return highest;
  if (!highest || epoch > *highest) keys.set_integer(kEpochKey, epoch);
  return std::nullopt;
}

// (epoch, version) of the last change counted.
using Fence = std::pair<std::int64_t, std::int64_t>;

std::optional<Fence> fence_of(RedisKeyspace& keys) {
  const auto epoch = keys.hget(kFenceKey, "epoch");
  const auto version = keys.hget(kFenceKey, "version");
  if (!epoch || !version) return std::nullopt;
  return Fence(integer(*epoch), integer(*version));
}

void set_fence(RedisKeyspace& keys, Fence fence) {
  keys.hset(kFenceKey, "epoch", std::to_string(fence.first));
  keys.hset(kFenceKey, "version", std::to_string(fence.second));
}

std::string reservation_field(std::string_view id) { return joined("id:", id); }

std::int64_t reserved_sum(RedisKeyspace& keys) {
  const auto sum = keys.hget(kReservationsKey, "sum");
  return sum ? integer(*sum) : 0;
}

void add_to_sum(RedisKeyspace& keys, std::int64_t delta) {
  keys.hset(kReservationsKey, "sum", std::to_string(reserved_sum(keys) + delta));
}

// Forgets a reservation if it is there; returns its amount.
std::optional<std::int64_t> forget(RedisKeyspace& keys, const std::string& id) {
  keys.zrem(kReservedUntilKey, id);
  const auto amount = keys.hget(kReservationsKey, reservation_field(id));
  if (!amount) return std::nullopt;
  keys.hdel(kReservationsKey, reservation_field(id));
  add_to_sum(keys, -integer(*amount));
  if (!keys.exists(kReservedUntilKey)) keys.del(kReservationsKey);
  return integer(*amount);
}

// Forgets what has lapsed. When one of the two keys was evicted, the other is worth nothing.
void drop_lapsed(RedisKeyspace& keys) {
  const std::int64_t amounts = keys.hlen(kReservationsKey);
  const std::int64_t leases = keys.zcard(kReservedUntilKey);
  if (amounts != (leases == 0 ? 0 : leases + 1)) {
    keys.del(kReservationsKey);
    keys.del(kReservedUntilKey);
  }
  while (const auto id = keys.first_below(kReservedUntilKey, keys.now_ms())) forget(keys, *id);
}

bool counter_is_fenced(RedisKeyspace& keys) { return keys.exists(kCounterKey) && fence_of(keys).has_value(); }

Lease held_lease(RedisKeyspace& keys, const std::string& key) {
  const auto holder = keys.hget(key, "holder");
  if (!holder) return {};
  return {*holder, integer(*keys.hget(key, "epoch")), duration_of_ms(keys.pttl(key))};
}

// Of another life, and not of a process before.
bool is_foreign(RedisKeyspace& keys, const std::string& key, const BeatWorker& op) {
  const auto life = keys.hget(key, "life");
  if (op.life.empty() || !life || *life == op.life) return false;
  const std::string incarnation = keys.hget(key, "incarnation").value_or("");
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(incarnation.data(), incarnation.data() + incarnation.size(), number);
  const bool is_number = error == std::errc{} && end == incarnation.data() + incarnation.size();
  return !is_number || number >= op.above;
}

}  // namespace

Reply run_script(RedisKeyspace& keys, const DeleteWorker& op) {
  const std::string key = worker_key(op.worker);
  if (!op.life.empty() && keys.hget(key, "life").value_or(op.life) != op.life) return Found{false};
  return Found{keys.del(key)};
}

Reply run_script(RedisKeyspace& keys, const BeatWorker& op) {
  const std::string key = worker_key(op.worker);
  if (is_foreign(keys, key, op)) return Beat{Beat::Before::foreign};
  auto before = keys.exists(key) ? Beat::Before::complete : Beat::Before::missing;
  for (const auto& [field, value] : op.fields) {
    if (keys.hsetnx(key, field, value) && before == Beat::Before::complete) before = Beat::Before::incomplete;
  }
  keys.hset(key, op.touched);
  if (!op.life.empty()) keys.hset(key, "life", op.life);
  keys.pexpire(key, ttl_ms(op.ttl));
  return Beat{before};
}

Reply run_script(RedisKeyspace& keys, const RaiseEpoch& op) {
  if (const auto newer = newer_epoch(keys, op.epoch)) return Verdict{Outcome::old_epoch, *newer};
  return Verdict{Outcome::applied, op.epoch};
}

Reply run_script(RedisKeyspace& keys, const CheckedAdd& op) {
  if (const auto newer = newer_epoch(keys, op.epoch)) return Verdict{Outcome::old_epoch, *newer};
  const auto counter = keys.get_integer(kCounterKey);
  const auto fence = fence_of(keys);
  if (!counter || !fence) return Verdict{Outcome::missing, 0};
  if (Fence(op.epoch, op.version) <= *fence) return Verdict{Outcome::old_version, *counter};
  // Without the sum, which may overflow.
  if (op.delta > 0 && *counter > op.limit - op.delta) return Verdict{Outcome::over_limit, *counter};
  const auto sum = keys.incr_by(kCounterKey, op.delta);
  if (!sum) return overflow();
  set_fence(keys, {op.epoch, op.version});
  return Verdict{Outcome::applied, *sum};
}

Reply run_script(RedisKeyspace& keys, const FencedSet& op) {
  if (const auto newer = newer_epoch(keys, op.epoch)) return Verdict{Outcome::old_epoch, *newer};
  const auto fence = fence_of(keys);
  if (fence && Fence(op.epoch, op.version) < *fence) {
    return Verdict{Outcome::old_version, keys.get_integer(kCounterKey).value_or(0)};
  }
  keys.set_integer(kCounterKey, op.value);
  set_fence(keys, {op.epoch, op.version});
  return Verdict{Outcome::applied, op.value};
}

Reply run_script(RedisKeyspace& keys, const FencedPush& op) {
  if (const auto newer = newer_epoch(keys, op.epoch)) return Verdict{Outcome::old_epoch, *newer};
  return Verdict{Outcome::applied, keys.push_back(queue_key(op.queue), op.payload)};
}

Reply run_script(RedisKeyspace& keys, const Reserve& op) {
  drop_lapsed(keys);
  if (!counter_is_fenced(keys)) return Verdict{Outcome::missing, 0};
  const std::int64_t counter = *keys.get_integer(kCounterKey);
  const auto old = keys.hget(kReservationsKey, reservation_field(op.id));
  const std::int64_t others = reserved_sum(keys) - (old ? integer(*old) : 0);
  if (counter > op.limit - op.amount - others) return Verdict{Outcome::over_limit, reserved_sum(keys)};
  keys.hset(kReservationsKey, reservation_field(op.id), std::to_string(op.amount));
  keys.hset(kReservationsKey, "sum", std::to_string(others + op.amount));
  keys.zadd(kReservedUntilKey, op.id, keys.now_ms() + ttl_ms(op.lease));
  return Verdict{Outcome::applied, others + op.amount};
}

Reply run_script(RedisKeyspace& keys, const Confirm& op) {
  if (const auto newer = newer_epoch(keys, op.epoch)) return Verdict{Outcome::old_epoch, *newer};
  drop_lapsed(keys);
  const auto counter = keys.get_integer(kCounterKey);
  const auto fence = fence_of(keys);
  if (!counter || !fence) return Verdict{Outcome::missing, 0};
  if (Fence(op.epoch, op.version) <= *fence) {
    forget(keys, op.id);
    return Verdict{Outcome::old_version, *counter};
  }
  const auto amount = keys.hget(kReservationsKey, reservation_field(op.id));
  if (!amount) return Verdict{Outcome::missing, 0};
  const auto sum = keys.incr_by(kCounterKey, integer(*amount));
  if (!sum) return overflow();
  forget(keys, op.id);
  set_fence(keys, {op.epoch, op.version});
  return Verdict{Outcome::applied, *sum};
}

Reply run_script(RedisKeyspace& keys, const Cancel& op) {
  drop_lapsed(keys);
  const bool found = forget(keys, op.id).has_value();
  return Verdict{found ? Outcome::applied : Outcome::missing, found ? reserved_sum(keys) : 0};
}

Reply run_script(RedisKeyspace& keys, const Requeue& op) {
  const std::string from = processing_key(op.queue, op.consumer);
  const std::string to = queue_key(op.queue);
  std::int64_t moved = 0;
  while (keys.lmove(from, to, RedisKeyspace::End::back, RedisKeyspace::End::front)) ++moved;
  return Count{moved};
}

Reply run_script(RedisKeyspace& keys, const AcquireLease& op) {
  const std::string key = lease_key(op.lease);
  const Lease held = held_lease(keys, key);
  if (!held.holder.empty() && held.holder != op.holder) return held;
  if (held.holder.empty() || held.epoch < op.epoch_min) {
    const std::int64_t next = keys.get_integer(lease_epoch_key(op.lease)).value_or(0) + 1;
    const std::int64_t epoch = std::max(next, op.epoch_min);
    keys.set_integer(lease_epoch_key(op.lease), epoch);
    keys.hset(key, {{"holder", op.holder}, {"epoch", std::to_string(epoch)}});
  }
  keys.pexpire(key, ttl_ms(op.ttl));
  return held_lease(keys, key);
}

Reply run_script(RedisKeyspace& keys, const ReleaseLease& op) {
  const std::string key = lease_key(op.lease);
  const Lease held = held_lease(keys, key);
  if (held.holder != op.holder || held.epoch != op.epoch) return Found{false};
  keys.del(key);
  return Found{true};
}

Reply run_script(RedisKeyspace& keys, const ReadLease& op) { return held_lease(keys, lease_key(op.lease)); }

Reply run_script(RedisKeyspace& keys, const std::string& run_id, const ReadLedger& op) {
  const std::string key = ledger_key(op.ledger);
  auto token = keys.hget(key, "token");
  auto state = keys.hget(key, "state");
  Ledger ledger{.run_id = run_id, .clock = time_at(nanos(duration_of_ms(keys.now_ms()))), .token = {}, .state = {}};
  if (!token || !state) return ledger;
  ledger.token = std::move(token);
  ledger.state = *std::move(state);
  return ledger;
}

Reply run_script(RedisKeyspace& keys, const std::string& run_id, const SwapLedger& op) {
  const Ledger now = std::get<Ledger>(run_script(keys, run_id, ReadLedger{op.ledger}));
  if (run_id != op.run_id || now.token != op.expected) return now;
  keys.hset(ledger_key(op.ledger), {{"token", op.token}, {"state", op.state}});
  return run_script(keys, run_id, ReadLedger{op.ledger});
}

}  // namespace drydock::sim

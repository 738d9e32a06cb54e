#include "real-runtime/redis_scripts.hpp"

#include <string>

namespace drydock::runtime {

namespace {

// Outcomes, in the order of redis::Verdict::Outcome.
constexpr const char* kOutcomes = R"lua(
local APPLIED, OLD_EPOCH, MISSING, OLD_VERSION, OVER_LIMIT = 0, 1, 2, 3, 4
)lua";

// Remembers the highest epoch. Returns it if this one is older.
constexpr const char* kEpochs = R"lua(
local function newer_epoch(key, epoch)
  local highest = redis.call('GET', key)
  if highest and tonumber(epoch) < tonumber(highest) then return highest end
  if not highest or tonumber(epoch) > tonumber(highest) then redis.call('SET', key, epoch) end
  return nil
end
)lua";

// Where (epoch, version) stands to the last change counted: nil if none was, else -1, 0 or 1.
constexpr const char* kFences = R"lua(
local function compare_to_fence(key, epoch, version)
  local fence = redis.call('HMGET', key, 'epoch', 'version')
  if not fence[1] or not fence[2] then return nil end
  local e, v = tonumber(epoch) - tonumber(fence[1]), tonumber(version) - tonumber(fence[2])
  if e ~= 0 then return e > 0 and 1 or -1 end
  return v > 0 and 1 or (v < 0 and -1 or 0)
end
local function set_fence(key, epoch, version)
  redis.call('HSET', key, 'epoch', epoch, 'version', version)
end
)lua";

// drop_lapsed(): forgets what has lapsed; when one of the two keys was evicted, the other is worth nothing.
constexpr const char* kReservations = R"lua(
local function forget(hash, untils, id)
  redis.call('ZREM', untils, id)
  local amount = redis.call('HGET', hash, 'id:' .. id)
  if not amount then return nil end
  redis.call('HDEL', hash, 'id:' .. id)
  redis.call('HINCRBY', hash, 'sum', -tonumber(amount))
  if redis.call('EXISTS', untils) == 0 then redis.call('DEL', hash) end
  return amount
end
local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function drop_lapsed(hash, untils, now)
  local amounts, leases = redis.call('HLEN', hash), redis.call('ZCARD', untils)
  if amounts ~= (leases == 0 and 0 or leases + 1) then redis.call('DEL', hash, untils) end
  local lapsed = redis.call('ZRANGEBYSCORE', untils, '-inf', string.format('(%.0f', now))
  for _, id in ipairs(lapsed) do forget(hash, untils, id) end
end
)lua";

constexpr const char* kLeases = R"lua(
local function held_lease(key)
  local lease = redis.call('HMGET', key, 'holder', 'epoch')
  if not lease[1] then return nil end
  return {lease[1], lease[2], redis.call('PTTL', key)}
end
)lua";

constexpr const char* kReadWorkers = R"lua(
local cursor, seen, result = '0', {}, {}
repeat
  local page = redis.call('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', 1000, 'TYPE', 'hash')
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    if not seen[key] then
      seen[key] = true
      result[#result + 1] = string.sub(key, tonumber(ARGV[2]) + 1)
      result[#result + 1] = redis.call('PTTL', key)
      result[#result + 1] = redis.call('HGETALL', key)
    end
  end
until cursor == '0'
return result
)lua";

constexpr const char* kBeatWorker = R"lua(
local existed, added = redis.call('EXISTS', KEYS[1]) == 1, 0
local life, last = ARGV[2], 4 + 2 * tonumber(ARGV[4])
if life ~= '' then
  local is = redis.call('HMGET', KEYS[1], 'life', 'incarnation')
  if is[1] and is[1] ~= life and (tonumber(is[2] or '') or math.huge) >= tonumber(ARGV[3]) then return 3 end
end
for i = 5, last, 2 do added = added + redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = last + 1, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
if life ~= '' then redis.call('HSET', KEYS[1], 'life', life) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
if not existed then return 2 end
return added > 0 and 1 or 0
)lua";

constexpr const char* kDeleteWorker = R"lua(
local life = redis.call('HGET', KEYS[1], 'life')
if life and life ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
)lua";

constexpr const char* kIdentity = R"lua(
if ARGV[1] then redis.call('SET', KEYS[1], ARGV[1], 'NX') end
return {string.match(redis.call('INFO', 'server'), 'run_id:(%x+)'), redis.call('GET', KEYS[1])}
)lua";

constexpr const char* kRaiseEpoch = R"lua(
local newer = newer_epoch(KEYS[1], ARGV[1])
if newer then return {OLD_EPOCH, newer} end
return {APPLIED, ARGV[1]}
)lua";

constexpr const char* kCheckedAdd = R"lua(
local epoch, version, delta, limit = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local newer = newer_epoch(KEYS[1], epoch)
if newer then return {OLD_EPOCH, newer} end
local counter, order = redis.call('GET', KEYS[2]), compare_to_fence(KEYS[3], epoch, version)
if not counter or not order then return {MISSING, '0'} end
if order <= 0 then return {OLD_VERSION, counter} end
if tonumber(delta) > 0 and tonumber(counter) > tonumber(limit) - tonumber(delta) then return {OVER_LIMIT, counter} end
redis.call('INCRBY', KEYS[2], delta)
set_fence(KEYS[3], epoch, version)
return {APPLIED, redis.call('GET', KEYS[2])}
)lua";

constexpr const char* kFencedSet = R"lua(
local epoch, version, value = ARGV[1], ARGV[2], ARGV[3]
local newer = newer_epoch(KEYS[1], epoch)
if newer then return {OLD_EPOCH, newer} end
local order = compare_to_fence(KEYS[3], epoch, version)
if order and order < 0 then return {OLD_VERSION, redis.call('GET', KEYS[2]) or '0'} end
redis.call('SET', KEYS[2], value)
set_fence(KEYS[3], epoch, version)
return {APPLIED, value}
)lua";

constexpr const char* kFencedPush = R"lua(
local newer = newer_epoch(KEYS[1], ARGV[1])
if newer then return {OLD_EPOCH, newer} end
return {APPLIED, tostring(redis.call('RPUSH', KEYS[2], ARGV[2]))}
)lua";

constexpr const char* kReserve = R"lua(
local id, amount, limit, lease = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local now = now_ms()
drop_lapsed(KEYS[3], KEYS[4], now)
local counter = redis.call('GET', KEYS[1])
if not counter or redis.call('HLEN', KEYS[2]) < 2 then return {MISSING, '0'} end
local sum = redis.call('HGET', KEYS[3], 'sum') or '0'
local others = tonumber(sum) - tonumber(redis.call('HGET', KEYS[3], 'id:' .. id) or '0')
if tonumber(counter) > limit - amount - others then return {OVER_LIMIT, sum} end
redis.call('HSET', KEYS[3], 'id:' .. id, ARGV[2], 'sum', string.format('%.0f', others + amount))
redis.call('ZADD', KEYS[4], string.format('%.0f', now + lease), id)
return {APPLIED, redis.call('HGET', KEYS[3], 'sum')}
)lua";

constexpr const char* kConfirm = R"lua(
local epoch, version, id = ARGV[1], ARGV[2], ARGV[3]
local newer = newer_epoch(KEYS[1], epoch)
if newer then return {OLD_EPOCH, newer} end
drop_lapsed(KEYS[4], KEYS[5], now_ms())
local counter, order = redis.call('GET', KEYS[2]), compare_to_fence(KEYS[3], epoch, version)
if not counter or not order then return {MISSING, '0'} end
if order <= 0 then
  forget(KEYS[4], KEYS[5], id)
  return {OLD_VERSION, counter}
end
local amount = redis.call('HGET', KEYS[4], 'id:' .. id)
if not amount then return {MISSING, '0'} end
redis.call('INCRBY', KEYS[2], amount)
forget(KEYS[4], KEYS[5], id)
set_fence(KEYS[3], epoch, version)
return {APPLIED, redis.call('GET', KEYS[2])}
)lua";

constexpr const char* kCancel = R"lua(
drop_lapsed(KEYS[1], KEYS[2], now_ms())
if not forget(KEYS[1], KEYS[2], ARGV[1]) then return {MISSING, '0'} end
return {APPLIED, redis.call('HGET', KEYS[1], 'sum') or '0'}
)lua";

constexpr const char* kRequeue = R"lua(
local moved = 0
while redis.call('LMOVE', KEYS[1], KEYS[2], 'RIGHT', 'LEFT') do moved = moved + 1 end
return moved
)lua";

constexpr const char* kAcquireLease = R"lua(
local holder, ttl, lowest = ARGV[1], ARGV[2], ARGV[3]
local held = held_lease(KEYS[1])
if held and held[1] ~= holder then return held end
if not held or tonumber(held[2]) < tonumber(lowest) then
  local next = tonumber(redis.call('GET', KEYS[2]) or '0') + 1
  local epoch = string.format('%.0f', math.max(next, tonumber(lowest)))
  redis.call('SET', KEYS[2], epoch)
  redis.call('HSET', KEYS[1], 'holder', holder, 'epoch', epoch)
end
redis.call('PEXPIRE', KEYS[1], ttl)
return held_lease(KEYS[1])
)lua";

constexpr const char* kReleaseLease = R"lua(
local held = held_lease(KEYS[1])
if not held or held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return 0 end
return redis.call('DEL', KEYS[1])
)lua";

constexpr const char* kReadLease = R"lua(
return held_lease(KEYS[1]) or {}
)lua";

constexpr const char* kLedgers = R"lua(
local function ledger_now(key)
  local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
  local time = redis.call('TIME')
  local ms = string.format('%.0f', tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
  local there = redis.call('HMGET', key, 'token', 'state')
  if not there[1] or not there[2] then return {run_id, ms} end
  return {run_id, ms, there[1], there[2]}
end
)lua";

constexpr const char* kReadLedger = R"lua(
return ledger_now(KEYS[1])
)lua";

constexpr const char* kSwapLedger = R"lua(
local now = ledger_now(KEYS[1])
if now[1] ~= ARGV[1] or (now[3] or '') ~= ARGV[2] then return now end
redis.call('HSET', KEYS[1], 'token', ARGV[3], 'state', ARGV[4])
return ledger_now(KEYS[1])
)lua";

}  // namespace

std::string text_of(RedisScript script) {
  const std::string outcomes = kOutcomes;
  switch (script) {
    case RedisScript::read_workers: return kReadWorkers;
    case RedisScript::beat_worker: return kBeatWorker;
    case RedisScript::delete_worker: return kDeleteWorker;
    case RedisScript::identity: return kIdentity;
    case RedisScript::raise_epoch: return outcomes + kEpochs + kRaiseEpoch;
    case RedisScript::checked_add: return outcomes + kEpochs + kFences + kCheckedAdd;
    case RedisScript::fenced_set: return outcomes + kEpochs + kFences + kFencedSet;
    case RedisScript::fenced_push: return outcomes + kEpochs + kFencedPush;
    case RedisScript::reserve: return outcomes + kReservations + kReserve;
    case RedisScript::confirm: return outcomes + kEpochs + kFences + kReservations + kConfirm;
    case RedisScript::cancel: return outcomes + kReservations + kCancel;
    case RedisScript::requeue: return kRequeue;
    case RedisScript::acquire_lease: return kLeases + std::string(kAcquireLease);
    case RedisScript::release_lease: return kLeases + std::string(kReleaseLease);
    case RedisScript::read_lease: return kLeases + std::string(kReadLease);
    case RedisScript::read_ledger: return kLedgers + std::string(kReadLedger);
    case RedisScript::swap_ledger: return kLedgers + std::string(kSwapLedger);
  }
  return {};
}

}  // namespace drydock::runtime

#include "real-runtime/redis_encode.hpp"

#include "policies/ports/redis_keys.hpp"

#include <string>
#include <utility>
#include <variant>

namespace drydock::runtime {

namespace {

using namespace redis;
using Texts = std::vector<std::string>;

std::string text(std::int64_t number) { return std::to_string(number); }

void append(Texts& texts, const Fields& fields) {
  for (const auto& [field, value] : fields) {
    texts.push_back(field);
    texts.push_back(value);
  }
}

// Quotes what is special in a pattern of SCAN.
std::string escape_glob(std::string_view plain) {
  std::string result;
  for (const char c : plain) {
    if (c == '*' || c == '?' || c == '[' || c == ']' || c == '\\' || c == '^') result += '\\';
    result += c;
  }
  return result;
}

struct Encoder {
  std::string_view prefix;

  [[nodiscard]] std::string key(std::string_view name) const { return joined(prefix, name); }

  [[nodiscard]] static RedisCommand command(Texts arguments) { return {std::nullopt, std::move(arguments)}; }
  [[nodiscard]] static RedisCommand script(RedisScript script, const Texts& keys, const Texts& arguments) {
    RedisCommand result{script, {std::to_string(keys.size())}};
    result.arguments.insert(result.arguments.end(), keys.begin(), keys.end());
    result.arguments.insert(result.arguments.end(), arguments.begin(), arguments.end());
    return result;
  }

  RedisCommand operator()(const SetWorker& op) const {
    Texts arguments{"HSET", key(worker_key(op.worker))};
    append(arguments, op.fields);
    return command(std::move(arguments));
  }
  RedisCommand operator()(const ExpireWorker& op) const {
    return command({"PEXPIRE", key(worker_key(op.worker)), text(ttl_ms(op.ttl))});
  }
  RedisCommand operator()(const TouchWorker& op) const {
    return command({"HSET", key(worker_key(op.worker)), op.field, op.value});
  }
  RedisCommand operator()(const DeleteWorker& op) const {
    if (op.life.empty()) return command({"DEL", key(worker_key(op.worker))});
    return script(RedisScript::delete_worker, {key(worker_key(op.worker))}, {op.life});
  }
  RedisCommand operator()(const ReadWorkers& /*op*/) const {
    const std::string before = key(kWorkerPrefix);
    return script(RedisScript::read_workers, {}, {escape_glob(before) + "*", std::to_string(before.size())});
  }
  RedisCommand operator()(const WorkerTtl& op) const { return command({"PTTL", key(worker_key(op.worker))}); }
  RedisCommand operator()(const BeatWorker& op) const {
    Texts arguments{text(ttl_ms(op.ttl)), op.life, text(op.above), std::to_string(op.fields.size())};
    append(arguments, op.fields);
    append(arguments, op.touched);
    return script(RedisScript::beat_worker, {key(worker_key(op.worker))}, arguments);
  }
  RedisCommand operator()(const PlantSentinel& op) const {
    return script(RedisScript::identity, {key(kSentinelKey)}, {op.token});
  }
  RedisCommand operator()(const ReadIdentity& /*op*/) const {
    return script(RedisScript::identity, {key(kSentinelKey)}, {});
  }

  RedisCommand operator()(const AddCounter& op) const { return command({"INCRBY", key(kCounterKey), text(op.delta)}); }
  RedisCommand operator()(const GetCounter& /*op*/) const { return command({"GET", key(kCounterKey)}); }
  RedisCommand operator()(const SetCounter& op) const { return command({"SET", key(kCounterKey), text(op.value)}); }
  RedisCommand operator()(const DeleteCounter& /*op*/) const { return command({"DEL", key(kCounterKey)}); }

  RedisCommand operator()(const RaiseEpoch& op) const {
    return script(RedisScript::raise_epoch, {key(kEpochKey)}, {text(op.epoch)});
  }
  RedisCommand operator()(const CheckedAdd& op) const {
    return script(RedisScript::checked_add, {key(kEpochKey), key(kCounterKey), key(kFenceKey)},
                  {text(op.epoch), text(op.version), text(op.delta), text(op.limit)});
  }
  RedisCommand operator()(const FencedSet& op) const {
    return script(RedisScript::fenced_set, {key(kEpochKey), key(kCounterKey), key(kFenceKey)},
                  {text(op.epoch), text(op.version), text(op.value)});
  }
  RedisCommand operator()(const FencedPush& op) const {
    return script(RedisScript::fenced_push, {key(kEpochKey), key(queue_key(op.queue))}, {text(op.epoch), op.payload});
  }

  RedisCommand operator()(const Reserve& op) const {
    return script(RedisScript::reserve, {key(kCounterKey), key(kFenceKey), key(kReservationsKey), key(kReservedUntilKey)},
                  {op.id, text(op.amount), text(op.limit), text(ttl_ms(op.lease))});
  }
  RedisCommand operator()(const Confirm& op) const {
    return script(RedisScript::confirm,
                  {key(kEpochKey), key(kCounterKey), key(kFenceKey), key(kReservationsKey), key(kReservedUntilKey)},
                  {text(op.epoch), text(op.version), op.id});
  }
  RedisCommand operator()(const Cancel& op) const {
    return script(RedisScript::cancel, {key(kReservationsKey), key(kReservedUntilKey)}, {op.id});
  }

  RedisCommand operator()(const Push& op) const { return command({"RPUSH", key(queue_key(op.queue)), op.payload}); }
  RedisCommand operator()(const Pop& op) const {
    return command({"LMOVE", key(queue_key(op.queue)), key(processing_key(op.queue, op.consumer)), "LEFT", "RIGHT"});
  }
  RedisCommand operator()(const Ack& op) const {
    return command({"LREM", key(processing_key(op.queue, op.consumer)), "1", op.payload});
  }
  RedisCommand operator()(const Requeue& op) const {
    return script(RedisScript::requeue, {key(processing_key(op.queue, op.consumer)), key(queue_key(op.queue))}, {});
  }
  RedisCommand operator()(const Length& op) const { return command({"LLEN", key(queue_key(op.queue))}); }

  RedisCommand operator()(const AcquireLease& op) const {
    return script(RedisScript::acquire_lease, {key(lease_key(op.lease)), key(lease_epoch_key(op.lease))},
                  {op.holder, text(ttl_ms(op.ttl)), text(op.epoch_min)});
  }
  RedisCommand operator()(const ReleaseLease& op) const {
    return script(RedisScript::release_lease, {key(lease_key(op.lease))}, {op.holder, text(op.epoch)});
  }
  RedisCommand operator()(const ReadLease& op) const {
    return script(RedisScript::read_lease, {key(lease_key(op.lease))}, {});
  }

  RedisCommand operator()(const ReadLedger& op) const {
    return script(RedisScript::read_ledger, {key(ledger_key(op.ledger))}, {});
  }
  RedisCommand operator()(const SwapLedger& op) const {
    return script(RedisScript::swap_ledger, {key(ledger_key(op.ledger))},
                  {op.run_id, op.expected.value_or(""), op.token, op.state});
  }
};

}  // namespace

RedisCommand encode(const Op& op, std::string_view prefix) {
  check_op(op);
  return std::visit(Encoder{prefix}, op);
}

}  // namespace drydock::runtime

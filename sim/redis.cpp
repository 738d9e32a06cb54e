#include "sim/redis.hpp"

#include "policies/core/assert.hpp"
#include "policies/core/rng.hpp"
#include "policies/ports/redis_keys.hpp"
#include "sim/redis_scripts.hpp"

#include <fmt/format.h>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace drydock::sim {

namespace {

using namespace redis;

Ttl ttl_from(std::int64_t pttl) {
  if (pttl == -2) return {Ttl::State::missing, {}};
  if (pttl == -1) return {Ttl::State::immortal, {}};
  return {Ttl::State::expiring, duration_of_ms(pttl)};
}

}  // namespace

struct SimRedis::Handler {
  SimRedis& server;
  RedisKeyspace& keys;

  Reply operator()(const SetWorker& op) const { return Count{keys.hset(worker_key(op.worker), op.fields)}; }
  Reply operator()(const ExpireWorker& op) const { return Found{keys.pexpire(worker_key(op.worker), ttl_ms(op.ttl))}; }
  Reply operator()(const TouchWorker& op) const {
    return Count{keys.hset(worker_key(op.worker), op.field, op.value) ? 1 : 0};
  }
  Reply operator()(const ReadWorkers& /*op*/) const {
    Workers workers;
    keys.each_hash(kWorkerPrefix, [&](std::string_view name, const Fields& fields, std::int64_t pttl) {
      workers.entries.push_back({std::string(name), fields, ttl_from(pttl)});
    });
    return workers;
  }
  Reply operator()(const WorkerTtl& op) const { return ttl_from(keys.pttl(worker_key(op.worker))); }

  Reply operator()(const PlantSentinel& op) const {
    if (!keys.exists(kSentinelKey)) keys.set_text(kSentinelKey, op.token);
    return (*this)(ReadIdentity{});
  }
  Reply operator()(const ReadIdentity& /*op*/) const { return StoreIdentity{server.run_id_, keys.get_text(kSentinelKey)}; }

  Reply operator()(const AddCounter& op) const {
    const auto sum = keys.incr_by(kCounterKey, op.delta);
    if (!sum) return Failed{Failed::Reason::overflow, "ERR increment or decrement would overflow"};
    return Count{*sum};
  }
  Reply operator()(const GetCounter& /*op*/) const { return Value{keys.get_integer(kCounterKey)}; }
  Reply operator()(const SetCounter& op) const {
    keys.set_integer(kCounterKey, op.value);
    return Done{};
  }
  Reply operator()(const DeleteCounter& /*op*/) const { return Found{keys.del(kCounterKey)}; }

  Reply operator()(const Push& op) const { return Count{keys.push_back(queue_key(op.queue), op.payload)}; }
  Reply operator()(const Pop& op) const {
    using End = RedisKeyspace::End;
    return Popped{keys.lmove(queue_key(op.queue), processing_key(op.queue, op.consumer), End::front, End::back)};
  }
  Reply operator()(const Ack& op) const { return Found{keys.lrem(processing_key(op.queue, op.consumer), op.payload)}; }
  Reply operator()(const Length& op) const { return Count{keys.llen(queue_key(op.queue))}; }

  // Scripts that say which server process it is.
  Reply operator()(const ReadLedger& op) const { return run_script(keys, server.run_id_, op); }
  Reply operator()(const SwapLedger& op) const { return run_script(keys, server.run_id_, op); }

  // All others are scripts.
  template <class Script>
  Reply operator()(const Script& op) const {
    return run_script(keys, op);
  }
};

struct SimRedis::AdminHandler {
  SimRedis& server;

  void operator()(const Flush& /*op*/) const { server.keys_.flush_all(); }
  void operator()(const EvictKey& op) const { server.keys_.del(op.key); }
  void operator()(const Snapshot& /*op*/) const { server.snapshot_ = server.keys_.save(); }
  void operator()(const Restart& /*op*/) const {
    server.keys_.load(server.snapshot_);
    server.new_run_id();
  }
  void operator()(const LimitMemory& op) const {
    DRYDOCK_CHECK(op.bytes >= 0, "a limit of memory is not negative");
    server.memory_limit_ = op.bytes;
    server.enforce_memory_limit();
  }
};

SimRedis::SimRedis(const SimRedisOptions& options) : keys_(options.notify_expired), seed_(options.seed) { new_run_id(); }

Reply SimRedis::apply(Time now, const Op& op) {
  check_op(op);
  at(now);
  enforce_memory_limit();  // before the operation, as Redis does: one operation may pass the limit for a while
  return std::visit(Handler{*this, keys_}, op);
}

void SimRedis::apply(Time now, const AdminOp& op) {
  at(now);
  std::visit(AdminHandler{*this}, op);
}

std::vector<std::string> SimRedis::expire_until(Time now) {
  at(now);
  return keys_.expire_all();
}

Time SimRedis::next_expiry() const {
  const auto last_ms = keys_.next_expiry_ms();
  constexpr std::int64_t kNsPerMs = 1'000'000;
  if (!last_ms || *last_ms >= nanos(kNever) / kNsPerMs) return kNever;
  return time_at((*last_ms + 1) * kNsPerMs);
}

void SimRedis::at(Time now) { keys_.set_clock(clock_ms(now)); }

void SimRedis::enforce_memory_limit() {
  if (memory_limit_ > 0) evicted_keys_ += keys_.evict_down_to(memory_limit_).size();
}

void SimRedis::new_run_id() {
  ++starts_;
  const auto part = [&](std::uint64_t i) { return counted(seed_, stream_of("redis-run-id"), 3 * starts_ + i); };
  run_id_ = fmt::format("{:016x}{:016x}{:08x}", part(0), part(1), part(2) >> 32U);
}

}  // namespace drydock::sim

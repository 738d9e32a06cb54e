#include "real-runtime/chaos/redis_faults.hpp"

#include "policies/ports/redis_keys.hpp"
#include "policies/ports/worker_text.hpp"
#include "real-runtime/redis_client.hpp"

#include <fmt/format.h>
#include <system_error>

namespace drydock::runtime::chaos {
namespace {

constexpr const char* kDump = "dump.rdb";

}  // namespace

std::unique_ptr<RedisClient> RedisFaults::client() {
  problem_.clear();
  if (dead_by_ > 0) {
    problem_ = "Redis is down because of another fault";
    return nullptr;
  }
  auto connected = RedisClient::connect({.address = server_.address()});
  if (connected) return std::move(connected).value();
  problem_ = connected.error().message;
  return nullptr;
}

void RedisFaults::execute(RedisClient& client, const redis::AdminOp& op) {
  const auto done = client.execute(op);
  if (!done.ok()) problem_ = done.error().message;
}

void RedisFaults::flush() {
  if (const auto redis = client()) execute(*redis, redis::Flush{});
}

void RedisFaults::evict_counter() {
  if (const auto redis = client()) execute(*redis, redis::EvictKey{std::string(redis::kCounterKey)});
}

void RedisFaults::evict_workers(std::span<const WorkerId> workers) {
  const auto redis = client();
  if (redis == nullptr) return;
  for (const WorkerId worker : workers) execute(*redis, redis::EvictKey{redis::worker_key(worker_name(worker))});
}

// --- snapshots and restarts ---

std::filesystem::path RedisFaults::kept(std::size_t name) const {
  return server_.folder() / fmt::format("snapshot-{}.rdb", name);
}

void RedisFaults::snapshot(std::size_t name) {
  const auto redis = client();
  if (redis == nullptr) return;
  execute(*redis, redis::Snapshot{});
  if (!problem_.empty()) return;
  std::error_code error;
  std::filesystem::copy_file(server_.folder() / kDump, kept(name), std::filesystem::copy_options::overwrite_existing, error);
  if (error) problem_ = fmt::format("the snapshot of Redis cannot be kept: {}", error.message());
}

void RedisFaults::die() {
  problem_.clear();
  links_.shut();
  if (dead_by_++ == 0) server_.kill();
}

void RedisFaults::come_back(const Return& how) {
  problem_.clear();
  if (--dead_by_ == 0) {
    std::error_code ignored;
    std::filesystem::remove(server_.folder() / kDump, ignored);
    if (how.with_snapshot) std::filesystem::rename(kept(how.name), server_.folder() / kDump, ignored);
    if (const auto started = server_.restart(); !started.ok()) problem_ = started.error().message;
    const auto redis = problem_.empty() && !how.with_workers ? client() : nullptr;
    if (redis != nullptr) {
      const auto gone =
          redis->run({"EVAL", "for _, k in ipairs(redis.call('KEYS', 'worker:*')) do redis.call('DEL', k) end", "0"});
      if (!gone.ok()) problem_ = gone.error().message;
    }
  }
  links_.open();
}

}  // namespace drydock::runtime::chaos

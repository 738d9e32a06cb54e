#include "real-runtime/installation_claim.hpp"

#include "policies/ports/redis_keys.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fmt/format.h>
#include <utility>
#include <vector>

namespace drydock::runtime {

namespace {

using Texts = std::vector<std::string>;

// Once missed is not lost.
constexpr int kProlongsInTtl = 9;
// Another's is looked at again, to see whether it lives.
constexpr Duration kLookAtOther = std::chrono::milliseconds{200};

// Keys: claim; arguments: id, TTL in ms, place, scheduler. The claim of another one: id, place, scheduler, ms left.
constexpr const char* kClaim = R"lua(
local is = redis.call('HMGET', KEYS[1], 'id', 'place', 'scheduler')
if is[1] and is[1] ~= ARGV[1] then return {is[1], is[2] or '', is[3] or '', redis.call('PTTL', KEYS[1])} end
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'place', ARGV[3], 'scheduler', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {}
)lua";

constexpr const char* kRead = R"lua(
local is = redis.call('HMGET', KEYS[1], 'id', 'place', 'scheduler')
if not is[1] then return {} end
return {is[1], is[2] or '', is[3] or '', redis.call('PTTL', KEYS[1])}
)lua";

Texts claim_words(std::string key, const Installation& own, Duration ttl) {
  return {"EVAL", kClaim, "1", std::move(key), own.id, std::to_string(redis::ttl_ms(ttl)), own.place, own.scheduler};
}

Result<std::optional<KeysClaim>> claim_in(const Texts& texts) {
  if (texts.empty()) return std::optional<KeysClaim>{};
  if (texts.size() != 4) return Error{"Redis answered in another shape than expected"};
  std::int64_t left = 0;
  (void)std::from_chars(texts[3].data(), texts[3].data() + texts[3].size(), left);
  return std::optional(KeysClaim{.of = {.id = texts[0], .place = texts[1], .scheduler = texts[2]},
                                 .left = std::chrono::milliseconds{std::max<std::int64_t>(left, 0)}});
}

std::string keys_in_words(const RedisClientOptions& redis) {
  const int database = redis.address.database;
  return fmt::format(
      "the keys of {}{} {}", in_words(redis.address), database == 0 ? "" : fmt::format("/{}", database),
      redis.key_prefix.empty() ? "without a prefix" : fmt::format("with the prefix \"{}\"", redis.key_prefix));
}

}  // namespace

Result<Installation> read_installation(PostgresClient& store, const std::string& schema, std::string scheduler) {
  // Some services do not let one ask for the identifier: there the address has to do.
  auto server = store.run("select system_identifier from pg_control_system()");
  if (!server) server = store.run("select concat(host(inet_server_addr()), ':', inet_server_port())");
  if (!server) return server.error();
  const auto database = store.run("select current_database()");
  if (!database) return database.error();
  const auto address = store.run("select ' at ' || host(inet_server_addr()) || ':' || inet_server_port()");
  if (!address) return address.error();
  return Installation{.id = fmt::format("{}/{}/{}", server.value(), database.value(), schema),
                      .place = fmt::format("schema \"{}\" of database \"{}\"{}", schema, database.value(), address.value()),
                      .scheduler = std::move(scheduler)};
}

Result<std::optional<KeysClaim>> claim_keys(RedisClient& redis, const Installation& own, Duration ttl) {
  const auto texts = redis.run(claim_words(redis.key(redis::kInstallationKey), own, ttl));
  if (!texts) return texts.error();
  return claim_in(texts.value());
}

Result<std::optional<KeysClaim>> read_claim(RedisClient& redis) {
  const auto texts = redis.run({"EVAL", kRead, "1", redis.key(redis::kInstallationKey)});
  if (!texts) return texts.error();
  return claim_in(texts.value());
}

bool is_prolonged(const KeysClaim& now, const std::optional<KeysClaim>& before) {
  return before && before->of.id == now.of.id && now.left > before->left;
}

std::string in_words(const KeysClaim& claim, const RedisClientOptions& redis) {
  return fmt::format(
      "{} belong to another installation, {}, whose scheduler {} lives: two installations must not have the same keys. Give "
      "the schedulers, workers and API servers of one of them another --key-prefix, or end the other's schedulers",
      keys_in_words(redis), claim.of.place, claim.of.scheduler);
}

InstallationClaim::InstallationClaim(EventLoop& loop, const RedisClientOptions& redis, Installation own, Duration ttl,
                                     std::function<void(std::string)> refused)
    : loop_(loop),
      options_(redis),
      own_(std::move(own)),
      ttl_(ttl),
      refused_(std::move(refused)),
      timer_(loop, [this] { prolong(); }),
      redis_(loop, redis, [this] { prolong(); }) {}

void InstallationClaim::prolong() {
  if (refused_ == nullptr || std::exchange(asked_, true)) return;
  redis_.run(claim_words(options_.key_prefix + std::string(redis::kInstallationKey), own_, ttl_),
             [this](const Result<Texts>& texts) { answered(texts); });
}

void InstallationClaim::answered(const Result<Texts>& texts) {
  asked_ = false;
  // Where Redis does not answer there are no orders to be refused either. It is asked again.
  auto claim = texts ? claim_in(texts.value()) : Result<std::optional<KeysClaim>>(texts.error());
  if (!claim) {
    timer_.start(later(loop_.now(), ttl_ / kProlongsInTtl));
  } else if (!claim.value()) {
    other_.reset();
    timer_.start(later(loop_.now(), ttl_ / kProlongsInTtl));
  } else if (is_prolonged(*claim.value(), other_)) {
    std::exchange(refused_, nullptr)(in_words(*claim.value(), options_));
  } else {
    other_ = std::move(claim).value();
    timer_.start(later(loop_.now(), kLookAtOther));
  }
}

}  // namespace drydock::runtime

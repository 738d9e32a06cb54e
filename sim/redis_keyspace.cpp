#include "sim/redis_keyspace.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>
#include <limits>

namespace drydock::sim {

namespace {

// Measured on Redis 7 with small values: a key with its dictionary entries, a field with its value, an element.
constexpr std::int64_t kBytesPerKey = 80;
constexpr std::int64_t kBytesPerElement = 8;

std::int64_t length(std::string_view text) { return static_cast<std::int64_t>(text.size()); }
std::int64_t element(std::string_view text) { return kBytesPerElement + length(text); }
std::int64_t element(std::string_view a, std::string_view b) { return element(a) + element(b); }

std::int64_t bytes_of(const RedisKeyspace::Value& value) {
  std::int64_t sum = 0;
  if (const auto* text = std::get_if<std::string>(&value)) sum = element(*text);
  if (const auto* hash = std::get_if<RedisKeyspace::Hash>(&value)) {
    for (const auto& [field, content] : *hash) sum += element(field, content);
  }
  if (const auto* list = std::get_if<RedisKeyspace::List>(&value)) {
    for (const std::string& content : *list) sum += element(content);
  }
  if (const auto* set = std::get_if<RedisKeyspace::SortedSet>(&value)) {
    for (const auto& [member, score] : set->scores) sum += element(member) + kBytesPerElement;
  }
  return sum;
}

}  // namespace

template <class T>
T& RedisKeyspace::typed(Entry& entry) const {
  T* value = std::get_if<T>(&entry.value);
  DRYDOCK_CHECK(value != nullptr, "the layout of keys gives each key one type");
  return *value;
}

RedisKeyspace::Keys::iterator RedisKeyspace::peek(std::string_view key) {
  const auto at = keys_.find(key);
  if (at == keys_.end() || !lapsed(at->second)) return at;
  if (notify_expired_) expired_.push_back(at->first);
  erase(at);
  return keys_.end();
}

RedisKeyspace::Keys::iterator RedisKeyspace::find(std::string_view key) {
  const auto at = peek(key);
  if (at != keys_.end()) by_use_.splice(by_use_.end(), by_use_, at->second.use);
  return at;
}

template <class T>
T* RedisKeyspace::get(std::string_view key) {
  const auto at = find(key);
  return at == keys_.end() ? nullptr : &typed<T>(at->second);
}

template <class T>
T& RedisKeyspace::make(std::string_view key) {
  auto at = find(key);
  if (at == keys_.end()) {
    at = insert(key, T{});
  }
  return typed<T>(at->second);
}

RedisKeyspace::Keys::iterator RedisKeyspace::insert(std::string_view key, Value value) {
  const auto at = keys_.try_emplace(std::string(key)).first;
  at->second.value = std::move(value);
  at->second.use = by_use_.insert(by_use_.end(), at->first);
  grow(at->second, kBytesPerKey + length(key) + bytes_of(at->second.value));
  return at;
}

void RedisKeyspace::erase(Keys::iterator at) {
  set_expiry(at, std::nullopt);
  by_use_.erase(at->second.use);
  used_bytes_ -= at->second.bytes;
  keys_.erase(at);
}

void RedisKeyspace::set_expiry(Keys::iterator at, std::optional<std::int64_t> expires_at_ms) {
  Entry& entry = at->second;
  if (entry.expires_at_ms) by_expiry_.erase({*entry.expires_at_ms, at->first});
  entry.expires_at_ms = expires_at_ms;
  if (expires_at_ms) by_expiry_.emplace(*expires_at_ms, at->first);
}

void RedisKeyspace::grow(Entry& entry, std::int64_t bytes) {
  entry.bytes += bytes;
  used_bytes_ += bytes;
}

std::int64_t RedisKeyspace::pttl_of(const Entry& entry) const {
  return entry.expires_at_ms ? std::max<std::int64_t>(*entry.expires_at_ms - now_ms_, 0) : -1;
}

// --- keys ---

bool RedisKeyspace::exists(std::string_view key) { return peek(key) != keys_.end(); }

bool RedisKeyspace::del(std::string_view key) {
  const auto at = peek(key);
  if (at == keys_.end()) return false;
  erase(at);
  return true;
}

std::int64_t RedisKeyspace::pttl(std::string_view key) {
  const auto at = peek(key);
  return at == keys_.end() ? -2 : pttl_of(at->second);
}

bool RedisKeyspace::pexpire(std::string_view key, std::int64_t ttl_ms) {
  const auto at = find(key);
  if (at == keys_.end()) return false;
  if (ttl_ms <= 0) {
    erase(at);
  } else {
    const std::int64_t most = std::numeric_limits<std::int64_t>::max() - ttl_ms;
    set_expiry(at, std::min(now_ms_, most) + ttl_ms);
  }
  return true;
}

void RedisKeyspace::flush_all() {
  by_expiry_.clear();
  by_use_.clear();
  keys_.clear();
  used_bytes_ = 0;
}

// --- strings ---

std::optional<std::int64_t> RedisKeyspace::get_integer(std::string_view key) {
  const auto* value = get<std::int64_t>(key);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

std::optional<std::string> RedisKeyspace::get_text(std::string_view key) {
  const auto* value = get<std::string>(key);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

void RedisKeyspace::set_integer(std::string_view key, std::int64_t value) {
  make<std::int64_t>(key) = value;
  set_expiry(keys_.find(key), std::nullopt);
}

void RedisKeyspace::set_text(std::string_view key, std::string value) {
  auto& text = make<std::string>(key);
  const auto at = keys_.find(key);
  grow(at->second, length(value) - length(text));
  text = std::move(value);
  set_expiry(at, std::nullopt);
}

std::optional<std::int64_t> RedisKeyspace::incr_by(std::string_view key, std::int64_t delta) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(get_integer(key).value_or(0), delta, &sum)) return std::nullopt;
  make<std::int64_t>(key) = sum;
  return sum;
}

// --- hashes ---

std::int64_t RedisKeyspace::hset(std::string_view key, const Hash& fields) {
  std::int64_t added = 0;
  for (const auto& [field, value] : fields) added += hset(key, field, value) ? 1 : 0;
  return added;
}

bool RedisKeyspace::hset(std::string_view key, std::string_view field, std::string_view value) {
  Hash& hash = make<Hash>(key);
  Entry& entry = keys_.find(key)->second;
  const auto at = hash.find(field);
  if (at != hash.end()) {
    grow(entry, length(value) - length(at->second));
    at->second = value;
    return false;
  }
  hash.emplace(field, value);
  grow(entry, element(field, value));
  return true;
}

bool RedisKeyspace::hsetnx(std::string_view key, std::string_view field, std::string_view value) {
  const Hash* hash = get<Hash>(key);
  if (hash != nullptr && hash->contains(field)) return false;
  return hset(key, field, value);
}

std::optional<std::string> RedisKeyspace::hget(std::string_view key, std::string_view field) {
  const Hash* hash = get<Hash>(key);
  if (hash == nullptr) return std::nullopt;
  const auto at = hash->find(field);
  return at == hash->end() ? std::nullopt : std::optional(at->second);
}

bool RedisKeyspace::hdel(std::string_view key, std::string_view field) {
  const auto key_at = find(key);
  if (key_at == keys_.end()) return false;
  Hash& hash = typed<Hash>(key_at->second);
  const auto at = hash.find(field);
  if (at == hash.end()) return false;
  grow(key_at->second, -element(at->first, at->second));
  hash.erase(at);
  if (hash.empty()) erase(key_at);
  return true;
}

std::int64_t RedisKeyspace::hlen(std::string_view key) {
  const Hash* hash = get<Hash>(key);
  return hash == nullptr ? 0 : static_cast<std::int64_t>(hash->size());
}

// --- lists ---

std::int64_t RedisKeyspace::push_back(std::string_view key, std::string value) {
  List& list = make<List>(key);
  grow(keys_.find(key)->second, element(value));
  list.push_back(std::move(value));
  return static_cast<std::int64_t>(list.size());
}

std::optional<std::string> RedisKeyspace::lmove(std::string_view from, std::string_view to, End from_end, End to_end) {
  if (find(from) == keys_.end()) return std::nullopt;
  List& target = make<List>(to);
  const auto at = keys_.find(from);
  List& source = typed<List>(at->second);
  const auto moved = from_end == End::front ? source.begin() : std::prev(source.end());
  const std::int64_t bytes = element(*moved);
  target.splice(to_end == End::front ? target.begin() : target.end(), source, moved);
  grow(at->second, -bytes);
  grow(keys_.find(to)->second, bytes);
  std::string value = *moved;
  if (source.empty()) erase(at);
  return value;
}

bool RedisKeyspace::lrem(std::string_view key, std::string_view value) {
  const auto key_at = find(key);
  if (key_at == keys_.end()) return false;
  List& list = typed<List>(key_at->second);
  const auto at = std::find(list.begin(), list.end(), value);
  if (at == list.end()) return false;
  grow(key_at->second, -element(*at));
  list.erase(at);
  if (list.empty()) erase(key_at);
  return true;
}

std::int64_t RedisKeyspace::llen(std::string_view key) {
  const List* list = get<List>(key);
  return list == nullptr ? 0 : static_cast<std::int64_t>(list->size());
}

// --- sorted sets ---

void RedisKeyspace::zadd(std::string_view key, std::string_view member, std::int64_t score) {
  auto& set = make<SortedSet>(key);
  const auto [at, added] = set.scores.emplace(member, score);
  if (added) {
    grow(keys_.find(key)->second, element(member) + kBytesPerElement);
  } else {
    set.order.erase({at->second, at->first});
    at->second = score;
  }
  set.order.emplace(score, member);
}

bool RedisKeyspace::zrem(std::string_view key, std::string_view member) {
  const auto key_at = find(key);
  if (key_at == keys_.end()) return false;
  auto& set = typed<SortedSet>(key_at->second);
  const auto at = set.scores.find(member);
  if (at == set.scores.end()) return false;
  grow(key_at->second, -(element(at->first) + kBytesPerElement));
  set.order.erase({at->second, at->first});
  set.scores.erase(at);
  if (set.scores.empty()) erase(key_at);
  return true;
}

std::int64_t RedisKeyspace::zcard(std::string_view key) {
  const auto* set = get<SortedSet>(key);
  return set == nullptr ? 0 : static_cast<std::int64_t>(set->scores.size());
}

std::optional<std::string> RedisKeyspace::first_below(std::string_view key, std::int64_t limit) {
  const auto* set = get<SortedSet>(key);
  if (set == nullptr || set->order.begin()->first >= limit) return std::nullopt;
  return set->order.begin()->second;
}

// --- the server ---

std::vector<std::string> RedisKeyspace::expire_all() {
  std::vector<std::string> names = std::exchange(expired_, {});
  while (!by_expiry_.empty() && now_ms_ > by_expiry_.begin()->first) {
    const auto at = keys_.find(by_expiry_.begin()->second);
    names.push_back(at->first);
    erase(at);
  }
  return names;
}

std::optional<std::int64_t> RedisKeyspace::next_expiry_ms() const {
  return by_expiry_.empty() ? std::nullopt : std::optional(by_expiry_.begin()->first);
}

std::vector<std::string> RedisKeyspace::evict_down_to(std::int64_t bytes) {
  std::vector<std::string> names;
  while (used_bytes_ > bytes && !by_use_.empty()) {
    const auto at = keys_.find(by_use_.front());
    names.push_back(at->first);
    erase(at);
  }
  return names;
}

RedisKeyspace::Image RedisKeyspace::save() const {
  Image image;
  image.keys.reserve(keys_.size());
  for (const auto& [name, entry] : keys_) image.keys.push_back({name, entry.value, entry.expires_at_ms});
  return image;
}

void RedisKeyspace::load(const Image& image) {
  flush_all();
  for (const Image::Key& key : image.keys) {
    if (key.expires_at_ms && now_ms_ > *key.expires_at_ms) continue;
    set_expiry(insert(key.name, key.value), key.expires_at_ms);
  }
}

}  // namespace drydock::sim

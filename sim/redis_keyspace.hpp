// The data of a simulated Redis and its commands, each with the effect of the real one on keys, types, TTLs and least recent use.
// SimRedis makes the operations of the port from them. All commands take O(log n), but where they say otherwise.
//
// A key whose TTL has lapsed is removed when a command comes across it (lazily), or by expire_until() (actively), as in Redis.
#pragma once

#include "policies/ports/redis.hpp"

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace drydock::sim {

class RedisKeyspace {
 public:
  using Hash = redis::Fields;
  using List = std::list<std::string>;
  // Members by (score, member); a member is there once.
  struct SortedSet {
    std::map<std::string, std::int64_t, std::less<>> scores;
    std::set<std::pair<std::int64_t, std::string>> order;
  };
  using Value = std::variant<std::int64_t, std::string, Hash, List, SortedSet>;
  // What a snapshot holds. Times to expire are absolute: they go on while the server is down.
  struct Image {
    struct Key {
      std::string name;
      Value value;
      std::optional<std::int64_t> expires_at_ms;
    };
    std::vector<Key> keys;
  };
  enum class End : std::uint8_t { front, back };

  // notify_expired: remembers the names of keys that lapsed, for expire_until() (in Redis: notify-keyspace-events Ex).
  explicit RedisKeyspace(bool notify_expired) : notify_expired_(notify_expired) {}
  ~RedisKeyspace() = default;
  RedisKeyspace(const RedisKeyspace&) = delete;  // it points into itself
  RedisKeyspace& operator=(const RedisKeyspace&) = delete;

  // The instant of the commands that follow; it may go back, as a server's clock may.
  void set_clock(std::int64_t now_ms) { now_ms_ = now_ms; }
  [[nodiscard]] std::int64_t now_ms() const { return now_ms_; }

  // --- keys ---
  [[nodiscard]] bool exists(std::string_view key);
  bool del(std::string_view key);
  // Milliseconds left; -1: no TTL, -2: no key.
  [[nodiscard]] std::int64_t pttl(std::string_view key);
  // False if there is no such key. A TTL <= 0 deletes it.
  bool pexpire(std::string_view key, std::int64_t ttl_ms);
  void flush_all();

  // --- strings ---
  [[nodiscard]] std::optional<std::int64_t> get_integer(std::string_view key);
  [[nodiscard]] std::optional<std::string> get_text(std::string_view key);
  // SET: the key loses its TTL.
  void set_integer(std::string_view key, std::int64_t value);
  void set_text(std::string_view key, std::string value);
  // Nothing, and no change, if the sum leaves int64. A missing key counts as 0.
  std::optional<std::int64_t> incr_by(std::string_view key, std::int64_t delta);

  // --- hashes ---
  // Returns how many fields were not there before. An existing TTL stays.
  std::int64_t hset(std::string_view key, const Hash& fields);
  bool hset(std::string_view key, std::string_view field, std::string_view value);
  bool hsetnx(std::string_view key, std::string_view field, std::string_view value);
  [[nodiscard]] std::optional<std::string> hget(std::string_view key, std::string_view field);
  // The last field takes the key with it.
  bool hdel(std::string_view key, std::string_view field);
  [[nodiscard]] std::int64_t hlen(std::string_view key);
  // All hashes whose names begin with `prefix`: name behind it, fields, TTL as of pttl(). O(found).
  template <class Visit>
  void each_hash(std::string_view prefix, Visit&& visit);

  // --- lists; the last element takes the key with it ---
  std::int64_t push_back(std::string_view key, std::string value);
  std::optional<std::string> lmove(std::string_view from, std::string_view to, End from_end, End to_end);
  // Removes the first equal element. O(its place).
  bool lrem(std::string_view key, std::string_view value);
  [[nodiscard]] std::int64_t llen(std::string_view key);

  // --- sorted sets with integer scores ---
  void zadd(std::string_view key, std::string_view member, std::int64_t score);
  bool zrem(std::string_view key, std::string_view member);
  [[nodiscard]] std::int64_t zcard(std::string_view key);
  // The member with the lowest score below `limit`.
  [[nodiscard]] std::optional<std::string> first_below(std::string_view key, std::int64_t limit);

  // --- the server ---
  // Removes all keys that have lapsed; returns them by time of expiry and name, behind those that commands removed since the
  // last call if notify_expired.
  std::vector<std::string> expire_all();
  // The last millisecond of the key that expires next.
  [[nodiscard]] std::optional<std::int64_t> next_expiry_ms() const;
  // Drops the least recently used keys until at most `bytes` are used. Returns their names.
  std::vector<std::string> evict_down_to(std::int64_t bytes);
  // An estimate: names, values, and fixed overheads per key and element. Real allocators differ by tens of percent.
  [[nodiscard]] std::int64_t used_bytes() const { return used_bytes_; }
  [[nodiscard]] std::size_t size() const { return keys_.size(); }

  // O(n).
  [[nodiscard]] Image save() const;
  void load(const Image& image);

 private:
  struct Entry {
    Value value;
    std::optional<std::int64_t> expires_at_ms;
    std::int64_t bytes = 0;
    std::list<std::string_view>::iterator use;  // its place in by_use_
  };
  using Keys = std::map<std::string, Entry, std::less<>>;  // stable: views of the names stay valid

  [[nodiscard]] Keys::iterator peek(std::string_view key);  // end() if missing or lapsed, which removes it
  [[nodiscard]] Keys::iterator find(std::string_view key);  // the same, and it is the last one used
  template <class T>
  [[nodiscard]] T* get(std::string_view key);
  template <class T>
  T& make(std::string_view key);
  template <class T>
  T& typed(Entry& entry) const;
  Keys::iterator insert(std::string_view key, Value value);  // a key that is not there
  void erase(Keys::iterator at);
  void set_expiry(Keys::iterator at, std::optional<std::int64_t> expires_at_ms);
  void grow(Entry& entry, std::int64_t bytes);
  [[nodiscard]] bool lapsed(const Entry& entry) const { return entry.expires_at_ms && now_ms_ > *entry.expires_at_ms; }
  [[nodiscard]] std::int64_t pttl_of(const Entry& entry) const;

  Keys keys_;
  std::set<std::pair<std::int64_t, std::string_view>> by_expiry_;  // of all keys with a TTL
  std::list<std::string_view> by_use_;                             // of all keys, the least recently used first
  std::int64_t used_bytes_ = 0;                                    // sum of Entry::bytes
  std::int64_t now_ms_ = 0;
  bool notify_expired_;
  std::vector<std::string> expired_;
};

template <class Visit>
void RedisKeyspace::each_hash(std::string_view prefix, Visit&& visit) {
  for (auto it = keys_.lower_bound(prefix); it != keys_.end() && it->first.starts_with(prefix);) {
    const auto here = it++;
    if (lapsed(here->second)) {
      if (notify_expired_) expired_.push_back(here->first);
      erase(here);
      continue;
    }
    if (const Hash* hash = std::get_if<Hash>(&here->second.value)) {
      by_use_.splice(by_use_.end(), by_use_, here->second.use);
      visit(std::string_view(here->first).substr(prefix.size()), *hash, pttl_of(here->second));
    }
  }
}

}  // namespace drydock::sim
